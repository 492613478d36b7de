"""All kernels, as :func:`betrayed.clustering.fusing.kernels_for` gives them."""

import numpy as np
import torch

from betrayed.clustering.bounds import Projection
from betrayed.clustering.kernels.attention import log_sums, mean_rows
from betrayed.clustering.kernels.bounds import near_and_open, near_and_open_of
from betrayed.clustering.kernels.divergences import add_paired_divergences
from betrayed.clustering.kernels.projection import add_projections
from betrayed.clustering.kernels.sums import MOST, SharedSums

__all__ = [
    "MOST",
    "SharedSums",
    "add_paired_divergences",
    "add_projections",
    "log_sums",
    "mean_rows",
    "near_and_open",
    "near_and_open_of",
    "try_all",
]


def try_all(device: torch.device) -> None:
    """Run each kernel once on next to nothing, in tiles as large as any.

    Raises:
        Exception: whatever Triton, its compiler or the device say where one cannot be built.
    """
    rows = torch.full((2, 128), 1 / 128, device=device)
    one, pair = rows[:, 0].contiguous(), torch.arange(2, device=device)
    add_paired_divergences(rows, pair, pair, 1e-12, torch.zeros_like(one))
    basis, into, sums = rows.T @ rows, torch.zeros_like(rows), torch.zeros_like(one)
    add_projections(rows, rows[0], basis, 1e-12, (into, into.clone()), (sums, sums, sums))
    projection = Projection(rows, rows, one, one, one, one)
    near_and_open(1.0, projection)
    near_and_open_of(pair, pair, 1.0, projection)
    near = torch.tensor([[True, False], [True, True]], device=device)
    SharedSums(near, [np.arange(2)]).means(rows)
    for kind in (torch.float16, torch.float32):
        tokens, keys = rows[:, None, :64].to(kind), rows[None, :, :64].to(kind).contiguous()
        mean_rows(tokens, keys, log_sums(tokens, keys), torch.empty(2, 2, device=device))
