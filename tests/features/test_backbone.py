"""The backbone against features computed by hand from the model's own parts."""

from itertools import chain

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.transforms.v2 import functional as images_to

from betrayed.errors import UserError
from betrayed.features.backbone import Backbone, projection, resize_frames
from betrayed.features.vit import create_vit
from betrayed.features.weight_fetching import WeightsSettings, fetch_weights

DEEP = "vit_small_patch16_36x1_224"
# One of each form: no registers; registers; fused qkv with its bias inside, beside, or without;
# few blocks and many; positions that are learnt for each block. Patch size, tokens before patches.
NAMES = {
    "vit_small_patch8_224.dino": (8, 1),
    "vit_small_patch16_224.dino": (16, 1),
    "vit_small_patch14_dinov2.lvd142m": (14, 1),
    "vit_small_patch14_reg4_dinov2.lvd142m": (14, 5),
    "vit_small_patch16_dinov3.lvd1689m": (16, 5),
    "vit_tiny_patch16_dinov3_qkvb.eupe_lvd1689m": (16, 5),
    "test_vit.r160_in1k": (16, 1),
    DEEP: (16, 1),
    "vit_small_patch16_rope_mixed_224.naver_in1k": (16, 1),
}


def randomised(name: str, **options) -> Backbone:
    """A backbone in which every parameter matters: timm starts many of them at zero."""
    backbone = Backbone(name, **options)
    torch.manual_seed(0)
    for parameter in backbone.model.parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.1)
    return backbone


def by_hand(model: nn.Module, images: torch.Tensor, layer: int) -> tuple[torch.Tensor, ...]:
    """Input and output (B, P + N, D) of one block, block by block."""
    x = model._pos_embed(model.patch_embed(images))
    rope = [None] * len(model.blocks)
    if isinstance(x, tuple):  # DINOv3: rotary positions go to every block, mixed ones are its own
        x, rotary = x
        rope = rotary if model.rope_mixed else [rotary] * len(model.blocks)
    x = model.norm_pre(x)
    for block, own in list(zip(model.blocks, rope, strict=True))[: layer + 1]:
        before, x = x, block(x) if own is None else block(x, rope=own)
    return before, x


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=pytest.mark.slow if one == DEEP else ()) for one in NAMES]
)
def test_facets_agree_with_the_models_own_parts(name):
    patch, prefix = NAMES[name]
    backbone = randomised(name)
    model, block = backbone.model, backbone.model.blocks[-1]
    assert (backbone.patch_size, backbone.prefix_tokens) == ((patch, patch), prefix)
    assert backbone.grid(4 * patch, 5 * patch) == (4, 5)
    images = torch.randn(2, 3, 4 * patch, 5 * patch)
    with torch.inference_mode():
        before, after = by_hand(model, images, len(model.blocks) - 1)
        final = model.forward_features(images)
        normed = block.norm1(before)
        width = model.embed_dim
        for place, facet in enumerate(("query", "key", "value")):
            expected = normed @ block.attn.qkv.weight[place * width : (place + 1) * width].T
            if getattr(block.attn, "q_bias", None) is not None:
                bias = (block.attn.q_bias, torch.zeros(width), block.attn.v_bias)[place]
                expected = expected + bias
            elif block.attn.qkv.bias is not None:
                expected = expected + block.attn.qkv.bias[place * width : (place + 1) * width]
            backbone.facet = facet
            patches, classes, attention = backbone.extract(images)
            torch.testing.assert_close(
                attention, class_attention_by_hand(block.attn, normed)[:, prefix:]
            )
            assert patches.shape == (2, 20, backbone.dim) and classes.shape == (2, width)
            torch.testing.assert_close(patches, expected[:, prefix:], rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(classes, after[:, 0], rtol=1e-4, atol=1e-4)
        backbone.facet = "token"
        patches, classes, _ = backbone.extract(images)
        torch.testing.assert_close(patches, final[:, prefix:])
        torch.testing.assert_close(classes, final[:, 0])
    assert patches.std() > 0.01


def class_attention_by_hand(attention, normed):
    """What the class token gives to every token, head by head."""
    width, heads = normed.shape[-1], attention.num_heads
    query, _ = projection(attention, "query")
    key, _ = projection(attention, "key")
    biases = [projection(attention, facet)[1] for facet in ("query", "key")]
    queries = normed @ query.T + (biases[0] if biases[0] is not None else 0)
    keys = normed @ key.T + (biases[1] if biases[1] is not None else 0)
    size = width // heads
    total = torch.zeros(normed.shape[:2])
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        logits = (queries[:, :1, own] * keys[:, :, own]).sum(-1) / size**0.5
        total += logits.exp() / logits.exp().sum(-1, keepdim=True)
    return total / heads


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_file_gives_the_whole_model(name, tmp_path):
    torch.manual_seed(0)
    drawn = create_vit(name).eval()
    torch.save(drawn.state_dict(), tmp_path / "drawn.pth")
    fetch_weights(
        WeightsSettings(name, "file", str(tmp_path / "drawn.pth")), tmp_path / "w.safetensors"
    )
    loaded = Backbone(name, tmp_path / "w.safetensors").model
    images = torch.randn(1, 3, 3 * NAMES[name][0], 4 * NAMES[name][0])
    with torch.inference_mode():
        assert torch.equal(loaded.forward_features(images), drawn.forward_features(images))
    ours = dict(chain(loaded.named_parameters(), loaded.named_buffers()))
    for one, value in chain(drawn.named_parameters(), drawn.named_buffers()):
        assert torch.equal(ours.pop(one), value), one
    assert not ours


def test_an_earlier_layer_is_what_leaves_that_block():
    name = "vit_small_patch16_224.dino"
    backbone = randomised(name, layer=-3)
    assert len(backbone.model.blocks) == 10
    images = torch.randn(1, 3, 32, 48)
    with torch.inference_mode():
        _, after = by_hand(backbone.model, images, 9)
        expected = backbone.model.norm(after)
    patches, classes, _ = backbone.extract(images)
    torch.testing.assert_close(patches, expected[:, 1:])
    torch.testing.assert_close(classes, expected[:, 0])
    with pytest.raises(UserError, match="12 blocks: layer must be -12 to 11, not 12"):
        Backbone(name, layer=12)


def test_separate_projections_are_found():
    attention = nn.Module()
    attention.qkv = None
    attention.q_proj, attention.k_proj = nn.Linear(4, 4), nn.Linear(4, 4, bias=False)
    assert projection(attention, "query")[1] is attention.q_proj.bias
    weight, bias = projection(attention, "key")
    assert weight is attention.k_proj.weight and bias is None


def test_patches_run_row_by_row():
    backbone = Backbone("vit_small_patch16_224.dino", layer=0)
    model = backbone.model
    model.pos_embed.zero_()
    images = torch.zeros(1, 3, 32, 48)
    images[:, :, 16:, :16] = 1  # second row, first column of a 2 × 3 grid
    with torch.inference_mode():
        patches = model.patch_embed(images).flatten(1, 2)[0]  # (6, D)
    odd = (patches - patches.median(dim=0).values).abs().sum(-1)
    assert odd.argmax() == 3


def test_normalisation_comes_from_the_model():
    dino = Backbone("vit_small_patch16_224.dino", layer=0)
    assert dino.mean == (0.485, 0.456, 0.406) and dino.std == (0.229, 0.224, 0.225)
    flat = torch.full((1, 3, 2, 2), 0.5)
    expected = [(0.5 - m) / s for m, s in zip(dino.mean, dino.std, strict=True)]
    assert dino.normalise(flat)[0, :, 0, 0].tolist() == pytest.approx(expected)
    images = torch.rand(2, 3, 5, 7)
    kept = images.clone()
    assert torch.equal(dino.normalise(images), images_to.normalize(images, dino.mean, dino.std))
    assert torch.equal(images, kept)


def test_a_size_that_is_no_multiple_names_the_nearest():
    backbone = Backbone("vit_small_patch16_224.dino", layer=0)
    with pytest.raises(UserError, match=r"height 40 is no multiple of 16.* to 32 or 48"):
        backbone.grid(40, 48)
    with pytest.raises(UserError, match=r"width 7 is no multiple of 16.* to 16 or 32"):
        backbone.extract(torch.zeros(1, 3, 32, 7))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vit_small_patch14_dinov2.lvd142", r"no weights.*vit_small_patch14_dinov2\.lvd142m"),
        ("vit_smal_patch8_224.dino", r"no ViT of that name.*vit_small_patch8_224\.dino"),
        ("resnet50", "it is no ViT"),
        ("vit_wee_patch16_reg1_gap_256", "no class token"),
    ],
)
def test_names_that_cannot_be_used(name, message):
    with pytest.raises(UserError, match=message):
        create_vit(name)


def test_an_unknown_facet_is_refused():
    with pytest.raises(UserError, match="no facet 'keys'"):
        Backbone("vit_small_patch16_224.dino", facet="keys")


def test_frames_are_resized_whole_and_stay_in_range():
    frames = np.zeros((2, 48, 96, 3), np.uint8)
    frames[:, :, 48:] = (255, 128, 0)
    images = resize_frames(list(frames), 28, 56)
    assert images.shape == (2, 3, 28, 56) and images.dtype == torch.float32
    assert images.min() >= 0 and images.max() <= 1
    torch.testing.assert_close(images[0, :, 14, 50], torch.tensor([1, 128 / 255, 0]))
    assert images[0, :, 14, 5].max() == 0
    corner = frames[0, :28, 20:76]
    same = resize_frames([corner], 28, 56)
    assert torch.equal(resize_frames(torch.from_numpy(frames), 28, 56), images)
    torch.testing.assert_close(same[0], torch.from_numpy(corner).permute(2, 0, 1) / 255)
    assert F.mse_loss(images[0], images[1]) == 0


@pytest.mark.parametrize(
    "name", ["vit_small_patch16_224.dino", "vit_small_patch16_dinov3.lvd1689m"]
)
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_stays_near(name, precision):
    images = torch.rand(2, 3, 48, 64)
    torch.manual_seed(0)
    exact, half = Backbone(name, layer=3), Backbone(name, layer=3, precision=precision)
    half.model.load_state_dict(exact.model.state_dict())
    assert (exact.precision, half.precision) == ("float32", precision)
    for one, other in zip(exact.extract(images), half.extract(images), strict=True):
        assert other.dtype == torch.float32
        torch.testing.assert_close(other, one, rtol=0.1, atol=0.03)
        assert not torch.equal(other, one)


@pytest.mark.parametrize(
    "name", ["vit_small_patch16_224.dino", "vit_small_patch16_dinov3.lvd1689m"]
)
def test_class_attention_in_float16_bears_large_queries_and_keys(name):
    """Sums of products up to 150,000, which float16 does not hold; scaled they are below 20,000."""
    backbone = Backbone(name, layer=0, precision="float16")
    own = backbone.model.blocks[0].attn
    torch.manual_seed(0)
    normed = torch.randn(1, 20, own.qkv.weight.shape[1])
    with torch.inference_mode():
        query, keys = (
            F.linear(tokens, projection(own, facet)[0]).unflatten(-1, (own.num_heads, -1))
            for tokens, facet in ((normed[:, :1], "query"), (normed, "key"))
        )
        largest = torch.einsum("bqhd,bnhd->bhn", query, keys).abs().max()
        own.qkv.weight.mul_((150_000 / largest).sqrt())
        with backbone.in_precision():
            attention = backbone._class_attention(normed)
    assert torch.isfinite(attention).all()
    logits = torch.einsum("bqhd,bnhd->bhn", query.double(), keys.double()) * 150_000 / largest / 8
    expected = logits.softmax(-1).mean(1)[:, backbone.prefix_tokens :]
    torch.testing.assert_close(attention.double(), expected, atol=1e-3, rtol=0)


def test_float32_is_no_tf32():
    """Whatever a container has switched on; convolutions have TF32 on by PyTorch's default."""
    backbone, seen = Backbone("vit_small_patch16_224.dino", layer=0), []
    backbone.model.patch_embed.register_forward_hook(
        lambda *_: seen.append(torch.backends.cudnn.conv.fp32_precision)
    )
    assert torch.backends.cudnn.conv.fp32_precision == "tf32"
    backbone.extract(torch.rand(1, 3, 32, 32))
    assert seen == ["ieee"]
    assert torch.backends.cudnn.conv.fp32_precision == "tf32"
