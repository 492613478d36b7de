"""Whose each pixel is: by hand, and against blots of each group's points."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from betrayed.objects import painting
from betrayed.objects.observations import Seen
from betrayed.objects.painting import GridPainter, PointPainter, paint
from support.naive_points import blurred

SIZE = (40, 60)


def seen_at(places):
    """Points at places (n, T, 2), NaN where they are not."""
    places = np.asarray(places, np.float32)
    n = len(places)
    pieces = np.where(np.isnan(places[..., 0]), -1, 1)
    nothing = np.zeros((n, 1))
    return Seen(places, pieces, np.ones(n), nothing, nothing, nothing[:1], 1.0, SIZE)


GONE = [np.nan, np.nan]


def test_shares_are_those_of_the_blots():
    rng = np.random.default_rng(0)
    places = rng.uniform(0, np.array(SIZE) - 1, size=(20, 1, 2))
    groups = rng.integers(0, 3, 20)
    shares = PointPainter(seen_at(places), groups).shares(0)
    pixels = np.round(places[:, 0].astype(np.float32)).astype(int)
    blots = np.stack([blurred(pixels[groups == group], SIZE, 8.0) for group in range(3)])
    assert shares.shape == (3, *SIZE) and shares.dtype == np.float32
    np.testing.assert_allclose(shares, blots / blots.sum(0), atol=1e-4)
    np.testing.assert_allclose(shares.sum(0), 1, atol=1e-5)


def test_most_points_win_between_two():
    places = [[[20, 20]], [[20, 40]], [[20, 40]]]
    shares = PointPainter(seen_at(places), np.array([0, 1, 1])).shares(0)
    assert shares[0, 20, 20] > 0.5 > shares[0, 20, 30]
    assert shares[:, 20, 30] == pytest.approx([1 / 3, 2 / 3], abs=0.01)


def test_where_no_blot_reaches_the_nearest_point_has_all():
    size = (300, 400)
    seen = seen_at([[[10, 10]], [[10, 60]]])
    seen = replace(seen, size=size)
    shares = PointPainter(seen, np.array([1, 0])).shares(0)
    assert shares[:, 290, 20].tolist() == [0, 1]
    assert shares[:, 290, 390].tolist() == [1, 0]
    np.testing.assert_allclose(shares.sum(0), 1, atol=1e-5)


def test_frames_without_points_take_those_of_the_nearest():
    places = [[GONE, [10, 10], GONE, GONE, GONE], [GONE, GONE, GONE, GONE, [10, 50]]]
    painter = PointPainter(seen_at(places), np.array([0, 1]))
    whole = [painter.shares(frame)[:, 20, 30].tolist() for frame in range(5)]
    assert whole == [[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]]


@pytest.mark.parametrize("seed", range(20))
def test_a_blot_is_that_of_the_whole_frame(seed):
    random = np.random.default_rng(seed)
    size = random.integers([1, 1], [240, 440])
    around = random.uniform(0, size, (random.integers(1, 30), 2)) * random.choice([0.1, 1.0], 2)
    pixels = np.clip(around.round().astype(int), 0, size - 1)
    blot, whole = np.zeros((2, *size), np.float32)
    painting._blot(blot, pixels)
    np.add.at(whole, tuple(pixels.T), 1)
    # The same but for the rounding of sums, which is the processor's.
    np.testing.assert_allclose(blot, cv2.GaussianBlur(whole, (0, 0), 8.0), rtol=1e-6, atol=0)


def test_shares_are_kept_where_there_is_room(monkeypatch):
    places = np.random.default_rng(0).uniform(0, np.array(SIZE) - 1, size=(20, 4, 2))
    groups = np.arange(20) % 3
    monkeypatch.setattr(painting, "_KEPT", 2 * 3 * 40 * 60 * 4)  # two frames
    painter = PointPainter(seen_at(places), groups)
    first, again = ([painter.shares(frame) for frame in range(4)] for _ in range(2))
    assert [one is other for one, other in zip(first, again, strict=True)] == [True] * 2 + [
        False
    ] * 2
    np.testing.assert_array_equal(np.stack(first), np.stack(again))


def test_a_group_without_points_in_a_frame_has_nothing_there():
    painter = PointPainter(seen_at([[[10, 10], GONE], [[10, 50], [10, 50]]]), np.array([0, 1]))
    assert painter.shares(1)[0].max() == 0 and painter.shares(1)[1].min() == 1


def test_points_beyond_the_outermost_pixels_middle():
    painter = PointPainter(seen_at([[[-0.4, -0.4]], [[39.4, 59.4]]]), np.array([0, 1]))
    shares = painter.shares(0)
    assert shares[0, 0, 0] > 0.9 and shares[1, -1, -1] > 0.9


def test_grids_are_given_as_they_are():
    shares = np.random.default_rng(0).random((2, 3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(GridPainter(shares).shares(2), shares[:, 2])


def test_objects_by_all_their_parts_together_then_the_greatest_of_them():
    # Parts 0 and 2 are of object 0: together .6 against .4, though part 1 is the greatest alone.
    shares = np.array([0.35, 0.4, 0.25], np.float32)[:, None, None] * np.ones((3, 2, 2), np.float32)
    objects, parts = paint(shares, np.array([0, 1, 0]), (2, 2))
    assert (objects == 0).all() and (parts == 0).all()
    shares[2, :, 1] = 0.5
    objects, parts = paint(shares, np.array([0, 1, 0]), (2, 2))
    assert objects.tolist() == [[0, 0]] * 2 and parts.tolist() == [[0, 2]] * 2
    shares[1, 0] = 2
    objects, parts = paint(shares, np.array([0, 1, 0]), (2, 2))
    assert objects.tolist() == [[1, 1], [0, 0]] and parts.tolist() == [[1, 1], [0, 2]]


def test_objects_in_any_order_of_their_parts():
    shares = np.eye(3, dtype=np.float32)[:, None]
    objects, parts = paint(shares, np.array([2, 0, 1]), (1, 3))
    assert objects.tolist() == [[2, 0, 1]] and parts.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [(1, 1), (7, 9), (31, 40)])
def test_parts_are_nested_in_objects(seed, size):
    rng = np.random.default_rng(seed)
    shares = rng.random((7, 5, 6)).astype(np.float32)
    object_of = rng.permutation([0, 0, 0, 1, 1, 2, 3])
    objects, parts = paint(shares, object_of, size)
    assert objects.shape == parts.shape == size
    np.testing.assert_array_equal(object_of[parts], objects)


def test_shares_are_enlarged_linearly():
    shares = np.array([[[1, 0]], [[0, 1]]], np.float32)
    objects, parts = paint(shares, np.array([0, 1]), (1, 8))
    assert objects.tolist() == parts.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]]


def test_a_single_part():
    objects, parts = paint(np.ones((1, 3, 3), np.float32), np.zeros(1, int), (5, 4))
    assert not objects.any() and not parts.any()


def test_nobody_has_anything():
    """Of equal shares the first has it, even of none."""
    objects, parts = paint(np.zeros((2, 2, 2), np.float32), np.array([0, 1]), (2, 2))
    assert not objects.any() and not parts.any()
