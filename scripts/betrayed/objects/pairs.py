"""How two points of a video compare: in looks, in motion, in place. What tells objects apart.

Every measure is symmetric; none knows what is in the picture.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from betrayed.objects.observations import Seen

#: The measures of a pair, in the order of the last axis of :meth:`Pairs.measures`.
MEASURES = (
    "look distance",
    "log look distance",
    "log whitened distance",
    "cosine of looks",
    "cosine of differences",
    "log motion difference",
    "log motion difference by distance",
    "apart",
    "log distance",
    "together",
    "log distance by size",
    "motion affinity",
    "depth",
)
#: Motion is compared over so many frames, where both points are seen so long.
_FRAMES_APART = 3
#: The tolerance of motion grows with distance, since things turn and come nearer.
_TOLERANCES = (0.03, 0.04, 0.05, 0.06)
#: How much lying on different pieces of the foreground counts against a pair.
_APART = 3.0
#: Of the covariance's mean, added to every direction, so that quiet ones do not count too much.
_SHRINKAGE = 0.1


@dataclass(frozen=True)
class Pairs:
    """Measures of all pairs of n points; all but ``points`` and ``area`` are (n, n) float32.

    Attributes:
        looks: squared distance of whitened looks, by what is near for both points: |x_i − x_j|² /
            (s_i s_j), s_i being the distance to the n/7-th nearest point.
        whitened: the same squared distance by the number of dimensions instead.
        cosine: of the mean looks, and ``cosine_differences`` of what is left of them.
        motion: greatest difference of two points' displacement over three frames, pixels a frame.
        distance: mean distance over the frames that both are in, pixels.
        apart: share of those frames in which they lie on different pieces of the foreground.
        together: bool, whether there is such a frame.
        affinity: exp(−motion² / (1 + (κ distance)²) − 3 apart), mean over κ = .03 … .06; the mean
            of all for pairs that are never together.
        depths: (n,) how far inside the foreground each point is, 0 … 1.
        area: pixels of the foreground, mean over frames.
    """

    looks: np.ndarray
    whitened: np.ndarray
    cosine: np.ndarray
    cosine_differences: np.ndarray
    motion: np.ndarray
    distance: np.ndarray
    apart: np.ndarray
    together: np.ndarray
    affinity: np.ndarray
    depths: np.ndarray
    area: float

    @cached_property
    def _usual(self) -> tuple[float, float]:
        """Median distance and motion of the pairs that are together, for those that never are."""
        if not self.together.any():
            return 50.0, 0.0
        return float(np.median(self.distance[self.together])), float(
            np.median(self.motion[self.together])
        )

    def measures(self, rows: slice) -> np.ndarray:
        """The measures of some points with all: (rows, n, 13) float32, see :data:`MEASURES`."""
        together = self.together[rows]
        distance = np.where(together, self.distance[rows], self._usual[0])
        motion = np.where(together, self.motion[rows], self._usual[1])
        looks = self.looks[rows]
        return np.stack(
            [
                np.minimum(looks, 20),
                np.log(looks + 0.01),
                np.log(self.whitened[rows] + 0.01),
                self.cosine[rows],
                self.cosine_differences[rows],
                np.log(motion + 0.05),
                np.log(motion**2 / (1 + (0.05 * distance) ** 2) + 0.01),
                np.where(together, self.apart[rows], 0.5),
                np.log(distance + 8),
                together,
                np.log((distance + 4) / np.sqrt(self.area)),
                self.affinity[rows],
                np.minimum(self.depths[rows, None], self.depths[None]),
            ],
            axis=-1,
        ).astype(np.float32)


def compare_points(seen: Seen) -> Pairs:
    """Compare all pairs of points; memory grows with their number squared."""
    whitened = _squared_distances(_whitened(seen.differences, seen.change))
    motion, distance, apart, together = _over_time(seen)
    affinity = np.mean([_motion_affinity(motion, distance, one) for one in _TOLERANCES], axis=0)
    affinity *= np.exp(-_APART * apart)
    others = together & ~np.eye(len(together), dtype=bool)
    usual = affinity[others].mean() if others.any() else 1.0
    frames = np.maximum((seen.pieces >= 0).sum(axis=1), 1)
    return Pairs(
        looks=_by_neighbours(whitened),
        whitened=whitened / np.float32(seen.differences.shape[1]),
        cosine=_cosines(seen.looks),
        cosine_differences=_cosines(seen.differences),
        motion=motion,
        distance=distance,
        apart=apart,
        together=together,
        affinity=np.where(together, affinity, usual).astype(np.float32),
        depths=(seen.weights / frames).astype(np.float32),
        area=seen.area,
    )


def _whitened(differences: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Points (n, D) scaled along the principal axes of what a point changes over time."""
    spread, axes = np.linalg.eigh(change)
    scale = np.maximum(spread, 0) + max(_SHRINKAGE * spread.mean(), 1e-12)
    return (differences @ axes) / np.sqrt(scale)


def _squared_distances(points: np.ndarray) -> np.ndarray:
    squares = (points**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * points @ points.T
    return np.maximum(distances, 0).astype(np.float32)


def _by_neighbours(distances: np.ndarray) -> np.ndarray:
    """Squared distances by what is near for both, after Zelnik-Manor and Perona (NIPS 2004)."""
    near = min(max(3, len(distances) // 7), len(distances) - 1)
    reach = np.maximum(np.sqrt(np.partition(distances, near, axis=1)[:, near]), 1e-6)
    return distances / (reach[:, None] * reach)


def _cosines(points: np.ndarray) -> np.ndarray:
    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    return (unit @ unit.T).astype(np.float32)


def _motion_affinity(motion: np.ndarray, distance: np.ndarray, tolerance: float) -> np.ndarray:
    return np.exp(-(motion**2) / (1 + (tolerance * distance) ** 2))


def _over_time(seen: Seen) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Motion, distance, apart and together, see :class:`Pairs`."""
    n, frames = seen.pieces.shape
    present = seen.pieces >= 0
    distance, apart, count, slow, fast = np.zeros((5, n, n), np.float32)
    long_seen = np.zeros((n, n), bool)
    for frame in range(frames):
        here = np.flatnonzero(present[:, frame])
        pairs, place, piece = np.ix_(here, here), seen.places[here, frame], seen.pieces[here, frame]
        distance[pairs] += _lengths(place)
        apart[pairs] += piece[:, None] != piece
        count[pairs] += 1
        for ahead, greatest in ((_FRAMES_APART, slow), (1, fast)):
            if frame + ahead < frames:
                both = here[present[here, frame + ahead]]
                step = (seen.places[both, frame + ahead] - seen.places[both, frame]) / ahead
                pairs = np.ix_(both, both)
                greatest[pairs] = np.maximum(greatest[pairs], _lengths(step))
                if ahead == _FRAMES_APART:
                    long_seen[pairs] = True
    together = count > 0
    count = np.maximum(count, 1)
    return np.where(long_seen, slow, fast), distance / count, apart / count, together


def _lengths(vectors: np.ndarray) -> np.ndarray:
    """Lengths of the differences of all pairs of vectors (n, 2)."""
    return np.hypot(*(vectors[:, None] - vectors).transpose(2, 0, 1))
