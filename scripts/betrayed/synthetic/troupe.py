"""Who moves together in a random story: one object, or several that keep close, piece by piece."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from betrayed.synthetic.drawing import Part


class Moment(NamedTuple):
    """One moment of somebody's way."""

    time: float  # 0 to 1 through the clip
    seconds: float  # since its start
    moved: float  # metres
    effort: float  # speed, as a share of the usual


def _origin(moment: Moment) -> tuple[float, float]:
    return 0.0, 0.0


def _level(moment: Moment) -> float:
    return 0.0


@dataclass(frozen=True)
class Piece:
    """One layer of one object of a troupe."""

    number: int  # which of the troupe's objects, from 0
    unit: float  # metres a unit of its parts
    parts: Callable[[Moment], Sequence[Part]]
    place: Callable[[Moment], tuple[float, float]] = _origin  # metres from the troupe's place
    turn: Callable[[Moment], float] = _level  # radians
    shadow: bool = True


@dataclass(frozen=True)
class Troupe:
    """What keeps together; it stands on its place, y down, faces right."""

    name: str
    pieces: Sequence[Piece]  # from the farthest to the nearest
    length: float  # metres
    height: float  # metres
    speed: float  # metres a second, the usual
    realm: str = "land"  # or road, water, air
    toward: float | None = None  # the share of its way that leads to the camera; None: any
    pitch: Callable[[Moment], float] = _level  # radians that all of it is turned

    @property
    def objects(self) -> int:
        """How many objects it has."""
        return 1 + max(piece.number for piece in self.pieces)
