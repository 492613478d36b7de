"""Odd videos from frames to masks: motion, points and objects of what has little of anything."""

import numpy as np
import pandas as pd
import pytest

from betrayed.clustering.tracks import read_tracks
from betrayed.config.objects import ObjectSettings
from betrayed.io.palette import read_ids
from betrayed.objects.mask_writing import write_masks
from betrayed.objects.motion_measurement import MotionSettings, measure_motion
from betrayed.objects.selection import find_objects
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.naive_presence import check_presence
from support.tiny_scene import features_file, tracks_file
from support.videos_for_tests import moving_square, write_frames

CELL = 4  # pixels a token


def noise(count, height, width):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def usual(count=4, height=48, width=64):
    return moving_square(count, height, width)


def still(count=4):
    frames, ids = usual(count)
    return np.repeat(frames[:1], count, 0), np.repeat(ids[:1], count, 0)


def black():
    return np.zeros((3, 48, 64, 3), np.uint8), np.zeros((3, 48, 64), np.uint8)


def gone():
    """The thing is there in the first and the last frame alone."""
    frames, ids = usual(5)
    for index in (1, 2, 3):
        frames[index], ids[index] = frames[0, :1, :1], 0
    return frames, ids


def filled():
    """The thing fills every frame."""
    frames = noise(3, 48, 64)
    return frames, np.ones(frames.shape[:3], np.uint8)


ODD = {
    "usual": usual(),
    "no motion": still(),
    "all black": black(),
    "one frame": usual(1),
    "two frames": usual(2),
    "16 x 16": usual(3, 16, 16),
    "one pixel": (noise(2, 4, 4), np.zeros((2, 4, 4), np.uint8)),
    "portrait": usual(3, 160, 48),
    "a strip": usual(3, 16, 240),
    "gone in between": gone(),
    "everywhere": filled(),
}
SETTINGS = {
    "usual": ObjectSettings(),
    "two at least": ObjectSettings(least_instances=2),
    "many": ObjectSettings(split=6.0, part_split=8.0),
    "all foreground": ObjectSettings(foreground_score=0.0),
    "the best alone": ObjectSettings(foreground_score=1.0),
}


def artefacts(folder, frames, ids):
    """Tracks, and the other files that objects are found from; tokens look like what they show."""
    write_frames(folder / "images", frames, suffix=".png")
    extract("odd", folder / "images", folder / "frames")
    video = Video.load(folder / "frames" / "frames.json")
    measure_motion(video, folder / "motion.h5", folder / "points.h5", MotionSettings(height=64))
    coarse = ids[:, CELL // 2 :: CELL, CELL // 2 :: CELL].astype(int)
    tracks = tracks_file(folder / "tracks.h5", coarse, ids.shape[1:])
    features = features_file(folder / "features.h5", coarse)
    return video, read_tracks(tracks), [
        features, features, folder / "motion.h5", folder / "points.h5",
    ]  # fmt: skip


@pytest.fixture(scope="module", params=ODD, ids=lambda name: name.replace(" ", "-"))
def files(request, tmp_path_factory):
    return artefacts(tmp_path_factory.mktemp("odd"), *ODD[request.param])


@pytest.mark.parametrize("name", SETTINGS)
def test_odd_videos_have_masks(files, tmp_path, name):
    video, tracks, paths = files
    settings = SETTINGS[name]
    objects = find_objects(tracks, *paths, settings, video.frame)
    size = (video.height, video.width)
    write_masks(tmp_path / "m", tracks.labels, objects, size, video.frame)
    table = pd.read_csv(tmp_path / "m" / "objects.csv")
    check_presence(tmp_path / "m", table)
    alike = (tracks.labels == tracks.labels[0, 0, 0]).all()  # and tokens look like tracks
    if alike and name != "all foreground":
        assert not table["foreground"].any()
        assert all(read_ids(path).max() == 0 for path in (tmp_path / "m/foreground").iterdir())
        return
    assert table["foreground"][0] and table["proposal"][0] == 1
    parts = table[table["part"].notna()]
    assert len(parts) >= 1
    part_of = dict(zip(parts["part"].astype(int), parts["part_of"].astype(int), strict=True))
    for index in range(video.count):
        proposals, whose, foreground = (
            read_ids(tmp_path / "m" / kind / f"{index:05d}.png")
            for kind in ("proposals", "parts", "foreground")
        )
        assert proposals.shape == whose.shape == foreground.shape == size
        np.testing.assert_array_equal(whose > 0, foreground > 0)
        for part in np.unique(whose[whose > 0]):
            assert (proposals[whose == part] == part_of[part]).all()
    rows = table[table["part"].isna()]
    assert rows["confidence"].dropna().between(0, 1).all()
    assert (rows["last_frame"].dropna() >= rows["first_frame"].dropna()).all()
    assert rows["proposal"].tolist() == list(range(1, len(rows) + 1))
