"""Any file of results or of truth: its own tracks, or a message that names the file."""

import copy
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from betrayed.config.scoring import ScoreSettings
from betrayed.scoring.results import find_tracks, score_tracks
from support.dataset_copies import as_lengths, as_text
from support.properties import FEW, MANY, outcome
from support.videos_for_tests import moving_square

SETTINGS = ScoreSettings(("youtube-vis", "davis2017-sequence", "davis2017-frame"))
_, IDS = moving_square(3, 24, 32)
SHORT, LONG = ([form(mask) for mask in IDS] for form in (as_lengths, as_text))
FRAMES = [f"v/{index:05d}.jpg" for index in range(3)]
TRUTH = {
    "videos": [{"id": 7, "height": 24, "width": 32, "file_names": FRAMES}],
    "annotations": [
        {"id": 1, "video_id": 7, "iscrowd": 0, "category_id": 1, "segmentations": LONG},
        {
            "id": 2,
            "video_id": 7,
            "iscrowd": 1,
            "category_id": 1,
            "segmentations": [None, *LONG[1:]],
        },
    ],
}
RESULTS = [
    {"video_id": 7, "category_id": 1, "score": 0.9, "segmentations": SHORT},
    {"video_id": 7, "category_id": 1, "score": 0.2, "segmentations": [LONG[0], None, None]},
]
#: What may stand where something else should.
WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**70),
    st.floats(),
    st.text(max_size=4),
    st.lists(st.integers(-2, 900), max_size=3),
    st.dictionaries(st.sampled_from(("size", "counts", "id")), st.integers(0, 40), max_size=2),
)


def places(node, path=()):
    """The path of everything in a tree of lists and dictionaries."""
    yield path
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places(value, (*path, key))


def changed(tree, path, value, remove):
    """A tree with another value at one place, or none."""
    if not path:
        return value
    tree = copy.deepcopy(tree)
    node = tree
    for key in path[:-1]:
        node = node[key]
    if remove:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return tree


@st.composite
def files(draw):
    """Texts of truth and results, of which one or none is wrong somewhere, and which."""
    trees = {"truth": TRUTH, "results": RESULTS}
    which = draw(st.sampled_from(("truth", "results", None)))
    for _ in range(draw(st.integers(1, 3)) if which else 0):
        path = draw(st.sampled_from(list(places(trees[which]))))
        trees[which] = changed(trees[which], path, draw(WRONG), draw(st.booleans()))
        if not isinstance(trees[which], dict | list):
            break
    texts = {name: json.dumps(tree) for name, tree in trees.items()}
    if which and draw(st.booleans()):
        texts[which] = texts[which][: draw(st.integers(0, len(texts[which])))]
    return texts, which


def check(texts, which):
    def scored(folder):
        for name, text in texts.items():
            (folder / f"{name}.json").write_text(text)
        paths = folder / "truth.json", folder / "results.json"
        return [score_tracks(video) for video in find_tracks(*paths, SETTINGS)]

    kind, result = outcome(scored, ".json")
    if kind == "refused":
        assert which, result
        return
    for video in result:
        overlaps = video.detections["iou"].dropna()
        assert overlaps.between(0, 1).all()
        assert video.table["value"].map(math.isfinite).all()
    if which is None:
        (video,) = result
        assert video.objects == 1
        assert video.detections["iou"].tolist() == [1, pytest.approx(64 / 192)]
        # A crowd is void: of the square it covers the last two frames, and the square keeps them.
        assert video.detections["crowd"].tolist() == [pytest.approx(128 / 192), 0]


def test_the_cases_are_what_is_said_of_them():
    assert np.count_nonzero(IDS) == 192 and np.count_nonzero(IDS[0]) == 64


@pytest.mark.slow
@FEW
@given(files())
def test_some_results(made):
    check(*made)


@pytest.mark.property
@MANY
@given(files())
def test_many_results(made):
    check(*made)
