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
from betrayed.engine.records import Record
from betrayed.io.palette import read_ids
from betrayed.objects.mask_writing import upsample_labels, write_masks
from betrayed.objects.objects import objects_by_size
from betrayed.video.extraction import extract
from support.naive_presence import MEASURED, check_presence
from support.paths import SCRIPTS
from support.records import record_of
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
#: The options of the program that name records.
OF_VIDEOS = ("--frames", "--tracks", "--features", "--fine-features", "--motion")
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
    np.testing.assert_array_equal(upsample_labels(labels, np.array([4, 7]), (1, 4)), [[4, 4, 7, 7]])
    np.testing.assert_array_equal(upsample_labels(labels, np.array([4, 7]), (1, 3)), [[4, 4, 7]])
    np.testing.assert_array_equal(upsample_labels(labels, np.array([7, 4]), (1, 3)), [[4, 7, 7]])


def test_upsample_is_what_whole_masks_give():
    """Each pixel goes to the first of the tracks whose enlarged masks have most of it."""
    rng = np.random.default_rng(0)
    for sizes in [(5, 7, 43, 61), (1, 9, 30, 18), (12, 20, 36, 60), (8, 3, 8, 9), (20, 30, 11, 7)]:
        height, width, rows, columns = sizes
        labels = rng.integers(6, size=(height // 2 + 1, width // 2 + 1))
        labels = labels.repeat(2, 0).repeat(2, 1)[:height, :width]
        tracks = rng.permutation(8)
        masks = [(labels == track).astype(np.float32) for track in tracks]
        soft = [cv2.resize(one, (columns, rows), interpolation=cv2.INTER_LINEAR) for one in masks]
        right = tracks[np.argmax(soft, axis=0)]
        np.testing.assert_array_equal(upsample_labels(labels, tracks, (rows, columns)), right)


def test_upsample_gives_every_pixel_a_track_near_it():
    labels = np.random.default_rng(0).integers(9, size=(5, 7))
    large = upsample_labels(labels, np.arange(12), (43, 61))
    assert large.shape == (43, 61)
    np.testing.assert_array_equal(upsample_labels(labels, np.arange(12), (5, 7)), labels)
    y = np.clip((np.arange(43) + 0.5) * 5 / 43 - 0.5, 0, 4)
    x = np.clip((np.arange(61) + 0.5) * 7 / 61 - 0.5, 0, 6)
    for i in range(0, 43, 3):
        for j in range(0, 61, 3):
            rows = {int(np.floor(y[i])), int(np.ceil(y[i]))}
            columns = {int(np.floor(x[j])), int(np.ceil(x[j]))}
            assert large[i, j] in {labels[r, c] for r in rows for c in columns}


def is_table_of(folder, objects):
    """Its frames and sizes are those of the masks, all else is that of the objects."""
    table = pd.read_csv(folder / "objects.csv", dtype=WHOLE)
    as_text = pd.read_csv(folder / "objects.csv", dtype=str)[["first_frame", "last_frame"]]
    assert as_text.melt()["value"].dropna().str.isdigit().all()
    own = [one.drop(columns=MEASURED) for one in (table, objects.table)]
    pd.testing.assert_frame_equal(*own, atol=1e-6, check_dtype=False)
    assert list(table.columns) == list(objects.table.columns)
    check_presence(folder, table)
    beyond = (table["proposal"] == 0) & table["part"].isna()  # in no mask
    other = [one.loc[beyond, MEASURED] for one in (table, objects.table)]
    pd.testing.assert_frame_equal(*other, atol=1e-6, check_dtype=False)


def test_masks_by_size(tmp_path):
    """Each track as it is enlarged; all but the largest are foreground."""
    labels = scene()
    objects = objects_by_size(labels, ObjectSettings(choice="size", max_objects=2))
    write_masks(tmp_path / "m", labels, objects, SIZE)
    for index in (0, 2):
        ids, foreground = masks(tmp_path / "m", index)
        large = upsample_labels(labels[index], objects.tracks, SIZE)
        np.testing.assert_array_equal(ids == 2, large == GROUND)
        np.testing.assert_array_equal(ids == 0, np.isin(large, (BALL, SPECK)))  # cut
        np.testing.assert_array_equal(foreground, ids != 1)  # cut or not
    assert not (tmp_path / "m" / "parts").exists()
    is_table_of(tmp_path / "m", objects)


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
        large = upsample_labels(labels[index], objects.tracks, SIZE)
        around = objects.table[objects.table["track"].notna()]
        numbers = dict(zip(around["track"], around["proposal"], strict=True))
        np.testing.assert_array_equal(parts_of(folder, index) == 1, foreground)
        for track, number in numbers.items():
            np.testing.assert_array_equal(ids == number, (large == track) & ~foreground)
        np.testing.assert_array_equal(ids == 0, (large == BALL) & ~foreground)
    is_table_of(folder, objects)
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


def test_where_fewer_objects_are_allowed_they_are_one(tmp_path):
    labels, objects = two_things(replace(PLAIN, max_objects=1))
    write_masks(tmp_path / "m", labels, objects, (120, 200))
    ids, foreground = masks(tmp_path / "m", 0)
    assert foreground[60, 60] and foreground[60, 130]
    np.testing.assert_array_equal(ids == 1, foreground)  # the tracks around are cut
    assert set(np.unique(ids)) == {0, 1}
    np.testing.assert_array_equal(parts_of(tmp_path / "m", 0) == 1, foreground)


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
    """A video's artefacts, by the options of the program that name their records."""
    labels = scene()
    (tmp_path / "points").mkdir()
    points_file(tmp_path / "points" / "toy.h5", labels)
    return {
        "--frames": film(tmp_path, labels),
        "--tracks": tracks_file(tmp_path / "tracks.h5", labels, SIZE),
        "--features": features_file(tmp_path / "features.h5", labels),
        "--fine-features": features_file(tmp_path / "fine.h5", finer(labels)),
        "--motion": motion_file(tmp_path / "motion.h5", labels == BALL),
        "--trajectories-folder": tmp_path / "points",
        "--output-folder": tmp_path / "masks",
        "--record": tmp_path / "records" / "0000.json",
    }


def select(files, *options, **settings):
    """Run the program, and return its status and what it says about errors."""
    command = [sys.executable, PROGRAM, *arguments(files, settings), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stderr


def arguments(files, settings):
    """The command line: artefacts by way of a record of their one video, if they are not that."""
    given = []
    for option, path in files.items():
        if option in OF_VIDEOS and path.suffix != ".record":
            path = record_of(path.with_name(f"{path.stem}{option}.record"), {"toy": path})
        given += [option, str(path)]
    return [*given, "--settings", json.dumps(settings)]


@pytest.fixture
def called(monkeypatch, capsys):
    """The same without a process of its own."""

    def call(files, **settings):
        capsys.readouterr()  # what was said before
        monkeypatch.setattr(sys, "argv", [str(PROGRAM), *arguments(files, settings)])
        try:
            run(select_objects.main)
        except SystemExit as ended:
            return ended.code, capsys.readouterr().err
        return 0, capsys.readouterr().err

    return call


def masks_of(files, video="toy"):
    return files["--output-folder"] / video


def without(files, *names):
    return {name: path for name, path in files.items() if name not in names}


@pytest.mark.slow
def test_program(files):
    status, errors = select(files, max_objects=3)
    assert status == 0, errors
    table = pd.read_csv(masks_of(files) / "objects.csv")
    assert np.isnan(table["track"][0]) and table["part"].dropna().tolist() == [1]
    assert table["foreground"].tolist() == [True] + 3 * [False] + [True]
    for index in range(6):
        ids, foreground = masks(masks_of(files), index)
        assert ids.shape == SIZE and ids.max() == 3
        assert overlap(foreground, ball(index)) > 0.9  # GrabCut has seen the frames
        np.testing.assert_array_equal(ids == 1, foreground)
    (made,) = Record.read(files["--record"]).videos.values()
    assert made.artefact == str(masks_of(files) / "objects.csv")


@pytest.mark.slow
def test_program_without_cues_needs_no_file_of_them(files, tmp_path):
    few = without(files, "--features", "--fine-features", "--motion", "--trajectories-folder")
    status, errors = select(few, choice="size")
    assert status == 0, errors
    objects = objects_by_size(scene(), ObjectSettings(choice="size"))
    write_masks(tmp_path / "wanted", scene(), objects, SIZE)  # outlines as the tokens have them
    wanted = sorted((tmp_path / "wanted").rglob("*.*"))
    assert len(wanted) == 13
    for path in wanted:
        found = masks_of(files) / path.relative_to(tmp_path / "wanted")
        assert found.read_bytes() == path.read_bytes()


def test_a_mask_that_is_gone_and_another_setting_make_all_masks_anew(files, called):
    def made(**settings):
        status, errors = called(files, choice="size", **settings)
        assert status == 0, errors
        return "1 to compute, 0 up to date" in errors

    mask = masks_of(files) / "proposals" / "00003.png"
    assert made() and not made()
    before = mask.read_bytes()
    mask.unlink()
    assert made() and mask.read_bytes() == before
    assert made(max_objects=1) and read_ids(mask).max() == 1


@pytest.mark.slow
def test_program_does_videos_side_by_side(files, tmp_path):
    names = ("bear", "cat", "dog")
    records = {
        option: record_of(tmp_path / f"all{option}.record", dict.fromkeys(names, files[option]))
        for option in ("--frames", "--tracks")
    }
    status, errors = select(files | records, "--processes", "2", choice="size")
    assert status == 0, errors
    assert set(Record.read(files["--record"]).videos) == set(names)
    for name in names:
        written = sorted(path.name for path in masks_of(files, name).rglob("*.*"))
        assert len(written) == 13 and written.count("00005.png") == 2


@pytest.mark.parametrize(
    "missing", ["--features", "--fine-features", "--motion", "--trajectories-folder"]
)
def test_program_names_what_cues_need(files, called, missing):
    status, errors = called(without(files, missing))
    assert status == 2
    assert "needs --features, --fine-features, --motion and --trajectories-folder" in errors
    assert not masks_of(files).exists()


def test_program_refuses_another_setting(files, called):
    status, errors = called(files, tau=1)
    assert status == 1 and "unknown key 'tau'" in errors
    assert not masks_of(files).exists()


@pytest.mark.parametrize(
    ("option", "choice"),
    [
        ("--frames", "size"),
        ("--frames", "cues"),
        ("--tracks", "size"),
        ("--motion", "cues"),
        ("--trajectories-folder", "cues"),
    ],
)
def test_program_names_what_is_of_another_video(files, called, tmp_path, option, choice):
    labels = scene(4)
    given = named = tmp_path / "other.h5"
    if option == "--frames":
        given = named = film(tmp_path / "other", labels)
    elif option == "--tracks":
        tracks_file(named, labels, SIZE)
    elif option == "--motion":
        motion_file(named, labels == BALL)
    else:
        given, named = tmp_path / "others", tmp_path / "others" / "toy.h5"
        given.mkdir()
        points_file(named, labels)
    status, errors = called(files | {option: given}, choice=choice)
    assert status == 0  # the other videos of the batch go on
    record = Record.read(files["--record"])
    assert not record.videos and not masks_of(files).exists()
    failure = record.failures["toy"]
    assert f"error: toy is left out: {failure.reason}" in errors
    assert failure.stage == "select_objects" and str(named) in failure.reason
    assert re.search("4 frames.* 6|6 frames.* 4", failure.reason)


@pytest.mark.slow
def test_program_needs_no_torch():
    code = "import sys, select_objects; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=PROGRAM.parent, check=True)
