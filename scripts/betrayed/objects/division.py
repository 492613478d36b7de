"""How the foreground of a video divides into objects, and these into parts."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import csr_array

from betrayed.objects.affinity import diffuse
from betrayed.objects.flow import flow_size
from betrayed.objects.instances import InstanceSettings, tell_apart
from betrayed.objects.observations import Observations
from betrayed.objects.painting import GridPainter, Painter, PointPainter
from betrayed.objects.parts import split_foreground
from betrayed.objects.same_object import read_model
from betrayed.objects.trajectories import Trajectories

#: More points than this are not compared with one another: pairs grow with their square.
_MOST_POINTS = 2000
#: Points are looked at in frames of this height.
_HEIGHT = 240


@dataclass(frozen=True)
class Division:
    """Objects and their parts.

    Attributes:
        painter: gives the shares of the parts.
        object_of: (P,) the object 0 … O−1 that each part is of.
        confidence: (O,) see :class:`betrayed.objects.instances.Instances`; NaN where it is not
            known.
    """

    painter: Painter
    object_of: np.ndarray
    confidence: np.ndarray


def undivided(shape: tuple[int, int, int]) -> Division:
    """All foreground is one object; ``shape`` is (T, h, w) of any grid."""
    whole = GridPainter(np.ones((1, *shape), np.float32))
    return Division(whole, np.zeros(1, int), np.full(1, np.nan))


def by_trajectories(
    points: Trajectories,
    scores: np.ndarray,
    threshold: float,
    tokens: np.ndarray,
    settings: InstanceSettings,
) -> Division:
    """Tell objects apart by what the points on the foreground do and look like.

    Args:
        points: of the video.
        scores: (T, h, w), how much each place is foreground.
        threshold: from here on it is.
        tokens: (T, h·w, D) patch tokens on the same grid.
        settings: see :class:`betrayed.objects.instances.InstanceSettings`.
    """
    size = flow_size(points.frame_size, _HEIGHT)
    scale = np.array(size) / points.frame_size
    observations = Observations(size)
    for frame, rows in enumerate(points.frames()):
        places = (points.places[rows] + 0.5) * scale - 0.5
        foreground = enlarged(scores[frame], size) >= threshold
        observations.add(
            points.ids[rows], places, foreground, tokens[frame].reshape(*scores.shape[1:], -1)
        )
    seen = observations.chosen(_MOST_POINTS)
    if seen is None:
        return undivided(scores.shape)
    found = tell_apart(seen, read_model(), settings)
    return Division(PointPainter(seen, found.parts), found.object_of, found.confidence)


def by_appearance(
    tokens: np.ndarray,
    foreground: np.ndarray,
    neighbours: csr_array,
    distance: float,
    diffusion: float,
) -> Division:
    """Tell objects apart by their tokens alone, see :mod:`betrayed.objects.parts`.

    Args:
        tokens: (T, h·w, D) patch tokens.
        foreground: (T, h, w) bool.
        neighbours: see :func:`betrayed.objects.affinity.affinity`.
        distance: the foreground is split where halves lie farther apart.
        diffusion: how much like neighbours agree on their object.
    """
    parts = split_foreground(tokens, foreground, distance)
    count = parts.max()
    belongs = np.stack([parts == part for part in range(1, count + 1)]).astype(np.float32)
    if count > 1:
        belongs = np.stack([diffuse(one, neighbours, diffusion) for one in belongs])
    return Division(GridPainter(belongs), np.arange(count), np.full(count, np.nan))


def enlarged(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scores (h, w) at another size, cubic between places."""
    return cv2.resize(scores, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
