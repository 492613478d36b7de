import dataclasses
import json
import shutil
import tarfile

import numpy as np
import pandas as pd
import pytest

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import list_videos, needed_paths
from betrayed.datasets.readers.movi import read_sample
from betrayed.datasets.readers.movi_shards import list_samples
from betrayed.errors import UserError
from betrayed.video.annotations import read_annotation
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.dataset_copies import movi_e
from support.movi_copies import example_of, framed, movi_records, movi_tars, serialised, truth_of
from support.workflow_project import Project, computed


def settings(root, **more) -> DatasetSettings:
    return DatasetSettings("movi", str(root), "../seg", **({"split": "validation"} | more))


def extracted(tmp_path, row) -> Video:
    folder = tmp_path / "frames" / row["video"]
    extract(row["video"], row["source"], folder, annotations=row["annotations"] or None)
    return Video.load(folder / "frames.json")


# From the download to frames and ids


@pytest.mark.parametrize("download", [movi_records, movi_tars])
def test_videos_reach_the_frames_stage_pixel_by_pixel(tmp_path, download):
    """Three videos in two shards; the last is the first of its shard."""
    root = download(tmp_path / "movi_e")
    rows = list_videos(settings(root), tmp_path / "truth")
    assert [row["video"] for row in rows] == ["0000", "0001", "0002"]
    assert sorted(path.name for path in (tmp_path / "truth").iterdir()) == [
        f"000{index}.json" for index in range(3)
    ]
    for index, row in enumerate(rows):
        video = extracted(tmp_path, row)
        frames, ids = truth_of(index)
        assert (video.count, video.height, video.width, video.fps) == (4, 32, 32, 12.0)
        for frame in range(4):
            np.testing.assert_array_equal(video.frame(frame), frames[frame])
            np.testing.assert_array_equal(read_annotation(video, frame), ids[frame])
        assert set(np.unique(read_annotation(video, 0))) == {0, 7, 23}


def test_both_downloads_are_the_same_videos(tmp_path):
    records = list_samples(movi_records(tmp_path / "records", (1, 1, 1)), "validation")
    tars = list_samples(movi_tars(tmp_path / "tars", (3,)), None)
    assert [one.video for one in records] == [one.video for one in tars] == ["0000", "0001", "0002"]


def test_chosen_videos_alone_get_a_record(tmp_path):
    root = movi_records(tmp_path / "movi_e")
    rows = list_videos(settings(root, videos=("0002",)), tmp_path / "truth")
    assert [row["video"] for row in rows] == ["0002"]
    assert [path.name for path in (tmp_path / "truth").iterdir()] == ["0002.json"]
    assert read_sample(rows[0]["source"]).number == 0


def test_tars_without_segmentations_have_no_truth(tmp_path):
    """VideoSAUR's training shards hold the frames only."""
    root = movi_tars(tmp_path / "movi_e", segmentations=False)
    rows = list_videos(settings(root), tmp_path / "truth")
    assert [row["annotations"] for row in rows] == [""] * 3
    assert extracted(tmp_path, rows[0]).annotations is None


def test_another_content_counts_as_another_video(tmp_path):
    """The record changes when a shard has changed in place, and so does what is made from it."""
    root = movi_records(tmp_path / "movi_e", (1,))
    shard = root / "movi_e-validation.tfrecord-00000-of-00001"
    row = list_videos(settings(root), tmp_path / "truth")[0]
    extracted(tmp_path, row)
    before = (tmp_path / "truth" / "0000.json").read_text()
    content = (tmp_path / "frames" / "0000" / "frames.json").read_text()
    other = shutil.copytree(root, tmp_path / "other")
    other_shard = (
        movi_records(tmp_path / "two", (1, 1)) / "movi_e-validation.tfrecord-00001-of-00002"
    )
    (other / shard.name).write_bytes(other_shard.read_bytes())
    shard.write_bytes((other / shard.name).read_bytes())
    list_videos(settings(root), tmp_path / "truth")
    assert (tmp_path / "truth" / "0000.json").read_text() != before
    extracted(tmp_path, row)
    assert (tmp_path / "frames" / "0000" / "frames.json").read_text() != content


def test_converted_folders_are_still_read(tmp_path):
    root = movi_e(tmp_path / "validation")
    rows = list_videos(settings(root), tmp_path / "truth")
    assert [row["video"] for row in rows] == ["0000", "0001"]
    assert rows[0]["annotations"].endswith("seg/0000")
    assert needed_paths(settings(root)) == [root, root / ".." / "seg"]


# What is missing or damaged


def test_shards_that_are_missing_are_named_before_anything_runs(tmp_path):
    root = movi_records(tmp_path / "movi_e", (1, 1, 1, 1))
    names = [f"movi_e-validation.tfrecord-{number:05d}-of-00004" for number in range(4)]
    assert [path.name for path in needed_paths(settings(root))] == names
    (root / names[1]).unlink()
    (root / names[3]).unlink()
    assert [path.name for path in needed_paths(settings(root)) if not path.exists()] == names[1::2]
    with pytest.raises(UserError, match=f"lacks 2 of the 4 shards: {names[1]}, {names[3]}"):
        list_videos(settings(root), tmp_path / "truth")
    assert not (tmp_path / "truth").exists()
    tars = movi_tars(tmp_path / "tars", (1, 1, 1))
    (tars / "movi_e-validation-000001.tar").unlink()
    with pytest.raises(UserError, match=r"lacks 1 of the 3 shards: movi_e-validation-000001\.tar"):
        list_videos(settings(tars), tmp_path / "truth")


def test_a_folder_without_shards_is_told_what_it_lacks(tmp_path):
    (tmp_path / "empty").mkdir()
    wanted = tmp_path / "empty" / "*-validation.tfrecord-*"
    assert needed_paths(settings(tmp_path / "empty")) == [wanted]
    (tmp_path / "empty" / "256x256" / "1.0.0").mkdir(parents=True)  # a root that is too high
    assert needed_paths(settings(tmp_path / "empty")) == [wanted]
    root = movi_e(tmp_path / "validation")
    shutil.rmtree(root.parent / "seg")  # converted folders without their ground truth
    assert [path for path in needed_paths(settings(root)) if not path.exists()] == [
        root / ".." / "seg"
    ]


def test_shards_of_another_split_or_of_two_are_refused(tmp_path):
    root = movi_records(tmp_path / "movi_e")
    with pytest.raises(UserError, match=r"'test' does not name one set of .*of-00002 \(2\)"):
        list_videos(settings(root, split="test"), tmp_path / "truth")
    assert len(list_samples(root, None)) == 3
    movi_records(root, (3,))
    with pytest.raises(UserError, match=r"of-00001 \(1\), movi_e-validation.*of-00002 \(2\)"):
        list_samples(root, "validation")


def test_a_shard_cut_between_two_records_is_told_by_its_count(tmp_path):
    root = movi_records(tmp_path / "movi_e")
    shard = root / "movi_e-validation.tfrecord-00000-of-00002"
    sample = list_samples(root, "validation")[0]
    offset, length = sample.parts["record"]
    shard.write_bytes(shard.read_bytes()[: offset + length + 4])
    with pytest.raises(UserError, match=rf"{shard.name} holds 1 records, but .* says 2"):
        list_samples(root, "validation")
    (root / "dataset_info.json").unlink()
    assert len(list_samples(root, "validation")) == 2  # nothing tells
    (root / "dataset_info.json").write_text('{"splits": [')
    with pytest.raises(UserError, match=r"dataset_info\.json does not describe the shards"):
        list_samples(root, "validation")


def test_a_cut_shard_is_named_when_videos_are_listed(tmp_path):
    root = movi_records(tmp_path / "movi_e")
    shard = root / "movi_e-validation.tfrecord-00001-of-00002"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match=rf"{shard.name} is cut short within record 0 "):
        list_videos(settings(root), tmp_path / "truth")
    assert not (tmp_path / "truth").exists()


def test_a_cut_tar_is_named_wherever_it_is_cut(tmp_path):
    root = movi_tars(tmp_path / "movi_e", (2,))
    shard = root / "movi_e-validation-000000.tar"
    whole = shard.read_bytes()
    with tarfile.open(shard) as archive:
        ends = [member.offset for member in archive] + [archive.offset]
    for end in [*ends, *(one + 700 for one in ends[:-1]), len(whole) // 2, ends[-1] + 512]:
        shard.write_bytes(whole[:end])
        with pytest.raises(UserError, match=r"000000\.tar is cut short or damaged"):
            list_samples(root, "validation")


def test_a_flipped_bit_stops_the_video_and_leaves_what_was_there(tmp_path):
    root = movi_records(tmp_path / "movi_e")
    rows = list_videos(settings(root), tmp_path / "truth")
    extracted(tmp_path, rows[1])
    shard = root / "movi_e-validation.tfrecord-00000-of-00002"
    damaged = bytearray(shard.read_bytes())
    damaged[read_sample(rows[1]["source"]).parts["record"][0] + 500] ^= 4
    shard.write_bytes(damaged)
    kept = sorted(path.name for path in (tmp_path / "frames" / "0001").iterdir())
    with pytest.raises(UserError, match=rf"Record 1 of .*{shard.name} is damaged"):
        extracted(tmp_path, rows[1])
    assert sorted(path.name for path in (tmp_path / "frames" / "0001").iterdir()) == kept
    extracted(tmp_path, rows[0])  # the others are of use


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"video": [b"no picture"], "segmentations": [b"x"]}, "cannot identify image file"),
        ({"video": [b"x"]}, "it has no segmentations"),
        ({"label": [1]}, "it has no video and no segmentations"),
    ],
)
def test_other_records_are_refused_by_name(tmp_path, features, message):
    root = tmp_path / "movi_e"
    root.mkdir()
    shard = root / "movi_e-validation.tfrecord-00000-of-00001"
    shard.write_bytes(framed(serialised(features)))
    row = list_videos(settings(root), tmp_path / "truth")[0]
    with pytest.raises(UserError, match=rf"Record 0 of .*{shard.name}.*{message}"):
        extracted(tmp_path, row)
    assert not (tmp_path / "frames" / "0000").exists()


@pytest.mark.parametrize(
    ("frames", "ids", "message"),
    [
        (np.zeros((2, 8, 8), np.uint8), np.zeros((2, 8, 8), np.uint8), r"not \(T, H, W, 3\)"),
        (np.zeros((2, 8, 8, 3)), np.zeros((2, 8, 8), np.uint8), "float64, not"),
        (
            np.zeros((2, 8, 8, 3), np.uint8),
            np.zeros((2, 8, 9, 1), np.uint8),
            r"ids are \(2, 8, 9\)",
        ),
        (np.zeros((2, 8, 8, 3), np.uint8), np.full((2, 8, 8), 256, np.uint16), "ids are .* uint16"),
        (np.array([{}]), np.zeros((2, 8, 8), np.uint8), "allow_pickle=False"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, frames, ids, message):
    root = tmp_path / "movi_e"
    root.mkdir()
    with tarfile.open(root / "movi_e-validation-000000.tar", "w") as archive:
        for name, array in {"video": frames, "segmentations": ids}.items():
            np.save(tmp_path / "array.npy", array)
            archive.add(tmp_path / "array.npy", f"0.{name}.npy")
    row = list_videos(settings(root), tmp_path / "truth")[0]
    with pytest.raises(UserError, match=message):
        extracted(tmp_path, row)


def test_a_record_that_is_none_is_refused(tmp_path):
    (tmp_path / "0000.json").write_text(json.dumps({"video": "0000"}))
    with pytest.raises(UserError, match="is no record of a video"):
        read_sample(tmp_path / "0000.json")
    with pytest.raises(UserError, match=r"0001\.json does not exist"):
        read_sample(tmp_path / "0001.json")


def test_ground_truth_that_is_not_wanted_is_left_in_the_shards(tmp_path):
    root = movi_records(tmp_path / "movi_e")
    frames_alone = dataclasses.replace(settings(root), annotations=None)
    rows = list_videos(frames_alone, tmp_path / "truth")
    assert [row["annotations"] for row in rows] == [""] * 3


# The workflow


@pytest.mark.workflow
def test_the_workflow_goes_from_shards_to_tables(tmp_path, package, monkeypatch):
    """Trained and scored on three videos, named by the variable; nothing is left to do then."""
    root = movi_records(tmp_path / "movi_e")
    monkeypatch.setenv("MOVI_E_ROOT", str(root))
    dataset, sizes = "movi-e-validation", {"height": 56, "width": 56}
    project = Project(tmp_path / "project", package=package)
    project.change({"evaluate": [dataset], "features": sizes})
    project.change({"training": {"dataset": dataset, "stride": 1, "steps": 4, **sizes}})
    # Named, so that another video leaves the block alone.
    project.change({"training": {"videos": ["0000", "0001"]}, "pictures": {"draw": False}})
    project.run()
    summary = pd.read_csv(project.folder / "results" / "tables" / "summary.csv", dtype=str)
    assert {"0000", "0001", "0002"} <= set(summary["video"])
    assert {"FG-ARI", "mIoU"} <= set(summary.loc[summary["protocol"] == "video-object", "metric"])
    videos = pd.read_csv(project.folder / "results" / "tables" / "videos.csv", dtype=str)
    assert videos["video"].tolist() == ["0000", "0001", "0002"]
    assert videos["objects"].tolist() == ["2"] * 3
    assert project.planned() == {}
    # Another download of one shard reruns its videos alone.
    shard = root / "movi_e-validation.tfrecord-00001-of-00002"
    shard.write_bytes(framed(example_of(9)))
    assert computed(project.run("results/tables/videos.csv")) == {"extract_frames": 1}
    assert project.planned()["score_video"] == 1
    (root / "movi_e-validation.tfrecord-00000-of-00002").unlink()
    shutil.rmtree(project.folder / "results" / dataset)
    text = project.run("--dry-run", check=False)
    assert f"{dataset}: missing: " in text
    assert "movi_e-validation.tfrecord-00000-of-00002" in text
    assert "MOVI_E_ROOT (now set)" in text
