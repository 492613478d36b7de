"""FG-ARI, mIoU and mBO: cases worked by hand; random ones against scikit-learn and naive code."""

import math

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from betrayed.errors import UserError
from betrayed.scoring.video_objects import mean, partition_scores
from support import naive_scoring


def video(*frames):
    return np.array(frames)[:, None, :]  # frames of one row


def clip_ari(truth, labels):
    return partition_scores(truth, labels).clip_ari


def relabelled_ari(truth, labels):
    return partition_scores(truth, labels).relabelled_ari.tolist()


def mean_iou(truth, labels):
    return mean(partition_scores(truth, labels).iou)


def mean_best_overlap(truth, labels):
    return mean(partition_scores(truth, labels).best_iou)


# --- FG-ARI of one frame -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "labels", "expected"),
    [
        # Equal up to names.
        ([1, 1, 2, 2], [7, 7, 3, 3], 1),
        # Pairs together: truth 2, labels 2, both 0, of 6. Expected 2 · 2 / 6 = 2/3.
        # (0 − 2/3) / (2 − 2/3) = −1/2.
        ([1, 1, 2, 2], [0, 1, 0, 1], -0.5),
        # Truth: 3 + 1 = 4 pairs (of 3 and 2), labels 1 + 3 = 4 (of 2 and 3), both 1 + 1 = 2, of
        # 10. (2 − 1.6) / (4 − 1.6) = 1/6.
        ([1, 1, 1, 2, 2], [5, 5, 6, 6, 6], 1 / 6),
        # Background and void do not count: as the first case.
        ([0, 1, 1, 255, 2, 2], [7, 7, 7, 3, 3, 3], 1),
        # Trivial partitions that agree: one object under one label, one pixel, all apart.
        ([1, 1, 1], [4, 4, 4], 1),
        ([1, 0, 0], [4, 5, 6], 1),
        ([1, 2, 3], [4, 5, 6], 1),
        # One object under two labels; two objects under one.
        ([1, 1, 1], [4, 4, 5], 0),
        ([1, 1, 2], [4, 4, 4], 0),
    ],
)
def test_fg_ari_by_hand(truth, labels, expected):
    assert clip_ari(video(truth), video(labels)) == pytest.approx(expected)
    if 0 not in truth:
        assert adjusted_rand_score(truth, labels) == pytest.approx(expected)


@pytest.mark.parametrize("empty", [[0, 0], [255, 255], [0, 255]])
def test_no_object_is_no_number(empty):
    assert math.isnan(mean_iou(video(empty), video([1, 2])))
    assert math.isnan(mean_best_overlap(video(empty), video([1, 2])))
    scores = partition_scores(video(empty), video([1, 2]))
    assert np.isnan([scores.clip_ari, *scores.relabelled_ari]).all()
    assert len(scores.objects) == len(scores.iou) == 0


def test_fg_ari_of_a_large_frame():
    # Two million pixels: pairs of pairs outgrow 64 bits.
    truth = np.ones((1, 1000, 2000), np.uint8)
    truth[:, :, 1000:] = 2
    labels = truth.astype(np.int32)
    labels[:, :, 500:1000] = 7
    expected = adjusted_rand_score(truth.ravel(), labels.ravel())
    assert clip_ari(truth, labels) == pytest.approx(expected)


# --- FG-ARI after relabelling --------------------------------------------------------------------


def test_segments_that_are_left_over_are_one():
    # Object 1 has label 5 (IoU 1/2 over label 6's and 7's 1/4), object 2 label 8. Labels 6 and 7
    # are left over and become one: {2, 2} pairs within object 1 in place of {2, 1, 1}.
    # Truth: 6 + 1 pairs; labels 1 + 1 + 1; both 1 + 1 + 1; of 15. (3 − 7/5) / (5 − 7/5) = 4/9.
    truth, labels = video([1, 1, 1, 1, 2, 2]), video([5, 5, 6, 7, 8, 8])
    assert relabelled_ari(truth, labels) == [pytest.approx(4 / 9)]
    # As they are: 1 + 1 pairs of labels, both 2: (2 − 14/15) / (9/2 − 14/15) = 16/53.5.
    assert clip_ari(truth, labels) == pytest.approx(16 / 53.5)


def test_a_left_over_segment_may_be_the_background_too():
    # Label 3 is the background and half of object 1: left over, it stays one segment.
    assert relabelled_ari(video([0, 0, 1, 1]), video([3, 3, 3, 4])) == [0]


def test_relabelling_is_for_the_whole_video():
    # Label 5 is object 1's by 2 frames of 3. In the last frame 6 and 7, both left over, are one.
    truth = video([1, 1], [1, 1], [1, 1])
    labels = video([5, 5], [5, 5], [6, 7])
    assert relabelled_ari(truth, labels) == [1, 1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_relabelled_ari_agrees_with_naive(seed):
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 1, 2, 255], (3, 6, 7))
    labels = np.where(rng.random(truth.shape) < 0.4, truth, rng.integers(-1, 6, truth.shape))
    new = naive_scoring.relabel(truth, labels)
    expected = [
        naive_scoring.rand_index(t[inside].tolist(), s[inside].tolist())
        for t, s in zip(truth, new, strict=True)
        if (inside := (t > 0) & (t < 255)).any()
    ]
    assert relabelled_ari(truth, labels) == pytest.approx(expected)


# --- FG-ARI of the clip --------------------------------------------------------------------------


def test_identity_costs_over_the_clip():
    # Perfect in each frame. Over both, truth and labels pair 2 + 2 pixels of four, and agree in
    # none: (0 − 2/3) / (2 − 2/3) = −1/2.
    assert clip_ari(video([1, 2], [1, 2]), video([3, 4], [4, 3])) == pytest.approx(-0.5)
    assert clip_ari(video([1, 2], [1, 2]), video([3, 4], [3, 4])) == 1


@pytest.mark.parametrize("seed", range(5))
def test_clip_ari_agrees_with_sklearn_and_naive(seed):
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 1, 2, 9, 255], (3, 6, 7))
    labels = np.where(rng.random(truth.shape) < 0.5, truth, rng.integers(-1, 4, truth.shape))
    inside = (truth > 0) & (truth < 255)
    score, pair = clip_ari(truth, labels), (truth[inside], labels[inside])
    assert score == pytest.approx(adjusted_rand_score(*pair))
    assert score == pytest.approx(naive_scoring.rand_index(*pair))


# --- mBO -----------------------------------------------------------------------------------------


def test_mean_best_overlap_by_hand():
    # Over the clip object 1 has 5 pixels, object 2 has 1. Label 5 shares 4 with object 1, of 6 in
    # either; label 6 shares 1 with both: of 6 with object 1, of 2 with object 2.
    truth = video([1, 1, 1, 2, 0, 0], [1, 1, 0, 0, 255, 0])
    labels = video([5, 5, 6, 6, 0, 0], [5, 5, 5, 0, 5, 0])
    scores = partition_scores(truth, labels)
    assert scores.best_iou.tolist() == pytest.approx([4 / 6, 1 / 2])
    assert mean_best_overlap(truth, labels) == pytest.approx((4 / 6 + 1 / 2) / 2)


def test_one_segment_may_serve_several_objects():
    assert mean_best_overlap(video([1, 1, 2, 2]), video([3, 3, 3, 3])) == 0.5


@pytest.mark.parametrize("seed", range(3))
def test_mean_best_overlap_agrees_with_naive(seed):
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 2, 5, 255], (4, 5, 6))
    labels = np.where(rng.random(truth.shape) < 0.4, truth, rng.integers(-1, 4, truth.shape))
    expected = naive_scoring.mean_best_overlap(truth, labels)
    assert mean_best_overlap(truth, labels) == pytest.approx(expected)


# --- mIoU ----------------------------------------------------------------------------------------


def test_mean_iou_by_hand():
    truth = video([1, 1, 1, 2, 0, 0], [1, 1, 0, 0, 0, 0])
    labels = video([5, 5, 6, 6, 0, 0], [5, 5, 5, 0, 0, 0])
    # Object 1 with label 5: 2/3 and 2/3: 2/3. Object 2 with label 6: 1/2 in the first frame; in
    # the second neither is there, so that frame does not count: 1/2.
    assert mean_iou(truth, labels) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_one_segment_serves_one_object():
    # Label 3 covers both objects: 2/4 with each; only one may have it.
    assert mean_iou(video([1, 1, 2, 2]), video([3, 3, 3, 3])) == pytest.approx(0.5 / 2)


def test_assignment_is_for_the_whole_video():
    # Perfect in each frame, but the labels change names: one frame in two is hit.
    assert mean_iou(video([1, 2], [1, 2]), video([3, 4], [4, 3])) == pytest.approx(0.5)


def test_object_without_a_segment():
    # Two segments for three objects.
    scores = partition_scores(video([1, 2, 3]), video([7, 8, 8]))
    assert scores.objects.tolist() == [1, 2, 3]
    assert sorted(scores.iou) == [0, 0.5, 1]


def test_void_and_label_zero():
    # Label 0 is a segment like any other, and void counts for nobody.
    assert mean_iou(video([1, 1, 255, 0]), video([0, 0, 0, 3])) == 1


def test_objects_that_appear_late_count():
    assert mean_iou(video([0, 0], [4, 0]), video([1, 1], [2, 1])) == 1


@pytest.mark.parametrize("seed", range(5))
def test_mean_iou_agrees_with_naive(seed):
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 2, 5, 255], (4, 5, 6))
    labels = np.where(rng.random(truth.shape) < 0.4, truth, rng.integers(-1, 4, truth.shape))
    assert mean_iou(truth, labels) == pytest.approx(naive_scoring.mean_iou(truth, labels))


def test_sizes_must_agree():
    with pytest.raises(UserError, match="one size"):
        partition_scores(video([1, 2]), video([1, 2, 3]))
