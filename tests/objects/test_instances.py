"""Groups of points: how many, of what size, and what they are made of."""

import time

import numpy as np
import pytest

from betrayed.objects.instances import InstanceSettings, _halved, _tidy, tell_apart
from betrayed.objects.observations import Seen
from betrayed.objects.pairs import compare_points
from betrayed.objects.same_object import pair_log_odds, read_model

USUAL = InstanceSettings(split=-0.5, part_split=0.0, least=1, most=10)


def seen_with(weights):
    """Points of which the weights alone are looked at."""
    n = len(weights)
    nothing = np.zeros((n, 1, 2), np.float32)
    looks = np.zeros((n, 1))
    return Seen(
        nothing,
        np.ones((n, 1), int),
        np.array(weights, float),
        looks,
        looks,
        looks[:1],
        1.0,
        (4, 4),
    )


def odds_of(groups, within=3.0, between=-3.0, noise=0.0, seed=0):
    groups = np.asarray(groups)
    odds = np.where(groups[:, None] == groups, within, between)
    drawn = np.random.default_rng(seed).normal(size=odds.shape, scale=noise)
    return (odds + (drawn + drawn.T) / 2).astype(np.float32)


def nested(found):
    """Whether every part lies in one object, the one that it says."""
    return (found.object_of[found.parts] == found.objects).all()


@pytest.mark.parametrize("seed", range(4))
def test_two_groups_are_two_objects_the_heavier_first(seed):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat([0, 1], [14, 10]))
    weights = np.where(groups == 0, 1.0, 3.0)
    found = tell_apart(seen_with(weights), odds_of(groups, noise=0.5, seed=seed), USUAL)
    np.testing.assert_array_equal(found.objects, 1 - groups)
    np.testing.assert_array_equal(found.parts, found.objects)
    assert found.object_of.tolist() == [0, 1]
    assert ((found.confidence > 0.8) & (found.confidence <= 1)).all()


def test_confidence_by_hand():
    found = tell_apart(seen_with([1, 1, 1, 1]), odds_of([0, 0, 1, 1], 2.0, -1.0), USUAL)
    chance = {value: 1 / (1 + np.exp(-value)) for value in (2.0, -1.0)}
    np.testing.assert_allclose(found.confidence, chance[2.0] * (1 - chance[-1.0]), rtol=1e-6)
    alone = tell_apart(seen_with([1, 1, 1]), odds_of([0, 0, 0], 2.0), USUAL)
    np.testing.assert_allclose(alone.confidence, [chance[2.0]], rtol=1e-6)


def test_points_that_move_and_look_alike_by_the_learnt_odds():
    rng = np.random.default_rng(0)
    own = np.repeat([0, 1], [40, 30])
    ways = np.array([[0.0, 3.0], [0.0, -3.0]])[own]
    start = rng.uniform(0, 40, size=(70, 2)) + np.array([[20, 20], [20, 110]])[own]
    places = (start[:, None] + ways[:, None] * np.arange(8)[None, :, None]).astype(np.float32)
    looks = np.eye(16)[own] + rng.normal(size=(70, 16), scale=0.1)
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    pieces = np.repeat(own[:, None] + 1, 8, 1)
    seen = Seen(
        places, pieces, np.full(70, 6.0), looks, looks - looks.mean(0), 0.01 * np.eye(16), 3200.0,
        (240, 320),
    )  # fmt: skip
    found = tell_apart(seen, pair_log_odds(compare_points(seen), read_model()), USUAL)
    for number in range(found.objects.max() + 1):  # none mixes the two; a newer model may cut finer
        assert len(set(own[found.objects == number])) == 1
    assert nested(found)


@pytest.mark.parametrize("seed", range(6))
def test_any_odds_give_nested_parts_and_counts_within_bounds(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 60))
    odds = rng.normal(size=(n, n), scale=3).astype(np.float32)
    odds = (odds + odds.T) / 2
    for least, most in ((1, 10), (2, 3), (1, 1), (3, 3)):
        settings = InstanceSettings(-0.5, 0.5, least, most)
        found = tell_apart(seen_with(rng.uniform(0.1, 2, n)), odds, settings)
        count = found.objects.max() + 1
        assert least <= count <= most
        assert sorted(set(found.objects)) == list(range(count))
        assert sorted(set(found.parts)) == list(range(len(found.object_of)))
        assert nested(found)
        assert (np.diff(found.object_of) >= 0).all()
        assert np.bincount(found.object_of).max() <= 8
        assert found.confidence.shape == (count,)
        assert ((found.confidence >= 0) & (found.confidence <= 1)).all()


def test_at_most_so_many_the_smallest_with_what_is_likest():
    groups = np.repeat(np.arange(4), (10, 8, 6, 4))
    odds = odds_of(groups)
    odds[np.ix_(groups == 3, groups == 1)] = odds[np.ix_(groups == 1, groups == 3)] = -2
    found = tell_apart(seen_with(np.ones(28)), odds, InstanceSettings(-0.5, 0.0, 1, 3))
    np.testing.assert_array_equal(found.objects, np.array([1, 0, 2, 0])[groups])
    # It stays a part of its own.
    assert found.object_of.tolist() == [0, 0, 1, 2]
    assert nested(found)


def test_at_least_so_many():
    groups = np.repeat(np.arange(3), (10, 8, 6))
    odds = odds_of(groups, within=4.0, between=1.0)
    odds[np.ix_(groups == 0, groups == 1)] = odds[np.ix_(groups == 1, groups == 0)] = 1.5
    whole = tell_apart(seen_with(np.ones(24)), odds, USUAL)
    assert whole.objects.max() == 0
    for least in (2, 3):
        found = tell_apart(seen_with(np.ones(24)), odds, InstanceSettings(-0.5, 0.0, least, 10))
        assert found.objects.max() + 1 == least
    np.testing.assert_array_equal(found.objects, groups)
    assert nested(found)


def test_at_least_more_than_there_are_points():
    found = tell_apart(seen_with([1, 2, 3]), odds_of([0, 0, 0]), InstanceSettings(-1, 0, 9, 10))
    assert sorted(found.objects) == [0, 1, 2]


@pytest.mark.parametrize("least", [2, 3, 5])
def test_at_least_so_many_where_the_tree_tears_off_one_point_after_another(least):
    """A chain: each point is a little less like all before it."""
    far = np.maximum(*np.meshgrid(np.arange(300), np.arange(300)))
    odds = 3 - 0.01 * far
    found = tell_apart(seen_with(np.ones(300)), odds, InstanceSettings(-0.5, 0.0, least, 10))
    sizes = np.bincount(found.objects)
    assert len(sizes) == least and sizes.min() >= 0.02 * 300
    assert (np.diff(sizes) <= 0).all() and nested(found)
    assert found.natural == 1


def test_halves_are_what_is_likest():
    groups = np.repeat([0, 1], (30, 30))
    odds = odds_of(groups, within=3.0, between=2.0, noise=0.1)
    halves = _halved(np.zeros(60, int), odds, np.ones(60))
    assert len(np.unique(halves + 2 * groups)) == 2
    # The heaviest group of one point alone cannot be cut.
    cut = _halved(np.array([0, 1, 1]), np.zeros((3, 3)), np.array([9.0, 1.0, 1.0]))
    assert sorted(cut) == [0, 1, 2] and cut[0] == 0


def test_specks_are_joined_with_what_is_likest():
    groups = np.array([0] * 60 + [1] * 50 + [2])
    odds = odds_of(groups)
    odds[-1, :60] = odds[:60, -1] = -2
    found = tell_apart(seen_with(np.ones(111)), odds, USUAL)
    np.testing.assert_array_equal(found.objects, np.where(groups == 2, 0, groups))
    # By what it has seen, not by the number of its points.
    weights = np.where(groups == 2, 9.0, 1.0)
    assert tell_apart(seen_with(weights), odds, USUAL).objects[-1] == 2


def naive_tidy(groups, odds, weights, most):
    """Join the smallest group with the likest, from scratch each time."""
    names = list(groups)
    while True:
        sizes = {one: sum(w for w, n in zip(weights, names, strict=True) if n == one)
                 for one in sorted(set(names))}  # fmt: skip
        smallest = min(sizes, key=sizes.get)
        enough = sizes[smallest] >= 0.02 * sum(weights) and len(sizes) <= most
        if enough or len(sizes) == 1:
            rank = sorted(sizes, key=lambda one: -sizes[one])
            return [rank.index(one) for one in names]

        def likeness(other, own=smallest, names=tuple(names)):
            pairs = [(i, j) for i, a in enumerate(names) for j, b in enumerate(names)
                     if a == own and b == other]  # fmt: skip
            share = [weights[i] * weights[j] for i, j in pairs]
            return np.average([odds[i, j] for i, j in pairs], weights=share)

        into = max((one for one in sizes if one != smallest), key=likeness)
        names = [into if one == smallest else one for one in names]


@pytest.mark.parametrize("seed", range(8))
def test_specks_against_joining_one_after_another(seed):
    rng = np.random.default_rng(seed)
    n = 40
    groups, weights = rng.integers(0, 12, n), rng.uniform(0.01, 1, n) ** 3
    odds = rng.normal(size=(n, n))
    odds = (odds + odds.T) / 2
    for most in (20, 3):
        assert _tidy(groups, odds, weights, most).tolist() == naive_tidy(
            groups, odds, weights, most
        )


@pytest.mark.parametrize("least", [1, 2])
def test_one_outlier_after_another_is_no_matter_of_minutes(least):
    """Points that join a core one by one are specks at every height."""
    height = np.sort(np.random.default_rng(0).uniform(-0.4, 4, 500))[::-1]
    odds = np.minimum(height[:, None], height).astype(np.float32)
    begun = time.perf_counter()
    settings = InstanceSettings(-0.5, 0.0, least, 10)
    found = tell_apart(seen_with(np.ones(500)), odds, settings)
    assert time.perf_counter() - begun < 20
    assert nested(found)


def test_parts_of_objects():
    groups = np.repeat([0, 1, 2], (9, 8, 7))
    odds = odds_of(groups)
    odds[np.ix_(groups == 0, groups == 2)] = odds[np.ix_(groups == 2, groups == 0)] = 1
    found = tell_apart(seen_with(np.ones(24)), odds, InstanceSettings(-0.5, 2.0, 1, 10))
    np.testing.assert_array_equal(found.objects, np.array([0, 1, 0])[groups])
    np.testing.assert_array_equal(found.parts, np.array([0, 2, 1])[groups])
    assert found.object_of.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("objects", "points", "each"), [(40, 8, 6), (254, 2, 1), (42, 8, 6), (10, 8, 8)]
)
def test_parts_have_numbers_in_a_mask(objects, points, each):
    """Objects whose points are all parts of their own."""
    groups = np.repeat(np.arange(objects), points)
    odds = odds_of(groups, within=1.0, between=-9.0)
    settings = InstanceSettings(-0.5, 2.0, objects, 254)
    found = tell_apart(seen_with(np.ones(len(groups))), odds, settings)
    np.testing.assert_array_equal(np.bincount(found.object_of), np.full(objects, each))
    assert nested(found)


@pytest.mark.parametrize("n", [1, 2])
def test_few_points_are_one_object(n):
    found = tell_apart(seen_with(np.ones(n)), odds_of(range(n)), USUAL)
    assert found.objects.tolist() == found.parts.tolist() == [0] * n
    assert found.object_of.tolist() == [0]
    assert found.confidence.tolist() == [0.5]


@pytest.mark.parametrize("value", [-60.0, 0.0, 60.0])
def test_odds_that_are_all_the_same(value):
    found = tell_apart(seen_with(np.ones(30)), np.full((30, 30), value, np.float32), USUAL)
    assert found.objects.max() + 1 <= 10 and nested(found)
    assert np.isfinite(found.confidence).all()


def test_the_same_twice():
    odds = odds_of(np.repeat([0, 1, 2], 9), noise=2.0)
    one, two = (tell_apart(seen_with(np.ones(27)), odds, USUAL) for _ in range(2))
    for name in ("objects", "parts", "object_of", "confidence"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
