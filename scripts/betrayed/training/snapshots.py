"""Which weights of a training are kept, so that one can see afterwards how it went."""

from pathlib import Path

import numpy as np

FOLDER = "snapshots"
#: The first weights that are kept are those after so many steps, or an eighth of all.
_FIRST = 10


def snapshot_steps(steps: int, count: int) -> list[int]:
    """After how many steps weights are kept: none, and then ever further apart.

    What changes most changes early.

    The last weights are not among them: they are the block.

    Args:
        steps: of the training.
        count: how many; with few steps there are fewer.

    Returns:
        Ascending, from 0; below ``steps``.
    """
    if count == 0:
        return []
    first = min(_FIRST, max(1, steps // 8))
    later = np.geomspace(first, steps, count)[: count - 1].round().astype(int)
    return sorted({0, *later.tolist()} - {steps})


def snapshot_file(block: str | Path, step: int) -> Path:
    """Where the weights after so many steps lie, beside the block."""
    return Path(block).parent / FOLDER / f"{step:07d}.pt"
