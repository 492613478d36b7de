"""MOTS files, read back pixel for pixel, and by datumaro where it is installed.

datumaro wants other versions than the locked ones: what needs it runs in an environment of its own
and is skipped elsewhere; docs/exports.md says what was seen.
"""

import zipfile

import numpy as np
import pytest
from PIL import Image

from betrayed.exports.mots import export_mots
from support.masked_videos import LEVELS, SIZE, at


@pytest.mark.parametrize("level", LEVELS)
def test_mots_pngs_hold_class_and_track(tmp_path, made, level):
    export_mots(at(made, level), tmp_path / "out", workers=2)
    for one in made:
        masks = tmp_path / "out" / one.video.video.name / "instances"
        for index, expected in enumerate(one.levels[level]):
            with Image.open(masks / f"{index:05d}.png") as image:
                assert image.mode == "I;16"
                ids = np.array(image).astype(int)
            np.testing.assert_array_equal(ids % 1000, expected)
            np.testing.assert_array_equal(ids // 1000, expected > 0)
    name = {"parts": "part", "foreground": "foreground"}.get(level, "object")
    assert (masks / "labels.txt").read_text() == f"{name}\n"


def test_a_videos_archive_has_the_layout_that_cvat_takes(tmp_path, made):
    export_mots(at(made, "objects"), tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out" / "clip-b.zip") as archive:
        names = archive.namelist()
        png = archive.read("clip-b/instances/00002.png")
    frames = [f"clip-b/instances/{index:05d}.png" for index in range(3)]
    assert names == [*frames, "clip-b/instances/labels.txt"]
    assert png == (tmp_path / "out" / "clip-b" / "instances" / "00002.png").read_bytes()


def test_mots_by_datumaro(tmp_path, made):
    dm = pytest.importorskip("datumaro", reason="datumaro wants other versions than the locked")
    export_mots(at(made, "objects"), tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out" / "clip-a.zip") as archive:
        archive.extractall(tmp_path / "in")
    dataset = dm.Dataset.import_from(str(tmp_path / "in"), "mots")
    found = {item.id: item for item in dataset}
    labels = [one.name for one in dataset.categories()[dm.AnnotationType.label]]
    assert labels == ["object"]
    for index, expected in enumerate(made[0].levels["objects"]):
        ids = np.zeros(SIZE, int)
        for each in found[f"{index:05d}"].annotations:
            assert each.label == 0
            ids[each.image.astype(bool)] = each.attributes["track_id"]
        np.testing.assert_array_equal(ids, expected)
