"""How the foreground of a video divides into objects, and these into parts."""

from dataclasses import dataclass

import numpy as np

from betrayed.objects.affinity import diffuse
from betrayed.objects.flow import flow_size
from betrayed.objects.foreground import Foreground
from betrayed.objects.instances import InstanceSettings, tell_apart
from betrayed.objects.observations import Observations, Seen
from betrayed.objects.outlines import Outlines
from betrayed.objects.painting import GridPainter, Painter, PointPainter
from betrayed.objects.pairs import compare_points
from betrayed.objects.parts import split_foreground
from betrayed.objects.resizing import resize
from betrayed.objects.same_object import pair_log_odds, read_model
from betrayed.objects.trajectories import Trajectories

#: More points than this are not compared with one another: pairs grow with their square.
_MOST_POINTS = 2000
#: Points are looked at in frames of this height.
_POINT_HEIGHT = 240


@dataclass(frozen=True)
class Compared:
    """The points of a foreground, and what they say of one another.

    Attributes:
        seen: the points.
        odds: (n, n) log odds that two of them lie on one object.
    """

    seen: Seen
    odds: np.ndarray


@dataclass(frozen=True)
class Division:
    """Objects and their parts.

    Attributes:
        painter: gives the shares of the parts.
        object_of: (P,) the object 0 … O−1 that each part is of.
        confidence: (O,) see :class:`betrayed.objects.instances.Instances`; NaN where it is not
            known.
        natural: how many objects there were before their least and most number were heeded.
        compared: the points that were compared for it; None where there were none.
    """

    painter: Painter
    object_of: np.ndarray
    confidence: np.ndarray
    natural: int = 1
    compared: Compared | None = None


def undivided(shape: tuple[int, int, int]) -> Division:
    """All foreground is one object; ``shape`` is (T, h, w) of any grid."""
    whole = GridPainter(np.ones((1, *shape), np.float32))
    return Division(whole, np.zeros(1, int), np.full(1, np.nan))


def by_trajectories(
    points: Trajectories,
    outlines: Outlines,
    tokens: np.ndarray,
    grid: tuple[int, int],
    settings: InstanceSettings,
) -> Division:
    """Tell objects apart by what the points on the foreground do and look like.

    Args:
        points: of the video.
        outlines: of its foreground.
        tokens: (T, h·w, D) patch tokens.
        grid: their rows and columns, h and w.
        settings: see :class:`betrayed.objects.instances.InstanceSettings`.
    """
    seen = seen_points(points, outlines, tokens, grid)
    if seen is None:
        return undivided((len(tokens), *grid))
    odds = pair_log_odds(compare_points(seen), read_model())
    found = tell_apart(seen, odds, settings)
    painter = PointPainter(seen, found.parts)
    compared = Compared(seen, odds)
    return Division(painter, found.object_of, found.confidence, found.natural, compared)


def seen_points(
    points: Trajectories, outlines: Outlines, tokens: np.ndarray, grid: tuple[int, int]
) -> Seen | None:
    """What the points see on the foreground, see :mod:`betrayed.objects.observations`."""
    size = flow_size(points.frame_size, _POINT_HEIGHT)
    scale = np.array(size) / points.frame_size
    observations = Observations(size)
    for frame, rows in enumerate(points.frames()):
        mask = resize(outlines.mask(frame).astype(np.float32), size) > 0.5
        places = (points.places[rows] + 0.5) * scale - 0.5
        observations.add(points.ids[rows], places, mask, tokens[frame].reshape(*grid, -1))
    return observations.chosen(_MOST_POINTS)


def by_appearance(
    tokens: np.ndarray,
    foreground: Foreground,
    distance: float,
    diffusion: float,
    least: int,
    most: int,
) -> Division:
    """Tell objects apart by their tokens alone, see :mod:`betrayed.objects.parts`.

    Args:
        tokens: (T, h·w, D) patch tokens.
        foreground: where it is.
        distance: it is split where halves lie farther apart.
        diffusion: how much like neighbours agree on their object.
        least: objects at least.
        most: objects at most.
    """
    parts = split_foreground(tokens, foreground.mask, distance, least, most)
    count = parts.max()
    belongs = np.stack([parts == part for part in range(1, count + 1)]).astype(np.float32)
    if count > 1:
        belongs = np.stack([diffuse(one, foreground.neighbours, diffusion) for one in belongs])
    return Division(GridPainter(belongs), np.arange(count), np.full(count, np.nan))
