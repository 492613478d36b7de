"""Two foregrounds in one picture: where their points come to lie, and whose they are."""

import numpy as np
import pytest

from betrayed.objects.composites import Cutout, _smoothed, alone, cut_out, joined
from betrayed.objects.learning import LearningSettings, draw_composites
from betrayed.objects.outlines import Outlines
from betrayed.objects.pairs import MEASURES
from betrayed.objects.trajectories import Trajectories

SIZE, GRID, FRAMES = (240, 427), (12, 21), 12


def square(look, middle, side, step=(0, 0), frames=FRAMES):
    """A square that moves, with points sixteen pixels apart that all look like one axis."""
    spread = np.arange(8, side, 16) - side / 2 + 0.5
    offsets = np.stack(np.meshgrid(spread, spread, indexing="ij"), -1).reshape(-1, 2)
    masks, places = np.zeros((frames, *SIZE), bool), []
    for t in range(frames):
        at = np.array(middle) + t * np.array(step)
        top, left = np.round(at - side / 2).astype(int)
        masks[t, max(top, 0) : top + side, max(left, 0) : left + side] = True
        places.append(at + offsets)
    count = len(offsets)
    looks = np.zeros((count, 4), np.float16)
    looks[:, look] = 1
    return Cutout(masks, [np.arange(count)] * frames, places, [looks] * frames, GRID)


class Drawn:
    """Draws that are known beforehand."""

    def __init__(self, angle, apart, zoom, stays, in_front):
        self.reals = iter([angle, apart, np.log(zoom)])
        self.coins = np.where([stays, in_front], 0.1, 0.9)

    def integers(self, most):
        return 0

    def uniform(self, low, high):
        return next(self.reals)

    def random(self, count):
        return self.coins[:count]


def test_alone_is_as_it_was():
    one = square(1, (100, 200), 48, (1, 2))
    seen, owners = alone(one, np.random.default_rng(0))
    assert set(owners) == {1} and len(owners) == 9
    np.testing.assert_allclose(seen.looks, np.eye(4)[[1] * 9])
    np.testing.assert_allclose(
        np.sort(seen.places, axis=0), np.sort(np.stack(one.places, 1), axis=0), atol=1e-4
    )
    assert seen.area == 48**2


@pytest.mark.parametrize("stays", [True, False])
@pytest.mark.parametrize("zoom", [1.0, 1.25])
def test_joined_by_hand(stays, zoom):
    """The other one is laid to the right, 1.2 times both radii away, and keeps up or moves on."""
    one, other = square(0, (120, 200), 48), square(2, (60, 60), 32, (0, 3))
    seen, owners = joined(one, other, Drawn(0.0, 1.2, zoom, stays, in_front=False))
    np.testing.assert_allclose(seen.looks, np.eye(4)[np.where(owners == 1, 0, 2)])
    first = seen.places[owners == 2, 0]
    distance = 1.2 * (24 + 16)
    pivot = _smoothed(other.centres())[0]
    target = _smoothed(one.centres())[0] + [0, distance]
    wanted = (other.places[0] - pivot) * zoom + target
    shown = ~((np.abs(np.round(wanted) - [119.5, 199.5]) < 24).all(axis=1))
    np.testing.assert_allclose(
        np.array(sorted(map(tuple, first))), np.array(sorted(map(tuple, wanted[shown]))), atol=1e-3
    )
    moved = np.nanmean(seen.places[owners == 2, 8] - seen.places[owners == 2, 5], axis=0)
    np.testing.assert_allclose(moved, [0, 0] if stays else [0, 9 * zoom], atol=1e-3)


@pytest.mark.parametrize("in_front", [True, False])
def test_what_is_behind_is_hidden(in_front):
    one, other = square(0, (120, 200), 48), square(2, (60, 60), 48)
    seen, owners = joined(one, other, Drawn(np.pi / 2, 0.6, 1.0, True, in_front))
    below = one.centres()[0][0] + 0.6 * 48  # where the other's middle is
    rows = {number: seen.places[owners == number, 0, 0] for number in (1, 2)}
    assert len(rows[2 if in_front else 1]) == 9 and 0 < len(rows[1 if in_front else 2]) < 9
    if in_front:
        assert rows[1].max() < below - 23
    else:
        assert rows[2].min() > one.centres()[0][0] + 23
    assert seen.area == 48 * (48 + round(0.6 * 48))


def test_of_which_hardly_anything_is_seen_teaches_nothing():
    one, other = square(0, (120, 200), 96), square(2, (60, 60), 8)
    assert joined(one, other, Drawn(0.0, 0.6, 1.0, True, False)) is None


def test_centres_between_those_that_are_known():
    one = square(0, (100, 100), 16, (0, 2))
    whole = one.centres()
    one.masks[3:5] = False
    np.testing.assert_allclose(one.centres(), whole)
    assert one.radius == 8


def test_cutting_out():
    """In pixels of the pictures, by what the foreground of the video is, whatever its size."""
    scores = np.zeros((2, 6, 10), np.float32)
    scores[:, 2:4, 3:6] = 1

    class Found:
        pass

    found = Found()
    found.scores, found.threshold = scores, 0.5
    outlines = Outlines(found, (120, 200), None)
    places = np.tile(np.array([[50, 90], [50, 10], [70, 70]], np.float32), (2, 1))
    points = Trajectories(
        np.tile(np.arange(3, dtype=np.int32), 2), np.array([0, 3, 6]), places, (120, 200)
    )
    tokens = np.random.default_rng(0).normal(size=(2, 60, 5)).astype(np.float16)
    one = cut_out(points, outlines, tokens, (6, 10))
    assert one.masks.shape == (2, 240, 427) and one.ids[0].tolist() == [0, 2]
    np.testing.assert_allclose(one.places[1][0], [50.5 * 2 - 0.5, 90.5 * 427 / 200 - 0.5])
    np.testing.assert_allclose(np.linalg.norm(one.looks[0].astype(float), axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(one.masks.mean(), outlines.mask(0).mean(), atol=0.01)
    beside = Trajectories(points.ids, points.starts, places * 0, (120, 200))
    assert cut_out(beside, outlines, tokens, (6, 10)) is None


def test_pairs_that_composites_teach():
    cutouts = [square(0, (120, 200), 96), square(2, (60, 60), 80, (0, 3)), square(1, (99, 99), 80)]
    cutouts[0].masks[:, :, 200:204] = False  # in two pieces
    settings = LearningSettings(pairs=300, composites=6)
    samples = draw_composites(cutouts, settings)
    assert 4 <= len(samples) <= 9
    for measures, same in samples[:3]:  # alone
        assert same.all() and measures.shape[1] == len(MEASURES)
    apart = MEASURES.index("apart")
    assert all((measures[same][:, apart] <= 0.5).all() for measures, same in samples)
    assert len(samples[0][1]) < 200 < len(samples[1][1])
    assert 0.2 < np.mean([same.mean() for _, same in samples[3:]]) < 0.8
    again = draw_composites(cutouts, settings)
    assert all((a[0] == b[0]).all() for a, b in zip(samples, again, strict=True))
    assert draw_composites(cutouts[:1], settings) == []
