"""All kernels, as :func:`betrayed.clustering.fusing.kernels_for` gives them."""

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
]
