import pytest
import torch

from betrayed.block.dropout import drop_tokens, keep_mask


def test_keep_mask_rate_and_factor():
    torch.manual_seed(0)
    keep, factor = keep_mask((1000, 1003), 0.4, torch.device("cpu"))
    assert keep.shape == (1000, 1003)
    assert keep.float().mean().item() == pytest.approx(1 / factor, abs=2e-3)
    assert 1 - 1 / factor == pytest.approx(0.4, abs=1 / 512)
    halves = keep[:, :500].float().mean(), keep[:, 500:].float().mean()
    assert halves[0].item() == pytest.approx(halves[1].item(), abs=4e-3)
    assert keep_mask((5,), 0.0, torch.device("cpu"))[0].all()


def test_kept_tokens_are_drawn_for_each_head():
    torch.manual_seed(0)
    keys = torch.arange(10.0).expand(2, 10).unsqueeze(-1)
    counts, differ = torch.zeros(2, 10), 0
    for _ in range(1000):
        kept, values = drop_tokens(keys, -keys, 0.4)
        assert kept.shape == (2, 6, 1)
        assert torch.equal(values, -kept)
        one, other = (set(head.flatten().tolist()) for head in kept)
        assert len(one) == len(other) == 6
        differ += one != other
        counts.scatter_add_(1, kept.squeeze(-1).long(), torch.ones(2, 6))
    assert differ > 900
    assert (counts / 1000 - 0.6).abs().max() < 0.06
    assert drop_tokens(keys, keys, 0.99)[0].shape == (2, 1, 1)
