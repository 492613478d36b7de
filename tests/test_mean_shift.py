import numpy as np
import pytest
import torch
from naive_clustering import divergence, mean_shift
from test_bounds import project, rows_of_few_kinds

import betrayed.mean_shift
import betrayed.row_parts
from betrayed.bounds import bounds, directions
from betrayed.mean_shift import ShiftedRows, neighbourly_order
from betrayed.neighbours import neighbours
from betrayed.row_parts import KeptRows


@pytest.mark.parametrize("part", [40, 2**20])
@pytest.mark.parametrize("block", [1, 3, 100])
@pytest.mark.parametrize("tau", [1e-9, 0.02, 0.1, 0.5, 1e6])
def test_agrees_with_naive(monkeypatch, block, tau, part):
    monkeypatch.setattr(betrayed.mean_shift, "BLOCK", block)
    monkeypatch.setattr(betrayed.row_parts, "PART_CPU", part)
    rows = rows_of_few_kinds(7, count=25)
    onto = directions(rows, 8, 1e-6)
    before = project(rows, onto)
    expected = np.array(mean_shift(list(rows.double().numpy()), tau))
    near = neighbours(KeptRows(rows), before, [tau])[0]
    shifted = ShiftedRows(KeptRows(rows), near, neighbourly_order(before))
    found = torch.cat([values for _, values in shifted.parts()], dim=1)
    np.testing.assert_allclose(found[shifted.which], expected, rtol=1e-5)
    # Equal rows are one, in the order of the first of each.
    kinds = list(dict.fromkeys(shifted.which.tolist()))
    assert kinds == list(range(len(found))) and shifted.shape == (len(found), 60)
    assert len(np.unique(near.numpy(), axis=0)) == len(found)
    first = [shifted.which.tolist().index(kind) for kind in kinds]
    distances = np.array([[divergence(p, q) for q in expected] for p in expected])
    distances = distances[first][:, first]
    plain = ShiftedRows(KeptRows(rows), near, None)  # as on a GPU: nothing is left out
    assert plain.shape == (25, 60) and plain.which.tolist() == list(range(25))
    for made, index in ((shifted, torch.arange(len(found))), (plain, torch.tensor(first))):
        some = index[[0, -1, 0]]
        chosen = torch.cat([values for _, values in made.chosen(some).parts()], dim=1)
        torch.testing.assert_close(chosen, found[[0, -1, 0]])
        weights = torch.rand(3, len(found))
        spread = torch.zeros(3, made.shape[0])
        spread[:, index] = weights
        torch.testing.assert_close(made.sums(spread), weights @ found)
        projection, same = made.project(onto)[index], project(found, onto)
        for name in ("rows", "logs", "own", "rest_rows", "rest_logs"):
            ours, theirs = getattr(projection, name), getattr(same, name)
            torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-3)
        lower, upper = bounds(projection, projection)
        assert (lower.numpy() <= distances).all() and (upper.numpy() >= distances).all()


def test_an_order_holds_every_row_once_and_keeps_kinds_together():
    rows = torch.cat([rows_of_few_kinds(seed, count=40, kinds=1) for seed in range(4)])
    rows = rows[torch.randperm(160, generator=torch.Generator().manual_seed(0))]
    projection = project(rows, directions(rows, 8, 1e-6))
    order = neighbourly_order(projection)
    assert sorted(order) == list(range(160))
    apart = torch.cdist(projection.rows[order][:-1], projection.rows[order][1:]).diagonal()
    mixed = torch.cdist(projection.rows[:-1], projection.rows[1:]).diagonal()
    assert apart.mean() < 0.7 * mixed.mean()
