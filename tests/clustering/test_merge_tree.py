from itertools import pairwise

import h5py
import numpy as np
import pytest

from betrayed.clustering.merge_tree import merge_tree
from betrayed.clustering.tracking import ClusterSettings, cluster_video
from betrayed.clustering.tracks import read_tracks
from betrayed.io.artefacts import create
from betrayed.objects.levels import tree_levels
from support.naive_clustering import divergence
from support.naive_merging import naive_groups, naive_merges


def random_distances(tracks, seed=0):
    """Between random points: symmetric, zeros on the diagonal, no two alike."""
    points = np.random.default_rng(seed).normal(size=(tracks, 3))
    return np.linalg.norm(points[:, None] - points, axis=-1)


def as_groups(labels):
    return {frozenset(np.flatnonzero(labels == group).tolist()) for group in np.unique(labels)}


@pytest.mark.parametrize("tracks", [2, 3, 5, 8, 17, 30])
def test_agrees_with_naive(tracks):
    for seed in range(3):
        distances = random_distances(tracks, seed)
        found = merge_tree(distances)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, naive_merges(distances))


def test_levels_agree_with_naive():
    distances = random_distances(21)
    levels = tree_levels(merge_tree(distances), 5)
    assert [len(np.unique(level)) for level in levels] == [21, 11, 6, 3, 2]
    for level in levels:
        wanted = naive_groups(naive_merges(distances), 21, len(np.unique(level)))
        assert as_groups(level) == wanted


def test_three_tracks_by_hand():
    # 0 and 1 are nearest; their mean distance to 2 is (4 + 8) / 2.
    distances = np.array([[0, 1, 4], [1, 0, 8], [4, 8, 0]])
    merges = merge_tree(distances)
    np.testing.assert_array_equal(merges, [[0, 1, 1, 2], [2, 3, 6, 3]])
    all_three, two = tree_levels(merges, 4)
    assert as_groups(all_three) == {frozenset({0}), frozenset({1}), frozenset({2})}
    assert as_groups(two) == {frozenset({0, 1}), frozenset({2})}


def test_rounding_leaves_no_trace():
    """Divergences in float32 are as good as symmetric, and as good as 0 on the diagonal."""
    distances = random_distances(9)
    rounded = (distances + 1e-7 * np.random.default_rng(1).normal(size=(9, 9))).astype(np.float32)
    before = rounded.copy()
    np.testing.assert_allclose(merge_tree(rounded), merge_tree(distances), atol=1e-6)
    np.testing.assert_array_equal(rounded, before)


@pytest.mark.parametrize(
    ("tracks", "count", "sizes"),
    [
        (1, 4, [1]),
        (2, 4, [2]),
        (3, 4, [3, 2]),
        (5, 4, [5, 3, 2]),
        (8, 4, [8, 4, 2]),
        (8, 2, [8, 4]),
        (8, 1, [8]),
        (100, 4, [100, 50, 25, 13]),
    ],
)
def test_levels_halve(tracks, count, sizes):
    levels = tree_levels(merge_tree(random_distances(tracks)), count)
    assert [len(np.unique(level)) for level in levels] == sizes
    for level, size in zip(levels, sizes, strict=True):
        assert (level.shape, level.dtype, level.max()) == ((tracks,), np.int64, size - 1)


@pytest.mark.parametrize("distances", [random_distances(40), np.ones((40, 40)) - np.eye(40)])
def test_every_level_lies_in_the_next(distances):
    levels = tree_levels(merge_tree(distances), 6)
    assert [len(np.unique(level)) for level in levels] == [40, 20, 10, 5, 3, 2]
    for fine, coarse in pairwise(levels):
        assert len(set(zip(fine.tolist(), coarse.tolist(), strict=True))) == len(np.unique(fine))


def test_tracks_come_with_the_tree_of_their_centres(tmp_path):
    draw = np.random.default_rng(0)
    with create(tmp_path / "a.h5", "attention", {"video": "toy"}) as file:
        for name in ("queries", "keys"):
            file[name] = draw.normal(size=(4, 2, 6, 3), scale=2).astype(np.float16)
        file.attrs.update(grid=(2, 3), frame_size=(20, 30), count=4)
    cluster_video(tmp_path / "a.h5", tmp_path / "t.h5", ClusterSettings(tau=0.5))
    with h5py.File(tmp_path / "t.h5") as file:
        centres = file["centres"][:].astype(np.float64)
    assert len(centres) > 3
    distances = [[divergence(p, q) for q in centres] for p in centres]
    merges = read_tracks(tmp_path / "t.h5").merges
    np.testing.assert_allclose(merges, naive_merges(distances), rtol=1e-4)
