"""The foreground of a video: what moves, stands out, and keeps off the border."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from betrayed.config.objects import ObjectSettings
from betrayed.objects.affinity import affinity, diffuse
from betrayed.objects.levels import tree_levels
from betrayed.objects.objectness import objectness, on_grid, relative_to_median, standardised

#: Scores that differ by less are alike.
_ALIKE = 1e-6


@dataclass(frozen=True)
class Foreground:
    """How much each place of a video is foreground, on the grid of the finer tokens.

    Attributes:
        scores: (T, h, w) float32, from 0 at the median place to 1 at the best.
        threshold: the score from which a place is foreground.
        neighbours: how alike neighbouring places are, see
            :func:`betrayed.objects.affinity.affinity`.
    """

    scores: np.ndarray
    threshold: float
    neighbours: csr_array

    @property
    def stands_out(self) -> bool:
        """Whether any place has another score than the rest."""
        return float(np.ptp(self.scores)) > _ALIKE

    @property
    def mask(self) -> np.ndarray:
        """(T, h, w) bool; something always is foreground."""
        return self.scores >= self.threshold


def find_foreground(
    labels: np.ndarray,
    merges: np.ndarray,
    cues: Mapping[str, np.ndarray],
    local_motion: np.ndarray,
    tokens: np.ndarray,
    settings: ObjectSettings,
) -> Foreground:
    """Score every place by the cues of what it is part of, and by what moves there.

    Args:
        labels: (T, h, w), the track of every token, 0 … K−1.
        merges: the tree in which tracks merge, see
            :func:`betrayed.clustering.merge_tree.merge_tree`.
        cues: for each of :data:`betrayed.config.objects.CUES` a map (T, h, w).
        local_motion: (T, h', w'), motion on the grid of ``tokens``, see
            :func:`betrayed.objects.cues.local_motion_cue`.
        tokens: (T, h'·w', D), patch tokens on the same grid or a finer one.
        settings: see :class:`betrayed.config.objects.ObjectSettings`.
    """
    grid = local_motion.shape[1:]
    coarse = objectness(labels, tree_levels(merges, settings.levels), cues, settings.weights)
    scores = standardised(on_grid(coarse, grid))
    scores = scores + settings.local_motion_weight * standardised(local_motion)
    neighbours = affinity(tokens, grid, settings.diffusion_frames)
    scores = relative_to_median(diffuse(scores, neighbours, settings.diffusion))
    return Foreground(scores, min(settings.foreground_score, float(scores.max())), neighbours)
