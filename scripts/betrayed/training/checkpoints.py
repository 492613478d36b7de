"""Checkpoints of a training: written while it runs, gone on from when it was killed."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

from betrayed import __version__
from betrayed.block.block import SpatioTemporalBlock
from betrayed.block.loading import read_checkpoint
from betrayed.errors import UserError
from betrayed.io.files import whole_file


def run_signature(settings: Any, made_by: dict[str, Any], features: Sequence[str | Path]) -> str:
    """What a checkpoint must share with the run that goes on from it.

    How many processes train is no part of it: the result does not depend on that.

    Args:
        settings: the training's, a dataclass with ``checkpoint_every``.
        made_by: what made the features.
        features: their files.
    """
    files = [
        (str(path), state.st_size, state.st_mtime_ns)
        for path, state in ((path, Path(path).stat()) for path in features)
    ]
    # How often checkpoints are written changes nothing in the result.
    decisive = {**asdict(settings), "checkpoint_every": None}
    return json.dumps([__version__, decisive, made_by, files], sort_keys=True)


def resume(
    path: Path, signature: str, block: SpatioTemporalBlock, optimizer: Optimizer
) -> list[list[float]]:
    """Fill block and optimizer from a checkpoint, if one fits; returns the rows so far."""
    if not path.is_file():
        return []
    try:
        stored = read_checkpoint(path)
        stored_signature, state, log = (stored[name] for name in ("signature", "optimizer", "log"))
    except (UserError, KeyError):
        print(f"{path} is damaged and is left aside: training starts anew.", file=sys.stderr)
        return []
    if stored_signature != signature:
        print(
            f"{path} comes from other settings or features: training starts anew.", file=sys.stderr
        )
        return []
    block.load_state_dict(stored["model_state_dict"])
    optimizer.load_state_dict(state)
    print(f"Training goes on after step {len(log)}, from {path}.", file=sys.stderr)
    return log


def save_checkpoint(path: Path, block: SpatioTemporalBlock, rest: dict[str, Any]) -> None:
    """Write weights and ``rest``. Through an open file: torch would store its random name."""
    weights = {name: value.detach().cpu() for name, value in block.state_dict().items()}
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        torch.save({"model_state_dict": weights, **rest}, file)
