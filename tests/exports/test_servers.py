"""Exports: read back the way that DAVIS's own code reads them, and by pycocotools."""

import dataclasses
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as coco

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import list_videos
from betrayed.datasets.manifest import write_manifest
from betrayed.datasets.readers.youtube_vis import decode_ids, read_record, write_record
from betrayed.errors import UserError
from betrayed.exports.run_lengths import encode_ids
from betrayed.exports.servers import export_davis, export_youtube_vis, zip_folder
from betrayed.exports.videos import MaskedVideo
from betrayed.io.palette import davis_palette
from betrayed.video.extraction import extract
from support.dataset_copies import davis2017, youtube_vis
from support.paths import SCRIPTS
from support.records import record_of
from support.videos_for_tests import write_annotations

PROGRAM = SCRIPTS / "export_masks.py"


def write_masks(folder: Path, ids: np.ndarray, scores) -> None:
    """proposals/ and objects.csv with a row for each score, beside one that was cut."""
    write_annotations(folder / "proposals", ids)
    table = pd.DataFrame({"proposal": [*range(1, len(scores) + 1), 0], "score": [*scores, 0.0]})
    table.to_csv(folder / "objects.csv", index=False)


def prepared(tmp_path: Path, settings: DatasetSettings, scores=(0.9, None)) -> list[MaskedVideo]:
    """The videos of a data set with their own truth as masks."""
    rows = list_videos(settings, tmp_path / "truth")
    write_manifest(tmp_path / "videos.csv", rows)
    videos = []
    for row in rows:
        frames = tmp_path / "frames" / row["video"]
        extract(row["video"], row["source"], frames, annotations=row["annotations"])
        record = json.loads((frames / "frames.json").read_text())["annotations"]
        ids = np.stack([np.array(Image.open(frames / name)) for name in record])
        write_masks(tmp_path / "masks" / row["video"], ids, scores)
        truth = Path(row["annotations"]) if row["annotations"].endswith(".json") else None
        videos.append(
            MaskedVideo(
                frames / "frames.json", tmp_path / "masks" / row["video"], "proposals", record=truth
            )
        )
    return videos


@pytest.fixture
def davis(tmp_path):
    root = davis2017(tmp_path / "DAVIS", ["bear", "swan"])
    # Their frames may count from any number, and their names go with the masks.
    for kind, suffix in [("JPEGImages", "jpg"), ("Annotations_unsupervised", "png")]:
        folder = root / kind / "480p" / "swan"
        for path in sorted(folder.iterdir(), reverse=True):
            path.rename(folder / f"swan_{int(path.stem) + 7:03d}.{suffix}")
    settings = DatasetSettings(
        "davis", str(root), "Annotations_unsupervised/480p", split="2017/val"
    )
    return root, prepared(tmp_path, settings)


def test_davis_folders_are_read_as_the_official_code_does(tmp_path, davis):
    """For each annotation of a sequence ``{sequence}/{its name}.png``, the palette's ids."""
    root, videos = davis
    export_davis(videos, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["bear", "swan"]
    for name in ("bear", "swan"):
        truths = sorted((root / "Annotations_unsupervised" / "480p" / name).iterdir())
        exported = sorted((tmp_path / "out" / name).iterdir())
        assert [path.name for path in exported] == [path.name for path in truths]
        for mask, truth in zip(exported, truths, strict=True):
            with Image.open(mask) as image:
                assert image.mode == "P"
                assert bytes(image.getpalette()) == davis_palette()
                np.testing.assert_array_equal(np.array(image), np.array(Image.open(truth)))


def test_proposals_beyond_twenty_are_left_out_for_davis(tmp_path, davis):
    _, videos = davis
    ids = np.zeros((4, 48, 64), np.uint8)
    ids[:, 0, :30] = np.arange(1, 31)
    write_annotations(videos[0].masks / "proposals", ids)
    table = pd.DataFrame({"proposal": range(1, 31), "score": 1.0})
    table.to_csv(videos[0].masks / "objects.csv", index=False)
    export_davis(videos, tmp_path / "out")
    exported = np.array(Image.open(tmp_path / "out" / "bear" / "00000.png"))
    assert exported[0, :32].tolist() == [*range(1, 21), *[0] * 12]


def test_a_missing_mask_is_named_and_no_folder_looks_finished(tmp_path, davis):
    _, videos = davis
    (videos[1].masks / "proposals" / "00002.png").unlink()
    with pytest.raises(UserError, match=r"swan/proposals/00002\.png is missing"):
        export_davis(videos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:60]), "cannot be read"),
        (lambda path: Image.new("P", (8, 4)).save(path), "is 8x4, but the frames of 'swan' are"),
    ],
)
def test_a_damaged_mask_is_not_exported(tmp_path, davis, spoil, message):
    _, videos = davis
    spoil(videos[1].masks / "proposals" / "00002.png")
    with pytest.raises(UserError, match=rf"swan/proposals/00002\.png {message}"):
        export_davis(videos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def ytvis(tmp_path):
    root, truths = youtube_vis(tmp_path / "ytvis")
    settings = DatasetSettings("youtube_vis", str(root), "train.json", split="1:3")
    return root, truths[1:3], prepared(tmp_path, settings)


@pytest.mark.parametrize("workers", [1, 2])
def test_youtube_vis_results_hold_every_track_in_the_servers_form(tmp_path, ytvis, workers):
    root, truths, videos = ytvis
    export_youtube_vis(videos, tmp_path / "out", workers)
    tracks = json.loads((tmp_path / "out" / "results.json").read_text())
    # Of the file's own ids; without a score of its own a proposal has that of its rank.
    heads = [(one["video_id"], one["category_id"], one["score"]) for one in tracks]
    assert heads == [(2, 1, 0.9), (2, 1, 0.5), (3, 1, 0.9), (3, 1, 0.5)]
    listed = {one["id"]: one for one in json.loads((root / "train.json").read_text())["videos"]}
    for place, track in enumerate(tracks):
        assert set(track) == {"video_id", "category_id", "score", "segmentations"}
        assert len(track["segmentations"]) == listed[track["video_id"]]["length"]
        truth = truths[place // 2] == place % 2 + 1
        for mask, expected in zip(track["segmentations"], truth, strict=True):
            assert (mask is None) == (not expected.any())
            if mask is not None:
                np.testing.assert_array_equal(coco.decode(mask), expected)
    assert tracks[1]["segmentations"][1] is None  # the band is absent from the second frame


def test_a_proposal_that_is_nowhere_is_no_track(tmp_path, ytvis):
    *_, videos = ytvis
    write_masks(videos[0].masks, np.zeros((4, 48, 64), np.uint8), [0.5])
    export_youtube_vis(videos, tmp_path / "out")
    tracks = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [one["video_id"] for one in tracks] == [3, 3]


@pytest.mark.parametrize("workers", [1, 2])
def test_other_videos_are_numbered_and_listed_in_the_form_of_the_annotations(
    tmp_path, davis, workers
):
    """Read back as a data set of the layout: its own reader, run lengths and all."""
    root, videos = davis
    export_youtube_vis(videos, tmp_path / "out", workers)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {one["video_id"] for one in results} == {1, 2}
    shutil.copytree(root / "JPEGImages" / "480p", tmp_path / "out" / "JPEGImages")
    settings = DatasetSettings("youtube_vis", str(tmp_path / "out"), "instances.json")
    rows = list_videos(settings, tmp_path / "read")
    assert [row["video"] for row in rows] == ["bear", "swan"]
    for row, name in zip(rows, ("bear", "swan"), strict=True):
        record = read_record(row["annotations"])
        truths = sorted((root / "Annotations_unsupervised" / "480p" / name).iterdir())
        for index, truth in enumerate(truths):
            expected = np.array(Image.open(truth))
            np.testing.assert_array_equal(decode_ids(record, index), expected)
    content = json.loads((tmp_path / "out" / "instances.json").read_text())
    first = content["annotations"][0]
    mask = coco.decode(results[0]["segmentations"][0])
    y, x = np.nonzero(mask)
    assert first["bboxes"][0] == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]
    assert first["areas"][0] == mask.sum()


def test_both_files_are_read_by_trackeval(tmp_path, davis):
    """The annotations as truth and the results as a tracker's: each pixel for pixel."""
    trackeval = pytest.importorskip("trackeval")
    root, videos = davis
    export_youtube_vis(videos, tmp_path / "out")
    for kind, name in (("gt", "instances"), ("trackers", "results")):
        folder = tmp_path / kind / "youtube_vis_val" / ("own/data" if kind == "trackers" else "")
        folder.mkdir(parents=True)
        shutil.copy(tmp_path / "out" / f"{name}.json", folder)
    reader = trackeval.datasets.YouTubeVIS(
        {
            "GT_FOLDER": f"{tmp_path}/gt/",
            "TRACKERS_FOLDER": f"{tmp_path}/trackers/",
            "SPLIT_TO_EVAL": "val",
            "PRINT_CONFIG": False,
        }
    )
    assert reader.seq_list == ["bear", "swan"] and reader.class_list == ["object"]
    for name in reader.seq_list:
        truths = sorted((root / "Annotations_unsupervised" / "480p" / name).iterdir())
        for is_gt, kind in ((True, "gt"), (False, "tracker")):
            raw = reader._load_raw_file("own", name, is_gt)
            tracks = np.unique(np.hstack(raw[f"{kind}_ids"])).tolist()
            for index, truth in enumerate(truths):
                expected = np.array(Image.open(truth))
                ids = np.zeros_like(expected)
                found = zip(raw[f"{kind}_ids"][index], raw[f"{kind}_dets"][index], strict=True)
                for track, mask in found:
                    ids[coco.decode(mask).astype(bool)] = 1 + tracks.index(track)
                np.testing.assert_array_equal(ids, expected)


def test_what_does_not_fit_is_named(tmp_path, ytvis):
    *_, videos = ytvis
    write_masks(videos[0].masks, np.full((4, 48, 64), 3, np.uint8), [0.5])
    with pytest.raises(UserError, match=r"00000\.png holds proposal 3, which .*objects\.csv does"):
        export_youtube_vis(videos, tmp_path / "out", workers=2)
    (videos[0].masks / "objects.csv").write_text("track\n1\n")
    with pytest.raises(UserError, match=r"objects\.csv is no table of objects"):
        export_youtube_vis(videos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_masks_of_other_frames_than_the_servers_are_refused(tmp_path, ytvis):
    *_, videos = ytvis
    record = read_record(videos[0].record)
    write_record(videos[0].record, dataclasses.replace(record, frames=record.frames[:3]))
    with pytest.raises(UserError, match=r"frames\.json has other frames than .*\.json"):
        export_youtube_vis(videos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_run_lengths_of_a_frame_worked_by_hand():
    """Down the columns: 0 0 | 3 3 | 3 0; and an empty frame has none."""
    ids = np.array([[0, 3, 3], [0, 3, 0]], np.uint8)
    assert encode_ids(ids) == {3: {"size": [2, 3], "counts": "231"}}
    assert encode_ids(np.zeros((2, 3), np.uint8)) == {}


def test_archives_hold_the_folders_content_at_the_top_and_do_not_change(tmp_path, davis):
    _, videos = davis
    export_davis(videos, tmp_path / "davis")
    zip_folder(tmp_path / "davis", tmp_path / "davis.zip")
    with zipfile.ZipFile(tmp_path / "davis.zip") as archive:
        names = archive.namelist()
        first = archive.read("bear/00000.png")
    assert names[:2] == ["bear/00000.png", "bear/00001.png"]
    assert names[4:] == [f"swan/swan_{number:03d}.png" for number in range(7, 11)]
    assert first == (tmp_path / "davis" / "bear" / "00000.png").read_bytes()
    before = (tmp_path / "davis.zip").read_bytes()
    export_davis(videos, tmp_path / "davis")
    zip_folder(tmp_path / "davis", tmp_path / "davis.zip")
    assert (tmp_path / "davis.zip").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("form", ["davis", "youtube_vis"])
def test_the_program_exports_what_the_manifest_lists(tmp_path, ytvis, form):
    output = tmp_path / "exports" / f"{form}.zip"
    *_, videos = ytvis
    records = {"frames": [], "masks": []}
    for one in videos:  # a batch for each
        artefacts = {"frames": one.frames, "masks": one.masks / "objects.csv"}
        for kind, path in artefacts.items():
            place = tmp_path / f"{kind}-{one.masks.name}.json"
            records[kind].append(str(record_of(place, {one.masks.name: path})))
    options = {"form": [form], "manifest": [str(tmp_path / "videos.csv")], **records}
    options |= {"output": [str(output)]}
    command = [part for name, given in options.items() for part in (f"--{name}", *given)]
    subprocess.run([sys.executable, str(PROGRAM), *command], check=True)
    with zipfile.ZipFile(output) as archive:
        names = archive.namelist()
    if form == "youtube_vis":
        assert names == ["results.json"]
        assert len(json.loads((tmp_path / "exports/youtube_vis/results.json").read_text())) == 4
    else:
        frames = [f"0165b171f9/{5 * number:05d}.png" for number in range(4)]
        assert names[:4] == frames
        assert all((tmp_path / "exports" / "davis" / name).is_file() for name in names)
