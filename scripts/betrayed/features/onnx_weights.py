"""The ViT inside an ONNX file, as a state dict under timm's names.

An exporter folds each Linear weight into an anonymous, transposed constant; its bias keeps its
name. So a weight is found by walking the graph back: bias → Add → MatMul → constant.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

# The names of the Hugging Face DINOv2 that was exported, and timm's for the same tensors.
_BLOCK = {
    "attention.output.dense": "attn.proj",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
    "norm1": "norm1",
    "norm2": "norm2",
}


def vit_state_dict(path: str | Path, prefix: str = "backbone.") -> dict[str, torch.Tensor]:
    """Read the ViT whose initialisers stand under ``prefix`` in an ONNX file.

    Args:
        path: the ONNX file, exported from a Hugging Face DINOv2 by PyTorch.
        prefix: where the ViT stands in the exported module.

    Returns:
        The state dict of timm's VisionTransformer (``blocks.0.attn.qkv.weight``, …), float32;
        Linear weights are (out, in), the position table is (1, 1 + tokens, D).

    Raises:
        ValueError: the graph is not of this form.
    """
    graph = onnx.load(str(path)).graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    named = {
        name.removeprefix(prefix): array
        for name, array in constants.items()
        if name.startswith(prefix)
    }
    named |= {
        name.removeprefix(prefix): array
        for name, array in _linear_weights(graph, constants).items()
        if name.startswith(prefix)
    }
    layers = [int(name.split(".")[2]) for name in named if name.startswith("encoder.layer.")]
    if not layers:
        raise ValueError(f"The graph has no ViT under {prefix!r}.")
    depth = 1 + max(layers)

    state = {
        "cls_token": named["embeddings.cls_token"],
        "pos_embed": _positions(graph, constants),
    }
    for kind in ("weight", "bias"):
        state[f"patch_embed.proj.{kind}"] = named[f"embeddings.patch_embeddings.projection.{kind}"]
        state[f"norm.{kind}"] = named[f"layernorm.{kind}"]
    for index in range(depth):
        theirs, ours = f"encoder.layer.{index}", f"blocks.{index}"
        for kind in ("weight", "bias"):
            # (D, D) or (D,) each → (3D, D) or (3D,): timm fuses the three projections.
            parts = [
                named[f"{theirs}.attention.attention.{one}.{kind}"]
                for one in ("query", "key", "value")
            ]
            state[f"{ours}.attn.qkv.{kind}"] = np.concatenate(parts)
            for old, new in _BLOCK.items():
                state[f"{ours}.{new}.{kind}"] = named[f"{theirs}.{old}.{kind}"]
        for scale in (1, 2):
            state[f"{ours}.ls{scale}.gamma"] = named[f"{theirs}.layer_scale{scale}.lambda1"]
    return {name: torch.from_numpy(np.array(array)) for name, array in state.items()}


def _linear_weights(
    graph: onnx.GraphProto, constants: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The weight (out, in) of each Linear, under its bias's name with ``weight`` for ``bias``."""
    made_by = {output: node for node in graph.node for output in node.output}
    weights = {}
    for node in graph.node:
        if node.op_type != "Add":
            continue
        biases = [name for name in node.input if name in constants and name.endswith(".bias")]
        products = [
            made_by[name]
            for name in node.input
            if name in made_by and made_by[name].op_type == "MatMul"
        ]
        if len(biases) == 1 and len(products) == 1 and products[0].input[1] in constants:
            name = biases[0].removesuffix("bias") + "weight"
            weights[name] = constants[products[0].input[1]].T
    return weights


def _positions(graph: onnx.GraphProto, constants: dict[str, np.ndarray]) -> np.ndarray:
    """The position table (1, 1 + tokens, D): the class token's row, then those of the patches.

    The exporter splits it: the class token's row enters the Concat that puts it before the
    patches' rows, which enter the Reshape to a grid that comes before their interpolation.
    """
    first = _anonymous(graph, constants, "Concat")
    patches = _anonymous(graph, constants, "Reshape")
    return np.concatenate([first, patches], axis=1)


def _anonymous(graph: onnx.GraphProto, constants: dict[str, np.ndarray], kind: str) -> np.ndarray:
    tables = {
        node.input[0]
        for node in graph.node
        if node.op_type == kind
        and node.input[0] in constants
        and node.input[0].startswith("onnx::")
        and constants[node.input[0]].ndim == 3
    }
    if len(tables) != 1:
        raise ValueError(f"The graph has {len(tables)} position tables before a {kind}, not one.")
    return constants[tables.pop()]
