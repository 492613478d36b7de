import json

import numpy as np
import pytest

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import list_videos, missing_paths, needed_paths
from betrayed.errors import UserError
from betrayed.video.annotations import read_annotation
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.dataset_copies import youtube_vos


def settings(root, **more) -> DatasetSettings:
    return DatasetSettings("youtube_vos", str(root), **more)


def test_frames_are_listed_without_ground_truth(tmp_path):
    root = youtube_vos(tmp_path, ["003234408d", "fd8cf868b2"])
    rows = list_videos(settings(root))
    assert [(row["video"], row["annotations"]) for row in rows] == [
        ("003234408d", ""),
        ("fd8cf868b2", ""),
    ]
    extract(rows[0]["video"], rows[0]["source"], tmp_path / "out")
    video = Video.load(tmp_path / "out" / "frames.json")
    assert [path.name for path in video.frames[:2]] == ["00000.jpg", "00005.jpg"]
    assert [row["video"] for row in list_videos(settings(root, videos=("f*",)))] == ["fd8cf868b2"]


def test_numbers_that_the_file_leaves_out_are_no_gap(tmp_path):
    root = youtube_vos(tmp_path, ["003234408d"])
    (root / "JPEGImages" / "003234408d" / "00010.jpg").unlink()
    meta = json.loads((root / "meta.json").read_text())
    meta["videos"]["003234408d"]["objects"]["1"]["frames"].remove("00010")
    (root / "meta.json").write_text(json.dumps(meta))
    row = list_videos(settings(root))[0]
    extract(row["video"], row["source"], tmp_path / "out", layout="youtube_vos")
    assert Video.load(tmp_path / "out" / "frames.json").count == 9
    with pytest.raises(UserError, match=r"have a gap: 1 missing .* \(number 10\)"):
        extract(row["video"], row["source"], tmp_path / "folder", layout="folder")


def test_annotations_are_used_where_they_are_wanted(tmp_path):
    root = youtube_vos(tmp_path, ["003234408d"])
    row = list_videos(settings(root, annotations="Annotations"))[0]
    extract(row["video"], row["source"], tmp_path / "out", annotations=row["annotations"])
    video = Video.load(tmp_path / "out" / "frames.json")
    assert np.unique(read_annotation(video, 9)).tolist() == [0, 1]
    assert needed_paths(settings(root, annotations="Annotations")) == [
        root / "JPEGImages",
        root / "meta.json",
        root / "Annotations",
    ]


def test_what_is_missing_is_named(tmp_path):
    root = youtube_vos(tmp_path, ["003234408d", "fd8cf868b2"])
    (root / "JPEGImages" / "fd8cf868b2" / "00010.jpg").unlink()
    with pytest.raises(UserError, match=r"missing, 1 in all: .*fd8cf868b2/00010\.jpg\. Complete"):
        list_videos(settings(root))
    assert len(list_videos(settings(root, videos=("0*",)))) == 1
    with pytest.raises(UserError, match="has no splits"):
        list_videos(settings(root, split="val"))
    meta = json.loads((root / "meta.json").read_text())
    meta["videos"]["003234408d"].pop("objects")
    (root / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(UserError, match=r"meta\.json is no list .*KeyError: 'objects'"):
        list_videos(settings(root))
    (root / "meta.json").unlink()
    assert missing_paths(settings(root)) == [root / "meta.json"]
    with pytest.raises(UserError, match=r"meta\.json is missing"):
        list_videos(settings(root))
