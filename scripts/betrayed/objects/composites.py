"""Two foregrounds of real videos in one picture: what lies on one object there is known by itself.

Drawn objects are stiff and evenly lit, real ones bend, shine and are followed badly. Foregrounds
that were found without labels, each taken as one object and joined in pairs with their own points
and tokens, show what that does to the measures of a pair. Nothing annotated takes part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from betrayed.objects.observations import Observations, Seen, sample_tokens
from betrayed.objects.outlines import Outlines
from betrayed.objects.resizing import resize
from betrayed.objects.trajectories import Trajectories

#: Height and width of the pictures; what is joined must be of one size.
_SIZE = (240, 427)
#: Frames that are joined at most, and points that are compared.
_FRAMES, _MOST_POINTS = 40, 700
#: Centres are moved apart by so much of both radii: from well covered to side by side.
_NEAR, _FAR = 0.6, 1.3
#: The second one grows or shrinks by up to this power of e.
_ZOOM = 0.4
#: Where one follows the other, its way is smoothed over so many frames.
_SMOOTH = 7
#: Of both, the one of which less is seen must have this share, or nothing is learnt from them.
_LEAST_SHARE = 0.08


@dataclass(frozen=True)
class Cutout:
    """A video's foreground with its points.

    Attributes:
        masks: (T, 240, 427) bool.
        ids: for each frame (n,), the points on the foreground.
        places: for each frame (n, 2), their rows and columns in pixels of the masks.
        looks: for each frame (n, D) float16, their patch tokens, at length 1.
        grid: rows and columns of the patch tokens.
    """

    masks: np.ndarray
    ids: Sequence[np.ndarray]
    places: Sequence[np.ndarray]
    looks: Sequence[np.ndarray]
    grid: tuple[int, int]

    @property
    def radius(self) -> float:
        """Half the side of a square as large as the foreground, mean over its frames."""
        areas = self.masks.sum(axis=(1, 2))
        return float(np.sqrt(areas[areas > 0].mean()) / 2)

    def centres(self) -> np.ndarray:
        """(T, 2) of each frame; where there is no foreground, between those before and after."""
        known = np.flatnonzero(self.masks.any(axis=(1, 2)))
        found = np.array([np.argwhere(self.masks[t]).mean(axis=0) for t in known])
        every = np.arange(len(self.masks))
        return np.stack([np.interp(every, known, one) for one in found.T], axis=1)


def cut_out(
    points: Trajectories,
    outlines: Outlines,
    tokens: np.ndarray,
    grid: tuple[int, int],
) -> Cutout | None:
    """Take a video's foreground out of it.

    Args:
        points: of the video.
        outlines: of its foreground.
        tokens: (T, h·w, D) patch tokens.
        grid: their rows and columns, h and w.

    Returns:
        None when no point is ever on the foreground.
    """
    scale = np.array(_SIZE) / points.frame_size
    masks, ids, places, looks = [], [], [], []
    for frame, rows in enumerate(points.frames()):
        mask = resize(outlines.mask(frame).astype(np.float32), _SIZE) > 0.5
        every = (points.places[rows] + 0.5) * scale - 0.5
        inside = _on(mask, every)
        masks.append(mask)
        ids.append(points.ids[rows][inside])
        places.append(every[inside])
        seen = sample_tokens(tokens[frame].reshape(*grid, -1), every[inside], _SIZE)
        looks.append(seen.astype(np.float16))
    if not any(len(one) for one in ids):
        return None
    return Cutout(np.stack(masks), ids, places, looks, grid)


def alone(one: Cutout, rng: np.random.Generator) -> tuple[Seen, np.ndarray] | None:
    """Points of some frames of one foreground, and whose they are: all are 1.

    Returns:
        None when it has no points in these frames.
    """
    count = min(_FRAMES, len(one.masks))
    first = int(rng.integers(len(one.masks) - count + 1))
    observations = Observations(one.masks.shape[1:])
    for t in range(first, first + count):
        observations.add_looks(one.ids[t], one.places[t], one.masks[t], one.looks[t], one.grid)
    seen = observations.chosen(_MOST_POINTS)
    return None if seen is None else (seen, np.ones(len(seen.weights), int))


def joined(one: Cutout, other: Cutout, rng: np.random.Generator) -> tuple[Seen, np.ndarray] | None:
    """Points of two foregrounds in one picture, and whose they are: 1 or 2.

    The other is laid beside the one or partly over or under it, at another size, and either stays
    with it, as a rider does, or goes its own way.

    Args:
        one: keeps its place; both are on one grid of patch tokens.
        other: is moved.
        rng: draws frames, place, size and order.

    Returns:
        None when hardly anything of one of them is seen.
    """
    count = min(_FRAMES, len(one.masks), len(other.masks))
    starts = [int(rng.integers(len(each.masks) - count + 1)) for each in (one, other)]
    ways = [
        _smoothed(each.centres())[start : start + count]
        for each, start in zip((one, other), starts, strict=True)
    ]
    angle, apart = rng.uniform(0, 2 * np.pi), rng.uniform(_NEAR, _FAR)
    offset = (one.radius + other.radius) * apart * np.array([np.sin(angle), np.cos(angle)])
    zoom = float(np.exp(rng.uniform(-_ZOOM, _ZOOM)))
    stays, in_front = rng.random(2) < 0.5
    moment = int(rng.integers(count))
    size = one.masks.shape[1:]
    observations = Observations(size)
    for t in range(count):
        at = t if stays else moment
        a, b = starts[0] + t, starts[1] + t
        pivot, target = ways[1][at], ways[0][at] + offset
        mask = _moved(other.masks[b], pivot, target, zoom)
        places = (other.places[b] - pivot) * zoom + target
        shown = _on(mask, places)
        hidden = _on(mask, one.places[a])
        if in_front:
            kept = ~hidden
        else:
            kept = np.ones(len(hidden), bool)
            shown &= ~_on(one.masks[a], places)
        observations.add_looks(
            # Even numbers are points of the one, odd numbers of the other.
            np.concatenate([2 * one.ids[a][kept], 2 * other.ids[b][shown] + 1]),
            np.concatenate([one.places[a][kept], places[shown]]),
            one.masks[a] | mask,
            np.concatenate([one.looks[a][kept], other.looks[b][shown]]),
            one.grid,
        )
    seen = observations.chosen(_MOST_POINTS)
    if seen is None:
        return None
    owners = 1 + seen.ids % 2
    shares = np.bincount(owners, seen.weights, minlength=3)[1:] / seen.weights.sum()
    return (seen, owners) if shares.min() >= _LEAST_SHARE else None


def _on(mask: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Which places (n, 2) are within the frame and on the mask."""
    pixels = np.round(places).astype(int)
    inside = ((pixels >= 0) & (pixels < mask.shape)).all(axis=1)
    pixels = np.clip(pixels, 0, np.array(mask.shape) - 1)
    return inside & mask[tuple(pixels.T)]


def _moved(mask: np.ndarray, pivot: np.ndarray, target: np.ndarray, zoom: float) -> np.ndarray:
    """A mask with its pivot at the target, larger by ``zoom``."""
    (down, right), grown = target - zoom * pivot, mask.astype(np.uint8)
    matrix = np.array([[zoom, 0, right], [0, zoom, down]], np.float32)
    return cv2.warpAffine(grown, matrix, mask.shape[::-1], flags=cv2.INTER_NEAREST) > 0


def _smoothed(way: np.ndarray) -> np.ndarray:
    """A way (T, 2), each place the mean of those around it."""
    padded = np.pad(way, ((_SMOOTH // 2, _SMOOTH // 2), (0, 0)), mode="edge")
    return np.stack([np.convolve(one, np.ones(_SMOOTH) / _SMOOTH, "valid") for one in padded.T], 1)
