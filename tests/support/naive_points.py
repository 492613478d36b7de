"""Points on a foreground and their pairs, with everything kept and in loops: slow, plain to see."""

import math

import cv2
import numpy as np
from scipy.ndimage import label, map_coordinates


def unit(vector):
    return vector / max(np.linalg.norm(vector), 1e-6)


def token_at(tokens, place):
    """The token (D,) at a place of the grid (h, w, D), bilinear, edges repeated, at length 1."""
    values = [
        map_coordinates(tokens[..., c].astype(float), [[place[0]], [place[1]]], order=1,
                        mode="nearest")[0]
        for c in range(tokens.shape[2])
    ]  # fmt: skip
    return unit(np.array(values))


def share_around(foreground, pixel, window):
    """Share of foreground in a window around a pixel; beyond the frame its edge is repeated."""
    height, width = foreground.shape
    values = [
        foreground[min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
        for row in range(pixel[0] - window[0] // 2, pixel[0] + window[0] // 2 + 1)
        for column in range(pixel[1] - window[1] // 2, pixel[1] + window[1] // 2 + 1)
    ]
    return sum(map(float, values)) / len(values)


def naive_observations(frames, size):
    """All observations of frames of (ids, places, foreground, tokens), a dictionary each.

    A point has a name of its own for each stay on the foreground: its id and the first frame.
    """
    result, stays = [], {}
    for time, (ids, places, foreground, tokens) in enumerate(frames):
        pieces = label(foreground, np.ones((3, 3)))[0]
        now = {}
        window = [2 * (round(3 * side / grid) // 2) + 1
                  for side, grid in zip(size, tokens.shape[:2], strict=True)]  # fmt: skip
        for point, place in zip(ids.tolist(), places, strict=True):
            pixel = [
                min(max(round(float(one)), 0), side - 1)
                for one, side in zip(place, size, strict=True)
            ]
            if not foreground[pixel[0], pixel[1]]:
                continue
            now[point] = stays.get(point, (point, time))
            on_grid = [
                (one + 0.5) * grid / side - 0.5
                for one, grid, side in zip(place, tokens.shape[:2], size, strict=True)
            ]
            depth = share_around(foreground, pixel, window)
            result.append({
                "point": now[point], "time": time, "place": place,
                "piece": pieces[pixel[0], pixel[1]], "look": token_at(tokens, on_grid),
                "depth": depth, "weight": max(depth, 0.05) ** 2,
            })  # fmt: skip
        stays = now
    return result


def mean(observations, name):
    weights = [one["weight"] for one in observations]
    return sum(w * one[name] for w, one in zip(weights, observations, strict=True)) / sum(weights)


def naive_seen(frames, size):
    """For every stay: weight, look, difference; and the change of tokens, and the area."""
    observations = naive_observations(frames, size)
    for time in range(len(frames)):
        now = [one for one in observations if one["time"] == time]
        for one in now:
            one["difference"] = one["look"] - mean(now, "look")
    # What is linear in the depth, by ordinary least squares over all observations.
    depths = np.array([one["depth"] for one in observations])
    differences = np.stack([one["difference"] for one in observations])
    design = np.stack([np.ones_like(depths), depths], 1)
    slope = (
        np.linalg.lstsq(design, differences)[0][1] if np.ptp(depths) > 0 else 0 * unit(depths)[0]
    )
    for one in observations:
        one["difference"] = one["difference"] - (one["depth"] - depths.mean()) * slope
    points = {}
    for one in observations:
        points.setdefault(one["point"], []).append(one)
    change = sum(
        one["weight"] * np.outer(*[one["look"] - mean(points[one["point"]], "look")] * 2)
        for one in observations
    ) / sum(one["weight"] for one in observations)
    seen = {
        point: {
            "weight": sum(one["weight"] for one in own),
            "look": mean(own, "look"),
            "difference": mean(own, "difference"),
            "frames": {one["time"]: (one["place"], one["piece"]) for one in own},
        }
        for point, own in points.items()
    }
    areas = [foreground.sum() for _, _, foreground, _ in frames if foreground.any()]
    return seen, change, np.mean(areas)


def naive_pair(seen, i, j):
    """Distance, apart, motion and together of two points, over their common frames."""
    frames = range(seen.pieces.shape[1])
    both = [t for t in frames if seen.pieces[i, t] >= 0 and seen.pieces[j, t] >= 0]
    if not both:
        return {"distance": 0.0, "apart": 0.0, "motion": 0.0, "together": False}
    motion = 0.0
    for ahead in (3, 1):
        steps = [t for t in both if t + ahead in both]
        if steps:
            motion = max(
                math.dist(
                    (seen.places[i, t + ahead] - seen.places[i, t]) / ahead,
                    (seen.places[j, t + ahead] - seen.places[j, t]) / ahead,
                )
                for t in steps
            )
            break
    return {
        "distance": np.mean([math.dist(seen.places[i, t], seen.places[j, t]) for t in both]),
        "apart": np.mean([seen.pieces[i, t] != seen.pieces[j, t] for t in both]),
        "motion": motion,
        "together": True,
    }


def naive_whitened(seen):
    """Squared distances of differences, by what a point changes, and 1/10 of its mean variance."""
    variance, axes = np.linalg.eigh(seen.change)
    n = len(seen.differences)
    result = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            for spread, axis in zip(variance, axes.T, strict=True):
                along = float((seen.differences[i] - seen.differences[j]) @ axis)
                result[i, j] += along**2 / (spread + 0.1 * variance.mean())
    return result


def naive_linkage(likeness, weights):
    """Join the likest groups until one is left: lists of (members, members, likeness)."""
    groups = [frozenset([i]) for i in range(len(weights))]
    joins = []

    def between(one, other):
        total = sum(weights[i] * weights[j] for i in one for j in other)
        return sum(weights[i] * weights[j] * likeness[i][j] for i in one for j in other) / total

    while len(groups) > 1:
        pairs = [(a, b) for number, a in enumerate(groups) for b in groups[number + 1 :]]
        one, other = max(pairs, key=lambda pair: between(*pair))
        joins.append((one, other, between(one, other)))
        groups = [group for group in groups if group not in (one, other)] + [one | other]
    return joins


def blurred(points, size, reach):
    """Points (n, 2) of whole pixels as Gaussian blots."""
    spread = np.zeros(size, np.float32)
    for row, column in points:
        spread[row, column] += 1
    return cv2.GaussianBlur(spread, (0, 0), reach)
