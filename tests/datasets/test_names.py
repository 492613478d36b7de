"""Names of videos: identifiers fit for paths, and names that only look alike."""

import os
import re
from pathlib import Path

import pytest
from PIL import Image

from betrayed.datasets.manifest import (
    write_manifest,
)
from betrayed.datasets.names import look_alike
from betrayed.errors import UserError
from betrayed.video.extraction import extract
from support.listings import listing, places

ODD_NAMES = {
    "my clip (1)": "my_clip_1-f8678c",
    "a{b}": "a_b-b8a4b7",
    "100%": "100-32e489",
    'it\'s "q"': "it_s_q-93310f",
    "-x": "x-a42096",
    "_cat": "cat",
    "äöü": "aou-bc329d",
    "日本": "video-cf2abf",
    "all": "all-5ef5ef",
    "x" * 150: "x" * 100,
    "$(touch here)": "touch_here",
    "line\nfeed": "line_feed",
}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_has_an_identifier_fit_for_paths_and_keeps_itself_beside(folder, name, tmp_path):
    (folder / f"{name}.mp4").touch()
    rows = [row for row in listing(folder) if row["name"] == name]
    (row,) = rows
    assert row["source"] == str(folder / f"{name}.mp4")
    assert row["video"].startswith(ODD_NAMES[name])
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,110}", row["video"])
    assert listing(folder, videos=(name,)) == listing(folder, videos=(row["video"],)) == rows
    write_manifest(tmp_path / "videos.csv", rows)
    assert places(tmp_path / "videos.csv") == rows


def test_names_that_fit_are_kept_and_others_never_meet(folder):
    names = ["my clip", "my_clip", "my-clip", "my\tclip", "MY CLIP", "my clip ", "my  clip"]
    for name in names:
        (folder / f"{name}.mp4").touch()
    rows = {row["name"]: row["video"] for row in listing(folder)}
    assert rows["my_clip"] == "my_clip" and rows["my-clip"] == "my-clip" and rows["ant"] == "ant"
    assert len(set(rows.values())) == len(rows) == len(names) + 4
    (folder / "my clip.mp4").unlink()  # whatever others there are, a video keeps its own
    assert {row["name"]: row["video"] for row in listing(folder)} == {
        name: video for name, video in rows.items() if name != "my clip"
    }


def test_a_name_that_is_no_utf8_comes_back_from_the_manifest(folder, tmp_path):
    path = os.fsdecode(os.fsencode(folder) + b"/caf\xe9.mp4")
    Path(path).touch()
    rows = listing(folder)
    (row,) = (row for row in rows if row["source"] == path)
    assert row["name"] == "caf\ufffd" and row["video"].startswith("caf-")
    write_manifest(tmp_path / "videos.csv", rows)
    assert places(tmp_path / "videos.csv") == rows


def test_annotations_of_an_odd_name_lie_under_it(folder):
    (folder / "my clip").mkdir()
    (folder / "my clip" / "0.png").touch()
    (folder / "truth" / "my clip").mkdir(parents=True)
    (row,) = listing(folder, annotations="truth", videos=("my clip",))
    assert row["annotations"] == str(folder / "truth" / "my clip")


@pytest.mark.parametrize(
    ("name", "other"), [("caf\u00e9", "cafe\u0301"), ("Bear", "bear"), ("\ufb01lm", "film")]
)
def test_a_folder_of_truth_that_only_looks_like_the_video_is_told_apart(tmp_path, name, other):
    assert "which looks alike" in look_alike(name, ["cat", other])
    assert look_alike(name, ["cat", name]) == look_alike(name, []) == ""
    (tmp_path / name).mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / name / "0.png")
    (tmp_path / "truth" / other).mkdir(parents=True)
    with pytest.raises(UserError, match=f"are missing. There is {other}, which looks alike"):
        extract("v", tmp_path / name, tmp_path / "out", annotations=tmp_path / "truth" / name)
