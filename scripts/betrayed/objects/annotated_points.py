"""Points of videos with ground truth: what they have seen, and the object that each lies on."""

from dataclasses import dataclass

import numpy as np

from betrayed.objects.observations import Seen
from betrayed.video.annotations import of_single_objects, read_annotation
from betrayed.video.video import Video

_VOID = 255
#: With fewer points a video teaches nothing.
_FEWEST = 8


@dataclass(frozen=True)
class AnnotatedPoints:
    """A video's points on its foreground.

    Attributes:
        video: its name.
        seen: the points.
        on: (n, 256) in how many frames each point lies on each id; void counts as background.
    """

    video: str
    seen: Seen
    on: np.ndarray

    @property
    def owners(self) -> np.ndarray:
        """(n,) the id that each point lies on most of the time."""
        return self.on.argmax(axis=1)


def annotated_points(video: Video, seen: Seen) -> AnnotatedPoints | None:
    """Look up what a video's points lie on.

    Args:
        video: with annotations.
        seen: the points, see :func:`betrayed.objects.division.seen_points`.

    Returns:
        None when there are too few points to learn from.
    """
    if len(seen.weights) < _FEWEST:
        return None
    scale = np.array(seen.size) / (video.height, video.width)
    on = np.zeros((len(seen.weights), 256))
    which = of_single_objects(video)
    for frame in range(video.count):
        annotation = read_annotation(video, frame, which)
        here = np.flatnonzero(seen.pieces[:, frame] >= 0)
        if annotation is None or len(here) == 0:
            continue
        pixels = np.floor((seen.places[here, frame] + 0.5) / scale).astype(int)
        pixels = np.clip(pixels, 0, np.array(annotation.shape) - 1)
        ids = annotation[tuple(pixels.T)].astype(int)
        on[here, np.where(ids == _VOID, 0, ids)] += 1
    return AnnotatedPoints(video.name, seen, on)
