"""Where all places are alike nothing is an object, unless something moves by itself."""

import numpy as np
import pytest

from betrayed.clustering.tracks import read_tracks
from betrayed.config.objects import ObjectSettings
from betrayed.objects.selection import find_objects
from betrayed.objects.uniformity import is_uniform, moves_by_itself
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.tiny_scene import features_file, motion_file, tracks_file
from support.videos_for_tests import moving_square, write_frames


def tokens(angle, count=1, frames=3, places=40):
    """All along one axis, but some of a frame's that are turned by an angle towards another."""
    result = np.zeros((frames, places, 4), np.float16)
    result[..., 0] = 2.0  # their length counts for nothing
    result[1, :count, 0] = 5 * np.cos(angle)
    result[1, :count, 1] = 5 * np.sin(angle)
    return result


def test_one_place_in_one_frame_makes_a_difference():
    assert is_uniform(tokens(0.0), 1e-4)
    # The mean is all but the axis, so that the distance is all but 1 − cos of the angle.
    assert is_uniform(tokens(np.arccos(0.81)), 0.2)
    assert not is_uniform(tokens(np.arccos(0.79)), 0.2)
    assert not is_uniform(tokens(np.pi), 0.2)


def test_by_hand():
    """Three tokens: (1, 0), (1, 0), (0, 1); the mean is (2, 1)/3, cosines 2/√5 and 1/√5."""
    three = np.array([[[1, 0], [1, 0], [0, 1]]], np.float32)
    distance = 1 - 1 / np.sqrt(5)
    assert is_uniform(three, distance + 1e-3) and not is_uniform(three, distance - 1e-3)


def test_no_video_is_uniform_where_that_is_not_asked_for():
    assert not is_uniform(tokens(0.0), 0.0)


@pytest.mark.parametrize(("times", "expected"), [(6.5, False), (7.5, True)])
def test_what_moves_seven_times_as_much_moves_by_itself(times, expected):
    motion = np.zeros((2, 4, 4), np.float32)
    motion[:, 1:3, 1:3] = np.log(times)
    foreground = np.zeros((2, 4, 4), bool)
    foreground[:, 1:3, 1:3] = True
    assert moves_by_itself(motion, foreground) == expected
    assert not moves_by_itself(motion, np.ones_like(foreground))


@pytest.fixture
def video(tmp_path):
    """A square whose tokens and track are those of its ground; it moves, or does not."""
    frames, ids = moving_square(4)
    write_frames(tmp_path / "images", frames, suffix=".png")
    extract("v", tmp_path / "images", tmp_path / "frames")
    alike = np.zeros((4, 12, 16), int)
    tracks = read_tracks(tracks_file(tmp_path / "tracks.h5", alike, (48, 64)))
    features = features_file(tmp_path / "features.h5", alike)
    loaded = Video.load(tmp_path / "frames" / "frames.json")

    def found(pixels, **settings):
        motion = np.full((4, 12, 16), 0.05, np.float32)
        motion[ids[:, 2::4, 2::4] > 0] += pixels
        paths = features, features, motion_file(tmp_path / "motion.h5", motion), None
        wanted = ObjectSettings(instances="none", **settings)
        return find_objects(tracks, *paths, wanted, loaded.frame).table["foreground"].any()

    return found


def test_a_video_of_one_texture_has_no_object(video):
    assert not video(0.0) and not video(0.2)


def test_what_looks_like_its_ground_and_moves_is_an_object(video):
    assert video(4.0)


def test_it_may_be_asked_that_every_video_has_one(video):
    assert video(0.2, least_difference=0.0)
