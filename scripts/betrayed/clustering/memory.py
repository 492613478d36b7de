"""What clustering may keep in memory, and what it must make again when read."""

import math

import torch
from torch import Tensor

from betrayed.clustering.row_parts import PART_CPU, PART_GPU
from betrayed.clustering.video_rows import MOST_DIRECTIONS
from betrayed.engine.gpu_memory import free_memory
from betrayed.errors import UserError

SHARE = 0.8  # of what is free; the rest is for what is not counted, and for pieces too small to use
FLOAT = 4
# Beside what is counted below: parts of rows, their logarithms, gathered neighbours and the like.
PARTS = 12
# Bytes for each pair of rows, of what a GPU's kernels have of the neighbours of blocks of rows.
LISTS = 3
# Numbers that are held for each pair while rows are compared.
COMPARED = 3
# Pairs that a number may be held for where windows are small, in PARTs: there is room in PARTS.
LEAST_PAIRS = 6
# Bytes for each pair of tracks: their divergences, and on the host the tree in which they merge.
TREE = 6 * FLOAT
# Assumed: the share of tokens that lead a cluster within their window. So much room is left for
# centres before rows are kept.
LEADERS = 0.02

# What can be set where memory does not do.
REMEDY = (
    "Raise clustering.memory_gb (null: what is free), clustering.key_frame_ratio or "
    "clustering.approximate, lower features.height and features.width, or set device: cpu to "
    "cluster in the memory of the host."
)


def allowed_memory(memory: float | None, device: torch.device) -> float:
    """Bytes that clustering may take: those given, or for None a share of what is free."""
    return SHARE * free_memory(device) if memory is None else memory


def less_memory(
    memory: float, queries: Tensor, keys: Tensor, window: int, device: torch.device
) -> float | None:
    """Half of some memory, or what does without keeping any row, if that is more.

    Args:
        memory: bytes that turned out to be more than there is.
        queries, keys: (T, heads, N, d) and (Tk, heads, N', d) on the host.
        window: frames clustered together.
        device: where that is.

    Returns:
        Bytes; None: ``memory`` was no more than that already.
    """
    _, fixed, centres = _needs(queries, keys, window, 1, MOST_DIRECTIONS, device)
    return max(memory / 2, fixed + centres) if memory > fixed + centres else None


def _needs(
    queries: Tensor, keys: Tensor, window: int, taus: int, directions: int, device: torch.device
) -> tuple[float, float, float]:
    """Bytes of a window's rows, of what is always held, and of the centres that are expected."""
    frames, _, patches, _ = queries.shape
    n, columns = min(window, frames) * patches, keys.shape[0] * keys.shape[2]
    rows = FLOAT * n * columns
    projections = 2 * FLOAT * frames * patches * (2 * directions + 4)  # twice while joined
    # Who is near whom, and once their divergences; a GPU makes lists of neighbours of them.
    pairs = n * n * (taus + 1 + FLOAT + (0 if device.type == "cpu" else LISTS))
    part = PART_CPU if device.type == "cpu" else PART_GPU
    there = getattr(queries, "device", "cpu")
    inputs = queries.nbytes if torch.device(there) == device else 0
    fixed = inputs + FLOAT * math.prod(keys.shape) + projections + pairs + PARTS * FLOAT * part
    centres = 2 * FLOAT * LEADERS * frames * patches * columns * taus  # twice while they merge
    return rows, fixed, centres


class Budget:
    """Divides the memory of a clustering.

    Args:
        queries, keys: (T, heads, N, d) and (Tk, heads, N', d).
        window: frames clustered together.
        taus: how many thresholds.
        directions: k of the projections.
        memory: bytes that may be taken, inputs included, beside what Python and torch take.

    Attributes:
        copies: how often a window's rows (window·N, Tk·N') are kept. 0: they are made again when
            read; 2: so that each threshold can shift its own copy; more is of no use.
        pairs: of how many pairs of rows or centres a number may be held at a time, beside whether
            it is wanted: those of a window, since nothing else of windows is held by then.

    Raises:
        UserError: not even the rest fits.
    """

    def __init__(
        self,
        queries: Tensor,
        keys: Tensor,
        window: int,
        taus: int,
        directions: int,
        memory: float,
    ) -> None:
        rows, fixed, centres = _needs(queries, keys, window, taus, directions, keys.device)
        self.copies = max(0, min(int((memory - fixed - centres) // rows), 2 if taus > 1 else 1))
        part = PART_CPU if keys.device.type == "cpu" else PART_GPU
        self.pairs = max(
            (min(window, queries.shape[0]) * queries.shape[2]) ** 2, LEAST_PAIRS * part
        )
        self._memory = memory
        self._centres = memory - fixed - rows * self.copies
        if self._centres < 0:
            raise UserError(
                f"Clustering needs {fixed / 1e9:.2f} GB for {queries.shape[0]} frames of "
                f"{queries.shape[2]} tokens and {keys.shape[0]} key frames, but may take "
                f"{memory / 1e9:.2f} GB. {REMEDY}"
            )

    def check_centres(self, count: int, columns: int) -> None:
        """Raise a UserError when centres (found, columns) outgrow what is left for them."""
        if 2 * FLOAT * count * columns > self._centres:  # twice while they merge
            raise UserError(
                f"{count} clusters before merging do not fit in the {self._memory / 1e9:.2f} GB "
                "that clustering may take. Raise clustering.tau or clustering.memory_gb."
            )


def check_tracks(count: int, memory: float, device: torch.device) -> None:
    """Raise a UserError where ``count`` tracks are too many for all pairs of them."""
    if count**2 * (TREE if device.type == "cpu" else 2 * FLOAT) > memory:
        raise UserError(
            f"The tree of {count} tracks does not fit in the {memory / 1e9:.2f} GB that clustering "
            "may take. Raise clustering.tau or clustering.memory_gb."
        )
