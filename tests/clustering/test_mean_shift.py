import numpy as np
import pytest
import torch

import betrayed.clustering.mean_shift
import betrayed.clustering.row_parts
from betrayed.clustering.bounds import directions
from betrayed.clustering.mean_shift import ShiftedRows, _codes, _kinds, blocks_of, distinct
from betrayed.clustering.neighbours import neighbours
from betrayed.clustering.row_parts import StoredRows, store
from support.few_kinds import project, rows_of_few_kinds
from support.naive_clustering import mean_shift


@pytest.mark.parametrize("part", [40, 2**20])
@pytest.mark.parametrize("block", [1, 3, 100])
@pytest.mark.parametrize("tau", [1e-9, 0.02, 0.1, 0.5, 1e6])
def test_agrees_with_naive(monkeypatch, block, tau, part):
    monkeypatch.setattr(betrayed.clustering.mean_shift, "BLOCK_CPU", block)
    monkeypatch.setattr(betrayed.clustering.row_parts, "PART_CPU", part)
    rows = rows_of_few_kinds(7, count=25)
    projection = project(rows, directions(rows, 8, 1e-6))
    expected = np.array(mean_shift(list(rows.double().numpy()), tau))
    near = neighbours(StoredRows(rows), projection, [tau])[0]
    shifted = ShiftedRows(StoredRows(rows), near, blocks_of(projection))
    # Rows with the same neighbours are one, in the order of the first of each.
    kinds = list(dict.fromkeys(shifted.which.tolist()))
    assert kinds == list(range(len(np.unique(near.numpy(), axis=0))))
    assert shifted.shape == (len(kinds), 60)
    for made in (shifted, shifted):  # it can be read again and again
        found = torch.cat([values for _, values in made.parts()], dim=1)
        np.testing.assert_allclose(found[made.which], expected, rtol=1e-5)
    stored = store(shifted, rows)  # over what it is made from
    np.testing.assert_allclose(stored.values[shifted.which], expected, rtol=1e-5)


def test_blocks_hold_every_row_once_and_keep_kinds_together():
    rows = torch.cat([rows_of_few_kinds(seed, count=48, kinds=1) for seed in range(4)])
    shuffled = torch.randperm(192, generator=torch.Generator().manual_seed(0))
    blocks = blocks_of(project(rows[shuffled], directions(rows, 8, 1e-6)))
    assert sorted(np.concatenate(blocks)) == list(range(192))
    assert [len(block) for block in blocks] == [48] * 4
    assert all(len(np.unique(shuffled[block] // 48)) == 1 for block in blocks)


def test_codes_tell_kinds_apart_as_the_rows_do():
    """What a GPU tells rows by, and what it does where that fails."""
    draw = np.random.default_rng(0)
    near = torch.from_numpy(draw.random((40, 300)) < 0.4)[
        torch.from_numpy(draw.integers(0, 40, 90))
    ]
    expected = distinct(near)
    kinds, first = np.unique(near.numpy(), axis=0, return_index=True)
    assert len(expected[0]) == len(kinds)
    assert sorted(expected[0]) == sorted(first)
    for one, other in zip(expected, _kinds(_codes(near)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert 0 < _codes(torch.ones(1, 7200, dtype=torch.bool)).max() < 2**48
