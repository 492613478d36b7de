"""Temporal stability: cases worked by hand, and against a naive version."""

import math
from functools import cache

import cv2
import numpy as np
import pytest

from betrayed.scoring import stability as module
from betrayed.scoring.stability import (
    contour,
    matching_cost,
    shape_contexts,
    stability,
    warping_path,
)


def ellipse(centre=(30, 25), axes=(18, 10), angle=20):
    image = np.zeros((60, 80), np.uint8)
    return cv2.ellipse(image, centre, axes, angle, 0, 360, 1, -1)


def square(left=10, top=10, side=31):
    image = np.zeros((60, 80), np.uint8)
    image[top : top + side, left : left + side] = 1
    return image


# By hand


def test_a_still_mask_is_stable():
    assert stability(np.array([ellipse()] * 3), [0, 1, 2])[1:].tolist() == [0, 0]


def test_a_mask_that_only_moves_is_stable():
    moved = np.array([ellipse(), ellipse((37, 30)), square(), square(15, 3)])
    assert stability(moved, range(4))[[1, 3]].tolist() == [0, 0]


def test_a_mask_that_changes_its_shape_is_not():
    masks = np.array([ellipse(), ellipse(axes=(17, 11)), square()])
    little, much = stability(masks, [0, 1, 2])[1:]
    assert 0 < little < much <= 5


def test_frames_that_have_none():
    empty = np.zeros_like(ellipse())
    masks = np.array([ellipse(), ellipse(), empty, ellipse(), ellipse()])
    # The first frame, an empty one, the next; frame 9 does not follow frame 3.
    known = [False, True, False, False, False]
    assert (~np.isnan(stability(masks, [0, 1, 2, 3, 9]))).tolist() == known
    pixel = empty.copy()
    pixel[5, 5] = 1
    assert len(contour(pixel > 0)) == 0  # simplified to nothing


def test_contour_by_hand():
    points = contour(square() > 0)
    # A square of 31 pixels: its corners' centres are 30 apart, ten pieces of 3 a side.
    assert len(points) == 40
    assert {(10, 10), (10, 13), (40, 40), (13, 10)} <= {tuple(one) for one in points.tolist()}
    assert np.hypot(*(np.roll(points, 1, axis=0) - points).T).tolist() == [3] * 40
    with_hole = square()
    with_hole[20:25, 20:25] = 0
    assert len(contour(with_hole > 0)) == 40  # the longest contour alone


def test_long_contours_are_thinned_out(monkeypatch):
    monkeypatch.setattr(module, "MOST_POINTS", 20)
    assert len(contour(square() > 0)) == 20


def test_shape_context_by_hand():
    # A triangle with sides 3, 4, 5; distances from a point to all, itself too, are 24 in sum over
    # 9: 8/3. 3 / (8/3) = 1.125 and 4 / (8/3) = 1.5 lie between 1 and 2, 5 / (8/3) = 1.875 too: the
    # last ring. Edges are 1/8, 1/4, 1/2, 1, 2.
    contexts = shape_contexts(np.array([[0, 0], [4, 0], [0, 3]])).reshape(3, 5, 12) * 3
    assert contexts[:, 0, 0].tolist() == [1, 1, 1]  # itself
    # To the right 0°: bin 0. Down 90°: bin 3. From the second point 180° is bin 6, and up to the
    # left 180° - 36.9° = 143.1° bin 4. From the third 270° bin 9, and 323.1° bin 10.
    assert np.argwhere(contexts[:, 4] == 1).tolist() == [
        [0, 0],
        [0, 3],
        [1, 4],
        [1, 6],
        [2, 9],
        [2, 10],
    ]


def test_path_by_hand():
    costs = np.array([[9, 1, 9], [9, 0, 0], [9, 9, 0]])
    assert warping_path(costs).tolist() == [[0, 0], [1, 1], [2, 2]]
    assert warping_path(np.zeros((1, 3))).tolist() == [[0, 0], [0, 1], [0, 2]]


# Against the naive version


def naive_context(points, index):
    x, y = points[index]
    mean = np.mean([math.dist(a, b) for a in points for b in points])
    counts = np.zeros((5, 12))
    for u, v in points:
        distance = math.dist((x, y), (u, v)) / mean
        ring = sum(edge <= distance for edge in (1 / 8, 1 / 4, 1 / 2, 1, 2))
        if ring < 5:
            counts[ring, int(math.degrees(math.atan2(v - y, u - x)) % 360 // 30)] += 1
    return counts.ravel() / counts.sum()


def naive_path(costs):
    """The cheapest path, by trying all; of equal ones both steps first, then the first index."""

    @cache
    def best(i, j):
        if (i, j) == (0, 0):
            return costs[0][0], [(0, 0)]
        before = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
        ways = [best(*one) for one in before if min(one) >= 0]
        cost, path = min(ways, key=lambda way: way[0])
        return cost + costs[i][j], [*path, (i, j)]

    return best(len(costs) - 1, len(costs[0]) - 1)[1]


def naive_cost(first, second):
    costs = [
        [
            sum((a - b) ** 2 / (a + b) for a, b in zip(p, q, strict=True) if a + b) / 2
            for q in second
        ]
        for p in first
    ]
    n, m = len(first), len(second)
    at, to = min(naive_path(costs)[:0:-1], key=lambda one: costs[one[0]][one[1]])
    turned = [[costs[(i + at + 1) % n][(j + to + 1) % m] for j in range(m)] for i in range(n)]
    pairs = [((i + at + 1) % n, (j + to + 1) % m) for i, j in naive_path(turned)]
    for side in (0, 1):
        kept = {}
        for pair in pairs:
            cost = costs[pair[0]][pair[1]]
            if pair[side] not in kept or cost < kept[pair[side]][0]:
                kept[pair[side]] = (cost, pair)
        pairs = [kept[number][1] for number in sorted(kept)]
    return np.mean([costs[i][j] for i, j in pairs])


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_naive(seed):
    draw = np.random.default_rng(seed)
    masks = [ellipse(axes=tuple(draw.integers(8, 20, 2).tolist()), angle=30 * k) for k in range(2)]
    points = [contour(mask > 0) for mask in masks]
    contexts = [shape_contexts(one) for one in points]
    for mine, their in zip(contexts, points, strict=True):
        naive = [naive_context(their.tolist(), index) for index in range(len(their))]
        np.testing.assert_allclose(mine, naive, atol=1e-12)
    expected = naive_cost(*(one.tolist() for one in contexts))
    assert matching_cost(*contexts) == pytest.approx(expected, abs=1e-12)
    assert stability(np.array(masks), [4, 5])[1] == pytest.approx(5 * expected, abs=1e-12)
