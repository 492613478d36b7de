"""The ViT out of an ONNX file, on a small one made as the exporter makes it."""

import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from timm.models.vision_transformer import VisionTransformer

from betrayed.features.onnx_weights import vit_state_dict


def test_onnx_weights_are_traced_through_the_graph(tmp_path):
    """A small ViT, taken apart as the exporter does: anonymous transposed weights."""
    torch.manual_seed(0)
    model = VisionTransformer(
        img_size=6, patch_size=2, embed_dim=4, depth=2, num_heads=2, num_classes=0, init_values=1.0
    )
    state = {name: torch.randn_like(one) for name, one in model.state_dict().items()}
    onnx.save(exported(state, depth=2), tmp_path / "small.onnx")
    found = vit_state_dict(tmp_path / "small.onnx")
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_another_graph_is_refused(tmp_path):
    state = {"blocks.0.norm1.weight": torch.zeros(4)}
    arrays = [numpy_helper.from_array(state["blocks.0.norm1.weight"].numpy(), "backbone.other")]
    graph = helper.make_graph([], "other", [], [], arrays)
    onnx.save(helper.make_model(graph), tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="no ViT under 'backbone"):
        vit_state_dict(tmp_path / "other.onnx")


def exported(state: dict[str, torch.Tensor], depth: int) -> onnx.ModelProto:
    constants = {"decoder.upconv.bias": torch.zeros(3)}
    nodes = []

    def linear(name: str, weight: torch.Tensor, bias: torch.Tensor) -> None:
        anonymous = f"onnx::MatMul_{len(nodes)}"
        constants[anonymous] = weight.T
        constants[f"{name}.bias"] = bias
        nodes.append(helper.make_node("MatMul", ["x", anonymous], [f"{name}.product"]))
        # The exporter puts the bias first.
        nodes.append(helper.make_node("Add", [f"{name}.bias", f"{name}.product"], [name]))

    constants["backbone.embeddings.cls_token"] = state["cls_token"]
    constants["onnx::Concat_1"] = state["pos_embed"][:, :1]
    constants["onnx::Reshape_2"] = state["pos_embed"][:, 1:]
    nodes.append(helper.make_node("Concat", ["onnx::Concat_1", "x"], ["places"], axis=1))
    nodes.append(helper.make_node("Reshape", ["onnx::Reshape_2", "shape"], ["grid"]))
    for kind in ("weight", "bias"):
        projection = f"backbone.embeddings.patch_embeddings.projection.{kind}"
        constants[projection] = state[f"patch_embed.proj.{kind}"]
        constants[f"backbone.layernorm.{kind}"] = state[f"norm.{kind}"]
    for index in range(depth):
        ours, theirs = f"blocks.{index}.", f"backbone.encoder.layer.{index}."
        parts = zip(
            state[ours + "attn.qkv.weight"].chunk(3),
            state[ours + "attn.qkv.bias"].chunk(3),
            ("query", "key", "value"),
            strict=True,
        )
        for weight, bias, name in parts:
            linear(f"{theirs}attention.attention.{name}", weight, bias)
        for old, new in [
            ("attention.output.dense", "attn.proj"),
            ("mlp.fc1",) * 2,
            ("mlp.fc2",) * 2,
        ]:
            linear(theirs + old, state[f"{ours}{new}.weight"], state[f"{ours}{new}.bias"])
        for number in (1, 2):
            constants[f"{theirs}layer_scale{number}.lambda1"] = state[f"{ours}ls{number}.gamma"]
            for kind in ("weight", "bias"):
                constants[f"{theirs}norm{number}.{kind}"] = state[f"{ours}norm{number}.{kind}"]
    initializers = [
        numpy_helper.from_array(one.numpy().copy(), name) for name, one in constants.items()
    ]
    return helper.make_model(helper.make_graph(nodes, "vit", [], [], initializers))
