"""The videos of each layout, and what is missing of a data set."""

import os
from pathlib import Path

import numpy as np
import pytest

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import (
    followed_paths,
    left_out,
    list_videos,
    missing_paths,
    needed_paths,
)
from betrayed.errors import UserError
from betrayed.scoring.folders import read_split
from betrayed.video.annotations import read_annotation
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.dataset_copies import davis2016, davis2017, movi_e, youtube_vis
from support.listings import listing, names


def test_folders_and_video_files_are_listed_in_order(folder):
    rows = listing(folder)
    assert [row["video"] for row in rows] == ["Fly", "ant", "bee", "cat"]
    assert rows[1]["source"] == str(folder / "ant")
    assert rows[2]["source"] == str(folder / "bee.mp4")
    assert all(row["annotations"] == row["instances"] == "" for row in rows)


def test_annotations_are_named_for_every_video_and_are_no_videos_themselves(folder):
    (folder / "truth" / "ids" / "ant").mkdir(parents=True)
    (folder / "single" / "ant").mkdir(parents=True)
    rows = listing(folder, annotations="truth/ids", instances=str(folder / "single"))
    assert [row["video"] for row in rows] == ["Fly", "ant", "bee", "cat"]
    # Whether they are complete is judged video by video, when frames are extracted.
    assert rows[2]["annotations"] == str(folder / "truth" / "ids" / "bee")
    assert [row["instances"] for row in rows] == ["", str(folder / "single" / "ant"), "", ""]


def test_paths_stay_relative_to_the_working_directory(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "truth").mkdir()
    row = listing(Path("videos"), annotations="truth", videos=("ant",))[0]
    assert (row["source"], row["annotations"]) == ("videos/ant", "truth/ant")


def test_names_and_patterns_choose(folder):
    assert names(folder, videos=("bee", "c*")) == ["bee", "cat"]
    assert names(folder, videos=("*",)) == ["Fly", "ant", "bee", "cat"]
    with pytest.raises(UserError, match=r"'cow'\. There are: Fly, ant, bee, cat"):
        names(folder, videos=("ant", "cow"))


def test_a_missing_root_is_named(tmp_path):
    with pytest.raises(UserError, match="nowhere is not a folder"):
        listing(tmp_path / "nowhere")
    with pytest.raises(UserError, match="root is not set"):
        list_videos(DatasetSettings())


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing here")
    with pytest.raises(UserError, match="holds no video"):
        listing(tmp_path)


def test_all_sources_of_one_name_are_named_at_once(folder):
    (folder / "bee").mkdir()
    (folder / "bee" / "0.jpg").touch()
    (folder / "cat.avi").touch()
    with pytest.raises(UserError, match=r"bee and .*bee\.mp4 are both the video 'bee'; .*cat\.avi"):
        listing(folder)


def test_a_folder_of_frames_is_a_video_itself(tmp_path):
    frames = tmp_path / "walk"
    (frames / "empty").mkdir(parents=True)
    (frames / "notes.txt").touch()
    for name in ("0.jpg", "1.jpg"):
        (frames / name).touch()
    assert names(frames) == ["walk"]
    assert [row["source"] for row in listing(frames)] == [str(frames)]
    out = left_out(DatasetSettings(root=str(frames)))
    assert out == [
        (frames / "empty", "is no image of the video"),
        (frames / "notes.txt", "is no image of the video"),
    ]
    # Its truth lies in a folder of the video's name, as ever, and is no video.
    (frames / "truth" / "walk").mkdir(parents=True)
    (frames / "truth" / "walk" / "0.png").touch()
    assert names(frames, annotations="truth") == ["walk"]
    assert left_out(DatasetSettings(root=str(frames), annotations="truth")) == out
    # With a video in it the folder is one of videos, and its own images are none.
    (frames / "a.mp4").touch()
    assert names(frames, annotations="truth") == ["a"]


@pytest.mark.parametrize("suffix", [".mpg", ".GIF", ".wmv", ".ts", ".3gp", ".flv", ".ogv"])
def test_films_of_all_kinds_are_listed(tmp_path, suffix):
    (tmp_path / f"a{suffix}").touch()
    assert names(tmp_path) == ["a"]


def test_the_root_may_be_a_film(folder):
    rows = listing(folder / "bee.mp4")
    assert [(row["video"], row["source"]) for row in rows] == [("bee", str(folder / "bee.mp4"))]
    assert missing_paths(DatasetSettings(root=str(folder / "bee.mp4"))) == []
    with pytest.raises(UserError, match=r"notes\.txt is a file, but a folder is needed or a video"):
        missing_paths(DatasetSettings(root=str(folder / "notes.txt")))
    with pytest.raises(UserError, match="is not a folder or a video file"):
        listing(folder / "notes.txt")


def test_missing_annotation_folders_and_splits_without_davis_are_refused(folder):
    with pytest.raises(UserError, match="annotations: neither"):
        listing(folder, annotations="nowhere")
    with pytest.raises(UserError, match="has no splits"):
        listing(folder, split="val")


def test_davis_without_a_split_is_all_sequences(davis):
    rows = listing(davis, layout="davis", annotations="Annotations/480p")
    assert [row["video"] for row in rows] == ["bear", "camel", "dog"]
    assert rows[0]["source"] == str(davis / "JPEGImages" / "480p" / "bear")
    assert rows[0]["annotations"] == str(davis / "Annotations" / "480p" / "bear")
    assert rows[2]["instances"] == ""
    assert listing(davis, layout="davis")[0]["annotations"] == ""


def test_a_split_and_instances_of_davis(davis):
    rows = listing(davis, layout="davis", split="val", instances="Annotations_instances/480p")
    assert [row["video"] for row in rows] == ["bear", "dog"]
    assert rows[0]["instances"] == ""
    assert rows[1]["instances"] == str(davis / "Annotations_instances" / "480p" / "dog")
    assert names(davis, layout="davis", split="2017/val") == ["camel"]
    assert names(davis, layout="davis", split="val", videos=("d*",)) == ["dog"]
    with pytest.raises(UserError, match="There are: bear, dog"):
        names(davis, layout="davis", split="val", videos=("camel",))


def test_the_lists_of_the_download_of_2016_are_read(tmp_path):
    root = davis2016(tmp_path / "davis2016", ["bear"], ["dog", "cows"])
    assert names(root, layout="davis", split="val") == ["cows", "dog"]
    assert names(root, layout="davis", split="480p/train") == ["bear"]
    settings = DatasetSettings("davis", str(root), None, split="val")
    assert needed_paths(settings)[-1] == root / "ImageSets" / "480p" / "val.txt"
    assert read_split(root / "ImageSets" / "480p" / "val.txt") == ["cows", "dog"]


def test_bad_davis_folders_are_refused(davis, tmp_path):
    with pytest.raises(UserError, match=r"train\.txt is missing. There are: 2016/val, 2017/val"):
        listing(davis, layout="davis", split="train")
    (davis / "ImageSets" / "2016" / "val.txt").write_text("dog\nwhale\n")
    with pytest.raises(UserError, match=r"folders are missing: .*480p/whale\. Complete"):
        listing(davis, layout="davis", split="val")
    assert names(davis, layout="davis", split="val", videos=("dog",)) == ["dog"]
    (davis / "ImageSets" / "2016" / "val.txt").write_text("\n")
    with pytest.raises(UserError, match="lists no sequence"):
        listing(davis, layout="davis", split="val")
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match=r"480p is missing\. The layout davis needs"):
        listing(tmp_path / "other", layout="davis")


def test_movi_e_as_folders_of_frames_and_ids(tmp_path):
    root = movi_e(tmp_path / "validation")
    rows = listing(root, annotations="../seg")
    assert [row["video"] for row in rows] == ["0000", "0001"]
    extract("0001", rows[1]["source"], tmp_path / "out", annotations=rows[1]["annotations"])
    video = Video.load(tmp_path / "out" / "frames.json")
    assert video.count == 4
    assert np.unique(read_annotation(video, 0)).tolist() == [0, 7]


def test_what_a_layout_needs_on_the_disk(tmp_path, folder, monkeypatch):
    def needed(layout, root, *more):
        return [path.exists() for path in needed_paths(DatasetSettings(layout, str(root), *more))]

    davis2017(tmp_path / "davis2017", ["dog"])
    unsupervised = "Annotations_unsupervised/480p"
    settings = (unsupervised, None, "2017/val")
    assert needed("davis", tmp_path / "davis2017", *settings) == [True] * 3
    assert needed("davis", tmp_path / "davis2017", None, None, "val") == [True, False]
    # Instances are used where there are any.
    assert needed("davis", tmp_path / "davis2017", unsupervised, "nowhere") == [True, True]
    root, _ = youtube_vis(tmp_path / "ytvis")
    assert needed("youtube_vis", root, "train.json") == [True, True]
    assert needed("youtube_vis", root / "JPEGImages", "valid.json") == [False, False]
    (folder / "truth").mkdir()
    (folder / "truth" / "ant").mkdir()
    (tmp_path / "single").mkdir()
    monkeypatch.chdir(tmp_path)
    assert needed_paths(DatasetSettings("folder", "videos", "truth", "single")) == [
        Path("videos"),
        Path("videos/truth"),
        Path("single"),
    ]


def test_one_folder_that_may_not_be_read_does_not_end_the_run(tmp_path, monkeypatch):
    """Snakemake stops at an input that it may not read, and takes braces for wildcards."""
    for name in ("mine", "theirs", "{x}"):
        (tmp_path / name / "deeper").mkdir(parents=True)
    settings, root = DatasetSettings(root=str(tmp_path)), tmp_path
    may = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: may(path, mode) and not ("theirs" in str(path) and mode)
    )
    assert set(needed_paths(settings)) == {root, root / "mine", root / "theirs", root / "{x}"}
    assert set(followed_paths(settings)) == {root, root / "mine"}
    # What is missing stays: whoever reads it says so.
    assert followed_paths(DatasetSettings(root=str(root / "gone"))) == [root / "gone"]


def test_of_many_missing_files_some_dozens_are_named(davis):
    more = [f"whale-{number:02d}" for number in range(20)]
    (davis / "ImageSets" / "2016" / "val.txt").write_text("\n".join(["dog", *more]))
    settings = DatasetSettings("davis", str(davis), "Annotations/480p", split="val")
    absent = missing_paths(settings)
    assert len(absent) == 40  # frames and annotations of each
    assert absent[:2] == [
        davis / "JPEGImages/480p/whale-00",
        davis / "Annotations/480p/whale-00",
    ]
    with pytest.raises(UserError, match=r"480p/whale-11 and 16 more\. Complete"):
        list_videos(settings)


def test_youtube_vis_without_its_parts_is_refused(tmp_path):
    root, _ = youtube_vis(tmp_path / "ytvis", count=1)
    with pytest.raises(UserError, match="needs annotations, the JSON file"):
        listing(root, layout="youtube_vis")
    with pytest.raises(UserError, match="JPEGImages is missing"):
        listing(root / "JPEGImages", layout="youtube_vis", annotations="../train.json")


def test_lists_are_read_as_editors_save_them(davis):
    for encoding in ("utf-8-sig", "utf-16"):
        (davis / "ImageSets" / "2017" / "val.txt").write_bytes("dog\r\nbear\r\n".encode(encoding))
        assert names(davis, layout="davis", split="2017/val") == ["bear", "dog"]
    (davis / "ImageSets" / "2017" / "val.txt").write_bytes("b\xe9ar".encode("latin-1"))
    with pytest.raises(UserError, match=r"val\.txt is no text in UTF-8"):
        names(davis, layout="davis", split="2017/val")
