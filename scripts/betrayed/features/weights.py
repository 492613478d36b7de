"""The backbone's weights, as they were fetched."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from betrayed.errors import UserError


@dataclass(frozen=True)
class Weights:
    """What is known about a weights file."""

    title: str
    backbone: str
    source: str
    #: Of the file that was downloaded or given; null for the hub where none was asked for.
    source_sha256: str | None


#: In the note: the checksum of the whole.
_CONTENT = "content_sha256"
_REMEDY = "Delete it and run the workflow again."


def content_sha256(note: Mapping[str, Any], state: Mapping[str, Tensor]) -> str:
    """The SHA-256 of what a file of weights holds: what is noted in it, and every tensor."""
    digest = hashlib.sha256(json.dumps(note, sort_keys=True).encode())
    for name, tensor in sorted(state.items()):
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _note(path: str | Path) -> dict[str, Any]:
    """What :func:`betrayed.features.weight_fetching.fetch_weights` noted, with the checksum.

    Raises:
        UserError: the file is missing, cut short, or was not made by that.
    """
    if not Path(path).is_file():
        raise UserError(f"The weights {path} do not exist. Run the workflow to fetch them.")
    try:
        with safe_open(path, "pt") as file:
            note = (file.metadata() or {}).get("weights")
    except SafetensorError as error:
        raise UserError(f"{path} is not a whole safetensors file ({error}). {_REMEDY}") from error
    if note is None:
        raise UserError(
            f"{path} was not made by scripts/fetch_weights.py. To use a file of your own, set "
            "weights.source: file and weights.path."
        )
    try:
        return json.loads(note)
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}). {_REMEDY}") from error


def read_weights(path: str | Path, backbone: str) -> dict[str, Tensor]:
    """The state dict in a file made by :func:`betrayed.features.weight_fetching.fetch_weights`.

    Raises:
        UserError: the file is not whole, it holds other values than when it was written, or its
            weights belong to another backbone.
    """
    note = _note(path)
    try:
        state = load_file(path)
        expected = note.pop(_CONTENT, None)
        if content_sha256(note, state) != expected:
            raise ValueError("what it holds has another checksum than when it was written")
        weights = Weights(**note)
    except (SafetensorError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}). {_REMEDY}") from error
    if weights.backbone != backbone:
        raise UserError(
            f"{path} holds weights of {weights.backbone}, but the backbone is {backbone}. "
            "Delete it, so that those of that backbone are fetched, or set features.backbone."
        )
    return state
