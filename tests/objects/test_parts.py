from itertools import product

import numpy as np
import pytest

from betrayed.objects.parts import _depth, _halves, _with_cores, split_foreground

DIM = 6


def looks(kinds, noise=0.02, seed=0):
    """Tokens (T, h·w, D) of kinds (T, h, w), each along an axis of its own."""
    tokens = np.eye(DIM)[kinds] + noise * np.random.default_rng(seed).normal(
        size=(*kinds.shape, DIM)
    )
    return tokens.reshape(len(kinds), -1, DIM).astype(np.float16)


def horse_and_rider(frames=3):
    """Kinds on 14 × 16 tokens: 0 background, 1 a horse of 10 × 8, 2 a rider of 10 × 3 on it."""
    kinds = np.zeros((frames, 14, 16), int)
    for t in range(frames):
        kinds[t, 5:13, 2 + t : 12 + t] = 1
        kinds[t, 2:5, 2 + t : 12 + t] = 2
    return kinds


def test_two_appearances_are_two_parts_by_size():
    kinds = horse_and_rider()
    parts = split_foreground(looks(kinds), kinds > 0, 0.45)
    assert parts.dtype == np.int64
    np.testing.assert_array_equal(parts, kinds)
    swapped = np.choose(kinds, [0, 2, 1])  # other looks, the same sizes
    np.testing.assert_array_equal(split_foreground(looks(swapped), swapped > 0, 0.45), kinds)


def test_three_appearances_are_three_parts():
    kinds = horse_and_rider()
    kinds[:, 8:13][kinds[:, 8:13] == 1] = 3  # 10 × 5 of it
    parts = split_foreground(looks(kinds), kinds > 0, 0.45)
    for kind in (1, 2, 3):
        assert len(np.unique(parts[kinds == kind])) == 1
    assert set(np.unique(parts)) == {0, 1, 2, 3}
    assert (parts[kinds == 3] == 1).all()
    np.testing.assert_array_equal(parts == 0, kinds == 0)


def test_one_appearance_is_one_part():
    inside = horse_and_rider() > 0
    np.testing.assert_array_equal(split_foreground(looks(1 * inside), inside, 0.45), inside)


def test_what_changes_with_time_only_splits_nothing():
    """From one appearance to the next while the frames pass, all of the foreground alike."""
    inside = horse_and_rider(5) > 0
    angle = np.linspace(0, np.pi / 2, 5)
    tokens = np.stack([np.cos(angle), np.sin(angle)], axis=-1)[:, None].repeat(14 * 16, axis=1)
    np.testing.assert_array_equal(split_foreground(tokens, inside, 0.1), inside)
    # The same tokens in another place and time: from left to right.
    across = np.linspace(0, np.pi / 2, 16)
    tokens = np.stack([np.cos(across), np.sin(across)], axis=-1)[None].repeat(14, axis=0)
    tokens = tokens.reshape(1, -1, 2).repeat(5, axis=0)
    assert split_foreground(tokens, inside, 0.1).max() > 1


def two_halves():
    """Kinds on 10 × 16 tokens: 1 on the left, 2 on the right, one as deep as the other."""
    kinds = np.zeros((1, 10, 16), int)
    kinds[:, 1:9, 2:8] = 1
    kinds[:, 1:9, 8:14] = 2
    return kinds


def test_the_distance_between_centroids_decides():
    kinds = two_halves()
    tokens = looks(kinds, noise=0)  # √2 apart
    assert split_foreground(tokens, kinds > 0, 1.41).max() == 2
    assert split_foreground(tokens, kinds > 0, 1.42).max() == 1


def test_distance_2_splits_nothing():
    inside = two_halves() > 0
    tokens = np.where(two_halves() == 1, 1.0, -1.0).reshape(1, -1, 1)  # as far as can be
    assert split_foreground(tokens, inside, 1.99).max() == 2
    np.testing.assert_array_equal(split_foreground(tokens, inside, 2), inside)


def test_what_changes_toward_the_outline_splits_nothing():
    """Tokens see as much of the background as lies around them; a rider is still told apart."""
    kinds = np.zeros((3, 14, 16), int)
    kinds[:, 3:12, 3:13] = 1
    seen = _depth(kinds > 0)[..., None]
    background = np.eye(DIM)[5]

    def mixed(kinds):
        return (seen * np.eye(DIM)[kinds] + (1 - seen) * background).reshape(3, -1, DIM)

    np.testing.assert_array_equal(split_foreground(mixed(kinds), kinds > 0, 0.3), kinds)
    kinds[:, 3:6, 3:13] = 2
    np.testing.assert_array_equal(split_foreground(mixed(kinds), kinds > 0, 0.3), kinds)


def test_the_length_of_tokens_does_not_matter():
    kinds = horse_and_rider()
    tokens = looks(kinds).astype(np.float32)
    longer = tokens * np.random.default_rng(4).uniform(0.5, 20, (*tokens.shape[:2], 1))
    wanted = split_foreground(tokens, kinds > 0, 0.45)
    np.testing.assert_array_equal(split_foreground(longer, kinds > 0, 0.45), wanted)


def test_a_part_holds_a_twentieth():
    """On 20 × 20 tokens of foreground, the weights of those inside being 1."""
    inside = np.zeros((1, 24, 24), bool)
    inside[:, 2:22, 2:22] = True
    for rows, count in ((3, 1), (4, 2)):  # 15 and 20 of about 340
        kinds = 1 * inside
        kinds[:, 10 : 10 + rows, 10:15] = 2
        assert split_foreground(looks(kinds), inside, 0.45).max() == count


def test_the_outline_counts_little():
    """A rim that sees the background too is a fifth of the foreground, but no part of its own."""
    inside = np.zeros((1, 24, 24), bool)
    inside[:, 2:22, 2:22] = True
    kinds = 1 * inside
    kinds[:, 3:21, 3:21] *= 2
    assert (kinds == 1).sum() / inside.sum() == pytest.approx(0.19)
    np.testing.assert_array_equal(split_foreground(looks(kinds), inside, 0.45), inside)


@pytest.mark.parametrize(("side", "count"), [(1, 1), (2, 2), (3, 2)])
def test_a_part_has_a_core(side, count):
    """Squares that look different: with a side of 1 they have 1/9 around them, with 2 4/9."""
    inside = np.zeros((2, 28, 28), bool)
    inside[:, 2:26, 2:26] = True
    kinds = 1 * inside
    for i, j in product(range(side), repeat=2):
        kinds[:, 4 + i : 24 : 2 * side, 4 + j : 24 : 2 * side] = 2
    assert split_foreground(looks(kinds), inside, 0.45).max() == count


def test_what_has_no_core_goes_to_what_it_touches_most():
    parts = np.zeros((1, 8, 13), int)
    parts[0, 1:7, 1:6], parts[0, 1:7, 7:12] = 1, 2
    parts[0, 1:7, 6] = 3  # touches both alike, but for one place
    parts[0, 1, 5] = 2
    parts[0, 1, 0] = 4  # touches 1 alone
    found = _with_cores(parts)
    assert set(found[0, 1:7, 6]) == {2} and found[0, 1, 0] == 1
    untouched = parts < 3
    np.testing.assert_array_equal(found[untouched], parts[untouched])
    # What touches nothing goes to the largest.
    parts = np.zeros((1, 9, 20), int)
    parts[0, 1:6, 1:6], parts[0, 1:8, 7:14], parts[0, :, 19] = 1, 2, 3
    assert set(_with_cores(parts)[0, :, 19]) == {2}
    assert (_with_cores(np.eye(3, dtype=int)[None]) == np.eye(3)).all()  # nothing to go to


def test_depth_by_hand():
    inside = np.array([[[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 1, 1]]], bool)
    wanted = [[1, 2, 3, 2], [2, 4, 6, 4], [2, 4, 6, 4]]
    np.testing.assert_allclose(_depth(inside)[0], np.array(wanted) / 9, rtol=1e-6)


def test_there_are_at_most_eight_parts(monkeypatch):
    monkeypatch.setattr("betrayed.objects.parts._THIN", 0)
    draw = np.random.default_rng(5)
    tokens, inside = draw.normal(size=(2, 400, DIM)), np.ones((2, 20, 20), bool)
    parts = split_foreground(tokens, inside, 0.0)
    assert set(np.unique(parts)) == set(range(1, 9))
    held = np.bincount(parts.ravel(), _depth(inside).ravel() ** 4)[1:]
    assert (np.diff(held) <= 0).all()


def test_at_most_so_many_the_nearest_looks_join_first():
    """Of three things the first two look more alike."""
    kinds = two_halves()
    kinds[:, 5:9][kinds[:, 5:9] == 2] = 3
    ways = np.array([[0, 0, 0], [1, 0, 0], [0.6, 0.8, 0], [0, 0, 1]])
    tokens = ways[kinds].reshape(1, -1, 3)
    assert split_foreground(tokens, kinds > 0, 0.3).max() == 3
    joined = split_foreground(tokens, kinds > 0, 0.3, most=2)
    np.testing.assert_array_equal(joined, np.array([0, 1, 1, 2])[kinds])
    np.testing.assert_array_equal(split_foreground(tokens, kinds > 0, 0.3, most=1), kinds > 0)


@pytest.mark.parametrize("distance", [0.45, 2.0])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_at_least_so_many_though_they_look_alike(distance, noise):
    kinds = two_halves()
    tokens = looks(kinds, noise)
    np.testing.assert_array_equal(
        np.unique(split_foreground(tokens, kinds > 0, distance, 2, 9)), [0, 1, 2]
    )
    for least in (3, 20, 96, 200):
        parts = split_foreground(tokens, kinds > 0, distance, least, 254)
        held = np.bincount(parts[kinds > 0], _depth(kinds > 0)[kinds > 0] ** 4)[1:]
        assert len(held) == min(least, 96) and (held > 0).all() and (np.diff(held) <= 0).all()
        np.testing.assert_array_equal(parts > 0, kinds > 0)
        if noise or least == 3:  # no part is of both, as long as these can be cut
            assert all(len(np.unique(kinds[parts == part])) == 1 for part in np.unique(parts))


def test_the_same_twice():
    draw = np.random.default_rng(6)
    tokens, inside = draw.normal(size=(2, 120, DIM)), draw.random((2, 10, 12)) > 0.4
    before = tokens.copy()
    first = split_foreground(tokens, inside, 0.2)
    np.testing.assert_array_equal(split_foreground(tokens, inside, 0.2), first)
    np.testing.assert_array_equal(tokens, before)
    np.testing.assert_array_equal(first > 0, inside)


def test_little_foreground():
    tokens = looks(horse_and_rider())
    inside = np.zeros((3, 14, 16), bool)
    assert not split_foreground(tokens, inside, 0.0).any()
    inside[1, 6, 5] = True  # one token, two frames without any
    np.testing.assert_array_equal(split_foreground(tokens, inside, 0.0), inside)


# Two means


def squares(points, weights, second):
    """Weighted sum of squared distances to the centroid of one's half."""
    total = 0.0
    for half in (second, ~second):
        centroid = np.average(points[half], axis=0, weights=weights[half])
        total += (weights[half] * ((points[half] - centroid) ** 2).sum(axis=1)).sum()
    return total


@pytest.mark.parametrize("seed", range(6))
def test_two_groups_are_cut_as_the_best_of_all_cuts(seed):
    draw = np.random.default_rng(seed)
    points = draw.normal(size=(9, 3), scale=0.4)
    points[: 2 + seed] += (4, 0, 0)
    weights = draw.uniform(0.1, 1, 9)
    cuts = [np.array(cut) for cut in product([False, True], repeat=9) if any(cut) and not cut[0]]
    best = min(cuts, key=lambda cut: squares(points, weights, cut))
    second, apart = _halves(points, weights)
    np.testing.assert_array_equal(second ^ second[0], best)
    centroids = [np.average(points[h], axis=0, weights=weights[h]) for h in (second, ~second)]
    assert apart == pytest.approx(np.linalg.norm(centroids[0] - centroids[1]))


def test_each_point_is_nearest_to_its_own_centroid():
    draw = np.random.default_rng(7)
    points, weights = draw.normal(size=(200, 4)), draw.uniform(0.1, 1, 200)
    second, _ = _halves(points, weights)
    centroids = [np.average(points[h], axis=0, weights=weights[h]) for h in (~second, second)]
    first, other = (np.linalg.norm(points - centroid, axis=1) for centroid in centroids)
    np.testing.assert_array_equal(other < first, second)


def test_points_that_are_all_the_same_are_not_apart():
    second, apart = _halves(np.full((5, 2), 0.3), np.ones(5))
    assert apart == pytest.approx(0, abs=1e-9)
    assert not second.any()
