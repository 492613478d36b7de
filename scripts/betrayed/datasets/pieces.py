"""Films in pieces: what a piece is, and what it is called.

A piece, a window of a shot, goes through the chain of stages as a video of its own, so that memory
does not grow with the film, a killed job loses a piece and no more, and several jobs work on one
film. In the end the pieces' objects are joined, and the film has masks of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

#: Between a film's identifier and a piece's number. No identifier of a video holds it, see
#: :func:`betrayed.datasets.names.identifier`.
_MARK = "+"
#: What batches begin with of videos that are whole, of pieces, of pieces of long films, of which
#: nothing is kept but their masks, and of films: they share none.
KINDS = WHOLE, PIECE, LONG, FILM = "", "p", "l", "f"


@dataclass(frozen=True)
class Piece:
    """A part of a film that is worked on as one video; all numbers are of the film's frames.

    Attributes:
        film: identifier of the film.
        shot: number of the shot that it is of, from 0.
        first: the first frame that is computed,
        last: and the last one.
        step: from one computed frame to the next.
        height: pixels that frames are made smaller to; None: as they are.
        kept: whether what the chain makes on the way stays on the disk.
    """

    film: str
    shot: int
    first: int
    last: int
    step: int
    height: int | None = None
    kept: bool = True

    @property
    def numbers(self) -> range:
        """The frames of the film that are computed."""
        return range(self.first, self.last + 1, self.step)

    def as_text(self) -> str:
        """What the manifest's column ``part`` holds of it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Piece":
        """The piece of :meth:`as_text`."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Part:
    """What is worked on of a film that comes in pieces: the frames ``first`` to ``last``.

    ``first`` lies behind ``last`` where the film ends before the part begins.
    """

    first: int
    last: int

    def as_text(self) -> str:
        """What the manifest's column ``part`` holds of it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Part":
        """The part of :meth:`as_text`."""
        return cls(**json.loads(text))


def piece_name(film: str, number: int) -> str:
    """The identifier of a film's piece: dog+003."""
    return f"{film}{_MARK}{number:03d}"


def film_of(video: str) -> str:
    """The identifier of the film that a piece is of; a video that is none is its own."""
    return video.partition(_MARK)[0]


def kind_of(row: Mapping[str, str]) -> str:
    """Which of :data:`KINDS` a row of the manifest is."""
    if not row["part"]:
        return WHOLE
    if _MARK not in row["video"]:
        return FILM
    return PIECE if Piece.from_text(row["part"]).kept else LONG
