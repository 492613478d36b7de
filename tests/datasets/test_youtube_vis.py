import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from pycocotools import mask as coco

from betrayed.config.checks import check
from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import list_videos, missing_paths, needed_paths
from betrayed.datasets.readers.instances import read_records
from betrayed.datasets.readers.youtube_vis import Record, decode_ids, read_record, write_record
from betrayed.errors import UserError
from betrayed.io.run_lengths import decode_mask, run_lengths
from betrayed.video.annotations import read_annotation
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.dataset_copies import as_lengths, as_text, youtube_vis
from support.paths import ROOT

# Run lengths


def test_run_lengths_worked_by_hand():
    """Down the columns: 0 0 | 1 1 | 1 0, so two 0, three 1, one 0."""
    mask = [[False, True, True], [False, True, False]]
    assert decode_mask([2, 3, 1], 2, 3).tolist() == mask
    assert decode_mask("231", 2, 3).tolist() == mask
    # It begins with 1: no 0 come first.
    assert decode_mask([0, 1, 3], 2, 2).tolist() == [[True, False], [False, False]]
    assert decode_mask("013", 2, 2).tolist() == [[True, False], [False, False]]


def test_text_with_long_numbers_and_differences_worked_by_hand():
    """5; 40 = 8 + 32·1 as 48+8+32 'X', 48+1 '1'; 5; 30 − 40 = −10 as 48 + (32 − 10) 'F'."""
    assert run_lengths("5X15F") == [5, 40, 5, 30]
    assert decode_mask("5X15F", 8, 10).sum() == 70


@pytest.mark.parametrize("seed", range(6))
def test_masks_agree_with_pycocotools(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 200, 2))
    mask = (rng.random(shape) < [0.5, 0.02, 0.98][seed % 3]).astype(np.uint8)
    mask[0, 0] = 1
    text, lengths = as_text(mask)["counts"], as_lengths(mask)["counts"]
    assert run_lengths(text) == lengths
    for counts in (text, lengths):
        np.testing.assert_array_equal(decode_mask(counts, *shape), mask)
    packed = coco.frPyObjects({"size": list(shape), "counts": lengths}, *map(int, shape))
    assert packed["counts"].decode() == text


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([2, 3], "cover 5 pixels, but 3x2 are 6"),
        ("23", "cover 5 pixels"),
        ("", "cover 0 pixels"),
        ([2, -1, 5], "no whole number"),
        ([2, 3.0, 1], "no whole number"),
        ("2 1", "the character ' '"),
        ("23X", "end within a number"),
    ],
)
def test_damaged_run_lengths_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        decode_mask(counts, 2, 3)


# Records


def test_overlaps_go_to_the_first_object_and_absence_is_background():
    first, second = [2, 3, 1], [3, 3]
    record = Record("a", 2, 3, ("0.jpg", "5.jpg"), ((first, None), (second, second)), 1)
    assert decode_ids(record, 0).tolist() == [[0, 1, 1], [0, 1, 2]]
    assert decode_ids(record, 1).tolist() == [[0, 0, 2], [0, 2, 2]]
    broken = dataclasses.replace(record, objects=((first, None), ("23", second)))
    with pytest.raises(UserError, match=r"Object 2 of the video 'a' .* frame 0\.jpg: its run"):
        decode_ids(broken, 0)


def test_a_record_comes_back_as_it_was(tmp_path):
    record = Record("a", 2, 3, ("0.jpg",), (("231",), (None,)), 7)
    write_record(tmp_path / "a.json", record)
    assert read_record(tmp_path / "a.json") == record
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(UserError, match="is no record of a video"):
        read_record(tmp_path / "b.json")


def test_the_held_out_videos_are_the_ones_between(tmp_path):
    videos = [
        {"id": 7 * one, "height": 2, "width": 3, "file_names": [f"v{one}/0.jpg"]}
        for one in range(2238)
    ]
    masks = [{"video_id": 7, "segmentations": [None]}]
    (tmp_path / "train.json").write_text(json.dumps({"videos": videos, "annotations": masks}))
    held_out = [one.video for one in read_records(tmp_path / "train.json", "600:900")]
    assert held_out == [f"v{one}" for one in range(600, 900)]
    rest = [one.video for one in read_records(tmp_path / "train.json", "0:600,900:")]
    assert len(rest) == 1938
    assert not set(rest) & set(held_out)
    assert len(read_records(tmp_path / "train.json")) == 2238


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("600:900", "600:900 does not fit .* lists 4 videos"),
        ("2:2", "2:2 does not fit"),
        ("val", "'val' is no range of videos"),
        ("--1:", "no range"),
        ("-5:", "-5: does not fit"),
        ("3:-1", "3:-1 does not fit"),
        ("none.txt", "The split file none.txt is missing"),
    ],
)
def test_splits_that_do_not_fit_are_refused(tmp_path, split, message):
    root, _ = youtube_vis(tmp_path)
    with pytest.raises(UserError, match=message):
        read_records(root / "train.json", split)


def test_the_last_videos_and_all_but_them(tmp_path):
    root, _ = youtube_vis(tmp_path)
    last = [one.video for one in read_records(root / "train.json", "-3:")]
    assert last == ["0165b171f9", "0265b171f9", "0365b171f9"]
    assert [one.video for one in read_records(root / "train.json", ":-3")] == ["0065b171f9"]
    assert [one.video for one in read_records(root / "train.json", ":1,-1:")] == [
        "0065b171f9",
        "0365b171f9",
    ]


def test_a_split_may_be_a_list_of_folders_and_ids(tmp_path, monkeypatch):
    root, _ = youtube_vis(tmp_path / "ytvis")
    (root / "held-out.txt").write_text("# ours\n3\n0065b171f9\n")
    wanted = settings(root, split="held-out.txt")
    assert [row["video"] for row in list_videos(wanted)] == ["0065b171f9", "0265b171f9"]
    assert needed_paths(wanted)[-1] == root / "held-out.txt"
    # Or from the working directory, such as a list that comes with the project.
    (root / "held-out.txt").rename(tmp_path / "here.txt")
    monkeypatch.chdir(tmp_path)
    assert len(list_videos(settings(root, split="here.txt"))) == 2
    assert missing_paths(settings(root, split="held-out.txt")) == [Path("held-out.txt")]
    (tmp_path / "here.txt").write_text("3\n7\nwhale\n")
    with pytest.raises(UserError, match=r"not in .*train\.json: 7, whale\. Correct"):
        list_videos(settings(root, split="here.txt"))


def changed(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda all_: all_.pop("annotations"), "no list 'annotations'"),
        (
            lambda all_: all_["annotations"].append(all_["annotations"][1]),
            r"annotations 2 and \d+ both have the id",
        ),
        (lambda all_: all_["videos"].append(all_["videos"][0]), r"videos 1 and \d+ both have the"),
        (
            lambda all_: all_["annotations"][1].update(video_id=99),
            "annotation 2 is of the video 99, which is not among the videos",
        ),
        (lambda all_: all_["videos"][0].pop("height"), "KeyError: 'height'"),
        (lambda all_: all_["videos"][0].update(id="1"), "ids must be whole numbers"),
        (lambda all_: all_["videos"][0].update(height="48"), "must be whole numbers of pixels"),
        (lambda all_: all_["videos"][0].update(height=48.0), "must be whole numbers of pixels"),
        (lambda all_: all_["videos"][0].update(width=0), "must be whole numbers of pixels"),
        (lambda all_: all_["videos"][0].update(file_names=[]), "in one folder"),
        (lambda all_: all_["videos"][0].update(file_names=None), "in one folder"),
        (lambda all_: all_["videos"][0].update(file_names=["../0.jpg"] * 4), "in one folder"),
        (lambda all_: all_["videos"][0].update(file_names=["a\0/0.jpg"] * 4), "in one folder"),
        (lambda all_: all_["videos"][0].update(file_names=["\ud800/0.jpg"] * 4), "in one folder"),
        (lambda all_: all_["videos"][0].update(file_names=["é" * 128 + "/0.jpg"]), "in one folder"),
        (lambda all_: all_["videos"][0].update(file_names=["v/0.jpg"] * 4), "more than once"),
        (
            lambda all_: all_["videos"].append(all_["videos"][0] | {"id": 99}),
            "both have their frames in the folder",
        ),
        (lambda all_: all_["annotations"][1].update(iscrowd="0"), "annotation 2: iscrowd must be"),
        (lambda all_: all_["annotations"][0].update(segmentations=None), "must be a list"),
        (
            lambda all_: all_["annotations"][0]["segmentations"][0].update(size=["48", "64"]),
            r"has the size \['48', '64'\], but must have \[48, 64\]",
        ),
        (lambda all_: all_["videos"][0]["file_names"].append("b/1.jpg"), "in one folder"),
        (lambda all_: all_["videos"][0].update(height=47), "a mask of .* has the size"),
        (lambda all_: all_["annotations"][0]["segmentations"].pop(), "has 3 masks for 4 frames"),
        (lambda all_: all_["annotations"][0].update(segmentations=[[[1, 2]]] * 4), "Polygons"),
    ],
)
def test_a_file_at_odds_with_itself_is_refused(tmp_path, change, message):
    root, _ = youtube_vis(tmp_path, count=1)
    changed(root / "train.json", change)
    with pytest.raises(UserError, match=message):
        read_records(root / "train.json")


def test_missing_and_cut_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"train\.json is missing"):
        read_records(tmp_path / "train.json")
    with pytest.raises(UserError, match=r"cannot be read"):
        read_records(tmp_path)
    (tmp_path / "train.json").write_text('{"videos": [')
    with pytest.raises(UserError, match=r"train\.json is not whole JSON"):
        read_records(tmp_path / "train.json")


def test_the_configuration_wants_a_file_and_ranges():
    root = ROOT
    config = yaml.safe_load((root / "config.yaml").read_text())
    made = config["datasets"]["made"] | {"layout": "youtube_vis", "annotations": "train.json"}
    made |= {"make": None, "root": "data/ytvis"}
    config["datasets"]["made"] = made | {"split": "0:600,900:"}
    check(config)
    for split in ("-300:", ":-300", "lists/held-out.txt"):
        config["datasets"]["made"] = made | {"split": split}
        check(config)
    config["datasets"]["made"] = made | {"split": "val", "annotations": None}
    with pytest.raises(UserError) as error:
        check(config)
    assert "datasets.made.annotations: layout 'youtube_vis' needs the JSON file" in str(error.value)
    assert "datasets.made.split: must be positions such as '600:900'" in str(error.value)


# From the download to ground truth


def settings(root, **more) -> DatasetSettings:
    return DatasetSettings("youtube_vis", str(root), "train.json", **more)


def test_videos_of_the_split_are_listed_each_with_its_truth(tmp_path):
    root, _ = youtube_vis(tmp_path / "ytvis")
    rows = list_videos(settings(root, split="1:3"), tmp_path / "truth")
    assert [row["video"] for row in rows] == ["0165b171f9", "0265b171f9"]
    assert [read_record(row["annotations"]).id for row in rows] == [2, 3]
    assert rows[0]["source"] == str(root / "JPEGImages" / "0165b171f9")
    assert rows[0]["annotations"] == str(tmp_path / "truth" / "0165b171f9.json")
    assert sorted(path.stem for path in (tmp_path / "truth").iterdir()) == [
        "0165b171f9",
        "0265b171f9",
    ]
    chosen = list_videos(settings(root, videos=("02*",)), tmp_path / "truth")
    assert [row["video"] for row in chosen] == ["0265b171f9"]
    assert [path.stem for path in (tmp_path / "truth").iterdir()] == ["0265b171f9"]


def test_the_servers_files_are_listed_without_truth_but_with_their_ids(tmp_path):
    root, _ = youtube_vis(tmp_path / "ytvis", frames=5)
    changed(root / "train.json", lambda all_: all_.update(annotations=None))
    # Its frames may be irregular: the file says which there are.
    (root / "JPEGImages" / "0065b171f9" / "00010.jpg").unlink()
    changed(root / "train.json", lambda all_: all_["videos"][0]["file_names"].pop(2))
    rows = list_videos(settings(root), tmp_path / "truth")
    assert [row["annotations"] for row in rows] == [""] * 4
    record = read_record(tmp_path / "truth" / "0265b171f9.json")
    assert (record.id, record.objects) == (3, None)
    extract("0065b171f9", rows[0]["source"], tmp_path / "out", layout="youtube_vis")
    video = Video.load(tmp_path / "out" / "frames.json")
    assert (video.count, video.annotations, video.objects) == (4, None, None)
    record = read_record(tmp_path / "truth" / "0065b171f9.json")
    assert record.frames == tuple(path.name for path in video.frames)
    # Without the file's list beside it a folder must hold these frames alone.
    (root / "JPEGImages" / "0265b171f9" / "00006.jpg").write_bytes(b"")
    with pytest.raises(UserError, match=r"does not list .*0265b171f9/00006\.jpg\. Without"):
        list_videos(settings(root), tmp_path / "truth")


def test_frames_that_are_missing_are_named(tmp_path):
    root, _ = youtube_vis(tmp_path / "ytvis")
    (root / "JPEGImages" / "0165b171f9" / "00005.jpg").unlink()
    with pytest.raises(UserError, match=r"missing, 1 in all: .*0165b171f9/00005\.jpg"):
        list_videos(settings(root), tmp_path / "truth")
    assert not (tmp_path / "truth").exists()
    assert len(list_videos(settings(root, split="2:"), tmp_path / "truth")) == 2


def test_what_the_file_does_not_list_is_named_and_left_out(tmp_path, capsys):
    root, _ = youtube_vis(tmp_path / "ytvis")
    list_videos(settings(root), tmp_path / "truth")
    assert capsys.readouterr().err == ""
    for name in ("00001.jpg", "00005 (1).jpg", "notes.txt", ".DS_Store"):
        (root / "JPEGImages" / "0165b171f9" / name).touch()
    assert len(list_videos(settings(root, split="2:"), tmp_path / "truth")) == 2
    assert capsys.readouterr().err == ""
    assert len(list_videos(settings(root), tmp_path / "truth")) == 4
    said = capsys.readouterr().err
    assert said.startswith("note: train.json does not list what lies among the frames, which is ")
    folder = root / "JPEGImages" / "0165b171f9"
    assert said.endswith(
        f"left out, 3 in all: {folder / '00001.jpg'}, {folder / '00005 (1).jpg'}, "
        f"{folder / 'notes.txt'}.\n"
    )


def test_ground_truth_reaches_the_video_whole_or_not_at_all(tmp_path):
    root, truths = youtube_vis(tmp_path / "ytvis")
    row = list_videos(settings(root), tmp_path / "truth")[3]
    folder = tmp_path / "frames" / row["video"]

    def extracted() -> Video:
        extract(row["video"], row["source"], folder, annotations=row["annotations"])
        return Video.load(folder / "frames.json")

    # Frames that the file does not list are no part of the video.
    video_folder = root / "JPEGImages" / row["video"]
    (video_folder / "00001.jpg").write_bytes((video_folder / "00000.jpg").read_bytes())
    video = extracted()
    assert [path.name for path in video.frames] == [f"{5 * one:05d}.jpg" for one in range(4)]
    for index, truth in enumerate(truths[3]):
        np.testing.assert_array_equal(read_annotation(video, index), truth)
    assert set(np.unique(truths[3])) == {0, 1, 2}
    before = (folder / "frames.json").read_text()
    # Another truth counts as another video, so that it is scored anew.
    record = read_record(row["annotations"])
    write_record(row["annotations"], dataclasses.replace(record, objects=record.objects[:1]))
    assert read_annotation(extracted(), 2).max() == 1
    assert (folder / "frames.json").read_text() != before
    write_record(row["annotations"], dataclasses.replace(record, objects=(("23",) * 4,)))
    kept = sorted(path.name for path in folder.iterdir())
    with pytest.raises(UserError, match="damaged mask in frame"):
        extracted()
    assert sorted(path.name for path in folder.iterdir()) == kept
    write_record(row["annotations"], dataclasses.replace(record, height=24, objects=()))
    with pytest.raises(UserError, match="is 64x24, but its frames are 64x48"):
        extracted()
