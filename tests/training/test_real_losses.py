"""Both losses on features of a ViT, as a training clip has them, against the plain version."""

import dataclasses

import pytest
import torch

from betrayed.features.backbone import Backbone, resize_frames
from betrayed.synthetic.film import SyntheticSettings, render_clip
from betrayed.training.losses import LossSettings, clip_losses
from support import naive_losses
from support.blocks import new_block

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clip(package):
    """DINOv2's tokens of three made frames: (T, N, D) and (T, D)."""
    frames = [frame for frame, _ in render_clip(0, SyntheticSettings(frames=3))]
    backbone = Backbone("vit_small_patch14_dinov2.lvd142m", package)
    return backbone.extract(backbone.normalise(resize_frames(frames, 224, 392)))[:2]


@pytest.mark.parametrize(("sharpness", "rate"), [(1.0, 0.0), (3.0, 0.0), (3.0, 0.4)])
def test_losses_on_real_features_agree_with_the_plain_version(clip, sharpness, rate):
    torch.manual_seed(0)
    settings = LossSettings()
    block = new_block(clip[0].shape[-1], dropout=0.0, attention_dropout=0.0)
    with torch.no_grad():
        block.attn.qkv.weight[: 2 * block.dim] *= sharpness  # rows as before and after training
    frames, count, _ = clip[0].shape
    positions = torch.randperm(count)[: settings.queries]
    whole = frames * (count + 1)
    keep = torch.rand(block.heads, whole, whole) >= rate
    is_patch = naive_losses.interleave(*clip)[1]
    among_patches = keep[:, is_patch][:, :, is_patch]
    factor = 1 / (1 - rate)

    with torch.no_grad():
        z, attention = block(*clip)
        attention = dataclasses.replace(
            attention, draw=lambda tokens: (among_patches[:, tokens], factor)
        )
        plain_z, plain_map = naive_losses.full_map(block, *clip, lambda a: a * keep * factor)
        mine = clip_losses(z, attention.rows, positions, settings)
        if rate > 0:  # the map's dropout is none of the library's output
            plain_z = z
        torch.testing.assert_close(z, plain_z, atol=1e-5, rtol=0)
        semantic = naive_losses.semantic(
            plain_z, plain_map, positions, settings.positives, settings.negatives
        )
        motion, _ = naive_losses.motion(
            plain_map, positions, settings.frame_positives, settings.frame_negatives
        )
    torch.testing.assert_close(mine.semantic, semantic, atol=1e-5, rtol=0)
    torch.testing.assert_close(mine.motion, motion, atol=1e-5, rtol=0)
