"""Intervals, against all draws there are, written out, and against scipy's bootstrap."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import bootstrap

from betrayed.reporting.bootstrap import DRAWS, bootstrap_intervals


def all_draws(totals, counts):
    """The figure of every equally likely draw of as many videos as there are."""
    draws = product(range(len(totals)), repeat=len(totals))
    return [totals[list(draw)].sum() / counts[list(draw)].sum() for draw in draws]


def one(totals, counts=None):
    totals = np.array(totals, dtype=float)
    counts = np.ones_like(totals) if counts is None else np.array(counts, dtype=float)
    low, high = bootstrap_intervals(totals[:, None], counts[:, None])
    return low.item(), high.item()


def test_two_videos_by_hand():
    """Both draws of a video twice have a chance of 1/4, more than what lies outside."""
    assert one([0.2, 0.6]) == (0.2, 0.6)


def test_two_videos_of_two_objects_and_one_by_hand():
    """0.9 and 0.6 in the first, 0 in the second: twice the first (.75), both (.5), the second."""
    assert one([1.5, 0.0], [2, 1]) == (0.0, 0.75)


def test_four_videos_against_all_256_draws():
    """The first has five objects; no draw's figure has its share near 2.5 %, but by chance."""
    totals, counts = np.array([4.0, 0.1, 0.5, 0.9]), np.array([5, 1, 1, 1])
    figures = np.array(all_draws(totals, counts))
    low, high = one(totals, counts)
    slack = 4 * np.sqrt(0.025 * 0.975 / DRAWS)
    assert (figures < low).mean() <= 0.025 + slack
    assert (figures <= low).mean() >= 0.025 - slack
    assert (figures > high).mean() <= 0.025 + slack
    assert (figures >= high).mean() >= 0.025 - slack


def ratio(totals, counts, axis):
    return totals.sum(axis=axis) / counts.sum(axis=axis)


@pytest.mark.parametrize("objects", [1, 5], ids=["over videos", "over objects"])
def test_against_scipy(objects):
    generator = np.random.default_rng(1)
    counts = generator.integers(1, objects + 1, size=30)
    totals = counts * generator.beta(2, 3, size=30)
    theirs = bootstrap(
        (totals, counts), ratio, paired=True, method="percentile", n_resamples=40_000, rng=2
    ).confidence_interval
    # Ends are 0.1 apart or more; what draws leave to chance is far less.
    assert one(totals, counts) == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_equal_figures_get_equal_intervals_side_by_side():
    generator = np.random.default_rng(3)
    totals, counts = generator.random((9, 4)), generator.integers(1, 4, (9, 4)).astype(float)
    low, high = bootstrap_intervals(totals, counts)
    again = [one(totals[:, column], counts[:, column]) for column in range(4)]
    assert np.transpose([low, high]) == pytest.approx(np.array(again), abs=1e-12)
    assert (low < totals.sum(axis=0) / counts.sum(axis=0)).all()
    assert (high > totals.sum(axis=0) / counts.sum(axis=0)).all()


def test_one_video_has_no_interval():
    assert np.isnan(one([0.5])).all()


def test_equal_videos_have_an_interval_of_no_length():
    assert one([0.5] * 5) == (0.5, 0.5)
