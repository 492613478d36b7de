"""J and F of one pair of masks and statistics over frames, by hand and against naive code."""

import numpy as np
import pytest

from betrayed.scoring import boundaries
from betrayed.scoring.boundaries import boundary_measure, matching_radius, outlines
from betrayed.scoring.davis import statistics
from betrayed.scoring.regions import region_similarity
from support import naive_scoring
from support.naive_scoring import blobs


def test_similarity_by_hand():
    truth = np.array([[1, 1, 2], [1, 1, 0]])
    masks = np.array([[1, 1, 1], [0, 0, 2]])
    nothing = np.zeros((2, 3), bool)
    # object 1 (4 px), proposal 1 (3 px): 2 shared, 5 in either; proposal 2 (1 px): 0 of 5.
    # object 2 (1 px), proposal 1: 1 shared, 3 in either; proposal 2: 0 of 2.
    expected = [[2 / 5, 0], [1 / 3, 0]]
    np.testing.assert_allclose(region_similarity(truth, masks, 2, 2, nothing), expected)
    # Void in the top left pixel: 1 shared of 4; object 2 with proposal 1: 1 of 2.
    void = nothing.copy()
    void[0, 0] = True
    expected = [[1 / 4, 0], [1 / 2, 0]]
    np.testing.assert_allclose(region_similarity(truth, masks, 2, 2, void), expected)


def outline(ids, number=1):
    """The outline of one mask of an id map, (H, W) bool."""
    pixels, numbers = outlines(np.asarray(ids))
    assert (np.diff(pixels) >= 0).all()
    result = np.zeros(np.shape(ids), bool)
    result.ravel()[pixels[numbers == number]] = True
    assert result.sum() == (numbers == number).sum()
    return result


def test_outline_by_hand():
    mask = np.zeros((4, 4), int)
    mask[1:3, 1:3] = 1
    # Up and left of the square and on its lower and right sides; only (1, 1) sees the same
    # on its right, below and on the diagonal.
    expected = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]], bool)
    np.testing.assert_array_equal(outline(mask), expected)


def test_outline_at_the_image_edge():
    # A mask that fills the image has no outline; half an image has one line, the last row too.
    assert not outline(np.ones((3, 4), int)).any()
    half = np.zeros((3, 4), int)
    half[:, :2] = 1
    np.testing.assert_array_equal(np.argwhere(outline(half)), [[0, 1], [1, 1], [2, 1]])


def test_outlines_share_pixels():
    # The pixel at the top left sees all four ids, so it is on the outlines of all but the
    # background; in the last row it is only the right neighbour that counts, and so on.
    ids = np.array([[1, 2], [3, 0]])
    assert [pair.tolist() for pair in outlines(ids)] == [[0, 0, 0, 1, 2], [1, 2, 3, 2, 3]]
    assert [len(pair) for pair in outlines(np.zeros((2, 2), np.uint8))] == [0, 0]


@pytest.mark.parametrize("size", [(9, 8), (1, 9), (9, 1), (1, 1)])
def test_outlines_agree_with_naive(size):
    ids = np.random.default_rng(0).choice([0, 1, 2, 700], size).astype(np.uint16)
    for number in (1, 2, 700):
        expected = naive_scoring.outline(ids == number)
        assert np.argwhere(outline(ids, number)).tolist() == [list(one) for one in expected]


def test_boundary_measure_by_hand():
    truth = np.zeros((5, 20), np.uint8)
    truth[:, :4] = 1  # its outline is column 3
    masks = np.zeros_like(truth)
    masks[:, :5] = 1  # column 4: one away, all met
    masks[:, 10:12] = 2  # columns 9 and 11: none met
    nothing = np.zeros(truth.shape, bool)
    np.testing.assert_allclose(boundary_measure(truth, masks, 1, 2, nothing), [[1, 0]])
    # Object columns 0..3, proposal columns 0..3 and 10..11: all 5 of the object's met, of the
    # proposal's columns 3, 9, 11 one in three. F = 2 · 1 · 1/3 / (4/3) = 1/2.
    both = np.where(truth + (masks == 2) > 0, 1, 0)
    np.testing.assert_allclose(boundary_measure(truth, both, 1, 1, nothing), [[0.5]])


@pytest.mark.parametrize(("size", "radius"), [((480, 854), 8), ((30, 40), 1), ((1, 1), 1)])
def test_radius(size, radius):
    # 0.008 · sqrt(480² + 854²) = 7.84; 0.008 · 50 = 0.4; 0.008 · 1.41 = 0.01.
    assert matching_radius(*size) == radius


@pytest.mark.parametrize("seed", range(4))
def test_pairs_agree_with_naive(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(boundaries, "AT_ONCE", 50)  # a line takes several turns
    size = [(13, 17), (1, 9), (110, 90), (9, 1)][seed]
    truth = blobs(rng, (1, *size), range(3))[0]
    masks = blobs(rng, (1, *size), range(4))[0]
    if seed == 2:  # a radius of 2, with a few small masks to keep the naive version bearable
        truth[:, 12:], masks[:, 16:] = 0, 0
        assert matching_radius(*size) == 2
    void = rng.random(size) < 0.1
    j = region_similarity(truth, masks, 2, 3, void)
    f = boundary_measure(truth, masks, 2, 3, void)
    for g, p in np.ndindex(2, 3):
        pair = (truth == g + 1, masks == p + 1, void)
        assert j[g, p] == pytest.approx(naive_scoring.jaccard(*pair), abs=1e-12)
        assert f[g, p] == pytest.approx(naive_scoring.boundary_f(*pair), abs=1e-12)


@pytest.mark.parametrize(
    ("values", "mean", "recall", "decay"),
    [
        # One frame is its own first and last quarter.
        ([0.7], 0.7, 1, 0),
        # Two frames: linspace(1, 2, 5) = 1, 1.25, 1.5, 1.75, 2 rounds to 1, 1, 2, 2, 2: the first
        # quarter is frame 1, the last frame 2.
        ([0.9, 0.1], 0.5, 0.5, 0.8),
        # Five frames: cuts 1, 2, 3, 4, 5: mean(1, .8) − mean(.4, 0). 0.5 is not above 0.5.
        ([1.0, 0.8, 0.5, 0.4, 0.0], 0.54, 0.4, 0.7),
        # Seven frames: 1, 2.5, 4, 5.5, 7 round to 1, 3, 4, 6, 7 (the 1e-10 lifts 2.5 to 3):
        # mean of frames 1..3 − mean of frames 6..7.
        ([0.9, 0.6, 0.3, 1.0, 1.0, 0.2, 0.0], 4 / 7, 4 / 7, 0.6 - 0.1),
    ],
)
def test_statistics_by_hand(values, mean, recall, decay):
    assert statistics(np.array(values)) == pytest.approx((mean, recall, decay))


def test_decay_of_a_long_video():
    # 300 frames: cuts 1, 75.75, 150.5, 225.25, 300 → frames 1..76 and 225..300.
    values = np.linspace(1, 0, 300)
    assert statistics(values)[2] == pytest.approx(values[:76].mean() - values[224:].mean())
