import numpy as np
import pytest
import torch
from naive_clustering import mean_shift
from test_bounds import project, rows_of_few_kinds

import betrayed.mean_shift
import betrayed.row_parts
from betrayed.bounds import directions
from betrayed.mean_shift import ShiftedRows
from betrayed.neighbours import neighbours
from betrayed.row_parts import KeptRows, store


@pytest.mark.parametrize("part", [40, 2**20])
@pytest.mark.parametrize("block", [1, 3, 100])
@pytest.mark.parametrize("tau", [1e-9, 0.02, 0.1, 0.5, 1e6])
def test_agrees_with_naive(monkeypatch, block, tau, part):
    monkeypatch.setattr(betrayed.mean_shift, "BLOCK", block)
    monkeypatch.setattr(betrayed.row_parts, "PART_CPU", part)
    rows = rows_of_few_kinds(7, count=25)
    projection = project(rows, directions(rows, 8, 1e-6))
    expected = mean_shift(list(rows.double().numpy()), tau)
    near = neighbours(KeptRows(rows), projection, [tau])[0]
    shifted = ShiftedRows(KeptRows(rows), near, projection)
    for _ in range(2):  # it can be read again and again
        np.testing.assert_allclose(
            torch.cat([values for _, values in shifted.parts()], dim=1), expected, rtol=1e-5
        )
    store(shifted, rows)  # over what it is made from
    np.testing.assert_allclose(rows, expected, rtol=1e-5)
