"""How sure objects are that were found without the points that are asked."""

import numpy as np
import pytest

from betrayed.objects.division import Compared, Division
from betrayed.objects.instances import confidence
from betrayed.objects.observations import Seen
from betrayed.objects.painting import GridPainter
from betrayed.objects.point_confidence import confidence_by_points


def halves(left=0, right=1, shape=(2, 4)):
    """Three objects on a grid of tokens; what lies in neither half is of none."""
    shares = np.zeros((3, 2, *shape), np.float32)
    shares[left, :, :, : shape[1] // 2], shares[right, :, :, shape[1] // 2 :] = 1, 1
    shares[:, :, -1] = 0  # the lowest row has nothing
    return Division(GridPainter(shares), np.arange(3), np.full(3, np.nan))


def lying_at(places):
    """Points at places (n, 2) of frames of 20 by 40 pixels, two of them; NaN is nowhere."""
    places = np.repeat(np.array(places, np.float32)[:, None], 2, axis=1)
    pieces = np.where(np.isnan(places[..., 0]), -1, 0)
    n = len(places)
    some = np.zeros((n, 1)), np.zeros((n, 1)), np.zeros((1, 1))
    return Seen(places, pieces, np.arange(1.0, n + 1), *some, 100.0, (20, 40))


def test_confidence_of_objects_that_points_did_not_make():
    seen = lying_at([(0, 3), (9, 19), (0, 20), (5, 39), (15, 3)])
    odds = np.random.default_rng(0).normal(size=(5, 5)).astype(np.float32)
    odds += odds.T
    sure = confidence_by_points(halves(), Compared(seen, odds))
    # Two points on either half, the last one on nothing; no point is of the third object.
    wanted = confidence(np.array([0, 0, 1, 1]), odds[:4, :4], seen.weights[:4])
    np.testing.assert_allclose(sure[:2], wanted)
    assert np.isnan(sure[2])
    other = confidence_by_points(halves(left=2), Compared(seen, odds))
    np.testing.assert_allclose(other[[2, 1]], wanted)
    assert np.isnan(other[0])


def test_a_point_is_of_the_object_where_it_lies_longest():
    seen = lying_at([(0, 3), (0, 30)])
    seen.places[0, 1] = 0, 30  # as long on either: of the first
    odds = np.array([[9.0, -1.0], [-1.0, 9.0]])
    sure = confidence_by_points(halves(), Compared(seen, odds))
    np.testing.assert_allclose(sure[:2], confidence(np.array([0, 1]), odds, seen.weights))


@pytest.mark.parametrize("compared", [None, Compared(lying_at([(15, 3)] * 3), np.zeros((3, 3)))])
def test_without_points_nothing_is_known(compared):
    assert np.isnan(confidence_by_points(halves(), compared)).all()
