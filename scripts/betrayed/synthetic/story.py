"""The form of a synthetic clip: its scene, its camera and its cast.

Time runs from 0 to 1 through a clip, whatever its number of frames. An object's place is given
as (u, y): u across the frame, -1 and 1 at its left and right edge; y in world units (the frame
at zoom 1 is 1 high, 0 in its middle, downwards). What belongs to the scene (id 0), and whoever is
``in_world``, stands at a place in the world instead. Casts are listed from the farthest to the
nearest.
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


def _same(time: float) -> float:
    return 1.0


@dataclass(frozen=True)
class Actor:
    """One object, or with ``id`` 0 a piece of the scene that stands before things.

    Several actors may share an id: the parts of one object between which others stand.
    """

    id: int
    size: float  # world units per unit of the object
    path: Callable[[float], Place]
    parts: Callable[[float], Sequence[Part]]
    mirror: Callable[[float], bool] = _never  # faces left
    turn: Callable[[float], float] = _level  # radians
    shadow: float = 0.42
    in_world: bool = False  # its path is in world units
    grow: Callable[[float], float] = _same  # its size comes to this many times ``size``
    ground: Callable[[float], float] | None = None  # y on which its shadow lies; None: its path's


@dataclass(frozen=True)
class Grade:
    """How the colours of a picture are changed: factors (3,), their share left, a power."""

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    saturation: float = 1.0
    power: float = 1.0

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """The picture (H, W, 3) float32, graded."""
        grey = picture.mean(2, keepdims=True)
        mixed = grey + (picture - grey) * self.saturation
        graded = np.clip(mixed * np.float32(self.gain), 0, 1) ** self.power
        return graded.astype(np.float32)


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
    share: tuple[float, float] = (1.0, 1.0)  # of the settings' height and width
    reach: float | None = None  # the landscape's half width, world units; None: enough for a stroll
    shake: float = 1.0  # how unsteady the hand is
    land: Grade | None = None  # of the landscape alone
    film: Grade | None = None  # of the whole picture
    by_depth: bool = False  # who stands nearer is drawn later in each frame; shadows lie below all
