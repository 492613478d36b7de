"""A whole home folder is no folder of videos: it is said what was found, and nothing is walked."""

from pathlib import Path

import pytest

import betrayed.datasets.layouts.folder as layout
from betrayed.config.datasets import DatasetSettings
from betrayed.datasets import video_search
from betrayed.datasets.listing import list_videos, missing_paths, watched_depth
from betrayed.datasets.presence import missing_data
from betrayed.errors import UserError


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "people" / "ada"
    for name in ("clips/a.mp4", "clips/b.mov", "Pictures/May/1.jpg", "src/x/y.txt", ".cache/c.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_what_lies_there_is_named(home):
    for look in (list_videos, missing_paths):
        with pytest.raises(UserError) as raised:
            look(DatasetSettings(root=str(home)))
        told = str(raised.value)
        assert f"{home} is a whole home folder" in told
        assert f"{home}/clips (2)" in told and f"{home}/Pictures (1)" in told
        assert ".cache" not in told and "of their own" not in told
        assert "Give the folder with your videos instead." in told


def test_so_is_what_homes_lie_in_and_a_link_there(home, tmp_path):
    (tmp_path / "link").symlink_to(home)
    for root in (home.parent, tmp_path / "link", home / "clips" / "..", "~"):
        with pytest.raises(UserError, match="is a whole home folder or more"):
            list_videos(DatasetSettings(root=str(root)))


def test_folders_in_it_are_taken(home):
    assert len(list_videos(DatasetSettings(root=str(home / "clips")))) == 2


def test_videos_that_lie_in_it_directly_want_a_folder(home):
    (home / "film.mp4").touch()
    with pytest.raises(UserError, match=r"instead, or put the videos into a folder of their own\."):
        list_videos(DatasetSettings(root=str(home)))


def test_it_is_refused_before_anything_runs(home):
    dataset = {"root": str(home), "root_variable": None, "make": None}
    (told,) = missing_data("videos", dataset, home / "results")
    assert told.startswith("videos: ") and "whole home folder" in told


@pytest.mark.parametrize("place", ["results", "results/videos/frames", "link", "clips/../results"])
def test_videos_among_the_results_are_refused_before_anything_runs(home, place):
    """A run would write the frames of results/videos/frames/a over those that they are made of."""
    (home / "results" / "videos" / "frames" / "a").mkdir(parents=True)
    (home / "results" / "videos" / "videos.csv").touch()  # listed already
    (home / "link").symlink_to(home / "results")
    dataset = {"root": str(home / place), "root_variable": None, "make": None}
    (told,) = missing_data("videos", dataset, home / "results")
    assert f"videos: {home / place} lies in {home}/results" in told and "Move them" in told
    assert not [*missing_data("videos", dataset | {"root": str(home / "clips")}, home / "results")]


def test_only_so_much_is_looked_at(home, monkeypatch):
    for number in range(50):
        (home / "a" / f"{number:02d}").mkdir(parents=True)
    monkeypatch.setattr(video_search, "_MOST_LOOKED_AT", 20)
    seen = []
    monkeypatch.setattr(video_search, "is_video", lambda path: bool(seen.append(path)))
    with pytest.raises(UserError, match="No folder with videos was found among the first 20 files"):
        list_videos(DatasetSettings(root=str(home)))
    assert len(seen) == 20


def test_what_is_left_out_is_looked_through_within_one_moment(home, monkeypatch):
    for number in range(30):
        (home / "clips" / f"empty{number:02d}" / "deep").mkdir(parents=True)
        (home / "clips" / f"empty{number:02d}" / "deep" / "a.mp4").touch()
    monkeypatch.setattr(video_search, "_MOST_LOOKED_AT", 20)
    told = layout.left_out(home / "clips", DatasetSettings(root=str(home / "clips")))
    # Two looks a folder, at deep and at its film.
    assert [bool("videos lie in" in reason) for _, reason in told] == [True] * 10 + [False] * 20


def test_places_of_which_the_system_will_not_say_what_they_are_are_passed_over(home, monkeypatch):
    """As of /proc, when all that there is was given."""
    real = Path.is_dir

    def is_dir(path):
        if path.name == "x":
            raise OSError(22, "Invalid argument")
        return real(path)

    monkeypatch.setattr(Path, "is_dir", is_dir)
    with pytest.raises(UserError, match="is a whole home folder or more"):
        list_videos(DatasetSettings(root=str(home)))


def test_only_folders_of_videos_are_watched_and_not_what_lies_below():
    assert watched_depth(DatasetSettings(layout="folder")) == 2
    assert watched_depth(DatasetSettings(layout="davis")) is None
