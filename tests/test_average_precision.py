"""AP and AR worked by hand; COCO's own code is in test_scoring_independent.py."""

import numpy as np
import pandas as pd
import pytest

from betrayed.scoring.average_precision import (
    METRICS,
    as_table,
    average_precision,
    detections,
    match_detections,
)


def scored(*values):
    return pd.Series(values, index=range(1, len(values) + 1), dtype=float)


def figures(*videos):
    return average_precision(match_detections(as_table(*video)) for video in videos)


def test_overlaps_are_summed_over_frames_before_they_are_divided():
    """Proposal 4 has 2 of 3 pixels and 0 of 1: 2 of a union of 4, not the mean of 2/3 and 0."""
    truth = np.array([[[1, 1, 1, 0]], [[1, 0, 0, 0]]])
    masks = np.array([[[4, 4, 0, 0]], [[0, 0, 0, 0]]])
    table = detections(truth, masks, pd.Series({4: 0.7}))
    assert table.to_dict("records") == [{"proposal": 4, "score": 0.7, "object": 1, "iou": 0.5}]


def test_void_counts_for_nobody_and_late_objects_count():
    truth = np.array([[[255, 1, 0, 0]], [[255, 1, 9, 9]]])
    masks = np.array([[[1, 1, 0, 0]], [[2, 0, 3, 3]]])
    table = detections(truth, masks, scored(0.9, 0.8, 0.7))
    overlaps = table.pivot(index="proposal", columns="object", values="iou")
    assert overlaps.index.tolist() == [1, 3]  # proposal 2 lies on void alone
    assert overlaps.columns.tolist() == [1, 9]
    assert overlaps.to_numpy().tolist() == [[0.5, 0], [0, 1]]


def test_one_side_alone_is_kept():
    nothing, one = np.zeros((1, 1, 2), int), np.array([[[3, 0]]])
    objects = detections(one, nothing, scored())
    assert objects["object"].tolist() == [3] and objects["proposal"].isna().all()
    found = detections(nothing, one, pd.Series({3: 0.5}))
    assert found["proposal"].tolist() == [3] and found["object"].isna().all()
    assert detections(nothing, nothing, scored()).empty
    matches = match_detections(objects)
    assert matches.objects == 1 and matches.found.shape == (10, 0)
    assert average_precision([matches]) == dict.fromkeys(METRICS, 0.0)
    assert average_precision([match_detections(found)]) == {}


def test_perfect_tracks():
    assert figures((np.eye(3), scored(0.9, 0.8, 0.7), [1, 2, 3])) == {
        **dict.fromkeys(["AP", "AP50", "AP75", "AR10", "AR100"], 1.0),
        "AR1": pytest.approx(1 / 3),
    }


def test_a_wrong_detection_before_the_right_ones_halves_nothing_but_precision():
    """Ranked: wrong, right, right of two objects: precision 1/2 then 2/3, so 2/3 at each recall."""
    iou = np.array([[0.1, 0.1], [1, 0], [0, 1]])
    found = figures((iou, scored(0.9, 0.8, 0.7), [1, 2]))
    assert found["AP"] == pytest.approx(2 / 3)
    assert (found["AR1"], found["AR10"]) == (0, 1)


def test_precision_is_read_at_101_recalls():
    """One of two objects found, ranked first: precision 1 at the recalls 0 to 0.50, 51 of 101."""
    assert figures((np.array([[1, 0]]), scored(0.9), [1, 2]))["AP"] == pytest.approx(51 / 101)


def test_thresholds_are_reached_by_what_equals_them():
    """IoU 0.75 counts at 0.50, 0.55, … 0.75: six of ten."""
    found = figures((np.array([[0.75]]), scored(0.9), [1]))
    assert found == pytest.approx(
        {"AP": 0.6, "AP50": 1, "AP75": 1, "AR1": 0.6, "AR10": 0.6, "AR100": 0.6}
    )


def test_an_object_is_found_once_and_the_best_free_one_is_taken():
    """The second detection also fits object 1 better, which is taken, but object 2 at 0.6."""
    iou = np.array([[0.9, 0.0], [0.8, 0.6]])
    found = figures((iou, scored(0.9, 0.8), [1, 2]))
    assert found["AP50"] == 1
    assert found["AP75"] == pytest.approx(51 / 101)


def test_detections_of_all_videos_are_ranked_together():
    """A wrong detection of another video between the two right ones: precision 1, then 2/3."""
    right = (np.eye(2), scored(0.9, 0.3), [1, 2])
    wrong = (np.zeros((1, 0)), scored(0.5), [])
    assert figures(right, wrong)["AP"] == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)


def test_of_a_video_a_hundred_detections_count():
    iou = np.zeros((101, 1))
    iou[100] = 1
    late = figures((iou, scored(*np.linspace(1, 0, 101)), [1]))
    assert late == dict.fromkeys(METRICS, 0.0)
    iou[[99, 100]] = iou[[100, 99]]
    found = figures((iou, scored(*np.linspace(1, 0, 101)), [1]))
    assert (found["AR10"], found["AR100"]) == (0, 1)
    assert found["AP"] == pytest.approx(1 / 100)


def test_an_identity_switch_costs():
    """Each half of the video under another id: half of the union, found at 0.5 alone."""
    truth = np.ones((2, 2, 2), int)
    masks = np.stack([np.full((2, 2), 1), np.full((2, 2), 2)])
    table = detections(truth, masks, scored(0.9, 0.8))
    assert average_precision([match_detections(table)])["AP"] == pytest.approx(0.1)
