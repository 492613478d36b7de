"""The form of a synthetic clip: its scene, its camera and its cast.

Time runs from 0 to 1 through a clip, whatever its number of frames. An object's place is given
as (u, y): u across the frame, -1 and 1 at its left and right edge; y in world units (the frame
at zoom 1 is 1 high, 0 in its middle, downwards). What belongs to the scene (id 0) stands at a
place in the world instead. Casts are listed from the farthest to the nearest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from betrayed.synthetic.drawing import Part

Place = tuple[float, float]


def _never(time: float) -> bool:
    return False


def _level(time: float) -> float:
    return 0.0


@dataclass(frozen=True)
class Actor:
    """One object, or with ``id`` 0 a piece of the scene that stands before things."""

    id: int
    size: float  # world units per unit of the object
    path: Callable[[float], Place]
    parts: Callable[[float], Sequence[Part]]
    mirror: Callable[[float], bool] = _never  # faces left
    turn: Callable[[float], float] = _level  # radians
    shadow: float = 0.42


@dataclass(frozen=True)
class Story:
    """One clip."""

    name: str
    about: str
    scene: str
    camera: Callable[[float], tuple[float, float, float]]  # world x, y, zoom
    cast: Callable[[np.random.Generator, float], list[Actor]]  # of the frame's width / height
    light: tuple[float, float, float] = (-0.5, -0.7, 0.7)
    odd_size: bool = False
    container: str = ""
