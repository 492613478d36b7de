"""Checkpoints of a training: written while it runs, gone on from when it was killed."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from betrayed import __version__
from betrayed.block.block import SpatioTemporalBlock
from betrayed.block.loading import read_checkpoint
from betrayed.engine.programs import check_interrupted
from betrayed.errors import UserError
from betrayed.io.files import whole_file


def run_signature(
    settings: Any,
    made_by: dict[str, Any],
    features: Sequence[str | Path],
    made_from: Any = None,
) -> str:
    """What a checkpoint must share with the run that goes on from it.

    How many processes train is no part of it, nor on what device: the result depends on neither
    but for rounding.

    Args:
        settings: the training's, a dataclass with ``checkpoint_every``.
        made_by: what made the features.
        features: their files.
        made_from: what stands for the content of these files and for the program, wherever they
            lie and however they came there; JSON can hold it. None: paths, sizes and times of the
            files do, so that copies of them count as others.
    """
    if made_from is None:
        states = ((path, Path(path).stat()) for path in features)
        made_from = [(str(path), state.st_size, state.st_mtime_ns) for path, state in states]
    # How often checkpoints are written changes nothing in the result.
    decisive = {**asdict(settings), "checkpoint_every": None}
    return json.dumps([__version__, decisive, made_by, made_from], sort_keys=True)


def fitting_checkpoint(path: Path, signature: str, precision: str) -> dict[str, Any] | None:
    """What a checkpoint holds, on the CPU, if there is one that fits.

    Returns:
        ``model_state_dict``, ``optimizer`` and ``log``, the rows so far.
    """
    if not path.is_file():
        return None
    try:
        stored = read_checkpoint(path)
        found = {name: stored[name] for name in ("model_state_dict", "optimizer", "log")}
        stored_signature, stored_precision = stored["signature"], stored["precision"]
    except (UserError, KeyError):
        check_interrupted()
        print(f"{path} is damaged and is left aside: training starts anew.", file=sys.stderr)
        return None
    if stored_signature != signature:
        print(
            f"{path} comes from other settings, features or program: training starts anew.",
            file=sys.stderr,
        )
        return None
    print(f"Training goes on after step {len(found['log'])}, from {path}.", file=sys.stderr)
    if stored_precision != precision:
        print(
            f"Until there its precision was {stored_precision}; here it is {precision}.",
            file=sys.stderr,
        )
    return found


def save_checkpoint(path: Path, block: SpatioTemporalBlock, rest: dict[str, Any]) -> None:
    """Write weights and ``rest``. Through an open file: torch would store its random name."""
    weights = {name: value.detach().cpu() for name, value in block.state_dict().items()}
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        torch.save({"model_state_dict": weights, **rest}, file)
