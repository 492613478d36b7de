import numpy as np
import pytest

from betrayed.objects.objectness import (
    group_means,
    objectness,
    on_grid,
    relative_to_median,
    standardised,
)

# Four tracks of a token each, and a coarser level of two groups.
LABELS = np.array([[[0, 1, 2, 3]]])
LEVELS = [np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1])]


def one_row(*values):
    return np.array([[values]], float)


def test_means_over_two_levels_by_hand():
    # Means of the tracks 0 2 4 10, of the groups 1 1 7 7; over both 0.5 1.5 5.5 8.5.
    found = objectness(LABELS, LEVELS, {"motion": one_row(0, 2, 4, 10)}, {"motion": 0.7})
    wanted = np.array([-3.5, -2.5, 1.5, 4.5]) / np.sqrt(10.25)
    np.testing.assert_allclose(found, [[wanted]])


def test_one_level_gives_every_place_its_tracks_mean():
    labels = np.array([[[0, 0, 1]], [[0, 1, 1]]])
    cue = np.array([[[0, 1, 8]], [[5, 3, 1]]], float)  # means 2 and 4
    found = objectness(labels, [np.arange(2)], {"motion": cue}, {"motion": 1.0})
    np.testing.assert_allclose(found, np.where(labels, 1, -1))


def test_weights_join_cues_of_one_deviation():
    cues = {"motion": one_row(0, 0, 0, 8), "attention": one_row(100, 0, 0, 0)}
    found = objectness(LABELS, LEVELS[:1], cues, {"motion": 2.0, "attention": 1.0})
    deviates = np.array([-1, -1, -1, 3]) / np.sqrt(3)
    np.testing.assert_allclose(found, [[standardised(2 * deviates + deviates[::-1])]])


def test_a_cue_without_weight_is_not_needed():
    cues = {"motion": one_row(0, 2, 4, 10)}
    alone = objectness(LABELS, LEVELS, cues, {"motion": 1.0})
    both = objectness(LABELS, LEVELS, cues, {"motion": 3.0, "border": 0.0})
    np.testing.assert_allclose(alone, both)


def test_a_constant_cue_tells_nothing():
    cues = {"motion": one_row(0, 2, 4, 10), "border": one_row(5, 5, 5, 5)}
    both = objectness(LABELS, LEVELS, cues, {"motion": 1.0, "border": 9.0})
    np.testing.assert_allclose(both, objectness(LABELS, LEVELS, cues, {"motion": 1.0}))
    assert not objectness(LABELS, LEVELS, cues, {"border": 1.0}).any()
    # Told apart within tracks only: the tracks have one mean.
    within = one_row(1, 3, 3, 1)
    assert not objectness(LABELS, LEVELS[1:], {"motion": within}, {"motion": 1.0}).any()


def test_scores_have_mean_0_and_deviation_1():
    draw = np.random.default_rng(0)
    labels = draw.integers(12, size=(3, 5, 6))
    cues = {name: draw.normal(size=labels.shape) for name in ("motion", "attention")}
    levels = [np.arange(12), np.arange(12) // 2]
    found = objectness(labels, levels, cues, {"motion": 0.3, "attention": 5.0})
    assert (found.mean(), found.std()) == pytest.approx((0, 1))


def test_group_means_with_numbers_left_out():
    labels = np.array([[7, 2], [2, 2]])
    np.testing.assert_allclose(group_means(labels, np.array([[9.0, 1], [2, 6]])), [[9, 3], [3, 3]])


def test_relative_has_the_median_at_0_and_the_best_at_1():
    scores = np.random.default_rng(1).normal(size=(4, 20, 30), loc=5, scale=3)
    found = relative_to_median(scores)
    assert np.median(found) == pytest.approx(0)
    assert (found > 1).mean() == pytest.approx(0.005)
    other_unit = relative_to_median(7 * scores - 2)
    np.testing.assert_allclose(other_unit, found, atol=1e-9)
    np.testing.assert_array_equal(np.argsort(found, axis=None), np.argsort(scores, axis=None))


def test_specks_do_not_set_the_scale():
    scores = np.zeros(2000)
    scores[:200] = 4.0
    scores[:9] = 100.0  # fewer than the ten that may lie above 1
    assert relative_to_median(scores)[100] == pytest.approx(1)
    scores[:11] = 100.0
    assert relative_to_median(scores)[100] == pytest.approx(0.04)


def test_where_nearly_all_have_one_score_the_highest_is_1():
    scores = np.full((2, 10, 50), 3.0)
    assert not relative_to_median(scores).any()
    scores[0, 4, 4] = 3.5
    assert relative_to_median(scores)[0, 4, 4] == 1
    assert relative_to_median(scores).sum() == 1


def test_on_grid_is_linear_between_places():
    found = on_grid(np.array([[[0.0, 4.0]], [[4.0, 4.0]]]), (2, 4))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], [[0, 1, 3, 4]] * 2)
    np.testing.assert_allclose(found[1], 4)
    maps = np.random.default_rng(2).normal(size=(2, 3, 4))
    np.testing.assert_allclose(on_grid(maps, (3, 4)), maps, rtol=1e-6)
