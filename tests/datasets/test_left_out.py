"""What is no video is named with the reason, and stops nothing."""

import os

import numpy as np
import pytest
from PIL import Image

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import left_out, missing_paths, needed_paths
from betrayed.datasets.other_files import in_lines, what_it_is
from betrayed.datasets.watching import signature
from betrayed.errors import UserError
from betrayed.io.several_pictures import REMEDY, moving_image, several_pictures
from betrayed.video.extraction import folder_images
from support.listings import denied, listing, names
from support.made_films import KINDS, Film, make_film


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


def test_gifs_that_may_be_frames_are_said_to_be_films(tmp_path):
    (tmp_path / "films" / "v").mkdir(parents=True)
    for number in range(2):
        (tmp_path / "films" / "v" / f"{number}.gif").touch()
    with pytest.raises(UserError, match=r"one of these folders: .*v \(each GIF in there is a film"):
        listing(tmp_path / "films")
    with pytest.raises(UserError, match=r"no frames\. Films lie in .*v \(each GIF .* Put images"):
        folder_images("v", tmp_path / "films" / "v")
    (tmp_path / "films" / "a.mp4").touch()
    ((path, reason),) = left_out(DatasetSettings(root=str(tmp_path / "films")))
    assert path.name == "v" and reason.endswith("but .gif: save them as PNG or JPEG")


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


def save(path, pages=3, **options):
    first, *rest = (Image.new("RGB", (16, 8), (60 * index, 9, 9)) for index in range(pages))
    first.save(path, save_all=pages > 1, append_images=rest, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".avif", ".webp", ".tif", ".tiff", ".PNG"])
def test_images_with_several_pictures_are_told(tmp_path, suffix):
    kind = several_pictures(save(tmp_path / f"a{suffix}"))
    assert kind and kind.split()[-1].lower() in ("png", "avif", "webp", "pages")
    assert several_pictures(save(tmp_path / f"b{suffix}", 1)) is None
    assert moving_image(tmp_path / f"a{suffix}") == (suffix.lower() in (".png", ".avif"))
    assert not moving_image(tmp_path / f"b{suffix}")
    (tmp_path / f"c{suffix}").write_bytes((tmp_path / f"a{suffix}").read_bytes()[:20])
    assert several_pictures(tmp_path / f"c{suffix}") is None
    os.mkfifo(tmp_path / f"d{suffix}")
    assert several_pictures(tmp_path / f"d{suffix}") is None


def test_a_smaller_copy_in_a_tiff_is_no_second_picture(tmp_path):
    pages = [Image.fromarray(np.zeros((size, size), np.uint8)) for size in (16, 8)]
    pages[1].encoderinfo = {"tiffinfo": {254: 1}}
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert several_pictures(tmp_path / "a.tif") is None


def test_animations_are_films_where_they_are_read(tmp_path):
    """Also given alone, and beside images that are no films; others are named with what to do."""
    (tmp_path / "films").mkdir()
    for name in ("a.png", "b.avif", "c.webp", "d.tif"):
        save(tmp_path / "films" / name)
    save(tmp_path / "films" / "cover.png", 1)
    assert names(tmp_path / "films") == ["a", "b"]
    assert names(tmp_path / "films" / "a.png") == ["a"]
    assert left_out(DatasetSettings(root=str(tmp_path / "films"))) == [
        (tmp_path / "films" / "c.webp", f"is an animated WebP, which is no film here: {REMEDY}"),
        (tmp_path / "films" / "cover.png", "is an image outside a video's folder"),
        (
            tmp_path / "films" / "d.tif",
            f"is a TIFF of several pages, which is no film here: {REMEDY}",
        ),
    ]
    with pytest.raises(UserError, match=r"It is an animated WebP, which is no film here: save"):
        missing_paths(DatasetSettings(root=str(tmp_path / "films" / "c.webp")))
    with pytest.raises(UserError, match=r"Name the folder that it lies in\.$"):
        missing_paths(DatasetSettings(root=str(tmp_path / "films" / "cover.png")))
    (tmp_path / "stacks").mkdir()
    save(tmp_path / "stacks" / "1.tif")
    with pytest.raises(UserError, match=r"holds no video\. .*1\.tif is a TIFF of several pages"):
        listing(tmp_path / "stacks")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "".join(kind[:2]))
def test_a_film_of_another_name_is_told_by_its_content(tmp_path, kind):
    """Its container, or one that is read alike; of pictures in a row there is nothing to tell."""
    made = make_film(tmp_path, Film(kind))
    path = made.rename(tmp_path / "GOPR0001")
    alike = {".m4v": ".mp4", ".mov": ".mp4", ".3gp": ".mp4", ".webm": ".mkv", ".m2ts": ".ts"}
    meant = alike.get(kind[0], kind[0])
    known = kind[0] not in (".y4m", ".nut", ".apng", ".ivf")
    said = f"is a film by its content, but not by its name: give it the suffix {meant}"
    assert what_it_is(path) == (said if known else "is no video that is known by its suffix")


def test_sound_archives_and_downloads_are_told_by_their_suffix(tmp_path):
    for name, said in (
        ("a.MP3", "is sound without pictures"),
        ("a.zip", "is an archive: unpack it"),
        ("a.mp4.part", "is a download that was not finished"),
        ("a.txt", "is no video that is known by its suffix"),
    ):
        (tmp_path / name).write_bytes(b"x")
        assert what_it_is(tmp_path / name) == said


def test_many_files_that_are_the_same_are_one_line(tmp_path):
    paths = [tmp_path / f"{index}.jpg" for index in range(500)]
    files = [(path, "is x") for path in paths] + [(tmp_path / "a", "is y")]
    assert in_lines(files) == [
        f"0.jpg, 1.jpg, 2.jpg and 497 more in {tmp_path}, each of which is x",
        f"{tmp_path / 'a'} is y",
    ]
    assert in_lines(files[:3]) == [f"{path} is x" for path in paths[:3]]
