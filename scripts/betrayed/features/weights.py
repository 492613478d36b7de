"""The backbone's weights, as they were fetched."""

import json
from dataclasses import dataclass
from pathlib import Path

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


def describe_weights(path: str | Path) -> Weights:
    """What is noted in a weights file about its origin.

    Raises:
        UserError: the file is missing, cut short, or was not made by
            :func:`betrayed.features.weight_fetching.fetch_weights`.
    """
    remedy = "Delete it and run the workflow again."
    if not Path(path).is_file():
        raise UserError(f"The weights {path} do not exist. Run the workflow to fetch them.")
    try:
        with safe_open(path, "pt") as file:
            note = (file.metadata() or {}).get("weights")
    except SafetensorError as error:
        raise UserError(f"{path} is not a whole safetensors file ({error}). {remedy}") from error
    if note is None:
        raise UserError(
            f"{path} was not made by scripts/fetch_weights.py. To use a file of your own, set "
            "weights.source: file and weights.path."
        )
    return Weights(**json.loads(note))


def read_weights(path: str | Path, backbone: str) -> dict[str, Tensor]:
    """The state dict in a file made by :func:`betrayed.features.weight_fetching.fetch_weights`.

    Raises:
        UserError: the file is not whole, or its weights belong to another backbone.
    """
    weights = describe_weights(path)
    if weights.backbone != backbone:
        raise UserError(
            f"{path} holds weights of {weights.backbone}, but the backbone is {backbone}. "
            "Fetch the weights of that backbone, or set features.backbone."
        )
    return load_file(path)
