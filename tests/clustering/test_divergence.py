import numpy as np
import pytest
import torch

import betrayed.clustering.row_parts
from betrayed.clustering.divergence import paired_divergences, symmetric_kl
from betrayed.clustering.row_parts import StoredRows
from support.naive_clustering import divergence


def random_rows(sharpness, count=30, columns=500):
    draw = np.random.default_rng(0)
    logits = sharpness * draw.normal(size=(count, columns))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    p[:5, :7] = 0
    return (p / p.sum(1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("part", [100, 2**20])
@pytest.mark.parametrize("sharpness", [0.01, 1.0, 8.0])
def test_exact_to_1e_5(monkeypatch, sharpness, part):
    monkeypatch.setattr(betrayed.clustering.row_parts, "PART_CPU", part)
    rows = random_rows(sharpness)
    exact = np.array([[divergence(p, q) for q in rows.astype("f8")] for p in rows.astype("f8")])
    kept = StoredRows(torch.from_numpy(rows))
    found = symmetric_kl(kept).numpy()
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=2e-6)
    assert not found.diagonal().any()
    np.testing.assert_array_equal(found, found.T)
    first, second = np.triu_indices(len(rows), 1)
    pairs = paired_divergences(kept, torch.from_numpy(first), torch.from_numpy(second))
    np.testing.assert_allclose(pairs, exact[first, second], rtol=1e-5, atol=1e-7)


def test_by_hand():
    # (0.3 - 0.5) ln(0.3 / 0.5) + (0.7 - 0.5) ln(0.7 / 0.5) = 0.2 ln(7 / 3)
    rows = StoredRows(torch.tensor([[0.3, 0.7], [0.5, 0.5]]))
    assert symmetric_kl(rows)[0, 1].item() == pytest.approx(0.16946, abs=1e-5)
    found = paired_divergences(rows, torch.tensor([0, 1]), torch.tensor([1, 1]))
    assert found.tolist() == pytest.approx([0.16946, 0], abs=1e-5)
