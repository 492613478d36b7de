"""Which objects of a film's pieces are one: by where they are, and by what they look like.

Neighbouring pieces of one shot share some frames. Objects that cover the same pixels there are one.
Everything else, over a cut or after an object was out of sight, goes by looks: the mean token of an
object, whitened by the mean and the covariance of all tokens of the film. What tells objects from
ground is common to all objects and most of the tokens' variance; without whitening any two objects
look alike (benchmarks/looks.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

#: Intersection over union in the shared frames from which on two objects are one.
_SAME_PLACE = 0.3
#: Added to the variance in each direction, in mean variances: a short film tells few directions.
_RIDGE = 0.3


@dataclass(frozen=True)
class PieceObjects:
    """The objects of a piece.

    Attributes:
        shot: number of the shot that the piece is of.
        tokens: (n, D) float64, the sum of the tokens of each object,
        places: and (n,) of how many tokens; both counted by the share of a token that it covers.
        shared: (m, n) pixels that each of the m objects of the piece before covers together with
            each of this one's, in the frames that both have; None: they have none in common.
        before: (m,) pixels of the former in these frames,
        here: and (n,) of the latter.
        of: (n,) numbers of what each is a part of: what is of different things is never one. None:
            all may be.
    """

    shot: int
    tokens: np.ndarray
    places: np.ndarray
    shared: np.ndarray | None = None
    before: np.ndarray | None = None
    here: np.ndarray | None = None
    of: np.ndarray | None = None

    @property
    def wholes(self) -> np.ndarray:
        """What each is a part of, (n,); all the same where nothing is said."""
        return np.zeros(len(self.places), int) if self.of is None else self.of


def identities(
    pieces: Sequence[PieceObjects], mean: np.ndarray, covariance: np.ndarray, alike: float
) -> tuple[list[np.ndarray], int]:
    """Number the objects of a film.

    Args:
        pieces: in the order of the film.
        mean: (D,) of all tokens of the film,
        covariance: and (D, D).
        alike: the cosine from which on two objects that share no frame are one; 1: none is.

    Returns:
        For each piece (n,) the numbers 0, 1, … of its objects in the film, and how many there are.
        No two objects of one piece have the same.
    """
    known = _Known(mean, whitening(covariance))
    result: list[np.ndarray] = []
    for place, piece in enumerate(pieces):
        numbers = np.full(len(piece.places), -1)
        if piece.shared is not None and result:
            union = piece.before[:, None] + piece.here[None] - piece.shared
            overlap = np.divide(piece.shared, union, out=np.zeros(union.shape), where=union > 0)
            overlap[pieces[place - 1].wholes[:, None] != piece.wholes] = 0
            for before, here in _pairs(overlap, _SAME_PLACE):
                numbers[here] = result[place - 1][before]
        numbers = known.by_looks(piece, numbers, alike)
        known.add(piece, numbers)
        result.append(numbers)
    return result, known.count


def whitening(covariance: np.ndarray) -> np.ndarray:
    """The matrix (D, D) that tokens are multiplied with, so that no direction counts for most."""
    values, vectors = np.linalg.eigh(covariance)
    softened = values + _RIDGE * values.mean()
    return vectors / np.sqrt(np.maximum(softened, 1e-12))


class _Known:
    """The film's objects so far, with the sums of their tokens."""

    def __init__(self, mean: np.ndarray, whitening: np.ndarray) -> None:
        self._mean, self._whitening = mean, whitening
        self._tokens = np.zeros((0, len(mean)))
        self._places = np.zeros(0)
        self._wholes = np.zeros(0, int)

    @property
    def count(self) -> int:
        return len(self._places)

    def by_looks(self, piece: PieceObjects, numbers: np.ndarray, alike: float) -> np.ndarray:
        """Number those that have none yet (-1): as the known one they look like, or else anew."""
        numbers = numbers.copy()
        open_ = np.flatnonzero((numbers < 0) & (piece.places > 0))
        free = np.setdiff1d(np.flatnonzero(self._places > 0), numbers)
        if alike < 1 and len(open_) and len(free):
            looks = self._looks(piece.tokens[open_], piece.places[open_])
            others = self._looks(self._tokens[free], self._places[free])
            likeness = looks @ others.T
            likeness[piece.wholes[open_][:, None] != self._wholes[free]] = -2  # below any alike
            for own, other in _pairs(likeness, alike):
                numbers[open_[own]] = free[other]
        fresh = np.flatnonzero(numbers < 0)
        numbers[fresh] = self.count + np.arange(len(fresh))
        return numbers

    def add(self, piece: PieceObjects, numbers: np.ndarray) -> None:
        more = max(0, max(numbers, default=-1) + 1 - self.count)
        self._tokens = np.pad(self._tokens, ((0, more), (0, 0)))
        self._places = np.pad(self._places, (0, more))
        self._wholes = np.pad(self._wholes, (0, more))
        self._wholes[numbers] = piece.wholes
        self._tokens[numbers] += piece.tokens
        self._places[numbers] += piece.places

    def _looks(self, tokens: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Unit vectors (n, D)."""
        means = (tokens / places[:, None] - self._mean) @ self._whitening
        return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)


def _pairs(likeness: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Rows and columns that go together, one to one: none below ``least``, above it the most."""
    rows, columns = linear_sum_assignment(-np.maximum(likeness - least, 0))
    return [
        (int(row), int(column))
        for row, column in zip(rows, columns, strict=True)
        if likeness[row, column] >= least
    ]
