"""Stacks of labels and tables of tracks for napari, read back by tifffile.

napari wants other versions than the locked ones: what needs it runs in an environment of its own
and is skipped elsewhere; docs/exports.md says what was seen.
"""

import csv

import numpy as np
import pytest
import tifffile

from betrayed.exports.label_stacks import centres, export_napari
from support.masked_videos import LEVELS, at


@pytest.mark.parametrize("level", LEVELS)
def test_label_stacks_by_tifffile(tmp_path, made, level):
    export_napari(at(made, level), tmp_path / "out", workers=2)
    for one in made:
        path = tmp_path / "out" / f"{one.video.video.name}.tif"
        stack = tifffile.imread(path)
        assert stack.dtype == np.uint8
        np.testing.assert_array_equal(stack, one.levels[level])
        with tifffile.TiffFile(path) as file:
            assert file.series[0].axes == "TYX"
            assert not file.is_bigtiff


def test_tracks_are_the_centres_of_what_is_seen(tmp_path, made):
    export_napari(at(made, "objects"), tmp_path / "out")
    with open(tmp_path / "out" / "clip-a-tracks.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["track_id"], row["t"]) for row in rows] == [
        *(("1", str(t)) for t in range(4)),
        *(("2", str(t)) for t in (0, 2, 3)),
    ]
    for row in rows:
        mask = made[0].levels["objects"][int(row["t"])] == int(row["track_id"])
        y, x = np.argwhere(mask).mean(axis=0)
        assert (float(row["y"]), float(row["x"])) == (
            pytest.approx(y, abs=6e-4),
            pytest.approx(x, abs=6e-4),
        )


def test_a_centre_by_hand():
    """Pixels (0, 1), (0, 2), (3, 0) of 5."""
    ids = np.array([[0, 5, 5], [0, 0, 0], [0, 0, 0], [5, 0, 9]], np.uint8)
    assert centres(ids) == {5: (1.0, 1.0), 9: (3.0, 2.0)}


def test_what_napari_makes_of_both(tmp_path, made):
    pytest.importorskip("napari", reason="napari is not installed")
    from napari.layers import Labels, Tracks
    from napari_builtins.io import napari_get_reader

    export_napari(at(made, "objects"), tmp_path / "out")
    path = str(tmp_path / "out" / "clip-a.tif")
    ((stack, *_),) = napari_get_reader(path)(path)
    layer = Labels(stack)
    np.testing.assert_array_equal(np.asarray(layer.data), made[0].levels["objects"])
    table = np.loadtxt(tmp_path / "out" / "clip-a-tracks.csv", delimiter=",", skiprows=1)
    tracks = Tracks(table)
    assert len(tracks.data) == 7 and set(tracks.data[:, 0]) == {1, 2}
