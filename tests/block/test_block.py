import re

import pytest
import torch

from betrayed.block.loading import load_block
from betrayed.block.rows import _AllHeadsMeanRows, head_mean_rows
from betrayed.errors import UserError
from support.blocks import new_block

PARAMETERS = {
    "norm1.weight", "norm1.bias", "attn.qkv.weight", "attn.proj.weight", "attn.proj.bias",
    "norm2.weight", "norm2.bias", "mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight",
    "mlp.fc2.bias",
}  # fmt: skip


def release_file(path, block, **extra):
    weights = {f"temporal_transformer.0.{k}": v for k, v in block.state_dict().items()}
    weights["encoder.cls_token"] = torch.zeros(1, 1, block.dim)
    weights.update(extra)
    torch.save({"iteration": 7, "model_state_dict": weights}, path)
    return path


def test_parameters_are_those_of_the_method():
    block = new_block(384)
    assert set(dict(block.named_parameters())) == PARAMETERS
    assert sum(p.numel() for p in block.parameters()) == pytest.approx(1.77e6, rel=0.01)


def test_queries_and_keys_are_unscaled_norm1_and_qkv():
    block = new_block(12, heads=3).eval()
    tokens = torch.randn(2, 5, 12)
    queries, keys = block.queries_keys(tokens)
    assert queries.shape == keys.shape == (2, 3, 5, 4)
    plain = block.norm1(tokens) @ block.attn.qkv.weight.T
    torch.testing.assert_close(queries[1, 2, 4], plain[1, 4, 8:12])
    torch.testing.assert_close(keys[1, 2, 4], plain[1, 4, 20:24])


def test_evaluation_is_without_dropout_and_training_is_not():
    block = new_block(12, heads=3)
    clip = torch.randn(2, 5, 12), torch.randn(2, 12)
    tokens = torch.arange(10)
    block.eval()
    z, attention = block(*clip)
    torch.testing.assert_close(block(*clip)[0], z)
    rows = attention.rows(tokens)
    assert rows.shape == (10, 2, 5)
    assert (rows.sum((1, 2)) < 1).all()  # the class tokens took their part
    block.train()
    dropped_z, dropped = block(*clip)
    assert not torch.allclose(dropped_z, z)
    assert (dropped.rows(tokens) == 0).any()


@pytest.mark.parametrize("output", ["key", "attention"])
def test_dropout_keeps_expectations(output):
    torch.manual_seed(0)
    block = new_block(8, heads=2, dropout=0.0, output_dropout=output)
    tokens = torch.randn(16, 8)
    block.eval()
    plain, attention = block.attn(tokens, 2)
    rows = attention.rows(torch.arange(4))
    block.train()
    draws = [block.attn(tokens, 2) for _ in range(3000)]
    mean = torch.stack([z for z, _ in draws]).mean(0)
    mean_rows = torch.stack([a.rows(torch.arange(4)) for _, a in draws]).mean(0)
    torch.testing.assert_close(mean, plain, atol=0.03, rtol=0)
    torch.testing.assert_close(mean_rows, rows, atol=0.005, rtol=0)


def test_the_output_attends_to_kept_tokens_only(monkeypatch):
    torch.manual_seed(0)
    block = new_block(8, heads=2, dropout=0.0)
    tokens = torch.randn(12, 8)
    chosen = torch.stack([torch.randperm(12)[:7] for _ in range(2)])
    monkeypatch.setattr(
        "betrayed.block.block.drop_tokens",
        lambda *given: tuple(x[torch.arange(2).unsqueeze(1), chosen] for x in given[:2]),
    )
    queries, keys, values = block.attn.qkv(tokens).view(12, 3, 2, 4).permute(1, 2, 0, 3)
    dropped = torch.full((2, 1, 12), -torch.inf).scatter(2, chosen.unsqueeze(1), 0.0)
    plain = (queries @ keys.mT / 4**0.5 + dropped).softmax(-1) @ values
    plain = block.attn.proj(plain.transpose(0, 1).flatten(1))
    torch.testing.assert_close(block.attn(tokens, 2)[0], plain)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("masked", [True, False])
def test_rows_and_their_gradients(masked, together, monkeypatch):
    """Head by head, and all heads together as on a GPU."""
    torch.manual_seed(0)
    if together:
        monkeypatch.setattr("betrayed.block.rows._HeadMeanRows", _AllHeadsMeanRows)
    monkeypatch.setattr("betrayed.block.rows._BLOCK_CPU", 20)  # several blocks
    queries = torch.randn(2, 7, 3, dtype=torch.float64, requires_grad=True)
    keys = torch.randn(2, 9, 3, dtype=torch.float64, requires_grad=True)
    keep = torch.rand(2, 7, 6) > 0.4 if masked else None
    rows = head_mean_rows(queries, keys, 6, keep, 1.5)
    plain = (queries @ keys.mT / 3**0.5).softmax(-1)[..., :6] * (1 if keep is None else keep)
    torch.testing.assert_close(rows, plain.mean(0) * 1.5)
    assert torch.autograd.gradcheck(
        lambda q, k: head_mean_rows(q, k, 6, keep, 1.5), (queries, keys)
    )


def test_mixed_precision_keeps_rows_exact():
    block = new_block(16, heads=2)
    with torch.autocast("cpu", torch.bfloat16):
        z, attention = block(torch.randn(2, 6, 16), torch.randn(2, 16))
    rows = attention.rows(torch.arange(3))
    assert rows.dtype == torch.float32
    (z.float().sum() + rows.square().sum()).backward()
    assert all(p.grad is not None for p in block.parameters())


def test_release_checkpoint_round_trip(tmp_path):
    torch.manual_seed(0)
    block = new_block(16, heads=8).eval()
    path = release_file(tmp_path / "release.pth", block)
    loaded, info = load_block(path)
    tokens = torch.randn(2, 5, 16)
    for mine, theirs in zip(loaded.queries_keys(tokens), block.queries_keys(tokens), strict=True):
        assert torch.equal(mine, theirs)
    assert not loaded.training
    assert torch.equal(loaded.attn.qkv.weight, block.attn.qkv.weight)
    assert info == {"settings": {}, "features": {}, "step": 7, "dim": 16, "heads": 8}


def test_unfit_checkpoints_are_refused(tmp_path):
    block = new_block(16, heads=8)
    prefix = "temporal_transformer.0."
    with pytest.raises(UserError, match=re.escape("attn.rel_pos")):
        extra = {prefix + "attn.rel_pos": torch.zeros(3)}
        load_block(release_file(tmp_path / "extra.pth", block, **extra))
    weights = {prefix + k: v for k, v in block.state_dict().items() if k != "mlp.fc2.bias"}
    torch.save({"model_state_dict": weights}, tmp_path / "short.pth")
    with pytest.raises(UserError, match=re.escape("mlp.fc2.bias")):
        load_block(tmp_path / "short.pth")
    torch.save({"model_state_dict": {"encoder.x": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="no trained block"):
        load_block(tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(UserError, match="model_state_dict"):
        load_block(tmp_path / "list.pth")
    with pytest.raises(UserError, match="does not exist"):
        load_block(tmp_path / "none.pth")


@pytest.mark.parametrize("size", [0, 10, 3000])
def test_damaged_checkpoints_are_refused(tmp_path, size):
    path = release_file(tmp_path / "release.pth", new_block(16))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match="damaged"):
        load_block(path)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="heads"):
        new_block(10, heads=4)
    with pytest.raises(UserError, match="output_dropout"):
        new_block(8, heads=4, output_dropout="none")
