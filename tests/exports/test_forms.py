"""What the exports of all formats have in common; each has tests of its own beside these."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pycocotools.coco import COCO

from betrayed.config.exports import SERVERS, TENSORBOARD, TOOLS, ExportSettings
from betrayed.config.reading import read_settings
from betrayed.datasets.manifest import COLUMNS, write_manifest
from betrayed.errors import UserError
from betrayed.exports.forms import FORMS
from support.masked_videos import at, cut_to, masked_video
from support.paths import SCRIPTS
from support.records import record_of

PROGRAM = SCRIPTS / "export_masks.py"


def test_forms_are_those_that_settings_name():
    assert set(FORMS) == {*SERVERS, *TOOLS}
    with pytest.raises(UserError, match=r"--settings: formats.* must be one of 'davis', "):
        read_settings(ExportSettings, '{"formats": ["cocoa"]}')
    everything = [*SERVERS, *TOOLS, TENSORBOARD]
    settings = read_settings(ExportSettings, json.dumps({"formats": everything}))
    assert settings.formats == tuple(everything)


@pytest.mark.parametrize("form", TOOLS)
def test_a_missing_mask_is_named_and_no_folder_looks_finished(tmp_path, made, form):
    (made[1].video.masks / "proposals" / "00002.png").unlink()
    with pytest.raises(UserError, match=r"clip-b/proposals/00002\.png is missing"):
        FORMS[form](at(made, "objects"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


@pytest.mark.parametrize("form", TOOLS)
def test_equal_masks_give_equal_files(tmp_path, made, form):
    for name in ("one", "two"):
        FORMS[form](at(made, "objects"), tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert files
    for file in files:
        first, second = ((tmp_path / name / file) for name in ("one", "two"))
        assert first.read_bytes() == second.read_bytes(), file


@pytest.mark.slow
def test_the_program_takes_the_level_and_how_many(tmp_path, made):
    names = [one.video.video.name for one in made]
    empty = dict.fromkeys(COLUMNS, "")
    write_manifest(tmp_path / "videos.csv", [{**empty, "video": name} for name in names])
    records = {}
    for kind, artefact in (("frames", "frames.json"), ("masks", "objects.csv")):
        artefacts = {name: tmp_path / kind / name / artefact for name in names}
        records[kind] = record_of(tmp_path / f"{kind}.json", artefacts)
    out = tmp_path / "out"
    options = {"form": "napari", "manifest": tmp_path / "videos.csv", **records}
    options |= {"level": "parts", "most": 3, "output": out}
    command = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    subprocess.run([sys.executable, str(PROGRAM), *command], check=True)
    expected = made[1].levels["parts"].copy()
    expected[expected > 3] = 0
    np.testing.assert_array_equal(tifffile.imread(Path(out) / "clip-b.tif"), expected)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_films_of_a_pixel_or_two_are_exported(tmp_path, size):
    made = cut_to(masked_video(tmp_path, "clip"), *size)
    for form in FORMS:
        if form != "youtube_vis":  # that is for videos of its own layout
            FORMS[form]([made.video], tmp_path / form)
    stack = tifffile.imread(tmp_path / "napari" / "clip.tif")
    np.testing.assert_array_equal(stack, made.levels["objects"])
    coco = COCO(tmp_path / "coco" / "videos" / "clip.json")
    images = coco.dataset["images"]
    found = np.zeros((len(images), *size), np.uint8)
    for index, image in enumerate(images):
        for one in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
            found[index][coco.annToMask(one).astype(bool)] = one["track_id"]
    np.testing.assert_array_equal(found, made.levels["objects"])
