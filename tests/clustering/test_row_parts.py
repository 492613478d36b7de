import numpy as np
import pytest
import torch

import betrayed.clustering.row_parts
from betrayed.clustering.row_parts import RecomputedRows, stored_attention_rows, tiles
from support.naive_clustering import rows_of

CPU = torch.device("cpu")


@pytest.mark.parametrize("scale", [0.1, 2.0, 30.0])
@pytest.mark.parametrize("part", [1, 30, 2**20])
def test_kept_and_made_rows_are_the_rows(monkeypatch, part, scale):
    monkeypatch.setattr(betrayed.clustering.row_parts, "PART_CPU", part)
    torch.manual_seed(0)
    queries, keys = scale * torch.randn(2, 3, 6, 4), torch.randn(3, 3, 6, 4)
    expected = np.array(rows_of(queries.double().numpy(), keys.double().numpy()))
    tokens = queries.transpose(1, 2).flatten(0, 1)  # (12, heads, d)
    for rows in (
        stored_attention_rows(tokens, keys, torch.empty(12, 18)),
        RecomputedRows(tokens, keys),
    ):
        assert rows.shape == (12, 18)
        for _ in range(2):
            found = list(rows.parts())
            columns = [column for place, _ in found for column in range(18)[place]]
            assert columns == list(range(18))
            values = torch.cat([values for _, values in found], dim=1)
            np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-7)


def test_tiles_cover_everything_once():
    for count, width in [(0, 5), (1, 10**9), (7, 2**19), (10, 1)]:
        covered = [index for tile in tiles(count, width, CPU) for index in range(count)[tile]]
        assert covered == list(range(count))
