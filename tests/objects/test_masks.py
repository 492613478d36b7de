import json
import re
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import select_objects
from betrayed.config.objects import ObjectSettings
from betrayed.engine.programs import run
from betrayed.io.palette import read_ids
from betrayed.objects.mask_writing import upsample, write_masks
from betrayed.objects.objects import objects_by_size
from betrayed.video.extraction import extract
from support.paths import SCRIPTS
from support.tiny_scene import (
    BALL,
    GROUND,
    PLAIN,
    SPECK,
    ball_points,
    features_file,
    find,
    finer,
    motion_file,
    picture,
    rolling,
    scene,
    tracks_file,
    trajectories_file,
)
from support.videos_for_tests import write_frames

PROGRAM = SCRIPTS / "select_objects.py"
SIZE = (121, 203)
#: Columns of whole numbers that may be missing.
WHOLE = dict.fromkeys(("part", "part_of", "track"), "Int64")


def masks(folder, index):
    """One frame's proposals, and where its foreground is."""
    name = f"{index:05d}.png"
    return read_ids(folder / "proposals" / name), read_ids(folder / "foreground" / name) > 0


def parts_of(folder, index):
    return read_ids(folder / "parts" / f"{index:05d}.png")


def ball(index, labels=None):
    """Where the ball lies, each pixel with the token it lies in."""
    inside = (scene() if labels is None else labels)[index] == BALL
    rows, columns = (np.arange(n) * k // n for n, k in zip(SIZE, inside.shape, strict=True))
    return inside[rows[:, None], columns]


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


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


def test_masks_by_size(tmp_path):
    """Each track as it is enlarged; all but the largest are foreground."""
    labels = scene()
    objects = objects_by_size(labels, ObjectSettings(choice="size", max_objects=2))
    write_masks(tmp_path / "m", labels, objects, SIZE)
    for index in (0, 2):
        ids, foreground = masks(tmp_path / "m", index)
        large = upsample(labels[index], objects.tracks, SIZE)
        np.testing.assert_array_equal(ids == 2, large == GROUND)
        np.testing.assert_array_equal(ids == 0, np.isin(large, (BALL, SPECK)))  # cut
        np.testing.assert_array_equal(foreground, ids != 1)  # cut or not
    assert not (tmp_path / "m" / "parts").exists()
    table = pd.read_csv(tmp_path / "m" / "objects.csv", dtype=WHOLE)
    pd.testing.assert_frame_equal(table, objects.table, atol=1e-6, check_dtype=False)


def test_masks_by_cues(tmp_path):
    labels = scene()
    objects = rolling(labels)
    folder = tmp_path / "masks"
    (folder / "proposals").mkdir(parents=True)
    (folder / "proposals" / "00099.png").write_bytes(b"of an earlier run")
    write_masks(folder, labels, objects, SIZE)
    for name in ("proposals", "parts", "foreground"):
        files = sorted(path.name for path in (folder / name).iterdir())
        assert files == [f"{i:05d}.png" for i in range(6)]
    with Image.open(folder / "foreground" / "00002.png") as image:
        assert image.mode == "L"
        assert set(np.unique(np.asarray(image))) == {0, 255}
    for name in ("proposals", "parts"):
        with Image.open(folder / name / "00002.png") as image:
            assert image.mode == "P"
    for index in range(6):
        ids, foreground = masks(folder, index)
        assert ids.shape == SIZE
        assert overlap(foreground, ball(index)) > 0.85
        np.testing.assert_array_equal(ids == 1, foreground)
        scores = cv2.resize(
            objects.foreground.scores[index], SIZE[::-1], interpolation=cv2.INTER_CUBIC
        )
        np.testing.assert_array_equal(foreground, scores >= 0.6)
        # Around it the tracks, and the fringe of the ball's own is none of them.
        large = upsample(labels[index], objects.tracks, SIZE)
        around = objects.table[objects.table["track"].notna()]
        numbers = dict(zip(around["track"], around["proposal"], strict=True))
        np.testing.assert_array_equal(parts_of(folder, index) == 1, foreground)
        for track, number in numbers.items():
            np.testing.assert_array_equal(ids == number, (large == track) & ~foreground)
        np.testing.assert_array_equal(ids == 0, (large == BALL) & ~foreground)
    table = pd.read_csv(folder / "objects.csv", dtype=WHOLE)
    pd.testing.assert_frame_equal(table, objects.table, atol=1e-6, check_dtype=False)
    assert not list(tmp_path.glob(".*"))


def two_things(settings):
    """Two things that move and look different, side by side."""
    labels = np.zeros((2, 12, 20), int)
    labels[:, 3:9, 4:11], labels[:, 3:9, 11:16] = 1, 2
    motion = np.choose(labels, [0.0, 3.0, 4.0])
    return labels, find(labels, motion, settings, looks=labels)


def test_every_pixel_of_the_foreground_goes_to_the_part_that_has_most_of_it(tmp_path):
    labels, objects = two_things(PLAIN)
    write_masks(tmp_path / "m", labels, objects, (120, 200))
    ids, foreground = masks(tmp_path / "m", 1)
    assert set(np.unique(ids[foreground])) == {1, 2}
    # They meet at the 110th column: the second thing, which moves most, is on the right.
    assert (ids[foreground & (np.arange(200) < 109)] == 2).all()
    assert (ids[foreground & (np.arange(200) > 110)] == 1).all()
    # One part each, numbered by size.
    np.testing.assert_array_equal(
        parts_of(tmp_path / "m", 1), np.array([0, 2, 1])[ids * foreground]
    )


def test_foreground_keeps_objects_that_were_cut(tmp_path):
    labels, objects = two_things(replace(PLAIN, max_objects=1))
    write_masks(tmp_path / "m", labels, objects, (120, 200))
    ids, foreground = masks(tmp_path / "m", 0)
    assert foreground[60, 60] and ids[60, 60] == 0
    assert foreground[60, 130] and ids[60, 130] == 1
    assert set(np.unique(ids)) == {0, 1}
    assert set(np.unique(parts_of(tmp_path / "m", 0)[foreground])) == {1, 2}


def test_outlines_move_to_the_edges_of_the_image(tmp_path):
    labels = scene(2)
    objects = rolling(labels)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    round_ball = [(y - 65) ** 2 + (x - 66 - 10 * t) ** 2 <= 26**2 for t in range(2)]

    def frame(index):
        image = picture(np.zeros_like(labels[index]), SIZE)
        image[round_ball[index]] = (200, 60, 40)
        return image

    write_masks(tmp_path / "rough", labels, objects, SIZE)
    write_masks(tmp_path / "fine", labels, objects, SIZE, frame)
    for index in range(2):
        _, rough = masks(tmp_path / "rough", index)
        ids, fine = masks(tmp_path / "fine", index)
        assert overlap(fine, round_ball[index]) > overlap(rough, round_ball[index]) + 0.02
        np.testing.assert_array_equal(ids == 1, fine)


def test_no_foreground_in_a_frame(tmp_path):
    labels = scene(3)
    motion = 1.0 * (labels == BALL)
    motion[1] = 0
    labels[1][labels[1] == BALL] = GROUND
    objects = find(labels, motion, PLAIN, looks=finer(labels))
    images = [picture(one, SIZE) for one in labels]
    write_masks(tmp_path / "m", labels, objects, SIZE, images.__getitem__)
    ids, foreground = masks(tmp_path / "m", 1)
    assert not foreground.any() and not (ids == 1).any()
    assert masks(tmp_path / "m", 2)[1].any()


# The program


def film(folder, labels):
    """The frames.json of a video in which every track has a colour."""
    write_frames(folder / "images", np.stack([picture(one, SIZE) for one in labels]))
    extract("toy", folder / "images", folder / "frames")
    return folder / "frames" / "frames.json"


def points_file(path, labels):
    return trajectories_file(path, ball_points(labels, SIZE), SIZE, len(labels))


@pytest.fixture
def files(tmp_path):
    """A video's artefacts, as options of the program."""
    labels = scene()
    return {
        "--frames": film(tmp_path, labels),
        "--tracks": tracks_file(tmp_path / "tracks.h5", labels, SIZE),
        "--features": features_file(tmp_path / "features.h5", labels),
        "--fine-features": features_file(tmp_path / "fine.h5", finer(labels)),
        "--motion": motion_file(tmp_path / "motion.h5", labels == BALL),
        "--trajectories": points_file(tmp_path / "points.h5", labels),
        "--output": tmp_path / "masks" / "objects.csv",
    }


def select(files, **settings):
    """Run the program, and return its status and what it says about errors."""
    done = subprocess.run(
        [sys.executable, PROGRAM, *arguments(files, settings)], capture_output=True, text=True
    )
    return done.returncode, done.stderr


def arguments(files, settings):
    return [*map(str, sum(files.items(), ())), "--settings", json.dumps(settings)]


@pytest.fixture
def refused(monkeypatch, capsys):
    """The same without a process of its own."""

    def call(files, **settings):
        capsys.readouterr()  # what was said before
        monkeypatch.setattr(sys, "argv", [str(PROGRAM), *arguments(files, settings)])
        with pytest.raises(SystemExit) as ended:
            run(select_objects.main)
        assert not files["--output"].parent.exists()
        return ended.value.code, capsys.readouterr().err

    return call


def without(files, *names):
    return {name: path for name, path in files.items() if name not in names}


def test_program(files):
    status, errors = select(files, max_objects=3)
    assert status == 0, errors
    table = pd.read_csv(files["--output"])
    assert np.isnan(table["track"][0]) and table["part"].dropna().tolist() == [1]
    assert table["foreground"].tolist() == [True] + 3 * [False] + [True]
    for index in range(6):
        ids, foreground = masks(files["--output"].parent, index)
        assert ids.shape == SIZE and ids.max() == 3
        assert overlap(foreground, ball(index)) > 0.9  # GrabCut has seen the frames
        np.testing.assert_array_equal(ids == 1, foreground)


def test_program_without_cues_needs_no_file_of_them(files, tmp_path):
    few = without(files, "--features", "--fine-features", "--motion", "--trajectories")
    status, errors = select(few, choice="size")
    assert status == 0, errors
    objects = objects_by_size(scene(), ObjectSettings(choice="size"))
    write_masks(tmp_path / "wanted", scene(), objects, SIZE)  # outlines as the tokens have them
    wanted = sorted((tmp_path / "wanted").rglob("*.*"))
    assert len(wanted) == 13
    for path in wanted:
        found = files["--output"].parent / path.relative_to(tmp_path / "wanted")
        assert found.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("missing", ["--features", "--fine-features", "--motion", "--trajectories"])
def test_program_names_what_cues_need(files, refused, missing):
    status, errors = refused(without(files, missing))
    assert status == 2
    assert "needs --features, --fine-features, --motion and --trajectories" in errors


def test_program_refuses_another_name_and_another_setting(files, refused):
    status, errors = refused(files | {"--output": files["--output"].with_name("table.csv")})
    assert status == 2 and "must be named objects.csv" in errors
    status, errors = refused(files, tau=1)
    assert status == 1 and "unknown key 'tau'" in errors


@pytest.mark.parametrize(
    ("option", "choice"),
    [
        ("--frames", "size"),
        ("--frames", "cues"),
        ("--tracks", "size"),
        ("--motion", "cues"),
        ("--trajectories", "cues"),
    ],
)
def test_program_names_what_is_of_another_video(files, refused, tmp_path, option, choice):
    labels = scene(4)
    if option == "--frames":
        other = film(tmp_path / "other", labels)
    elif option == "--tracks":
        other = tracks_file(tmp_path / "other.h5", labels, SIZE)
    elif option == "--motion":
        other = motion_file(tmp_path / "other.h5", labels == BALL)
    else:
        other = points_file(tmp_path / "other.h5", labels)
    status, errors = refused(files | {option: other}, choice=choice)
    assert status == 1
    assert errors.startswith("error: ") and str(other) in errors
    assert re.search("4 frames.* 6|6 frames.* 4", errors)


def test_program_needs_no_torch():
    code = "import sys, select_objects; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=PROGRAM.parent, check=True)
