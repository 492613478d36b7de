"""Points follow what they lie on, end where it is hidden, and cover every frame."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from betrayed.objects.flow import Flow, flow_size, neighbour_flows
from betrayed.objects.point_tracking import follow_points, sample

SIZE = (96, 128)
STEP = 3  # pixels a frame that the square moves to the right


def texture(size, seed):
    noise = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def film(count=8):
    """A square of 32 pixels that moves over a ground that stands still: frames and its left."""
    ground, square = texture(SIZE, 0), texture((32, 32), 1)
    frames, lefts = [], [16 + STEP * index for index in range(count)]
    for left in lefts:
        gray = ground.copy()
        gray[32:64, left : left + 32] = square
        frames.append(np.repeat(gray[..., None], 3, -1))
    return frames, lefts


def followed(frames):
    size = flow_size(frames[0].shape[:2], frames[0].shape[0])
    return list(follow_points(neighbour_flows(frames, frames[0].shape[0]), size))


def still(size=SIZE, forward=(0.0, 0.0), backward=(0.0, 0.0)):
    """Flow that is the same everywhere, x and y."""
    flow = np.empty((2, *size, 2), np.float32)
    flow[0], flow[1] = forward, backward
    return Flow(*flow)


@pytest.fixture(scope="module")
def points():
    return followed(film()[0])


def inside(places, left, margin):
    rows, columns = places.T
    within = (rows >= 32 + margin) & (rows < 64 - margin)
    return within & (columns >= left + margin) & (columns < left + 32 - margin)


def test_points_on_the_square_move_with_it_and_others_stay(points):
    lefts = film()[1]
    start = dict(zip(points[0].ids, points[0].places, strict=True))
    here = inside(points[0].places, lefts[0], 4)
    on_square = set(points[0].ids[here])
    assert len(on_square) == 9
    last = dict(zip(points[-1].ids, points[-1].places, strict=True))
    assert on_square <= set(last)
    moved = np.array([last[one] - start[one] for one in on_square])
    # Flow is smooth, so what moves before a ground at rest lags a little behind.
    np.testing.assert_allclose(moved, [(0, STEP * 7)] * 9, atol=0.16 * STEP * 7)
    far = [i for i in start if i in last and not inside(start[i][None], 16, -8)[0]]
    far = [i for i in far if not inside(start[i][None], lefts[-1], -8)[0]]
    assert len(far) > 80
    moved = np.array([last[i] - start[i] for i in far])
    assert np.percentile(np.abs(moved), 90) < 0.5


def test_points_that_are_covered_end(points):
    """Ground that the square comes to lie on is no longer seen."""
    first = points[0]
    # To the right of the square at first, in its middle at last.
    covered = (first.places[:, 1] > 50) & (first.places[:, 1] < 62)
    covered &= (first.places[:, 0] > 36) & (first.places[:, 0] < 60)
    assert covered.sum() >= 3
    last = dict(zip(points[-1].ids, points[-1].places, strict=True))
    for one, place in zip(first.ids[covered], first.places[covered], strict=True):
        assert one not in last or np.abs(last[one] - place).max() >= 1


def test_ids_are_unique_and_never_used_again(points):
    gone, alive = set(), set()
    for one in points:
        ids = one.ids.tolist()
        assert len(set(ids)) == len(ids) == len(one.places)
        assert one.ids.dtype == np.int32 and one.places.dtype == np.float32
        assert not gone & set(ids)
        gone |= alive - set(ids)
        alive = set(ids)
        assert (np.diff(one.ids) > 0).all()  # those that have lived longest first
    assert gone


def test_every_cell_has_a_living_point_near_its_middle(points):
    rows, columns = (np.arange(3.5, side, 8) for side in SIZE)
    for one in points:
        assert ((one.places >= 0) & (one.places <= np.array(SIZE) - 1)).all()
        for row in rows:
            for column in columns:
                away = np.abs(one.places - (row, column)).max(axis=1).min()
                assert away <= 5  # 4, and as much as rounding to pixels may add


def test_points_start_in_the_middle_of_cells():
    (only,) = follow_points([], (16, 24))
    wanted = [[row, column] for row in (3.5, 11.5) for column in (3.5, 11.5, 19.5)]
    assert only.places.tolist() == wanted
    assert only.ids.tolist() == list(range(6))


def test_where_several_meet_the_oldest_stays():
    """All flow leads to one place: one point lives there, and others start around it."""
    rows, columns = np.mgrid[:16, :24]
    towards = np.stack([9.0 - columns, 9.0 - rows], -1).astype(np.float32)
    back = np.zeros_like(towards)
    first, second = follow_points([Flow(towards, back)], (16, 24))
    # Flow that does not lead back ends them all.
    assert not set(first.ids) & set(second.ids)
    # The way back, read at (9, 9), is that of the second point, and at rest elsewhere.
    back[9, 9] = -towards[3:5, 11:13].mean(axis=(0, 1))
    first, second = follow_points([Flow(towards, back)], (16, 24))
    assert (set(first.ids) & set(second.ids)) == {1}
    np.testing.assert_allclose(second.places[0], (9, 9), atol=1e-5)
    # All lead to where they are: the first of those that meet within four pixels.
    squeeze = Flow(np.zeros((16, 24, 2), np.float32), np.zeros((16, 24, 2), np.float32))
    squeeze.forward[:, :12, 0] = np.where(columns[:, :12] < 8, 0.02, -7.0)
    squeeze.backward[:, :12, 0] = 0
    first, second = follow_points([squeeze], (16, 24))
    assert 0 in second.ids and 1 not in second.ids


@pytest.mark.parametrize(
    ("forward", "backward", "lives"),
    [
        ((2.0, 0.0), (-2.0, 0.0), True),
        ((0.0, 0.0), (0.7, 0.0), True),  # .49 < .01 · .49 + .5
        ((0.0, 0.0), (0.72, 0.0), False),  # .5184 ≥ .01 · .5184 + .5
        ((6.0, 0.0), (-5.0, 0.0), True),  # 1 < .01 (36 + 25) + .5 = 1.11
        ((6.0, 0.0), (-4.9, 0.0), False),  # 1.21 ≥ 1.1001
        ((0.0, 6.0), (0.0, -5.0), True),  # down likewise
        ((100.0, 0.0), (-100.0, 0.0), False),  # out of the frame
    ],
)
@pytest.mark.parametrize("height", [240, 480])
def test_points_end_where_flow_does_not_lead_back(forward, backward, lives, height):
    """At twice the height the same motion is twice as many pixels."""
    forward, backward = (np.multiply(one, height / 240) for one in (forward, backward))
    size = (height, 64)
    first, second = follow_points([still(size, forward, backward)], size)
    middle = int(np.flatnonzero((first.places == (27.5, 27.5)).all(axis=1))[0])
    assert (first.ids[middle] in second.ids) == lives
    if lives:
        place = second.places[second.ids == first.ids[middle]][0]
        np.testing.assert_allclose(place, (27.5 + forward[1], 27.5 + forward[0]), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 7), (12, 3)])
def test_sample_is_bilinear_and_repeats_edges(size):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(*size, 5)).astype(np.float32)
    places = rng.uniform(-2, np.array(size) + 1, size=(50, 2))
    places = np.concatenate([places, [[0, 0], np.array(size) - 1]])
    wanted = [map_coordinates(values[..., c], places.T, order=1, mode="nearest") for c in range(5)]
    np.testing.assert_allclose(sample(values, places), np.stack(wanted, -1), atol=1e-5)


def test_sample_of_no_places():
    assert sample(np.zeros((4, 5, 3), np.float32), np.empty((0, 2))).shape == (0, 3)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (3, 40), (40, 3)])
@pytest.mark.parametrize("count", [1, 3])
def test_tiny_frames(size, count):
    frames = np.random.default_rng(0).integers(0, 256, (count, *size, 3), dtype=np.uint8)
    found = followed(list(frames))
    assert len(found) == count
    assert all(len(one.ids) > 0 for one in found)


def test_flow_is_between_neighbours_both_ways():
    frames, _ = film(3)
    flows = list(neighbour_flows(frames, SIZE[0]))
    assert len(flows) == 2
    for index, flow in enumerate(flows):
        assert flow.forward.shape == flow.backward.shape == (*SIZE, 2)
        left = 16 + STEP * index
        square = flow.forward[40:56, left + 8 : left + 24]
        np.testing.assert_allclose(np.median(square, axis=(0, 1)), (STEP, 0), atol=0.3)
        back = flow.backward[40:56, left + STEP + 8 : left + STEP + 24]
        np.testing.assert_allclose(np.median(back, axis=(0, 1)), (-STEP, 0), atol=0.3)
    assert list(neighbour_flows(frames[:1], SIZE[0])) == []
    assert list(neighbour_flows([], SIZE[0])) == []


def test_flow_size_keeps_the_aspect_and_enlarges_what_is_small():
    assert flow_size((480, 854), 240) == (240, 427)
    assert flow_size((854, 480), 240) == (240, 135)
    assert flow_size((16, 16), 240) == (240, 240)
    assert flow_size((400, 40), 240) == (640, 64)
