"""DAVIS scores: cases worked by hand, random cases against the naive version, and the reference.

Images of the hand-worked cases are at most 62 pixels from corner to corner, so that the boundary
radius is ceil(0.008 · diagonal) = 1.
"""

import importlib.util
import os
import warnings
from pathlib import Path

import naive_scoring
import numpy as np
import pandas as pd
import pytest

from betrayed.errors import UserError
from betrayed.palette import read_ids
from betrayed.scoring import best_track, davis_unsupervised, foreground_scores
from betrayed.scoring.boundaries import boundary, boundary_measure, matching_radius
from betrayed.scoring.davis import METRICS, match, pairwise_scores, statistics
from betrayed.scoring.regions import region_similarity

REPOSITORY = Path(__file__).resolve().parents[1]
REFERENCE = (
    Path(os.environ.get("BETRAYED_SHARED", REPOSITORY.parent / "shared"))
    / "davis_scoring_reference"
)
SOURCES = [
    name
    for name, found in [
        ("naive", True),
        ("stored-reference", REFERENCE.is_dir()),
        ("davis2017-evaluation", importlib.util.find_spec("davis2017") is not None),
    ]
    if found
]


def video(*frames):
    return np.array(frames, dtype=np.uint8)


def blobs(rng, shape, ids):
    """Random ids in blocks of 3 × 3 pixels, so that masks have insides."""
    frames, height, width = shape
    small = rng.choice(ids, (frames, -(-height // 3), -(-width // 3)))
    return small.repeat(3, axis=1).repeat(3, axis=2)[:, :height, :width].astype(np.uint8)


def numbers(table):
    """Rows of figures in an order of their own: sets are compared, not listings."""
    return np.array(sorted(table[list(METRICS)].to_numpy(float).tolist()))


# --- one pair of masks ---------------------------------------------------------------------------


def test_similarity_by_hand():
    truth = np.array([[1, 1, 2], [1, 1, 0]])
    masks = np.array([[1, 1, 1], [0, 0, 2]])
    nothing = np.zeros((2, 3), bool)
    # object 1 (4 px), proposal 1 (3 px): 2 shared, 5 in either; proposal 2 (1 px): 0 of 5.
    # object 2 (1 px), proposal 1: 1 shared, 3 in either; proposal 2: 0 of 2.
    expected = [[2 / 5, 0], [1 / 3, 0]]
    np.testing.assert_allclose(region_similarity(truth, masks, 2, 2, nothing), expected)
    # Void in the top left pixel: 1 shared of 4; object 2 with proposal 1: 1 of 2.
    void = nothing.copy()
    void[0, 0] = True
    expected = [[1 / 4, 0], [1 / 2, 0]]
    np.testing.assert_allclose(region_similarity(truth, masks, 2, 2, void), expected)


def test_outline_by_hand():
    mask = np.zeros((4, 4), bool)
    mask[1:3, 1:3] = True
    # Up and left of the square and on its lower and right sides; only (1, 1) sees the same
    # on its right, below and on the diagonal.
    expected = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]], bool)
    np.testing.assert_array_equal(boundary(mask), expected)


def test_outline_at_the_image_edge():
    # A mask that fills the image has no outline; half an image has one line, the last row too.
    assert not boundary(np.ones((3, 4), bool)).any()
    half = np.zeros((3, 4), bool)
    half[:, :2] = True
    np.testing.assert_array_equal(np.argwhere(boundary(half)), [[0, 1], [1, 1], [2, 1]])


def test_boundary_measure_by_hand():
    truth = np.zeros((5, 20), np.uint8)
    truth[:, :4] = 1  # its outline is column 3
    masks = np.zeros_like(truth)
    masks[:, :5] = 1  # column 4: one away, all met
    masks[:, 10:12] = 2  # columns 9 and 11: none met
    nothing = np.zeros(truth.shape, bool)
    np.testing.assert_allclose(boundary_measure(truth, masks, 1, 2, nothing), [[1, 0]])
    # Object columns 0..3, proposal columns 0..3 and 10..11: all 5 of the object's met, of the
    # proposal's columns 3, 9, 11 one in three. F = 2 · 1 · 1/3 / (4/3) = 1/2.
    both = np.where(truth + (masks == 2) > 0, 1, 0)
    np.testing.assert_allclose(boundary_measure(truth, both, 1, 1, nothing), [[0.5]])


@pytest.mark.parametrize(("size", "radius"), [((480, 854), 8), ((30, 40), 1), ((1, 1), 1)])
def test_radius(size, radius):
    # 0.008 · sqrt(480² + 854²) = 7.84; 0.008 · 50 = 0.4; 0.008 · 1.41 = 0.01.
    assert matching_radius(*size) == radius


@pytest.mark.parametrize("seed", range(4))
def test_pairs_agree_with_naive(seed):
    rng = np.random.default_rng(seed)
    size = [(13, 17), (1, 9), (110, 90), (9, 1)][seed]
    truth = blobs(rng, (1, *size), range(3))[0]
    masks = blobs(rng, (1, *size), range(4))[0]
    if seed == 2:  # a radius of 2, with a few small masks to keep the naive version bearable
        truth[:, 12:], masks[:, 16:] = 0, 0
        assert matching_radius(*size) == 2
    void = rng.random(size) < 0.1
    j = region_similarity(truth, masks, 2, 3, void)
    f = boundary_measure(truth, masks, 2, 3, void)
    for g, p in np.ndindex(2, 3):
        pair = (truth == g + 1, masks == p + 1, void)
        assert j[g, p] == pytest.approx(naive_scoring.jaccard(*pair), abs=1e-12)
        assert f[g, p] == pytest.approx(naive_scoring.boundary_f(*pair), abs=1e-12)


# --- statistics over frames ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "mean", "recall", "decay"),
    [
        # One frame is its own first and last quarter.
        ([0.7], 0.7, 1, 0),
        # Two frames: linspace(1, 2, 5) = 1, 1.25, 1.5, 1.75, 2 rounds to 1, 1, 2, 2, 2: the first
        # quarter is frame 1, the last frame 2.
        ([0.9, 0.1], 0.5, 0.5, 0.8),
        # Five frames: cuts 1, 2, 3, 4, 5: mean(1, .8) − mean(.4, 0). 0.5 is not above 0.5.
        ([1.0, 0.8, 0.5, 0.4, 0.0], 0.54, 0.4, 0.7),
        # Seven frames: 1, 2.5, 4, 5.5, 7 round to 1, 3, 4, 6, 7 (the 1e-10 lifts 2.5 to 3):
        # mean of frames 1..3 − mean of frames 6..7.
        ([0.9, 0.6, 0.3, 1.0, 1.0, 0.2, 0.0], 4 / 7, 4 / 7, 0.6 - 0.1),
    ],
)
def test_statistics_by_hand(values, mean, recall, decay):
    assert statistics(np.array(values)) == pytest.approx((mean, recall, decay))


def test_decay_of_a_long_video():
    # 300 frames: cuts 1, 75.75, 150.5, 225.25, 300 → frames 1..76 and 225..300.
    values = np.linspace(1, 0, 300)
    assert statistics(values)[2] == pytest.approx(values[:76].mean() - values[224:].mean())


# --- whole videos --------------------------------------------------------------------------------

A = [[1, 1, 0, 2, 2]] * 4
SWAPPED = [[2, 2, 0, 1, 1]] * 4
EMPTY = [[0] * 5] * 4
VOID = [[255] * 5] * 4


@pytest.mark.parametrize("matching", ["sequence", "frame"])
def test_perfect_masks_whatever_their_ids(matching):
    table = davis_unsupervised(video(A, A), video(SWAPPED, SWAPPED), matching=matching)
    assert table["object"].tolist() == [1, 2]
    assert (table[["J_mean", "J_recall", "F_mean", "F_recall"]] == 1).all(axis=None)
    assert (table[["J_decay", "F_decay"]] == 0).all(axis=None)
    if matching == "sequence":
        assert table["proposal"].tolist() == [2, 1]
    else:
        assert table["proposal"].isna().all()


def test_identity_switch_costs_only_when_identity_is_measured():
    truth, masks = video(A, A, A, A), video(A, A, A, SWAPPED)
    sequence = davis_unsupervised(truth, masks)
    # Three frames of four are perfect, the last has no overlap.
    assert sequence["J_mean"].tolist() == [0.75, 0.75]
    assert sequence["J_recall"].tolist() == [0.75, 0.75]
    # Cuts of four frames: 1, 1.75, 2.5, 3.25, 4 → 1, 2, 3, 3, 4: frames 1..2 minus frames 3..4.
    assert sequence["J_decay"].tolist() == [0.5, 0.5]
    assert davis_unsupervised(truth, masks, matching="frame")["J_mean"].tolist() == [1, 1]


def test_rows_of_the_frame_protocol():
    # Object 1 is hit to one half by proposal 1, then by proposal 2; object 2 perfectly by the
    # other. By object: 1/2 and 1 in both frames. The release lists by proposal: 1/2 then 1 and 1
    # then 1/2. The means agree.
    truth = video(A, A)
    first, second = [[1, 0, 0, 2, 2]] * 4, [[2, 0, 0, 1, 1]] * 4
    masks = video(first, second)
    release = davis_unsupervised(truth, masks, matching="frame")
    assert release["J_mean"].tolist() == [0.75, 0.75]
    assert release["J_decay"].tolist() == [-0.5, 0.5]
    by_object = match(*pairwise_scores(truth, masks, 2, 2), 2, "frame")
    assert by_object["J_mean"].tolist() == [0.5, 1]


def test_assignment_is_best_for_all_together():
    # Proposal 1 overlaps object 1 by 3/4 and object 2 by 0; proposal 2 is object 1 itself. The
    # sum is greatest with proposal 2 on object 1, and object 2 gets proposal 1, which misses it.
    truth = video([[1, 1, 1, 1, 0, 2]])
    masks = video([[2, 2, 2, 2, 0, 0]])
    table = davis_unsupervised(truth, masks)
    assert table["proposal"].tolist() == [2, 1]
    assert table["J_mean"].tolist() == [1, 0]


@pytest.mark.parametrize("matching", ["sequence", "frame"])
def test_no_proposal_scores_nothing(matching):
    table = davis_unsupervised(video(A, A), video(EMPTY, EMPTY), matching=matching)
    assert (table[list(METRICS)] == 0).all(axis=None)
    assert table["proposal"].isna().all()


def test_absent_object_and_missing_proposal_agree():
    # Object 2 is there in the first frame only. No proposal is left for it, so it is given an
    # empty one: 0 in the first frame, 1 in the second, as the official code has it.
    truth = video(A, [[1, 1, 0, 0, 0]] * 4)
    masks = video(*[[[1, 1, 0, 0, 0]] * 4] * 2)
    table = davis_unsupervised(truth, masks)
    assert table["J_mean"].tolist() == [1, 0.5]
    assert table["proposal"].isna().tolist() == [False, True]


def test_no_object_has_no_row():
    table = davis_unsupervised(video(EMPTY), video(A))
    assert len(table) == 0
    assert list(table.columns) == ["object", "proposal", *METRICS]


def test_object_that_appears_late_is_background():
    # Object 2 first shows in the second frame. A proposal that covers it wrongly as part of
    # object 1 costs: 8 of 16 pixels.
    truth = video([[1, 1, 0, 0, 0]] * 4, A)
    masks = video([[1, 1, 0, 0, 0]] * 4, [[1, 1, 0, 1, 1]] * 4)
    table = davis_unsupervised(truth, masks)
    assert table["object"].tolist() == [1]
    assert table["J_mean"].tolist() == [0.75]


def test_gaps_in_ids():
    # Object 1 is in the gap below 2: absent throughout, it is matched with an empty proposal (1
    # in the gap below 7) and scores 1, as the official code has it.
    truth, masks = video([[2, 2, 0, 0, 0]] * 4), video([[7, 7, 0, 0, 0]] * 4)
    table = davis_unsupervised(truth, masks)
    assert table["J_mean"].tolist() == [1, 1]
    assert table.loc[1, "proposal"] == 7


def test_all_void():
    # Void in the first frame hides every object; void later makes both masks empty: 1.
    assert len(davis_unsupervised(video(VOID), video(A))) == 0
    table = davis_unsupervised(video(A, VOID), video(EMPTY, A))
    assert table["J_mean"].tolist() == [0.5, 0.5]
    assert table["F_mean"].tolist() == [0.5, 0.5]


def test_void_hides_a_mistake():
    truth = video([[1, 1, 255, 0, 0]] * 4)
    assert davis_unsupervised(truth, video([[1, 1, 1, 0, 0]] * 4))["J_mean"].tolist() == [1]


def test_one_pixel():
    # A pixel has no neighbour, so no outline: F = 1 even where J = 0.
    table = davis_unsupervised(video([[1]]), video([[0]]))
    assert table[["J_mean", "F_mean"]].to_numpy().tolist() == [[0, 1]]


def test_too_many_proposals():
    with pytest.raises(UserError, match=r"21 proposals.*at most 20"):
        davis_unsupervised(video([[1, 0]]), video([[21, 0]]))
    davis_unsupervised(video([[1, 0]]), video([[21, 0]]), max_proposals=21)


@pytest.mark.parametrize(
    ("truth", "masks", "message"),
    [
        (video([[1, 0]]), video([[1, 0]], [[1, 0]]), r"one size, not \(1, 1, 2\) and \(2, 1, 2\)"),
        (np.zeros((0, 2, 2), int), np.zeros((0, 2, 2), int), "no annotated frame"),
        (video([[1, 0]]), np.array([[[-1, 0]]]), "start at 1"),
    ],
)
def test_unusable_arrays(truth, masks, message):
    with pytest.raises(UserError, match=message):
        davis_unsupervised(truth, masks)


def test_unknown_matching():
    with pytest.raises(UserError, match="'sequence' or 'frame', not 'clip'"):
        davis_unsupervised(video([[1, 0]]), video([[1, 0]]), matching="clip")


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.uint16, np.int64, np.uint64])
def test_any_integers(kind):
    truth, masks = video(A, A), video(A, SWAPPED)
    table = davis_unsupervised(truth.astype(kind), masks.astype(kind))
    pd.testing.assert_frame_equal(table, davis_unsupervised(truth, masks))


# --- merged foreground ---------------------------------------------------------------------------


def test_foreground_by_hand():
    truth = video([[1, 2, 0, 255]], [[0, 0, 0, 0]], [[0, 2, 0, 0]])
    masks = np.array([[[255, 0, 0, 255]], [[0, 0, 0, 0]], [[0, 255, 255, 0]]])
    # 1 of 2 (void left out), both empty 1, 1 of 2.
    scores = foreground_scores(truth, masks)
    assert scores["J_mean"] == pytest.approx(2 / 3)
    assert scores["J_recall"] == pytest.approx(1 / 3)
    assert tuple(scores) == METRICS


def test_foreground_that_appears_late_counts():
    truth, masks = video(EMPTY, A), video(A, A) > 0
    assert foreground_scores(truth, masks)["J_mean"] == 0.5


def test_best_track_by_hand():
    # Proposal 1 covers 8 of the 16 merged pixels, proposal 3 covers 12: 3 is taken.
    merged = video(A)
    masks = video([[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [3, 3, 0, 3, 3], [3, 3, 0, 3, 3]])
    masks[0, 1] = [3, 3, 0, 3, 3]
    assert best_track(merged, masks)["J_mean"] == pytest.approx(12 / 16)


def test_best_track_is_the_sequence_protocol_with_one_object():
    rng = np.random.default_rng(0)
    truth, masks = blobs(rng, (5, 20, 30), [0, 1, 2, 255]), blobs(rng, (5, 20, 30), range(5))
    truth[0, 0, 0] = 1
    merged = np.where(truth == 255, 255, truth > 0)
    expected = davis_unsupervised(merged, masks).iloc[0]
    assert best_track(truth, masks) == expected[list(METRICS)].to_dict()


# --- against other programs ----------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("matching", ["sequence", "frame"])
def test_agrees_with(source, matching):
    """Runs on whatever is at hand; the names of the tests in the report say what that was."""
    if source == "stored-reference":
        _compare_with_stored_reference(matching)
    elif source == "davis2017-evaluation":
        _compare_with_official_code(matching)
    else:
        _compare_with_naive(matching)


def test_says_what_it_was_compared_with():
    """A warning in the closing summary names what was not at hand; the naive version always is."""
    assert "naive" in SOURCES
    if "davis2017-evaluation" not in SOURCES:
        others = " and ".join(SOURCES)
        warnings.warn(
            f"davis2017-evaluation is not installed: compared with {others}", stacklevel=1
        )


def _compare_with_stored_reference(matching):
    expected = pd.read_csv(REFERENCE / "expected.csv")
    for name, rows in expected[expected["matching"] == matching].groupby("sequence"):
        truth, masks = (
            np.stack([read_ids(path) for path in sorted((REFERENCE / kind / name).glob("*.png"))])
            for kind in ("annotations", "predictions")
        )
        table = davis_unsupervised(truth, masks, matching=matching)
        np.testing.assert_allclose(numbers(table), numbers(rows), rtol=0, atol=1e-6)


def _compare_with_naive(matching):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        truth = blobs(rng, (5, 12, 15), [0, 0, 1, 2, 255])
        masks = blobs(rng, (5, 12, 15), range(4 if seed else 2))  # seed 0: fewer than objects
        truth[0, 0, :2] = 1, 2
        j, f = naive_scoring.davis_frames(truth, masks, matching)
        n_proposals = int(masks.max())
        table = match(*pairwise_scores(truth, masks, 2, n_proposals), n_proposals, matching)
        expected = [statistics(a) + statistics(b) for a, b in zip(j, f, strict=True)]
        np.testing.assert_allclose(table[list(METRICS)].to_numpy(float), expected, atol=1e-12)


def _compare_with_official_code(matching):
    from davis2017.metrics import db_eval_boundary, db_eval_iou

    rng = np.random.default_rng(0)
    truth = blobs(rng, (6, 60, 90), [0, 0, 1, 2, 3, 255])
    masks = blobs(rng, (6, 60, 90), range(6))
    truth[0, 0, :3] = 1, 2, 3
    void = truth == 255
    pairs = np.zeros((2, 6, 3, 5))
    for g, p in np.ndindex(3, 5):
        pair = (truth == g + 1, masks == p + 1, void)
        pairs[0, :, g, p], pairs[1, :, g, p] = db_eval_iou(*pair), db_eval_boundary(*pair)
    np.testing.assert_allclose(pairwise_scores(truth, masks, 3, 5), pairs, atol=1e-12)
    expected = match(*pairs, 5, matching, release_rows=True)
    pd.testing.assert_frame_equal(davis_unsupervised(truth, masks, matching=matching), expected)
