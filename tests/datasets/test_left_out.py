"""What is no video is named with the reason, and stops nothing."""

import os

import pytest

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import left_out, missing_paths, needed_paths
from betrayed.datasets.watching import signature
from betrayed.errors import UserError
from support.listings import denied, listing, names


@pytest.mark.parametrize(
    "name", ["@eaDir", "__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", "._bee.mp4", "#recycle"]
)
def test_litter_is_neither_listed_nor_named(folder, name):
    (folder / name).mkdir()
    (folder / name / "0.jpg").touch()
    (folder / "ant" / name).mkdir()
    (folder / "ant" / name / "0.jpg").touch()
    assert names(folder) == ["Fly", "ant", "bee", "cat"]
    settings = DatasetSettings(root=str(folder))
    assert left_out(settings) == [(folder / "notes.txt", "is no video that is known by its suffix")]
    davis = folder.parent / "davis"
    for one in ("bear", name):
        (davis / "JPEGImages" / "480p" / one).mkdir(parents=True)
    assert names(davis, layout="davis") == ["bear"]


def test_what_is_left_out_is_named_with_the_reason(folder):
    (folder / "cover.jpg").touch()
    (folder / "empty").mkdir()
    (folder / "trips" / "alps").mkdir(parents=True)
    (folder / "trips" / "alps" / "a.mp4").touch()
    (folder / "trips" / "frames").mkdir()
    (folder / "trips" / "frames" / "0.png").touch()
    (folder / "ant" / "notes.txt").touch()
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "truth" / "ant").mkdir(parents=True)
    assert left_out(DatasetSettings(root=str(folder), annotations="truth")) == [
        (folder / "ant" / "notes.txt", "is no image of the video"),
        (folder / "cover.jpg", "is an image outside a video's folder"),
        (folder / "empty", "holds no images"),
        (folder / "gone.mp4", "is a link that leads nowhere"),
        (folder / "notes.txt", "is no video that is known by its suffix"),
        (
            folder / "trips",
            f"holds no images; videos lie in {folder / 'trips'}, {folder / 'trips' / 'alps'}",
        ),
    ]
    assert names(folder, annotations="truth") == ["Fly", "ant", "bee", "cat"]
    # Images that come later change the list.
    needed = needed_paths(DatasetSettings(root=str(folder), annotations="truth"))
    assert {folder / "empty", folder / "trips"} <= set(needed)


def test_ground_truth_of_no_video_is_named(folder):
    for name in ("ant", "Ant", "zebra"):
        (folder / "truth" / name).mkdir(parents=True)
    (folder / "truth" / "bee").touch()
    (folder / "truth" / ".DS_Store").touch()
    assert left_out(DatasetSettings(root=str(folder), annotations="truth", instances="truth")) == [
        (folder / "truth" / "Ant", "is ground truth of no video"),
        (folder / "truth" / "bee", "is no folder of a video"),
        (folder / "truth" / "zebra", "is ground truth of no video"),
        (folder / "notes.txt", "is no video that is known by its suffix"),
    ]


def test_videos_that_lie_deeper_are_found_for_people(tmp_path):
    (tmp_path / "films" / "2024" / "may").mkdir(parents=True)
    (tmp_path / "films" / "2024" / "may" / "a.mp4").touch()
    with pytest.raises(UserError, match=r"holds no video\. There are videos deeper: .*2024/may"):
        listing(tmp_path / "films")
    (tmp_path / "films" / "cover.jpg").touch()
    with pytest.raises(UserError, match=r"holds no video\. There are videos deeper: .*2024/may"):
        listing(tmp_path / "films")


def test_links_to_themselves_and_pipes_are_named_and_stop_nothing(folder):
    (folder / "loop").symlink_to("loop")
    (folder / "ring").symlink_to("loop")
    (folder / "loop.mp4").symlink_to("loop.mp4")
    os.mkfifo(folder / "pipe.mp4")
    settings = DatasetSettings(root=str(folder), annotations="loop")
    assert signature(needed_paths(settings), 2)
    assert missing_paths(settings) == [folder / "loop"]
    with pytest.raises(UserError, match=r"annotations: neither .*loop nor .* is a folder"):
        listing(folder, annotations="loop")
    assert names(folder) == ["Fly", "ant", "bee", "cat"]
    reasons = dict(left_out(DatasetSettings(root=str(folder))))
    for name in ("loop", "ring", "loop.mp4"):
        assert reasons[folder / name] == "is a link that leads nowhere"
    assert reasons[folder / "pipe.mp4"] == "is no file, but a pipe or the like"


@pytest.mark.parametrize("suffix", [".heic", ".DNG", ".exr"])
def test_pictures_of_kinds_that_are_not_read_are_named(folder, suffix):
    (folder / "phone").mkdir()
    (folder / "phone" / f"IMG_1{suffix}").touch()
    reasons = dict(left_out(DatasetSettings(root=str(folder))))
    kind = suffix.lower()
    assert reasons[folder / "phone"] == (
        f"holds no images that are read, but {kind}: save them as PNG or JPEG"
    )
    (folder.parent / "alone").mkdir()
    (folder / "phone").rename(folder.parent / "alone" / "phone")
    with pytest.raises(UserError, match=rf"phone holds no images that are read, but \{kind}"):
        listing(folder.parent / "alone")


@pytest.mark.parametrize("mode", [0, 0o444])
def test_a_folder_that_may_not_be_read_is_named_and_the_others_are_listed(folder, mode):
    closed = denied(folder / "cat", mode)
    settings = DatasetSettings(root=str(folder))
    assert names(folder) == ["Fly", "ant", "bee"]
    assert dict(left_out(settings))[closed] == "cannot be read: its permissions forbid it"
    denied(folder)
    with pytest.raises(UserError, match=r"holds no video\. It cannot be read: its permissions"):
        listing(folder)
    folder.chmod(0o755)
    closed.chmod(0o755)
