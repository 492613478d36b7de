"""The objects that a foreground is made of: split where its parts look different."""

import numpy as np

#: A part must hold this share of what it is split from.
_SMALLEST = 0.05
_MOST_PARTS = 8
#: A part whose places have less than this share of it around them, among 3×3, has no core: it is a
#: rim or a scatter. Of 358 such parts of learning stories none was half of an object.
_THIN = 0.4


def split_foreground(
    tokens: np.ndarray,
    foreground: np.ndarray,
    distance: float,
    least: int = 1,
    most: int = _MOST_PARTS,
) -> np.ndarray:
    """Split the foreground of a video into parts that look different, such as horse and rider.

    The foreground is cut in two by k-means, each half again and so on, as long as the centroids
    of the halves lie at least ``distance`` apart. Tokens have length 1, less the foreground's mean
    in their frame: what changes with time only, such as light and view, splits nothing. Nor does
    what changes toward the outline, where tokens see the background too: the part that is linear in
    their depth is taken out, and they count little. Parts without a core, such as a fringe along an
    outline, go to the part that they touch most. Parts beyond ``most`` are joined, those with the
    nearest centroids first; where there are fewer than ``least``, the largest is cut again.

    Args:
        tokens: (T, N, D) of any float type, row-major on the grid.
        foreground: (T, h, w) bool, h·w = N.
        distance: between centroids, in lengths of a token (0 … 2); 2 splits nothing.
        least: parts at least, however alike, where the foreground has so many tokens.
        most: parts at most; there are never more than eight but for ``least``.

    Returns:
        (T, h, w) int64: 0 outside of the foreground, parts 1, 2, … by size, the largest first.
    """
    inside = foreground.ravel()
    labels = np.zeros(inside.size, np.int64)
    labels[inside] = 1
    if (distance < 2 or least > 1) and inside.any():
        depth = _depth(foreground).ravel()[inside]
        weights = depth**4
        centred = _centred(tokens.reshape(inside.size, -1), foreground, weights)  # (n, D)
        centred = _without(centred, depth)
        if distance < 2:
            labels[inside] = 1 + _split(centred, weights, distance)
        parts = _with_cores(labels.reshape(foreground.shape))[foreground]
        parts = np.unique(parts, return_inverse=True)[1]
        parts = _at_least(_at_most(parts, centred, weights, most), centred, weights, least)
        labels[inside] = _by_size(parts, weights)
    return labels.reshape(foreground.shape)


def _split(points: np.ndarray, weights: np.ndarray, distance: float) -> np.ndarray:
    """Labels (n,) of points (n, D): groups cut in two until their halves are alike."""
    labels = np.zeros(len(points), np.int64)
    waiting, parts = [0], 1
    while waiting and parts < _MOST_PARTS:
        group = np.flatnonzero(labels == waiting.pop())
        second, apart = _halves(points[group], weights[group])
        share = weights[group][second].sum() / weights[group].sum()
        if apart >= distance and _SMALLEST <= share <= 1 - _SMALLEST:
            waiting += [labels[group[0]], parts]
            labels[group[second]] = parts
            parts += 1
    return labels


def _at_most(parts: np.ndarray, points: np.ndarray, weights: np.ndarray, most: int) -> np.ndarray:
    """Parts (n,) 0, 1, …: the two with the nearest centroids are joined until so many are left."""
    while (count := parts.max() + 1) > most:
        own = [parts == part for part in range(count)]
        centroids = np.stack([np.average(points[o], axis=0, weights=weights[o]) for o in own])
        apart = np.linalg.norm(centroids[:, None] - centroids, axis=-1)
        np.fill_diagonal(apart, np.inf)
        first, second = sorted(np.unravel_index(apart.argmin(), apart.shape))
        parts = np.where(parts == second, first, parts)
        parts -= parts > second
    return parts


def _at_least(parts: np.ndarray, points: np.ndarray, weights: np.ndarray, least: int) -> np.ndarray:
    """Parts (n,) 0, 1, …: the heaviest is cut in two halves until there are so many."""
    parts = parts.copy()
    for new in range(parts.max() + 1, min(least, len(parts))):
        heavy = np.where(np.bincount(parts) > 1, np.bincount(parts, weights), -np.inf)
        own = np.flatnonzero(parts == heavy.argmax())
        second = _halves(points[own], weights[own])[0]
        if second.all() or not second.any():  # all alike: the one place is as good as the other
            second = np.arange(len(own)) >= len(own) // 2
        parts[own[second]] = new
    return parts


def _halves(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """2-means of points (n, D): which belong to the second, and how far the centroids are apart.

    Starts from the two sides of the first principal axis, so that nothing is drawn at random.
    """
    mean = np.average(points, axis=0, weights=weights)
    scaled = (points - mean) * np.sqrt(weights)[:, None]
    axis = np.linalg.eigh(scaled.T @ scaled)[1][:, -1]
    axis *= np.sign(axis[np.abs(axis).argmax()])
    second = (points - mean) @ axis > 0
    centroids = np.stack([mean, mean])
    for _ in range(100):
        for half, members in enumerate((~second, second)):
            if weights[members].sum() > 0:
                centroids[half] = np.average(points[members], axis=0, weights=weights[members])
        middle, across = centroids.mean(axis=0), centroids[1] - centroids[0]
        moved = (points - middle) @ across > 0
        if np.array_equal(moved, second):
            break
        second = moved
    return second, float(np.linalg.norm(centroids[1] - centroids[0]))


def _centred(tokens: np.ndarray, foreground: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The foreground's tokens (n, D) at length 1, less their mean in each frame."""
    inside = foreground.ravel()
    chosen = tokens[inside].astype(np.float32)
    chosen /= np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), 1e-6)
    frame = np.repeat(np.arange(len(foreground)), foreground[0].size)[inside]
    for index in np.unique(frame):
        here = frame == index
        chosen[here] -= np.average(chosen[here], axis=0, weights=weights[here])
    return chosen


def _without(points: np.ndarray, cause: np.ndarray) -> np.ndarray:
    """Points (n, D) less what is linear in ``cause`` (n,), by least squares."""
    cause = cause - cause.mean()
    slope = cause @ points / max(float(cause @ cause), 1e-6)  # (D,)
    return points - cause[:, None] * slope


def _depth(foreground: np.ndarray) -> np.ndarray:
    """The share of foreground among the 3×3 tokens around each token, (T, h, w); 0 beyond."""
    return _around(foreground.astype(np.float32)).mean(axis=0)


def _around(maps: np.ndarray) -> np.ndarray:
    """What lies at each of the 3×3 places around each place of (T, h, w): (9, T, h, w)."""
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
    height, width = maps.shape[1:]
    return np.stack([padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)])


def _with_cores(parts: np.ndarray) -> np.ndarray:
    """Parts (T, h, w), 0 outside: the thinnest goes to the one it touches most, until none is."""
    parts = parts.copy()
    while True:
        numbers = np.unique(parts[parts > 0])
        cores = [_depth(parts == one)[parts == one].mean() for one in numbers]
        thinnest = int(np.argmin(cores))
        if len(numbers) < 2 or cores[thinnest] >= _THIN:
            return parts
        own = parts == numbers[thinnest]
        beside = _around(np.where(own, 0, parts))[:, own]  # (9, n)
        sizes = np.bincount(parts[~own & (parts > 0)])
        # Without contact to the largest.
        contact = np.bincount(beside[beside > 0], minlength=len(sizes)) + sizes / (1 + sizes.sum())
        parts[own] = contact.argmax()


def _by_size(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Labels renumbered 1, 2, … from the heaviest group to the lightest."""
    order = np.argsort(-np.bincount(labels, weights), kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return rank[labels]
