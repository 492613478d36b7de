import numpy as np
import pytest
import torch

import betrayed.clustering.neighbours
from betrayed.clustering.bounds import directions
from betrayed.clustering.neighbours import neighbours, pairs_within
from betrayed.clustering.row_parts import StoredRows
from support.few_kinds import project, rows_of_few_kinds
from support.naive_clustering import divergence

TAUS = [1e-9, 0.02, 0.1, 0.5, 1e6]


def naive_neighbours(rows, tau):
    own = rows.double().numpy()
    return np.array([[divergence(p, q) <= tau for q in own] for p in own])


@pytest.mark.parametrize("share", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("most", [1, 3, 30])
def test_agrees_with_naive(monkeypatch, share, most):
    monkeypatch.setattr(betrayed.clustering.neighbours, "OPEN_SHARE", share)
    rows = rows_of_few_kinds(4)
    projection = project(rows, directions(rows[::2], most, 1e-6))
    for tau, near in zip(TAUS, neighbours(StoredRows(rows), projection, TAUS), strict=True):
        np.testing.assert_array_equal(near, naive_neighbours(rows, tau))


def test_a_row_is_near_itself_and_its_equals():
    rows = rows_of_few_kinds(5)[[0, 1, 0, 2, 0]]
    near = neighbours(StoredRows(rows), project(rows, directions(rows, 8, 1e-6)), [1e-12])[0]
    assert near[0, [0, 2, 4]].all() and near.diagonal().all() and near.sum() == 9 + 2


def test_an_undecided_pair_is_compared_by_its_rows(monkeypatch):
    rows = rows_of_few_kinds(6)
    projection = project(rows, directions(rows, 1, 1e9))  # one direction decides little
    looked_at = []
    compare = betrayed.clustering.neighbours.paired_divergences
    monkeypatch.setattr(
        betrayed.clustering.neighbours,
        "paired_divergences",
        lambda *rows: looked_at.append(rows) or compare(*rows),
    )
    monkeypatch.setattr(betrayed.clustering.neighbours, "OPEN_SHARE", 1.0)
    near = neighbours(StoredRows(rows), projection, [0.1])[0]
    assert looked_at
    np.testing.assert_array_equal(near, naive_neighbours(rows, 0.1))


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("most", [1, 30])
def test_some_rows_against_others(monkeypatch, share, most):
    monkeypatch.setattr(betrayed.clustering.neighbours, "OPEN_SHARE", share)
    rows = rows_of_few_kinds(8)
    projection = project(rows, directions(rows, most, 1e-6))
    first, second = torch.tensor([3, 0, 17]), torch.tensor([17, 5, 3, 39])
    for tau in TAUS:
        near = pairs_within(StoredRows(rows), projection, first, second, tau)
        np.testing.assert_array_equal(near, naive_neighbours(rows, tau)[first][:, second])
