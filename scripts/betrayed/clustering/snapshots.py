"""How a clip would be clustered by a block in several states of its training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from betrayed.block.loading import load_block
from betrayed.clustering.clustering import hierarchical_clustering
from betrayed.config.clustering import ClusterSettings
from betrayed.engine.precision import exact_float32


def cluster_by_blocks(
    blocks: Sequence[str | Path],
    tokens: Tensor,
    settings: ClusterSettings,
    device: torch.device | str = "cpu",
) -> tuple[list[int], np.ndarray]:
    """Cluster a clip by each block, as a video of its own whose frames are all key frames.

    Args:
        blocks: files of blocks, in the order wanted.
        tokens: (T, N, D) float32 patch tokens of the clip's frames.
        settings: ``tau`` and ``window`` are used.
        device: where to compute.

    Returns:
        The step of each block, and the labels (S, T, N) int64, see
        :class:`betrayed.clustering.clustering.Clustering`.

    Raises:
        UserError: a file is no block.
    """
    steps, labels = [], []
    tokens = tokens.to(device)
    for path in blocks:
        block, info = load_block(path)
        with torch.inference_mode(), exact_float32(torch.device(device)):
            queries, keys = block.to(device).queries_keys(tokens)
        found = hierarchical_clustering(queries, keys, tau=settings.tau, window=settings.window)
        steps.append(int(info["step"]))
        labels.append(found.labels)
    return steps, np.stack(labels)
