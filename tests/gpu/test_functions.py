"""Every torch function of the library on a GPU and on a CPU, with the same input."""

import numpy as np
import pytest
import torch

import betrayed.clustering.clustering
from betrayed.block.dropout import drop_tokens, keep_mask
from betrayed.block.rows import attention_rows, head_mean_rows
from betrayed.clustering.bounds import Directions, Projection, bounds, directions, project
from betrayed.clustering.clustering import hierarchical_clusterings
from betrayed.clustering.divergence import EPSILON, paired_divergences
from betrayed.clustering.fusing import kernels_for
from betrayed.clustering.mean_shift import SharedSums
from betrayed.clustering.memory import Budget
from betrayed.clustering.row_parts import StoredRows, stored_attention_rows
from betrayed.config.training import LossSettings, TrainSettings
from betrayed.engine.determinism import deterministic_algorithms
from betrayed.engine.precision import exact_float32
from betrayed.features.augmentation import augment, draw_view
from betrayed.features.backbone import Backbone, resize_frames
from betrayed.io.chunks import with_checksums
from betrayed.training.clip_steps import ClipSteps
from betrayed.training.clips import LoadedClip
from betrayed.training.losses import clip_losses
from support.blocks import new_block
from support.made_attention import made_attention

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
TAUS = (0.02, 0.05, 0.1, 0.3, 1.0, 3.0)


@pytest.fixture
def tf32():
    """TF32 is switched on, as in many containers."""
    torch.set_float32_matmul_precision("high")
    yield
    torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("kept", [True, False])
def test_clustering_has_the_same_labels_at_six_taus(device, tf32, kept, monkeypatch):
    """Rows kept, and rows made again wherever they are read; with products that may be TF32."""
    grid, frames = ((12, 20), 16) if device.type == "cuda" else ((4, 6), 7)
    queries = made_attention(frames, grid)
    keys = queries[::4]
    expected = hierarchical_clusterings(queries, keys, taus=TAUS, window=3, device=CPU)
    if not kept:
        monkeypatch.setattr(betrayed.clustering.clustering, "Budget", NothingKept)
    found = hierarchical_clusterings(queries, keys, taus=TAUS, window=3, device=device)
    assert len({len(one.centres) for one in expected}) > 3, "the same partition tells nothing"
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.fragments, other.fragments)
        np.testing.assert_allclose(one.centres, other.centres, atol=1e-6)


@pytest.mark.gpu
def test_kernels_agree_with_torch_on_a_cpu(gpu, tf32):
    kernels = kernels_for(gpu)
    assert kernels is not None, "nothing is compared"
    wide = torch.rand(40, 9000, generator=torch.Generator().manual_seed(0))
    wide[:, 500:8500].mul_(8).exp_().div_(wide[:, 500:8500].sum(dim=1, keepdim=True))
    wide[0, 500:505] = 0
    part, on_gpu = wide[:, 500:8500], wide.to(gpu)[:, 500:8500]
    first, second = torch.triu_indices(40, 40, 1)
    expected = paired_divergences(StoredRows(part.contiguous()), first, second)
    found = torch.zeros(len(first), device=gpu)
    kernels.add_paired_divergences(on_gpu, first.to(gpu), second.to(gpu), EPSILON, found)
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-5, atol=1e-6)
    reference = part.mean(dim=0)
    onto = Directions(reference, torch.eye(8000, 3))
    expected = project(StoredRows(part.contiguous()), onto)
    onto = Directions(*(one.to(gpu) for one in vars(onto).values()))
    with exact_float32(gpu):
        found = project(StoredRows(on_gpu), onto)
    for name, one in vars(expected).items():
        torch.testing.assert_close(getattr(found, name).cpu(), one, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", [torch.float16, torch.float32])
def test_attention_rows_of_kernels_are_those_of_a_cpu(gpu, tf32, precision):
    queries = made_attention(2, (20, 30)).to(precision)  # (2, 8, 600, 48)
    tokens = queries[:1, :, :500].transpose(1, 2).flatten(0, 1)
    into = torch.empty(500, 1300, device=gpu)[:, 50:1250]
    keys = queries.to(gpu).transpose(0, 1).contiguous().transpose(0, 1)
    found = stored_attention_rows(tokens.to(gpu), keys, into).values
    torch.testing.assert_close(found.cpu(), attention_rows(tokens, queries), rtol=2e-5, atol=0)


@pytest.mark.gpu
def test_projections_of_long_rows_keep_the_precision_of_float32(gpu, tf32):
    """Tensor cores cut off what they add to, which tells where there are many columns."""
    draw = torch.Generator().manual_seed(0)
    rows = (torch.randn(200, 9, generator=draw) @ torch.randn(9, 20_000, generator=draw)).softmax(1)
    onto = directions(rows[::2], 100, 1e-6)
    exact = project(
        StoredRows(rows.double()), Directions(*(v.double() for v in vars(onto).values()))
    )
    found = project(StoredRows(rows.to(gpu)), Directions(*(v.to(gpu) for v in vars(onto).values())))
    for name in ("rows", "logs"):
        expected = getattr(exact, name)
        off = (getattr(found, name).cpu() - expected).norm() / expected.norm()
        assert off < 2e-6, f"{name} are off by {off:.1e}"


@pytest.mark.gpu
def test_sums_and_bounds_of_kernels_are_those_of_a_cpu(gpu, tf32):
    kernels = kernels_for(gpu)
    draw = torch.Generator().manual_seed(0)
    near = torch.rand(300, 1000, generator=draw) < 0.3
    near[:100, :400] = True
    rows = torch.rand(1000, 700, generator=draw) ** 8
    order = torch.randperm(300, generator=draw).numpy()
    blocks = [order[part::7] for part in range(7)]
    expected = SharedSums(near, blocks).means(rows)
    found = kernels.SharedSums(near.to(gpu), blocks).means(rows.to(gpu))
    torch.testing.assert_close(found.cpu(), expected, rtol=5e-6, atol=0)
    rows = torch.randn(1000, 9, generator=draw) @ torch.randn(9, 700, generator=draw)
    rows = (rows / 4).softmax(dim=1)
    projection = project(StoredRows(rows), directions(rows[::4], 30, 1e-3))
    on_gpu = Projection(*(one.to(gpu) for one in vars(projection).values()))
    lower, upper = bounds(projection, projection)
    tau = upper.median().item()
    near, pairs = kernels.near_and_open(tau, on_gpu)
    assert torch.equal(near, near.T) and near.diagonal().all()
    # TF32 in three parts is not to the last bit what float32 is: who is close to tau may differ.
    slack = 2e-6 * (projection.products[:, None] + projection.products)
    clear = (upper - tau).abs() > slack
    assert torch.equal(near.cpu() & clear, (upper <= tau).fill_diagonal_(True) & clear)
    found = torch.zeros(1000, 1000, dtype=torch.bool)
    found[pairs[:, 0].cpu(), pairs[:, 1].cpu()] = True
    clear &= (lower - tau).abs() > slack
    left_open = (lower <= tau) & (upper > tau)
    assert clear.float().mean() > 0.99 and left_open.sum() > 100 < (lower > tau).sum()
    assert torch.equal(found & clear, left_open.triu(1) & clear)
    first, second = torch.arange(5, 105), torch.arange(900, 100, -1)
    near, pairs = kernels.near_and_open_of(first.to(gpu), second.to(gpu), tau, on_gpu)
    clear = clear[first][:, second]
    assert torch.equal(near.cpu() & clear, (upper <= tau)[first][:, second] & clear)
    found = torch.zeros(near.shape, dtype=torch.bool)
    found[pairs[:, 0].cpu(), pairs[:, 1].cpu()] = True
    assert torch.equal(found & clear, left_open[first][:, second] & clear)


def test_checksums_are_those_of_a_cpu(device):
    given = torch.randn(3, 2800, 384, generator=torch.Generator().manual_seed(0)).half()
    torch.testing.assert_close(with_checksums(given.to(device)).cpu(), with_checksums(given))


class NothingKept(Budget):
    """As where memory does for no window's rows."""

    def __init__(self, *given):
        super().__init__(*given)
        self.copies = 0


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 1e-3), ("float16", 2e-2), ("bfloat16", 1e-1)]
)
@pytest.mark.parametrize(
    ("name", "facet"),
    [
        ("vit_tiny_patch16_224.augreg_in21k", "key"),
        ("vit_small_patch14_dinov2.lvd142m", "token"),
        ("vit_small_patch16_dinov3.lvd1689m", "query"),
    ],
)
def test_features_agree_within_their_precision(device, tf32, name, facet, precision, tolerance):
    torch.manual_seed(0)
    exact = Backbone(name, device=CPU, facet=facet, layer=3, precision="float32")
    found = Backbone(name, device=device, facet=facet, layer=3, precision=precision)
    found.model.load_state_dict(exact.model.state_dict())
    images = torch.rand(8, 3, *(4 * side for side in exact.patch_size))
    # On a GPU the second full batch is recorded, and one that is not full is filled up.
    for some in (images[:3], images[3:6], images[6:]):
        for one, other in zip(exact.extract(some), found.extract(some), strict=True):
            assert other.dtype == torch.float32 and other.device.type == device.type
            scale = one.abs().mean()
            assert (other.cpu() - one).abs().mean() < tolerance * scale
    if device.type == "cuda" and "dinov3" not in name:
        assert found._recorder._recording is not None


def test_resizing_and_augmentation_agree(device):
    frames = torch.randint(0, 256, (2, 60, 100, 3), dtype=torch.uint8)
    plain, found = (resize_frames(frames.to(where), 32, 48) for where in (CPU, device))
    torch.testing.assert_close(found.cpu(), plain, atol=1e-4, rtol=0)
    for number in range(6):
        view = draw_view(0, "bear", number)
        one, other = augment(plain, view), augment(plain.to(device), view)
        assert (other.cpu() - one).abs().mean() < 1e-3, number


def test_rows_and_their_gradients_agree(device, tf32):
    torch.manual_seed(0)
    queries, keys = torch.randn(2, 30, 16), torch.randn(2, 50, 16)
    keep = torch.rand(2, 30, 40) > 0.4
    results = []
    for where in (CPU, device):
        q, k = (one.to(where).requires_grad_() for one in (queries, keys))
        with exact_float32(where):
            rows = head_mean_rows(q, k, 40, keep.to(where), 1 / 0.6)
            gradients = torch.autograd.grad(rows.square().sum(), [q, k])
        results.append([one.detach().cpu() for one in (rows, *gradients)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-4)
    with exact_float32(device):
        rows = attention_rows(queries.transpose(0, 1).to(device), keys[None].to(device))
    expected = attention_rows(queries.transpose(0, 1), keys[None])
    torch.testing.assert_close(rows.cpu(), expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("output_dropout", ["key", "attention"])
def test_losses_and_gradients_agree(device, tf32, output_dropout):
    torch.manual_seed(0)
    block = new_block(32, 4, 4.0, 0.0, 0.0, output_dropout)
    with torch.no_grad():
        block.attn.qkv.weight.mul_(6)
    clip = torch.randn(3, 40, 32), torch.randn(3, 32), torch.randperm(40)[:4]
    settings = LossSettings(positives=5, negatives=20, frame_positives=3, frame_negatives=10)
    results = []
    for where in (CPU, device):
        block.to(where).zero_grad()
        patch_tokens, class_tokens, positions = (one.to(where) for one in clip)
        with exact_float32(where):
            z, attention = block(patch_tokens, class_tokens)
            losses = clip_losses(z, attention.rows, positions, settings)
            losses.total.backward()
        gradients = [p.grad.cpu().clone() for p in block.parameters()]
        results.append([losses.total.detach().cpu(), losses.entropy.cpu(), *gradients])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-3)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "mixed"])
def test_a_recorded_step_gives_what_the_step_gives(gpu, precision):
    """For clips of two shapes in turn, with dropout and with gradients that are there already."""
    settings = TrainSettings(
        heads=4, clips_per_step=3, positives=5, negatives=20, frame_positives=3, frame_negatives=9
    )
    with deterministic_algorithms(), exact_float32(gpu):
        block = new_block(32, 4, dropout=0.1, attention_dropout=0.4).to(gpu).train()
        plain, recorded = (
            ClipSteps(block, settings, precision, record) for record in (False, True)
        )
        torch.manual_seed(0)
        shapes = [(3, 40), (3, 40), (2, 60), (3, 40)]
        clips = [
            LoadedClip(0, seed, torch.randn(t, n, 32), torch.randn(t, 32), torch.randperm(n)[:8])
            for seed, (t, n) in enumerate(shapes)
        ]
        found = []
        for steps in (plain, recorded):
            block.zero_grad(set_to_none=True)
            values = [steps.add(clip).clone() for clip in clips]
            found.append([*values, *(p.grad.clone() for p in block.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-4)


def test_mixed_precision_stays_near(device):
    torch.manual_seed(0)
    block = new_block(32, 4, dropout=0.0, attention_dropout=0.0).to(device)
    clip = torch.randn(3, 40, 32, device=device), torch.randn(3, 32, device=device)
    exact = block(*clip)[0]
    with torch.autocast(device.type, torch.bfloat16):
        z, attention = block(*clip)
    torch.testing.assert_close(z.float(), exact, atol=0.1, rtol=0.05)
    assert attention.queries.dtype == torch.float32


def test_dropout_drops_its_part(device):
    keep, factor = keep_mask((40, 500), 0.4, device)
    assert keep.device.type == device.type
    assert (keep.float().mean() * factor).item() == pytest.approx(1, abs=0.05)
    keys = torch.randn(3, 100, 8, device=device)
    kept, values = drop_tokens(keys, keys, 0.4)
    assert kept.shape == (3, 60, 8) and torch.equal(kept, values)
    block = new_block(32, 4).to(device).train()
    block(torch.randn(3, 40, 32, device=device), torch.randn(3, 32, device=device))[0].sum()
