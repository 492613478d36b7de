import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from test_objects import BALL, moving, scene

from betrayed.artefacts import create
from betrayed.masks import upsample, write_masks
from betrayed.objects import ObjectSettings, select_objects
from betrayed.palette import read_ids

PROGRAM = Path(__file__).parents[1] / "scripts" / "select_objects.py"


def test_upsample_by_hand():
    labels = np.array([[4, 7]])
    # Four pixels: track 4 weighs 1, ¾, ¼, 0; three: 1, ½, 0, and the first in order wins the tie.
    np.testing.assert_array_equal(upsample(labels, np.array([4, 7]), (1, 4)), [[4, 4, 7, 7]])
    np.testing.assert_array_equal(upsample(labels, np.array([4, 7]), (1, 3)), [[4, 4, 7]])
    np.testing.assert_array_equal(upsample(labels, np.array([7, 4]), (1, 3)), [[4, 7, 7]])


def test_upsample_gives_every_pixel_a_track_near_it():
    labels = np.random.default_rng(0).integers(9, size=(5, 7))
    large = upsample(labels, np.arange(12), (43, 61))
    assert large.shape == (43, 61)
    np.testing.assert_array_equal(upsample(labels, np.arange(12), (5, 7)), labels)
    y = np.clip((np.arange(43) + 0.5) * 5 / 43 - 0.5, 0, 4)
    x = np.clip((np.arange(61) + 0.5) * 7 / 61 - 0.5, 0, 6)
    for i in range(0, 43, 3):
        for j in range(0, 61, 3):
            rows = {int(np.floor(y[i])), int(np.ceil(y[i]))}
            columns = {int(np.floor(x[j])), int(np.ceil(x[j]))}
            assert large[i, j] in {labels[r, c] for r in rows for c in columns}


def test_write_masks(tmp_path):
    labels = scene()
    objects = select_objects(labels, moving(labels), ObjectSettings(max_objects=2))
    folder = tmp_path / "masks"
    (folder / "proposals").mkdir(parents=True)
    (folder / "proposals" / "00099.png").write_bytes(b"of an earlier run")
    write_masks(folder, labels, objects, (121, 203))
    for name in ("proposals", "foreground"):
        files = sorted(path.name for path in (folder / name).iterdir())
        assert files == [f"{i:05d}.png" for i in range(6)]
    ids = read_ids(folder / "proposals" / "00002.png")
    assert ids.shape == (121, 203) and set(np.unique(ids)) == {0, 1, 2}
    with Image.open(folder / "foreground" / "00002.png") as image:
        assert image.mode == "L"
        foreground = np.asarray(image)
    assert set(np.unique(foreground)) == {0, 255}
    large = upsample(labels[2], objects["track"].to_numpy(), (121, 203))
    np.testing.assert_array_equal(foreground > 0, large == BALL)
    np.testing.assert_array_equal(ids == 1, large == BALL)
    table = pd.read_csv(folder / "objects.csv")
    pd.testing.assert_frame_equal(table, objects, atol=1e-6, check_dtype=False)
    assert not list(tmp_path.glob(".*"))


def test_foreground_keeps_tracks_that_were_cut(tmp_path):
    labels = scene()
    objects = select_objects(labels, moving(labels), ObjectSettings())
    objects["proposal"] = 0
    write_masks(tmp_path / "m", labels, objects, (24, 40))
    assert not read_ids(tmp_path / "m/proposals/00000.png").any()
    assert read_ids(tmp_path / "m/foreground/00000.png").any()


def test_program(tmp_path):
    with create(tmp_path / "t.h5", "tracks", {"video": "toy"}) as file:
        file["labels"] = scene().astype(np.int32)
        file.attrs.update(grid=(12, 20), frame_size=(60, 100), count=6)
    with create(tmp_path / "m.h5", "motion", {"video": "toy"}) as file:
        file["residual"] = (scene() == BALL).astype(np.float16)
    with create(tmp_path / "f.h5", "features", {"video": "toy"}) as file:
        file["class_attention"] = np.full((6, 240), 0.004, np.float16)
        file.attrs["grid"] = (12, 20)
    output = tmp_path / "masks" / "objects.csv"
    inputs = ["--tracks", tmp_path / "t.h5", "--motion", tmp_path / "m.h5"]
    inputs += ["--features", tmp_path / "f.h5"]
    command = [sys.executable, PROGRAM, *inputs, "--output", output]
    subprocess.run([*command, "--settings", '{"max_objects": 3}'], check=True, capture_output=True)
    assert read_ids(output.parent / "proposals" / "00005.png").max() == 3
    assert pd.read_csv(output)["track"][0] == BALL
    wrong = subprocess.run([*command, "--settings", '{"tau": 1}'], capture_output=True, text=True)
    assert wrong.returncode == 1 and "no setting 'tau'" in wrong.stderr
    code = "import sys, select_objects; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=PROGRAM.parent, check=True)
