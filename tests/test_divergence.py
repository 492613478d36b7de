import numpy as np
import pytest
import torch
from naive_clustering import divergence

from betrayed.divergence import pairwise, symmetric_kl, tiles


def random_rows(sharpness, count=30, columns=500):
    draw = np.random.default_rng(0)
    logits = sharpness * draw.normal(size=(count, columns))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    p[:5, :7] = 0
    return (p / p.sum(1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("sharpness", [0.01, 1.0, 8.0])
def test_exact_to_1e_5(sharpness):
    rows = random_rows(sharpness)
    exact = np.array([[divergence(p, q) for q in rows.astype("f8")] for p in rows.astype("f8")])
    found = symmetric_kl(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=2e-6)
    assert not found.diagonal().any()
    np.testing.assert_array_equal(found, found.T)
    first, second = np.triu_indices(len(rows), 1)
    pairs = pairwise(torch.from_numpy(rows[first]), torch.from_numpy(rows[second]))
    np.testing.assert_allclose(pairs, exact[first, second], rtol=1e-5, atol=1e-7)


def test_by_hand():
    # (0.3 - 0.5) ln(0.3 / 0.5) + (0.7 - 0.5) ln(0.7 / 0.5) = 0.2 ln(7 / 3)
    rows = torch.tensor([[0.3, 0.7], [0.5, 0.5]])
    assert symmetric_kl(rows)[0, 1].item() == pytest.approx(0.16946, abs=1e-5)
    assert pairwise(rows[:1], rows[1:]).item() == pytest.approx(0.16946, abs=1e-5)


def test_tiles_cover_everything_once():
    for count, width in [(0, 5), (1, 10**9), (7, 2**19), (10, 1)]:
        covered = [index for tile in tiles(count, width) for index in range(count)[tile]]
        assert covered == list(range(count))
