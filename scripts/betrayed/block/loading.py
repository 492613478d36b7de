"""A trained block from its file: ours, or a checkpoint of the paper's release."""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from betrayed.block.block import OUTPUT_DROPOUTS, SpatioTemporalBlock
from betrayed.errors import UserError
from betrayed.io.files import check_archive

RELEASE_PREFIX = "temporal_transformer.0."
RELEASE_HEADS = 8


def load_block(path: str | Path) -> tuple[SpatioTemporalBlock, dict[str, Any]]:
    """A trained block from ``block.pt``, or from a checkpoint of the paper's release.

    The latter holds ``model_state_dict`` with the block under ``temporal_transformer.0.``
    (``norm1``, ``attn.qkv``, ``attn.proj``, ``norm2``, ``mlp.fc1``, ``mlp.fc2``); what else it
    holds (the backbone, the optimiser) is left aside. Its weights do not tell the number of heads.

    Returns:
        The block, ready for inference, and what is known of it: ``settings``, ``features`` (what
        made the features it was trained on; both empty for the release), ``step``, ``dim``,
        ``heads``.

    Raises:
        UserError: the file is missing, damaged, or holds no block, weights are missing, too many
            or misshapen, or one is not finite.
    """
    stored = read_checkpoint(path)
    released = {
        name.removeprefix(RELEASE_PREFIX): value
        for name, value in stored["model_state_dict"].items()
        if name.startswith(RELEASE_PREFIX)
    }
    if released:
        block = _fill(released, path, RELEASE_HEADS)
        info = {"settings": {}, "features": {}, "step": stored.get("iteration")}
        return block, info | {"heads": RELEASE_HEADS, "dim": block.dim}
    names = ("settings", "features", "step", "dim", "heads")
    missing = [name for name in names if name not in stored]
    if missing:
        raise UserError(f"{path} is no trained block ({', '.join(missing)} missing). Train anew.")
    block = _fill(stored["model_state_dict"], path, int(stored["heads"]))
    return block, {name: stored[name] for name in names}


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a torch file that holds ``model_state_dict``, or raise a UserError."""
    if not Path(path).is_file():
        raise UserError(f"{path} does not exist. Train a block, or name another file.")
    check_archive(path)
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{path} is damaged or no torch checkpoint ({reason}). Delete it and make it anew."
        ) from error
    if not isinstance(stored, dict) or not isinstance(stored.get("model_state_dict"), dict):
        raise UserError(f"{path} holds no model_state_dict, so no block can be read from it.")
    return stored


def _fill(weights: dict[str, Tensor], path: str | Path, heads: int) -> SpatioTemporalBlock:
    """A block in evaluation mode with these weights; its sizes are read from them."""
    try:
        dim = weights["norm1.weight"].shape[0]
        ratio = weights["mlp.fc1.weight"].shape[0] / dim
        block = SpatioTemporalBlock(dim, heads, ratio, 0.0, 0.0, OUTPUT_DROPOUTS[0])
        block.load_state_dict(weights)
    except KeyError as error:
        raise UserError(f"{path} lacks the weights {error}: it is no such block.") from error
    except (RuntimeError, AttributeError, IndexError) as error:
        raise UserError(f"{path} does not fit the block: {error}") from error
    for name, value in block.state_dict().items():
        if not value.isfinite().all():
            raise UserError(
                f"{path} holds values in {name} that are no finite numbers. Train anew, with a "
                "lower learning rate if the training diverged."
            )
    return block.eval()
