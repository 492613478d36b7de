import numpy as np
import pytest
from naive_clustering import divergence, mean_shift
from test_bounds import rows_of_few_kinds

import betrayed.neighbours
from betrayed.bounds import directions, project
from betrayed.neighbours import mean_shift_, neighbours

TAUS = [1e-9, 0.02, 0.1, 0.5, 1e6]


def naive_neighbours(rows, tau):
    own = rows.double().numpy()
    return np.array([[divergence(p, q) <= tau for q in own] for p in own])


@pytest.mark.parametrize("share", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("most", [1, 3, 30])
def test_agrees_with_naive(monkeypatch, share, most):
    monkeypatch.setattr(betrayed.neighbours, "OPEN_SHARE", share)
    rows = rows_of_few_kinds(4)
    projection = project(rows, directions(rows[::2], most, 1e-6))
    for tau, near in zip(TAUS, neighbours(rows, projection, TAUS), strict=True):
        np.testing.assert_array_equal(near, naive_neighbours(rows, tau))


def test_a_row_is_near_itself_and_its_equals():
    rows = rows_of_few_kinds(5)[[0, 1, 0, 2, 0]]
    near = neighbours(rows, project(rows, directions(rows, 8, 1e-6)), [1e-12])[0]
    assert near[0, [0, 2, 4]].all() and near.diagonal().all() and near.sum() == 9 + 2


def test_an_undecided_pair_is_compared_by_its_rows(monkeypatch):
    rows = rows_of_few_kinds(6)
    projection = project(rows, directions(rows, 1, 1e9))  # one direction decides little
    looked_at = []
    compare = betrayed.neighbours.pairwise
    monkeypatch.setattr(
        betrayed.neighbours, "pairwise", lambda *rows: looked_at.append(rows) or compare(*rows)
    )
    monkeypatch.setattr(betrayed.neighbours, "OPEN_SHARE", 1.0)
    near = neighbours(rows, projection, [0.1])[0]
    assert looked_at
    np.testing.assert_array_equal(near, naive_neighbours(rows, 0.1))


@pytest.mark.parametrize("block", [1, 3, 100])
@pytest.mark.parametrize("tau", TAUS)
def test_mean_shift_agrees_with_naive(monkeypatch, block, tau):
    monkeypatch.setattr(betrayed.neighbours, "BLOCK", block)
    rows = rows_of_few_kinds(7, count=25)
    projection = project(rows, directions(rows, 8, 1e-6))
    expected = mean_shift(list(rows.double().numpy()), tau)
    mean_shift_(rows, neighbours(rows, projection, [tau])[0], projection)
    np.testing.assert_allclose(rows, expected, rtol=1e-5)
