"""Videos that show nothing have no object, and say so."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import select_objects
from betrayed.config.motion import MotionSettings
from betrayed.config.objects import ObjectSettings
from betrayed.engine.batches import Task
from betrayed.io.palette import read_ids
from betrayed.objects.blank import is_blank
from betrayed.objects.motion_measurement import measure_motion
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.tiny_scene import features_file, tracks_file
from support.videos_for_tests import moving_square, write_frames


def blank(frames):
    return is_blank(lambda index: frames[index], len(frames))


def plain(*values):
    return np.stack([np.full((48, 64, 3), value, np.uint8) for value in values])


def test_plain_frames_are_blank_whatever_their_colour():
    assert blank(plain(0)) and blank(plain(255, 255)) and blank(plain((200, 30, 40)))
    assert blank(plain(0, 60, 120, 255))  # faded up
    assert blank(np.zeros((2, 1, 1, 3), np.uint8))


def test_what_coding_does_to_one_colour_is_blank_still(tmp_path):
    noise = np.random.default_rng(0).integers(-2, 3, (48, 64, 3))
    Image.fromarray((100 + noise).astype(np.uint8)).save(tmp_path / "0.jpg", quality=60)
    assert blank(np.array(Image.open(tmp_path / "0.jpg"))[None])


def test_anything_that_is_seen_is_not_blank():
    star = plain(0, 0)
    star[1, 20, 30] = 255
    assert not blank(star)
    faint = plain(100)
    faint[0, 10:30, 10:30] += 8
    assert not blank(faint)
    assert not blank(moving_square(2)[0])
    slope = np.linspace(90, 104, 64).astype(np.uint8)[None, None, :, None]
    assert not blank(np.broadcast_to(slope, (1, 48, 64, 3)))


@pytest.mark.slow
@pytest.mark.parametrize("value", [0, 255])
def test_the_program_writes_masks_without_an_object_and_says_so(tmp_path, value, capsys):
    frames = plain(value, value, value)
    images = write_frames(tmp_path / "v", frames, suffix=".png")
    extract("v", images, tmp_path / "frames", name="my clip")
    video = Video.load(tmp_path / "frames" / "frames.json")
    labels = np.zeros((3, 12, 16), int)
    labels[:, 3:9, 4:12] = 1  # where attention sees something all the same
    features = features_file(tmp_path / "features.h5", labels)
    tracks = tracks_file(tmp_path / "tracks.h5", labels, (48, 64))
    measure_motion(video, tmp_path / "motion.h5", tmp_path / "v.h5", MotionSettings())
    inputs = {
        "frames": tmp_path / "frames" / "frames.json",
        "tracks": tracks,
        "features": features,
        "fine_features": features,
        "motion": tmp_path / "motion.h5",
    }
    task = Task("v", inputs, (tmp_path / "masks" / "objects.csv",))
    select_objects._select(ObjectSettings(), tmp_path, False, task)
    assert "Nothing stands out in my clip: it has no object." in capsys.readouterr().err
    assert not pd.read_csv(task.output)["foreground"].any()
    foreground = sorted((tmp_path / "masks" / "foreground").iterdir())
    assert len(foreground) == 3 and all(read_ids(path).max() == 0 for path in foreground)
