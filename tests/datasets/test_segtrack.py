import shutil

import numpy as np
import pytest
from PIL import Image

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import list_videos, missing_paths, needed_paths
from betrayed.errors import UserError
from betrayed.video.annotations import read_annotation
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.dataset_copies import segtrackv2


def settings(root, **more) -> DatasetSettings:
    return DatasetSettings("segtrack", str(root), "GroundTruth", split="all", **more)


def extracted(row, folder) -> Video:
    extract(row["video"], row["source"], folder, annotations=row["annotations"], layout="segtrack")
    return Video.load(folder / "frames.json")


def test_every_video_is_read_as_it_is_downloaded(tmp_path):
    """BMP and PNG side by side, one object or several, colour masks, grey edges, stars in lists."""
    truths = segtrackv2(tmp_path / "SegTrackv2")
    rows = list_videos(settings(tmp_path / "SegTrackv2"))
    assert [row["video"] for row in rows] == ["cheetah", "girl", "worm"]
    for row in rows:
        video = extracted(row, tmp_path / "out" / row["video"])
        assert video.count == 10
        for index, truth in enumerate(truths[row["video"]]):
            np.testing.assert_array_equal(read_annotation(video, index), truth)
    assert set(np.unique(truths["cheetah"])) == {0, 1, 2}


def test_without_ground_truth_and_without_a_list(tmp_path):
    segtrackv2(tmp_path)
    rows = list_videos(DatasetSettings("segtrack", str(tmp_path), videos=("g*",)))
    assert [(row["video"], row["annotations"]) for row in rows] == [("girl", "")]


def test_a_mask_that_is_missing_is_named(tmp_path):
    segtrackv2(tmp_path / "set")
    row = list_videos(settings(tmp_path / "set"))[0]
    (tmp_path / "set/GroundTruth/cheetah/2/cheetah_06671.png").unlink()
    with pytest.raises(UserError, match=r"cheetah_06671\.bmp has no mask: .*cheetah/2/cheetah_066"):
        extracted(row, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_mask_of_a_frame_is_named(tmp_path, capsys):
    segtrackv2(tmp_path / "set")
    rows = {row["video"]: row for row in list_videos(settings(tmp_path / "set"))}
    for place in ("girl/girl_06668 (1).png", "girl/notes.txt", "cheetah/2/cheetah_06668 copy.png"):
        (tmp_path / "set/GroundTruth" / place).touch()
    # One name twice: the image that comes last is read.
    folder = tmp_path / "set/GroundTruth/girl"
    Image.open(folder / "girl_06669.png").save(folder / "girl_06669.bmp")
    for name in ("cheetah", "girl", "worm"):
        extracted(rows[name], tmp_path / name)
    said = [
        line.split("GroundTruth/")[1]
        for line in capsys.readouterr().err.splitlines()
        if "no mask of a frame" in line
    ]
    left = "holds what is no mask of a frame, which is left out:"
    assert said == [
        f"cheetah/2 {left} cheetah_06668 copy.png.",
        f"girl {left} girl_06668 (1).png, girl_06669.bmp, notes.txt.",
    ]


def test_masks_without_anything_white_are_refused_and_grey_edges_are_not(tmp_path):
    segtrackv2(tmp_path / "set")
    row = next(one for one in list_videos(settings(tmp_path / "set")) if one["video"] == "cheetah")
    masks = sorted((tmp_path / "set/GroundTruth/cheetah/2").iterdir())
    edge = np.zeros((48, 64), np.uint8)
    edge[0, :3] = 90  # the object has all but left the frame
    Image.fromarray(edge).resize(Image.open(masks[0]).size).save(masks[-1])
    extracted(row, tmp_path / "out")
    for path in masks:
        Image.fromarray((np.array(Image.open(path).convert("L")) > 127).astype(np.uint8)).save(path)
    with pytest.raises(UserError, match=r"cheetah/2 has nothing white .* values up to 1:"):
        extracted(row, tmp_path / "out")


def test_masks_of_another_size_are_refused(tmp_path):
    segtrackv2(tmp_path / "set")
    rows = {row["video"]: row for row in list_videos(settings(tmp_path / "set"))}
    small = Image.fromarray(np.zeros((42, 77), np.uint8))
    small.save(tmp_path / "set/GroundTruth/cheetah/2/cheetah_06671.png")
    with pytest.raises(UserError, match=r"cheetah_06671\.png and .*1/.* have different sizes"):
        extracted(rows["cheetah"], tmp_path / "out")
    small.save(tmp_path / "set/GroundTruth/girl/girl_06668.png")
    with pytest.raises(UserError, match=r"is 77x42, but the frames of 'girl' are 154x84"):
        extracted(rows["girl"], tmp_path / "out")


def test_what_is_missing_of_a_download_is_named(tmp_path):
    segtrackv2(tmp_path)
    assert missing_paths(settings(tmp_path)) == []
    shutil.rmtree(tmp_path / "JPEGImages" / "girl")
    shutil.rmtree(tmp_path / "GroundTruth" / "worm")
    absent = [tmp_path / "JPEGImages" / "girl", tmp_path / "GroundTruth" / "worm"]
    assert missing_paths(settings(tmp_path)) == absent
    assert missing_paths(settings(tmp_path, videos=("cheetah",))) == []
    with pytest.raises(UserError, match=r"missing here: .*JPEGImages/girl, .*GroundTruth/worm\. "):
        list_videos(settings(tmp_path))
    (tmp_path / "ImageSets" / "all.txt").unlink()
    assert missing_paths(settings(tmp_path)) == [tmp_path / "ImageSets" / "all.txt"]
    assert [path.name for path in needed_paths(settings(tmp_path))] == [
        "JPEGImages",
        "GroundTruth",
        "all.txt",
    ]
