import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import list_videos
from betrayed.engine.records import Failure, Record
from betrayed.errors import UserError
from betrayed.reporting.video_table import COLUMNS, tabulate_videos, write_video_table
from betrayed.video.annotation_writing import count_objects
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.dataset_copies import fbms59, youtube_vis
from support.movi_copies import movi_records
from support.paths import SCRIPTS
from support.records import record_of
from support.videos_for_tests import moving_square, write_annotations, write_clip, write_frames

PROGRAM = SCRIPTS / "collect_videos.py"


def source(tmp_path, video, path, dataset="a", **more) -> dict[str, str]:
    """Extract a video; its entry in the list of sources."""
    folder = tmp_path / "results" / dataset / video
    extract(video, path, folder, **more)
    return {"dataset": dataset, "video": video, "path": str(folder / "frames.json")}


def late_objects() -> np.ndarray:
    """Ids (T, H, W): 3 throughout, 200 from the third frame on, a band of void, 5 nowhere."""
    ids = 3 * moving_square(4)[1]
    ids[2:, :4, :4] = 200
    ids[:, -6:] = 255
    return ids


def test_names_with_whatever_signs_come_back(tmp_path):
    pictures, names = (
        write_frames(tmp_path / "v", moving_square(2)[0]),
        ["a\rb", "a\nb", '"', "NaN"],
    )
    sources = [source(tmp_path, f"v{k}", pictures, name=one) for k, one in enumerate(names)]
    write_video_table(tmp_path, sources)
    for table in (
        pd.read_csv(tmp_path / "videos.csv", keep_default_na=False),
        pd.read_parquet(tmp_path / "videos.parquet"),
    ):
        assert table["name"].tolist() == names


def test_every_row_by_hand(tmp_path):
    frames = moving_square(4)[0]
    pictures = write_frames(tmp_path / "pictures", frames)
    clip = write_clip(tmp_path / "clip.mp4", frames, fps=30)
    ids = write_annotations(tmp_path / "ids", late_objects())
    plane = write_annotations(tmp_path / "plane", 255 * moving_square(4)[1])
    empty = write_annotations(tmp_path / "empty", np.zeros((4, 48, 64), np.uint8))
    kind = {"annotation_kind": "foreground"}
    sources = [
        source(tmp_path, "ids", pictures, annotations=ids),
        source(tmp_path, "foreground", pictures, annotations=plane, **kind),
        source(tmp_path, "empty", pictures, annotations=empty, **kind),
        source(tmp_path, "both", pictures, annotations=plane, instances=ids, **kind),
        source(tmp_path, "clip", clip, name="my clip"),
        source(tmp_path, "z", clip, dataset="A"),
    ]
    write_video_table(tmp_path, sources)
    assert (tmp_path / "videos.csv").read_text() == (
        "dataset,video,name,frames,height,width,fps,seconds,annotated_frames,objects\n"
        "A,z,z,4,48,64,30.000,0.133,0,\n"
        "a,both,both,4,48,64,,,4,2\n"
        "a,clip,my clip,4,48,64,30.000,0.133,0,\n"
        "a,empty,empty,4,48,64,,,4,0\n"
        "a,foreground,foreground,4,48,64,,,4,1\n"
        "a,ids,ids,4,48,64,,,4,2\n"
    )
    parquet = pd.read_parquet(tmp_path / "videos.parquet")
    assert tuple(parquet.columns) == COLUMNS
    pd.testing.assert_frame_equal(parquet, tabulate_videos(sources[::-1]))
    before = {path.name: path.read_bytes() for path in tmp_path.glob("videos.*")}
    write_video_table(tmp_path, sources[::-1])
    assert {path.name: path.read_bytes() for path in tmp_path.glob("videos.*")} == before


def test_objects_and_labelled_frames_of_other_layouts(tmp_path):
    """YouTube-VIS: two, as drawn; an annotation that no frame shows is none. MOVi: 7 and 23.

    FBMS: as many frames as its copy has labels for.
    """
    root, _ = youtube_vis(tmp_path / "ytvis", count=1)
    content = json.loads((root / "train.json").read_text())
    content["annotations"].append({"id": 9, "video_id": 1, "segmentations": [None] * 4})
    (root / "train.json").write_text(json.dumps(content))
    (row,) = list_videos(
        DatasetSettings("youtube_vis", str(root), "train.json"), tmp_path / "truth"
    )
    one = source(tmp_path, "y", row["source"], annotations=row["annotations"])
    shards = DatasetSettings("movi", str(movi_records(tmp_path / "movi_e", (1,))), "../seg")
    (row,) = list_videos(shards, tmp_path / "records")
    two = source(tmp_path, "0000", row["source"], annotations=row["annotations"])
    labels = fbms59(tmp_path / "fbms")
    testset = DatasetSettings("fbms", str(tmp_path / "fbms"), "GroundTruth", split="Testset")
    row = next(row for row in list_videos(testset) if row["video"] == "tennis")
    truth = row["annotations"]
    three = source(tmp_path, "tennis", row["source"], annotations=truth, layout="fbms")
    table = tabulate_videos([one, two, three]).set_index("video")
    assert table["objects"].to_dict() == {"y": 2, "0000": 2, "tennis": 2}
    assert 0 < len(labels["tennis"]) < table.loc["tennis", "frames"] == 10
    counts = {"y": 4, "0000": 4, "tennis": len(labels["tennis"])}
    assert table["annotated_frames"].to_dict() == counts
    assert table.loc["0000", "fps"] == 12


@pytest.mark.parametrize(
    ("ids", "kind", "count"),
    [
        (set(), "ids", 0),
        ({0, 255}, "ids", 0),
        ({0, 1, 254, 255}, "ids", 2),
        ({0}, "foreground", 0),
        ({0, 255}, "foreground", 1),
        ({1, 2}, "foreground", 1),
    ],
)
def test_counting_by_hand(ids, kind, count):
    assert count_objects(ids, kind) == count


def test_no_video_makes_an_empty_table(tmp_path):
    write_video_table(tmp_path, [])
    assert len(pd.read_parquet(tmp_path / "videos.parquet")) == 0
    assert (tmp_path / "videos.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_what_is_missing_or_listed_twice_is_named(tmp_path):
    one = source(tmp_path, "one", write_frames(tmp_path / "pictures", moving_square(2)[0]))
    with pytest.raises(UserError, match="a / one is listed twice"):
        tabulate_videos([one, one])
    Path(one["path"]).unlink()
    with pytest.raises(UserError, match=r"frames\.json does not exist"):
        tabulate_videos([one])


@pytest.mark.slow
def test_the_program_writes_both_forms_and_refuses_other_lists(tmp_path):
    """Two batches of one data set; in one of them a video is left out."""
    pictures = write_frames(tmp_path / "pictures", moving_square(2)[0])
    paths = {name: source(tmp_path, name, pictures)["path"] for name in ("one", "two", "six")}
    assert Video.load(paths["one"]).objects is None
    records = [
        record_of(tmp_path / "0000.json", {name: paths[name] for name in ("two", "one")}),
        record_of(tmp_path / "0001.json", {"six": paths["six"]}),
    ]
    six = Record.read(records[1])
    failed = {"bad": Failure("extract_frames", "bad.mp4 is cut short.")}
    Record("extract_frames", six.videos, failed).write(records[1])
    listed = [{"dataset": "a", "record": str(path)} for path in records]
    (tmp_path / "list.json").write_text(json.dumps(listed))
    command = [sys.executable, PROGRAM, "--records", tmp_path / "list.json"]
    command += ["--output-folder", tmp_path / "tables"]
    subprocess.run(command, check=True, capture_output=True)
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {
        "videos.csv",
        "videos.parquet",
    }
    table = pd.read_csv(tmp_path / "tables" / "videos.csv")
    assert table["video"].tolist() == ["one", "six", "two"]
    assert set(table["dataset"]) == {"a"}
    (tmp_path / "list.json").write_text('[{"video": "one"}]')
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "list.json: every entry needs dataset, record, unlike" in done.stderr
