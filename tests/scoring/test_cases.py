"""Cases at the edge of what the protocols define, worked by hand, by all protocols side by side.

Frames are 4 × 5 pixels, so that the boundary radius is 1. Where a case has no figure, none is
expected: ``None``.
"""

import numpy as np
import pytest

from betrayed.errors import UserError
from betrayed.scoring.protocols import INPUT_OF, ScoreSettings, score_arrays

#: The figures that are looked at: (protocol, metric).
FIGURES = [
    ("davis2016", "J_mean"),
    ("davis2016", "F_mean"),
    ("davis2016-track", "J_mean"),
    ("davis2017-sequence", "J_mean"),
    ("davis2017-sequence", "F_mean"),
    ("davis2017-frame", "J_mean"),
    ("video-object", "FG-ARI"),
    ("video-object", "mIoU"),
    ("video-object-clip", "FG-ARI"),
    ("video-object-clip", "mBO"),
]


def rows(*columns):
    """A frame whose four rows are alike."""
    return [list(columns)] * 4


NOTHING, VOID = rows(0, 0, 0, 0, 0), rows(255, 255, 255, 255, 255)
BOTH, SWAPPED = rows(1, 1, 0, 2, 2), rows(2, 2, 0, 1, 1)
FIRST, SECOND = rows(1, 1, 0, 0, 0), rows(0, 0, 0, 2, 2)

CASES = {
    # A mask where there is nothing is wrong everywhere: J and F 0. Objects there are none.
    "empty truth": ([NOTHING], [BOTH], [0, 0, 0, *[None] * 7]),
    # Nothing where there is something: 0. As a partition the video is one segment: no pair of
    # pixels is told apart (0), IoU is 8 of 20 pixels for one object (Hungarian) or for each.
    "empty proposals": ([BOTH], [NOTHING], [0, 0, 0, 0, 0, 0, 0, 0.2, 0, 0.4]),
    # Neither here nor there: right, where a foreground is scored.
    "nothing at all": ([NOTHING], [NOTHING], [1, 1, 1, *[None] * 7]),
    "all void": ([VOID], [BOTH], [1, 1, 1, *[None] * 7]),
    # The second frame of two is void: there all is right by J and F; partitions leave it out.
    "void later": ([BOTH, VOID], [BOTH, BOTH], [1, 1, 0.75, 1, 1, 1, 1, 1, 1, 1]),
    "one frame": ([BOTH], [SWAPPED], [1, 1, 0.5, 1, 1, 1, 1, 1, 1, 1]),
    # A pixel that fills the image has no outline, so F is 1 whatever is found. The mask misses it,
    # the partition does not: one segment.
    "one pixel": ([[[1]]], [[[0]]], [0, 1, 0, 0, 1, 0, 1, 1, 1, 1]),
    # Object 2 comes in the second frame. To davis2017 it is background there, so that object 1 is
    # found in both frames and nothing else counts; to all others it is an object.
    "appears late": ([FIRST, BOTH], [FIRST, BOTH], [1, 1, 0.75, 1, 1, 1, 1, 1, 1, 1]),
    "appears late, missed": (
        [FIRST, BOTH],
        [FIRST, FIRST],
        # Foreground: J (1 + 1/2) / 2; F 1, since the objects' outlines, columns 1 and 2, are no
        # further apart than the radius. Segment 0 has 12 pixels a frame, 8 of object 2's in the
        # second: IoU 0 and 8/12 where either is there, and over the clip 8 of 24 pixels.
        [0.75, 1, 0.75, 1, 1, 1, 1, (1 + 1 / 3) / 2, 1, (1 + 1 / 3) / 2],
    ),
    # To davis2017 ids 1..2 are objects, and 1 is in the gap: never there, it is matched with an
    # empty proposal (there is a gap below 4 too) and right. To the others it is no object.
    "gaps": ([SECOND], [rows(0, 0, 0, 4, 4)], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
    # Each frame is perfect; the second has the names swapped. Under one assignment a video each
    # object is found in one frame of two (F as before). Over the clip, of 32 · 31 / 2 = 496 pairs
    # of pixels truth and labels each have 2 · 120 together, both 4 · 28 = 112, none of them across
    # frames. Best IoU: 8 of 24 pixels.
    "identity switch": (
        [BOTH, BOTH],
        [BOTH, SWAPPED],
        [1, 1, 0.5, 0.5, 1, 1, 1, 0.5, (112 - 240**2 / 496) / (240 - 240**2 / 496), 1 / 3],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_case(case):
    truth, masks, expected = CASES[case]
    masks = np.array(masks, np.uint8)
    settings = ScoreSettings(tuple(dict.fromkeys(protocol for protocol, _ in FIGURES)))
    inputs = dict.fromkeys(("foreground", "proposals", "partition", "labels"), masks)
    table = score_arrays(np.array(truth, np.uint8), settings=settings, **inputs)
    whole = table[table["object"].isna() & table["frame"].isna()]
    found = whole.set_index(["protocol", "metric"])["value"].to_dict()
    for figure, value in zip(FIGURES, expected, strict=True):
        assert found.get(figure) == (None if value is None else pytest.approx(value)), figure


def test_more_proposals_than_allowed():
    truth, masks = np.array([BOTH], np.uint8), np.array([rows(1, 1, 0, 21, 21)], np.uint8)

    def score(protocol, **limits):
        settings = ScoreSettings((protocol,), **limits)
        return score_arrays(truth, proposals=masks, settings=settings)

    for protocol in ("davis2017-sequence", "davis2016-track"):
        with pytest.raises(UserError, match=f"{protocol}: There are 21 proposals .* at most 20 "):
            score(protocol)
        assert len(score(protocol, max_proposals=21))
    assert len(score("davis2017-frame"))  # the paper's scorer allows 300
    with pytest.raises(UserError, match=r"at most 20 are allowed.* raise paper_max_proposals"):
        score("davis2017-frame", paper_max_proposals=20)


def test_ids_that_are_spread_or_void_are_told_from_many_proposals():
    truth = np.array([BOTH], np.uint8)
    settings = ScoreSettings(("davis2017-sequence",))
    for high, more in ((160, "or raise max_proposals.$"), (255, "void in annotations .255.")):
        masks = np.array([rows(80, 80, 0, high, high)], np.uint8)
        said = f"There are {high} proposals .*Only 2 ids occur .80, {high}.: number them from 1.*"
        with pytest.raises(UserError, match=said + more):
            score_arrays(truth, proposals=masks, settings=settings)


@pytest.mark.parametrize("protocol", INPUT_OF)
def test_no_frame_and_another_size_are_refused_by_every_protocol(protocol):
    settings = ScoreSettings((protocol,))
    empty, masks = np.zeros((0, 4, 5), np.uint8), np.zeros((1, 4, 4), np.uint8)
    with pytest.raises(UserError, match="no annotated frame"):
        score_arrays(empty, **{INPUT_OF[protocol]: empty}, settings=settings)
    with pytest.raises(UserError, match=rf"and {INPUT_OF[protocol]} must both be .*\(1, 4, 4\)"):
        score_arrays(np.array([BOTH]), **{INPUT_OF[protocol]: masks}, settings=settings)
