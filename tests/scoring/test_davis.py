"""DAVIS scores of whole videos, worked by hand.

Images are at most 62 pixels from corner to corner, so that the boundary radius is
ceil(0.008 · diagonal) = 1.
"""

import numpy as np
import pandas as pd
import pytest

from betrayed.errors import UserError
from betrayed.scoring.davis import METRICS
from support.davis_tables import object_figures, video_figures
from support.naive_scoring import blobs


def video(*frames):
    return np.array(frames, dtype=np.uint8)


A = [[1, 1, 0, 2, 2]] * 4
SWAPPED = [[2, 2, 0, 1, 1]] * 4
EMPTY = [[0] * 5] * 4
VOID = [[255] * 5] * 4


@pytest.mark.parametrize("matching", ["sequence", "frame"])
def test_perfect_masks_whatever_their_ids(matching):
    table = object_figures(video(A, A), video(SWAPPED, SWAPPED), matching=matching)
    assert table.index.tolist() == [1, 2]
    assert (table[["J_mean", "J_recall", "F_mean", "F_recall"]] == 1).all(axis=None)
    assert (table[["J_decay", "F_decay"]] == 0).all(axis=None)


def test_identity_switch_costs_only_when_identity_is_measured():
    truth, masks = video(A, A, A, A), video(A, A, A, SWAPPED)
    sequence = object_figures(truth, masks)
    # Three frames of four are perfect, the last has no overlap.
    assert sequence["J_mean"].tolist() == [0.75, 0.75]
    assert sequence["J_recall"].tolist() == [0.75, 0.75]
    # Cuts of four frames: 1, 1.75, 2.5, 3.25, 4 → 1, 2, 3, 3, 4: frames 1..2 minus frames 3..4.
    assert sequence["J_decay"].tolist() == [0.5, 0.5]
    assert object_figures(truth, masks, matching="frame")["J_mean"].tolist() == [1, 1]


def test_rows_of_the_frame_protocol():
    # Object 1 is hit to one half by proposal 1, then by proposal 2; object 2 perfectly by the
    # other. By object: 1/2 and 1 in both frames. The release lists by proposal: 1/2 then 1 and 1
    # then 1/2, whose mean is the same.
    truth = video(A, A)
    first, second = [[1, 0, 0, 2, 2]] * 4, [[2, 0, 0, 1, 1]] * 4
    masks = video(first, second)
    assert object_figures(truth, masks, "frame")["J_mean"].tolist() == [0.5, 1]


def test_assignment_is_best_for_all_together():
    # Proposal 1 overlaps object 1 by 3/4 and object 2 by 0; proposal 2 is object 1 itself. The
    # sum is greatest with proposal 2 on object 1, and object 2 gets proposal 1, which misses it.
    truth = video([[1, 1, 1, 1, 0, 2]])
    masks = video([[2, 2, 2, 2, 0, 0]])
    table = object_figures(truth, masks)
    assert table["J_mean"].tolist() == [1, 0]


@pytest.mark.parametrize("matching", ["sequence", "frame"])
def test_no_proposal_scores_nothing(matching):
    table = object_figures(video(A, A), video(EMPTY, EMPTY), matching=matching)
    assert table.shape == (2, len(METRICS)) and (table == 0).all(axis=None)


def test_absent_object_and_missing_proposal_agree():
    # Object 2 is there in the first frame only. No proposal is left for it, so it is given an
    # empty one: 0 in the first frame, 1 in the second, as the official code has it.
    truth = video(A, [[1, 1, 0, 0, 0]] * 4)
    masks = video(*[[[1, 1, 0, 0, 0]] * 4] * 2)
    table = object_figures(truth, masks)
    assert table["J_mean"].tolist() == [1, 0.5]


def test_no_object_has_no_row():
    assert len(object_figures(video(EMPTY), video(A))) == 0


def test_object_that_appears_late_is_background():
    # Object 2 first shows in the second frame. A proposal that covers it wrongly as part of
    # object 1 costs: 8 of 16 pixels.
    truth = video([[1, 1, 0, 0, 0]] * 4, A)
    masks = video([[1, 1, 0, 0, 0]] * 4, [[1, 1, 0, 1, 1]] * 4)
    table = object_figures(truth, masks)
    assert table.index.tolist() == [1]
    assert table["J_mean"].tolist() == [0.75]


def test_gaps_in_ids():
    # Object 1 is in the gap below 2: absent throughout, it is matched with an empty proposal (1
    # in the gap below 7) and scores 1, as the official code has it.
    truth, masks = video([[2, 2, 0, 0, 0]] * 4), video([[7, 7, 0, 0, 0]] * 4)
    table = object_figures(truth, masks)
    assert table["J_mean"].tolist() == [1, 1]


def test_all_void():
    # Void in the first frame hides every object; void later makes both masks empty: 1.
    assert len(object_figures(video(VOID), video(A))) == 0
    table = object_figures(video(A, VOID), video(EMPTY, A))
    assert table["J_mean"].tolist() == [0.5, 0.5]
    assert table["F_mean"].tolist() == [0.5, 0.5]


def test_void_hides_a_mistake():
    truth = video([[1, 1, 255, 0, 0]] * 4)
    assert object_figures(truth, video([[1, 1, 1, 0, 0]] * 4))["J_mean"].tolist() == [1]


def test_one_pixel():
    # A pixel has no neighbour, so no outline: F = 1 even where J = 0.
    table = object_figures(video([[1]]), video([[0]]))
    assert table[["J_mean", "F_mean"]].to_numpy().tolist() == [[0, 1]]


def test_too_many_proposals():
    with pytest.raises(UserError, match=r"21 proposals.*at most 20"):
        object_figures(video([[1, 0]]), video([[21, 0]]))
    object_figures(video([[1, 0]]), video([[21, 0]]), max_proposals=21)


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
        object_figures(truth, masks)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.uint16, np.int64, np.uint64])
def test_any_integers(kind):
    truth, masks = video(A, A), video(A, SWAPPED)
    table = object_figures(truth.astype(kind), masks.astype(kind))
    pd.testing.assert_frame_equal(table, object_figures(truth, masks))


# --- merged foreground ---------------------------------------------------------------------------


def test_foreground_by_hand():
    truth = video([[1, 2, 0, 255]], [[0, 0, 0, 0]], [[0, 2, 0, 0]])
    masks = np.array([[[255, 0, 0, 255]], [[0, 0, 0, 0]], [[0, 255, 255, 0]]])
    # 1 of 2 (void left out), both empty 1, 1 of 2. The first and the last frame count.
    scores = video_figures(truth, "davis2016", foreground=masks)
    assert scores["J_mean"] == pytest.approx(2 / 3)
    assert scores["J_recall"] == pytest.approx(1 / 3)
    assert tuple(scores.index) == (*METRICS, "J&F")


def test_foreground_that_appears_late_counts():
    truth, masks = video(EMPTY, A), video(A, A) > 0
    assert video_figures(truth, "davis2016", foreground=masks)["J_mean"] == 0.5


def test_best_track_by_hand():
    # Proposal 1 covers 8 of the 16 merged pixels, proposal 3 covers 12: 3 is taken.
    masks = video([[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [3, 3, 0, 3, 3], [3, 3, 0, 3, 3]])
    masks[0, 1] = [3, 3, 0, 3, 3]
    scores = video_figures(video(A), "davis2016-track", proposals=masks)
    assert scores["J_mean"] == pytest.approx(12 / 16)


def test_best_track_is_the_sequence_protocol_with_one_object():
    rng = np.random.default_rng(0)
    truth, masks = blobs(rng, (5, 20, 30), [0, 1, 2, 255]), blobs(rng, (5, 20, 30), range(5))
    truth[0, 0, 0] = 1
    merged = np.where(truth == 255, 255, truth > 0)
    expected = object_figures(merged, masks).loc[1]
    found = video_figures(truth, "davis2016-track", proposals=masks)
    assert found[list(METRICS)].to_dict() == expected.to_dict()
