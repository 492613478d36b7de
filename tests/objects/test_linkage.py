"""The tree of weighted average linkage: against joining the best of all pairs, again and again."""

import numpy as np
import pytest

from betrayed.objects.linkage import average_linkage, groups_at
from support.naive_points import naive_linkage


def symmetric(values):
    return (values + values.T) / 2


def members(tree):
    """The points of every group of the tree."""
    n = len(tree) + 1
    groups = [frozenset([i]) for i in range(n)]
    for one, other, _ in tree:
        groups.append(groups[int(one)] | groups[int(other)])
    return groups


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("n", [2, 3, 7, 20])
def test_against_the_best_of_all_pairs(n, seed):
    rng = np.random.default_rng(seed)
    likeness, weights = symmetric(rng.normal(size=(n, n))), rng.uniform(0.1, 5, n)
    tree = average_linkage(likeness, weights)
    assert tree.shape == (n - 1, 3)
    groups = members(tree)
    joins = naive_linkage(likeness, weights)
    np.testing.assert_allclose(tree[:, 2], [height for *_, height in joins], atol=1e-9)
    for row, (one, other, _) in enumerate(joins):
        assert groups[n + row] == one | other
        assert {groups[int(tree[row, 0])], groups[int(tree[row, 1])]} == {one, other}


@pytest.mark.parametrize("seed", range(8))
def test_ties(seed):
    """Any of the trees will do; each join is the mean of its pairs, and heights do not rise."""
    rng = np.random.default_rng(seed)
    n = 12
    likeness = symmetric(rng.integers(0, 2, (n, n)) * 2.0)
    weights = rng.integers(1, 3, n).astype(float)
    tree = average_linkage(likeness, weights)
    assert (np.diff(tree[:, 2]) <= 1e-9).all()
    groups = members(tree)
    assert groups[-1] == frozenset(range(n))
    for one, other, height in tree:
        own, others = list(groups[int(one)]), list(groups[int(other)])
        pairs = np.outer(weights[own], weights[others])
        mean = (pairs * likeness[np.ix_(own, others)]).sum() / pairs.sum()
        assert height == pytest.approx(mean)


def test_all_alike():
    tree = average_linkage(np.full((30, 30), 0.1), np.ones(30))
    np.testing.assert_allclose(tree[:, 2], 0.1)
    assert members(tree)[-1] == frozenset(range(30))
    assert (groups_at(tree, tree[-1, 2]) == 0).all()


def test_the_weights_decide_the_mean():
    likeness = np.array([[0, 9, 1, 0], [9, 0, 4, 0], [1, 4, 0, 0], [0, 0, 0, 0]], float)
    tree = average_linkage(likeness, np.array([3.0, 1.0, 1.0, 1.0]))
    assert tree.tolist() == [[0, 1, 9], [4, 2, 7 / 4], [5, 3, 0]]  # (3 · 1 + 4) / 4


def test_the_diagonal_and_the_input_are_left_alone():
    likeness = np.array([[99, 1, 2], [1, 99, 3], [2, 3, 99]], np.float32)
    before = likeness.copy()
    assert average_linkage(likeness, np.ones(3))[:, 2].tolist() == [3, 1.5]
    np.testing.assert_array_equal(likeness, before)


@pytest.mark.parametrize("n", [1, 2])
def test_few_points(n):
    tree = average_linkage(np.zeros((n, n)), np.ones(n))
    assert tree.shape == (n - 1, 3)
    assert groups_at(tree, 1.0).tolist() == list(range(n))
    assert groups_at(tree, 0.0).tolist() == [0] * n


def test_groups_at_a_height():
    likeness = np.full((6, 6), -5.0)
    for one, other, height in ((0, 3, 4), (1, 5, 2), (2, 4, 3)):
        likeness[one, other] = likeness[other, one] = height
    tree = average_linkage(likeness, np.ones(6))
    assert groups_at(tree, 5).tolist() == [0, 1, 2, 3, 4, 5]
    assert groups_at(tree, 4).tolist() == [0, 1, 2, 0, 3, 4]  # at least so alike
    assert groups_at(tree, 2.5).tolist() == [0, 1, 2, 0, 2, 3]
    assert groups_at(tree, 0).tolist() == [0, 1, 2, 0, 2, 1]
    assert groups_at(tree, -5).tolist() == [0] * 6
    assert groups_at(tree, np.inf).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("seed", range(5))
def test_groups_at_every_height_against_the_joins(seed):
    rng = np.random.default_rng(seed)
    n = 15
    tree = average_linkage(symmetric(rng.normal(size=(n, n))), rng.uniform(0.5, 2, n))
    for height in [*tree[:, 2], -9.0, 9.0]:
        whole = members(tree)[: n + int((tree[:, 2] >= height).sum())]
        largest = [max((g for g in whole if i in g), key=len) for i in range(n)]
        numbers = {group: number for number, group in enumerate(dict.fromkeys(largest))}
        assert groups_at(tree, height).tolist() == [numbers[group] for group in largest]
