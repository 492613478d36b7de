"""Neighbouring patch tokens that look alike, and scores that spread between them."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array, eye_array
from scipy.sparse.linalg import cg

#: Rows and columns that neighbours lie apart at most.
_REACH = 2
#: Cosine distance at which the affinity has fallen to 1/e.
_ALIKE = 0.1
#: Solutions are exact to this share: far below a difference that moves a mask.
_TOLERANCE = 1e-4


def affinity(tokens: np.ndarray, grid: tuple[int, int], frames: int) -> csr_array:
    """How alike the tokens of a video are to their neighbours in space and time.

    The affinity of two neighbours is exp((cosine − 1) / 0.1); that of all others is 0.

    Args:
        tokens: (T, N, D), row-major on the grid; of any float type.
        grid: rows and columns, h·w = N.
        frames: how many frames neighbours lie apart at most; 0 keeps frames apart.

    Returns:
        (T·N, T·N) float32, symmetric, zeros on the diagonal.
    """
    count, (height, width) = len(tokens), grid
    unit = tokens.astype(np.float32).reshape(count, height, width, -1)
    unit /= np.maximum(np.linalg.norm(unit, axis=-1, keepdims=True), 1e-6)
    place = np.arange(count * height * width, dtype=np.int32).reshape(count, height, width)
    offsets = list(_offsets(min(frames, count - 1)))
    one, other, cosines = [], [], []
    for steps in offsets:
        here = tuple(_kept(side, -step) for side, step in zip(place.shape, steps, strict=True))
        there = tuple(_kept(side, step) for side, step in zip(place.shape, steps, strict=True))
        one.append(place[here].ravel())
        other.append(place[there].ravel())
        cosines.append(np.empty(place[here].shape, np.float32))
    for frame in range(count):  # all offsets of one, while it is in the cache
        for cosine, (time, row, column) in zip(cosines, offsets, strict=True):
            if frame < len(cosine):
                here = frame, _kept(height, -row), _kept(width, -column)
                there = frame + time, _kept(height, row), _kept(width, column)
                np.einsum("hwd,hwd->hw", unit[here], unit[there], out=cosine[frame])
    weights = [np.exp((cosine.ravel() - 1) / _ALIKE) for cosine in cosines]
    pairs = (np.concatenate(one), np.concatenate(other))
    half = coo_array((np.concatenate(weights), pairs), shape=(place.size, place.size)).tocsr()
    return half + half.T


def diffuse(scores: np.ndarray, neighbours: csr_array, strength: float) -> np.ndarray:
    """Let tokens share their scores with neighbours that look like them.

    Minimises Σ (x − score)² + strength · Σ affinity · (x_i − x_j)², the second sum over pairs, by
    conjugate gradients: scores even out within things and keep their steps at the edges.

    Args:
        scores: (T, h, w).
        neighbours: see :func:`affinity`.
        strength: how much; 0 leaves the scores as they are.

    Returns:
        (T, h, w) float32; the mean over the video stays what it was.
    """
    if strength == 0:
        return scores.astype(np.float32)
    degrees = diags_array(neighbours.sum(axis=1))
    system = eye_array(scores.size) + strength * (degrees - neighbours)
    start = scores.ravel().astype(np.float64)
    result, _ = cg(system.tocsr(), start, x0=start, rtol=_TOLERANCE, maxiter=1000)
    return result.reshape(scores.shape).astype(np.float32)


def _offsets(frames: int) -> Iterator[tuple[int, int, int]]:
    """Each pair of neighbours once: steps in time, rows and columns from one to the other."""
    reach = range(-_REACH, _REACH + 1)
    for time in range(frames + 1):
        for row in reach:
            for column in reach:
                if time > 0 or (row, column) > (0, 0):
                    yield time, row, column


def _kept(side: int, step: int) -> slice:
    """The places of an axis that have a partner ``step`` before them."""
    return slice(max(0, step), side + min(0, step))
