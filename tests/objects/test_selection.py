"""What the choice of objects reads: the same objects as from arrays, and refusals by name."""

import numpy as np
import pytest

from betrayed.clustering.tracks import read_tracks
from betrayed.config.objects import ObjectSettings
from betrayed.errors import UserError
from betrayed.io.artefacts import create
from betrayed.objects.cues import attention_cue, border_cue, local_motion_cue, motion_cue
from betrayed.objects.objects import objects_by_cues, objects_by_size
from betrayed.objects.selection import find_objects
from betrayed.objects.trajectories import read_trajectories
from support.tiny_scene import (
    BALL,
    ball_points,
    features_file,
    finer,
    motion_file,
    scene,
    tokens,
    tracks_file,
    trajectories_file,
    tree,
)

SETTINGS = ObjectSettings()
SIZE = (60, 100)


@pytest.fixture
def files(tmp_path):
    """Tracks, and paths of the cues' artefacts in the order of the arguments."""
    labels = scene()
    tracks = read_tracks(tracks_file(tmp_path / "tracks.h5", labels, SIZE))
    return tracks, [
        features_file(tmp_path / "features.h5", labels),
        features_file(tmp_path / "fine.h5", finer(labels)),
        motion_file(tmp_path / "motion.h5", finer(labels) == BALL),
        points_file(tmp_path / "points.h5", labels),
    ]


def points_file(path, labels):
    return trajectories_file(path, ball_points(labels, SIZE), SIZE, len(labels))


def test_objects_are_those_of_the_arrays(files):
    tracks, paths = files
    labels = scene()
    moves = (labels == BALL).astype(np.float32)
    cues = {
        "motion": motion_cue(moves),
        "attention": attention_cue(np.full(labels.shape, 0.004)),
        "border": border_cue(labels.shape),
    }
    local = local_motion_cue(finer(moves))
    points, seen = read_trajectories(paths[3]), tokens(finer(labels))
    wanted = objects_by_cues(labels, tree(labels), cues, local, seen, points, SETTINGS)
    found = find_objects(tracks, *paths, SETTINGS)
    np.testing.assert_allclose(found.foreground.scores, wanted.foreground.scores, atol=1e-5)
    for frame in range(len(labels)):
        shares = (one.division.painter.shares(frame) for one in (found, wanted))
        np.testing.assert_allclose(*shares, atol=1e-5)
    assert found.table["track"].equals(wanted.table["track"])


@pytest.mark.parametrize("instances", ["appearance", "none"])
def test_trajectories_are_read_only_where_they_tell_objects_apart(files, instances):
    tracks, paths = files
    settings = ObjectSettings(instances=instances)
    find_objects(tracks, *paths[:3], "nowhere.h5", settings)
    with pytest.raises(UserError, match=r"nowhere\.h5 does not exist"):
        find_objects(tracks, *paths[:3], "nowhere.h5", SETTINGS)


def test_by_size_nothing_is_read(files):
    tracks, _ = files
    settings = ObjectSettings(choice="size")
    found = find_objects(tracks, None, "nowhere.h5", None, None, settings)
    wanted = objects_by_size(tracks.labels, settings)
    assert found.table.equals(wanted.table)


@pytest.mark.parametrize(
    ("place", "name"),
    [(0, "features.h5"), (1, "fine.h5"), (2, "motion.h5"), (3, "points.h5")],
)
def test_another_videos_file_is_named(files, tmp_path, place, name):
    tracks, paths = files
    folder = tmp_path / "other"
    folder.mkdir()
    labels = scene(4)
    write = (features_file, features_file, motion_file, points_file)[place]
    paths[place] = write(folder / name, finer(labels) if place in (1, 2) else labels)
    with pytest.raises(UserError, match=rf"other/{name} has 4 frames, but the tracks have 6"):
        find_objects(tracks, *paths, SETTINGS)


def test_features_on_another_grid_are_named(files):
    tracks, paths = files
    with pytest.raises(
        UserError, match=r"fine\.h5 is on a grid of 24x40 tokens, but the tracks on one of 12x20"
    ):
        find_objects(tracks, paths[1], *paths[1:], SETTINGS)


def test_files_that_hold_something_else_are_named(files, tmp_path):
    tracks, (features, fine, motion, points) = files
    with pytest.raises(UserError, match=r"motion\.h5 holds motion, but features"):
        find_objects(tracks, features, motion, motion, points, SETTINGS)
    with pytest.raises(UserError, match=r"fine\.h5 holds features, but motion"):
        find_objects(tracks, features, fine, fine, points, SETTINGS)
    with pytest.raises(UserError, match=r"none\.h5 does not exist"):
        find_objects(tracks, tmp_path / "none.h5", fine, motion, points, SETTINGS)
    with pytest.raises(UserError, match=r"motion\.h5 holds motion, but trajectories"):
        find_objects(tracks, features, fine, motion, motion, SETTINGS)
    with create(tmp_path / "views.h5", "features", {"video": "toy"}) as file:
        file.create_group("view0")
        file.attrs["grid"] = (12, 20)
    with pytest.raises(UserError, match=r"views\.h5 has no patch tokens of plain frames"):
        find_objects(tracks, features, tmp_path / "views.h5", motion, points, SETTINGS)
    with pytest.raises(UserError, match=r"views\.h5 has no class attention"):
        find_objects(tracks, tmp_path / "views.h5", fine, motion, points, SETTINGS)
