"""One inference pass on features of a ViT - norm, queries, keys, clustering - the plain way."""

import numpy as np
import pytest
import torch

from betrayed.clustering.clustering import hierarchical_clustering, key_frames
from betrayed.features.backbone import Backbone, resize_frames
from betrayed.synthetic.film import SyntheticSettings, render_clip
from support import naive_clustering
from support.blocks import new_block

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tokens(package):
    """DINOv2's tokens of five made frames, (T, N, D)."""
    frames = [frame for frame, _ in render_clip(0, SyntheticSettings(frames=5))]
    backbone = Backbone("vit_small_patch14_dinov2.lvd142m", package)
    return backbone.extract(backbone.normalise(resize_frames(frames, 84, 154)))[0]


@pytest.fixture(scope="module")
def block(tokens):
    """A block whose attention is as sharp as after training."""
    torch.manual_seed(0)
    block = new_block(tokens.shape[-1]).eval()
    with torch.no_grad():
        block.attn.qkv.weight[: 2 * block.dim] *= 6
        block.norm1.weight.uniform_(0.5, 1.5)
        block.norm1.bias.uniform_(-0.5, 0.5)
    return block


def plain_queries_keys(block, tokens):
    """Queries and keys (T, heads, N, d) in float64, one token and head after another."""
    state = {name: value.double().numpy() for name, value in block.state_dict().items()}
    weight = state["attn.qkv.weight"]
    frames, count, dim = tokens.shape
    width = dim // block.heads
    found = np.zeros((2, frames, block.heads, count, width))
    for t, frame in enumerate(tokens.double().numpy()):
        for n, token in enumerate(frame):
            deviation = np.sqrt(((token - token.mean()) ** 2).mean() + block.norm1.eps)
            normed = (token - token.mean()) / deviation
            normed = normed * state["norm1.weight"] + state["norm1.bias"]
            for kind in range(2):
                for head in range(block.heads):
                    first = kind * dim + head * width
                    found[kind, t, head, n] = weight[first : first + width] @ normed
    return found


@pytest.mark.parametrize("tau", [0.02, 0.3, 1.0])
def test_an_inference_pass_on_real_features_agrees_with_the_plain_one(block, tokens, tau):
    queries, keys = plain_queries_keys(block, tokens)
    chosen = list(key_frames(len(tokens), 3))
    labels, centres = naive_clustering.naive_clustering(queries, keys[chosen], tau)
    with torch.inference_mode():
        mine = block.queries_keys(tokens)
    found = hierarchical_clustering(mine[0], mine[1][chosen], tau=tau, window=3)
    assert labels.max() > 0, "one cluster tells nothing"
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.centres, centres, atol=1e-5)
