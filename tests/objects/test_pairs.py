"""Measures of pairs: against loops over pairs and frames, and by hand."""

import numpy as np
import pytest

from betrayed.objects.observations import Seen
from betrayed.objects.pairs import MEASURES, compare_points
from support.naive_points import naive_pair, naive_whitened


def seen_of(places, pieces=None, seed=0, dim=4, area=400.0):
    """Points at places (n, T, 2), NaN where they are not, with looks drawn at random."""
    rng = np.random.default_rng(seed)
    places = np.asarray(places, np.float32)
    n = len(places)
    if pieces is None:
        pieces = np.where(np.isnan(places[..., 0]), -1, 1)
    looks, differences = rng.normal(size=(2, n, dim))
    mixed = rng.normal(size=(dim, dim))
    weights = rng.uniform(0.1, 3, n)
    return Seen(
        places, np.asarray(pieces), weights, looks, differences, mixed @ mixed.T, area, (90, 90)
    )


def wandering(seed, n=9, frames=8):
    """Each point lives for a while without a gap, as stays on a foreground do."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 80, size=(n, 1, 2)) + rng.normal(size=(n, frames, 2)).cumsum(axis=1)
    pieces = rng.integers(1, 3, size=(n, frames))
    for point in range(n):
        start = rng.integers(0, frames)
        end = rng.integers(start + 1, frames + 1)
        gone = np.ones(frames, bool)
        gone[start:end] = False
        places[point, gone], pieces[point, gone] = np.nan, -1
    return seen_of(places, pieces, seed)


@pytest.mark.parametrize("seed", range(6))
def test_against_loops_over_pairs(seed):
    seen = wandering(seed)
    pairs = compare_points(seen)
    n = len(seen.weights)
    whitened = naive_whitened(seen)
    np.testing.assert_allclose(pairs.whitened * seen.looks.shape[1], whitened, atol=1e-3)
    reach = np.sqrt(np.sort(whitened, axis=1)[:, min(max(3, n // 7), n - 1)])
    np.testing.assert_allclose(pairs.looks, whitened / np.outer(reach, reach), atol=1e-3)
    known = {}
    for i in range(n):
        for j in range(n):
            wanted = naive_pair(seen, i, j)
            assert pairs.together[i, j] == wanted["together"]
            for name in ("distance", "apart", "motion"):
                found = getattr(pairs, name)[i, j]
                assert found == pytest.approx(wanted[name], abs=1e-4), (name, i, j)
            if wanted["together"]:
                known[i, j] = np.mean([
                    np.exp(
                        -(wanted["motion"] ** 2) / (1 + (k * wanted["distance"]) ** 2)
                        - 3 * wanted["apart"]
                    )
                    for k in (0.03, 0.04, 0.05, 0.06)
                ])  # fmt: skip
            for name, values in (("cosine", seen.looks), ("cosine_differences", seen.differences)):
                one, other = values[i], values[j]
                cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
                assert getattr(pairs, name)[i, j] == pytest.approx(cosine, abs=1e-5)
    usual = np.mean([value for (i, j), value in known.items() if i != j])
    for i in range(n):
        for j in range(n):
            assert pairs.affinity[i, j] == pytest.approx(known.get((i, j), usual), abs=1e-5)
    frames = (seen.pieces >= 0).sum(axis=1)
    np.testing.assert_allclose(pairs.depths, seen.weights / frames, rtol=1e-6)


def line(*columns):
    """A point in row 0, at these columns; None: it is not there."""
    return [[np.nan, np.nan] if one is None else [0.0, one] for one in columns]


def test_motion_is_over_three_frames_where_both_are_seen_so_long():
    # There and back within a frame: over three frames they differ by one pixel.
    seen = seen_of([line(0, 0, 0, 0, 0), line(10, 16, 10, 13, 13)])
    assert compare_points(seen).motion[0, 1] == pytest.approx(1)  # not 6; (13 − 16 + 0) / 3 is −1
    # Three frames in common have no step of three: single steps, the greatest.
    seen = seen_of([line(0, 0, 0, None), line(10, 16, 11, 0)])
    assert compare_points(seen).motion[0, 1] == pytest.approx(6)
    # A single frame in common tells nothing about motion.
    seen = seen_of([line(0, None, None, None), line(10, 16, 11, 0)])
    pairs = compare_points(seen)
    assert pairs.motion[0, 1] == 0 and pairs.together[0, 1] and pairs.distance[0, 1] == 10


def test_pairs_never_together_have_the_usual_affinity():
    seen = seen_of([line(0, 0, None), line(4, 5, None), line(None, None, 3)])
    pairs = compare_points(seen)
    assert not pairs.together[0, 2] and not pairs.together[1, 2]
    assert pairs.affinity[0, 2] == pairs.affinity[1, 2] == pairs.affinity[0, 1]
    alone = compare_points(seen_of([line(0, None), line(None, 3)]))
    assert alone.affinity[0, 1] == 1  # nothing is known
    measures = alone.measures(slice(0, 2))
    assert np.isfinite(measures).all()


def test_measures_by_hand():
    pieces = [[1, 1], [1, 2], [-1, -1]]
    seen = seen_of([line(0, 0), line(6, 8), line(None, None)], pieces)
    pairs = compare_points(seen)
    found = dict(zip(MEASURES, pairs.measures(slice(0, 1))[0, 1], strict=True))
    looks, whitened = pairs.looks[0, 1], pairs.whitened[0, 1]
    motion, distance, apart = 2.0, 7.0, 0.5
    affinity = np.mean([np.exp(-4 / (1 + (k * 7) ** 2)) for k in (0.03, 0.04, 0.05, 0.06)])
    wanted = {
        "look distance": min(looks, 20),
        "log look distance": np.log(looks + 0.01),
        "log whitened distance": np.log(whitened + 0.01),
        "cosine of looks": pairs.cosine[0, 1],
        "cosine of differences": pairs.cosine_differences[0, 1],
        "log motion difference": np.log(motion + 0.05),
        "log motion difference by distance": np.log(motion**2 / (1 + 0.35**2) + 0.01),
        "apart": apart,
        "log distance": np.log(distance + 8),
        "together": 1,
        "log distance by size": np.log((distance + 4) / 20),
        "motion affinity": affinity * np.exp(-1.5),
        "depth": min(seen.weights[0] / 2, seen.weights[1] / 2),
    }
    assert found == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_measures_are_symmetric_and_of_any_rows(seed):
    pairs = compare_points(wandering(seed))
    n = len(pairs.depths)
    measures = pairs.measures(slice(0, n))
    assert measures.shape == (n, n, len(MEASURES)) and measures.dtype == np.float32
    np.testing.assert_allclose(measures, measures.transpose(1, 0, 2), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(pairs.measures(slice(2, 5)), measures[2:5])


def test_points_that_see_the_same_all_the_time():
    """No change and no difference: still no infinite measure."""
    seen = seen_of(np.zeros((5, 3, 2)))
    flat = Seen(
        seen.places,
        seen.pieces,
        seen.weights,
        np.ones((5, 4)),
        np.zeros((5, 4)),
        np.zeros((4, 4)),
        1.0,
        (9, 9),
    )
    measures = compare_points(flat).measures(slice(0, 5))
    assert np.isfinite(measures).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_points(n):
    seen = seen_of(np.random.default_rng(0).uniform(0, 9, size=(n, 4, 2)))
    assert compare_points(seen).measures(slice(0, n)).shape == (n, n, len(MEASURES))
