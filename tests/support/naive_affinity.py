"""Affinity and diffusion in loops over pairs: slow, independent, and plain to see."""

import math

import numpy as np


def cosine(one, other):
    return float(np.dot(one, other)) / (math.hypot(*one) * math.hypot(*other))


def naive_affinity(tokens, grid, frames):
    """(T·N, T·N) of tokens (T, N, D): every token with every other."""
    places = [(t, *divmod(n, grid[1])) for t in range(len(tokens)) for n in range(tokens.shape[1])]
    flat = np.asarray(tokens, np.float64).reshape(len(places), -1)
    result = np.zeros((len(places), len(places)))
    for i, one in enumerate(places):
        for j, other in enumerate(places):
            time, row, column = (abs(a - b) for a, b in zip(one, other, strict=True))
            if i != j and time <= frames and row <= 2 and column <= 2:
                result[i, j] = math.exp((cosine(flat[i], flat[j]) - 1) / 0.1)
    return result


def naive_diffusion(scores, neighbours, strength):
    """The least sum of squares: an equation for each score, and one for each pair of neighbours."""
    count = scores.size
    rows, wanted = list(np.eye(count)), list(scores.ravel())
    for i in range(count):
        for j in range(i):
            rows.append(
                math.sqrt(strength * neighbours[i, j]) * (np.eye(count)[i] - np.eye(count)[j])
            )
            wanted.append(0.0)
    return np.linalg.lstsq(np.array(rows), np.array(wanted))[0].reshape(scores.shape)
