"""What points see: against all observations kept and put together in the end."""

import numpy as np
import pytest

from betrayed.objects.observations import Observations
from support.naive_points import naive_seen

SIZE = (48, 64)


def film(seed=0, count=6, points=14, grid=(6, 8), dim=5):
    """Points that wander over a foreground of two pieces, one of which comes and goes."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, np.array(SIZE) - 1, size=(points, 2))
    frames = []
    for time in range(count):
        foreground = np.zeros(SIZE, bool)
        foreground[4:30, 4:28] = True
        if time != 2:
            foreground[20:44, 36 : 56 + time] = True
        alive = np.flatnonzero(rng.random(points) < 0.9)
        tokens = rng.normal(size=(*grid, dim)).astype(np.float16)
        tokens[:, grid[1] // 2 :] += 1
        frames.append((alive.astype(np.int32), places[alive], foreground, tokens))
        places = np.clip(places + rng.normal(size=places.shape, scale=2), 0, np.array(SIZE) - 1)
    return frames


def gathered(frames, size=SIZE):
    observations = Observations(size)
    for frame in frames:
        observations.add(*frame)
    return observations


def matched(seen, naive):
    """The naive stay that each of the points is, told by where it is first."""
    by_start = {}
    for name, own in naive.items():
        time = min(own["frames"])
        by_start[time, tuple(np.float32(own["frames"][time][0]).tolist())] = name
    names = []
    for places, pieces in zip(seen.places, seen.pieces, strict=True):
        time = int((pieces >= 0).argmax())
        names.append(by_start[time, tuple(places[time].tolist())])
    return names


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("grid", [(6, 8), (5, 7), (1, 1), (24, 32)])
def test_against_all_observations(seed, grid):
    frames = film(seed, grid=grid)
    seen = gathered(frames).chosen(1000)
    naive, change, area = naive_seen(frames, SIZE)
    names = matched(seen, naive)
    assert len(set(names)) == len(names) > 3
    for row, name in enumerate(names):
        own = naive[name]
        assert seen.weights[row] == pytest.approx(own["weight"], rel=1e-5)
        np.testing.assert_allclose(seen.looks[row], own["look"], atol=1e-5)
        np.testing.assert_allclose(seen.differences[row], own["difference"], atol=1e-5)
        present = np.flatnonzero(seen.pieces[row] >= 0)
        assert present.tolist() == list(own["frames"])
        for time, (place, piece) in own["frames"].items():
            np.testing.assert_allclose(seen.places[row, time], place, rtol=1e-6)
            assert seen.pieces[row, time] == piece
        assert np.isnan(seen.places[row, seen.pieces[row] < 0]).all()
    np.testing.assert_allclose(seen.change, change, atol=1e-6)
    assert seen.area == pytest.approx(area)
    assert seen.size == SIZE


def test_what_is_linear_in_the_depth_is_taken_out():
    """Tokens that see more of the background the nearer they are to the outline are alike."""
    foreground = np.zeros(SIZE, bool)
    foreground[:, 8:56] = True
    rows, columns = np.mgrid[4:48:8, 12:56:4].reshape(2, -1)
    places = np.stack([rows, columns], 1).astype(float)
    tokens = np.zeros((48, 64, 2), np.float16)
    tokens[..., 0] = 1
    observations = Observations(SIZE)
    observations.add(np.arange(len(places)), places, foreground, tokens)
    np.testing.assert_allclose(observations.chosen(1000).differences, 0, atol=1e-6)


def test_points_that_leave_the_foreground_and_return_are_others():
    tokens = np.ones((6, 8, 3), np.float16)
    observations = Observations(SIZE)
    for inside in (True, True, False, True):
        foreground = np.zeros(SIZE, bool)
        foreground[:, : 64 if inside else 32] = True
        ids, places = np.array([3, 7]), np.array([[10.0, 10.0], [10.0, 50.0]])
        observations.add(ids, places, foreground, tokens)
    # The cover of those that live longest would take the second stay: it is elsewhere in time.
    seen = observations.chosen(1000)
    lives = sorted((seen.pieces >= 0).astype(int).tolist())
    assert lives == [[0, 0, 0, 1], [1, 1, 0, 0], [1, 1, 1, 1]]


def test_pieces_are_those_of_the_frame():
    foreground = np.zeros(SIZE, bool)
    foreground[:10, :10] = foreground[10:20, 10:20] = foreground[30:, 30:] = True
    observations = Observations(SIZE)
    places = np.array([[2.0, 2.0], [18.0, 18.0], [40.0, 40.0]])
    observations.add(np.arange(3), places, foreground, np.ones((6, 8, 2), np.float16))
    pieces = observations.chosen(9).pieces[:, 0].tolist()
    assert pieces[0] == pieces[1] != pieces[2]  # corners touch


@pytest.mark.parametrize("most", [1, 2, 7, 30, 200])
def test_never_more_than_most(most):
    rng = np.random.default_rng(0)
    observations = Observations(SIZE)
    for _ in range(3):
        places = rng.uniform(0, np.array(SIZE) - 1, size=(200, 2))
        foreground = np.ones(SIZE, bool)
        observations.add(np.arange(200), places, foreground, np.ones((6, 8, 2), np.float16))
    seen = observations.chosen(most)
    assert 1 <= len(seen.weights) <= most
    assert len(seen.places) == len(seen.pieces) == len(seen.looks) == len(seen.weights)


def test_kept_points_cover_the_others_the_longest_first():
    frames = film(count=8, points=60)
    observations = gathered(frames)
    seen = observations.chosen(1000)
    lives = (seen.pieces >= 0).sum(axis=1)
    assert (np.diff(lives) <= 0).all()
    for time, (ids, places, foreground, _) in enumerate(frames):
        pixels = np.round(places).astype(int)
        here = seen.places[seen.pieces[:, time] >= 0, time]
        for place in places[foreground[tuple(pixels.T)]]:
            # 8 pixels, in steps of 4.
            assert np.abs(here - place).max(axis=1).min() < 12
        assert len(ids) >= len(here)


def test_without_points_on_the_foreground_there_is_nothing():
    tokens = np.ones((6, 8, 3), np.float16)
    observations = Observations(SIZE)
    assert observations.chosen(10) is None
    observations.add(np.arange(1), np.array([[3.0, 3.0]]), np.zeros(SIZE, bool), tokens)
    observations.add(np.empty(0, int), np.empty((0, 2)), np.ones(SIZE, bool), tokens)
    assert observations.chosen(10) is None
    observations.add(np.arange(1), np.array([[3.0, 3.0]]), np.ones(SIZE, bool), tokens)
    seen = observations.chosen(10)
    assert seen.pieces.tolist() == [[-1, -1, 1]]
    assert seen.area == 48 * 64  # of the frames that have any


def test_places_beyond_the_outermost_pixels_middle():
    observations = Observations(SIZE)
    places = np.array([[-0.5, -0.5], [47.49, 63.49]])
    observations.add(np.arange(2), places, np.ones(SIZE, bool), np.ones((6, 8, 2), np.float16))
    assert len(observations.chosen(10).weights) == 2


def test_more_points_than_sums_had_room_for():
    """The sums grow; nothing that was added before is lost."""
    rng = np.random.default_rng(0)
    frames = []
    for time in range(4):
        places = rng.uniform(0, np.array(SIZE) - 1, size=(300, 2))
        ids = np.arange(300) + 200 * time
        tokens = rng.normal(size=(6, 8, 3)).astype(np.float16)
        frames.append((ids, places, np.ones(SIZE, bool), tokens))
    seen = gathered(frames).chosen(5000)
    naive, _, _ = naive_seen(frames, SIZE)
    for row, name in enumerate(matched(seen, naive)):
        np.testing.assert_allclose(seen.looks[row], naive[name]["look"], atol=1e-5)
