import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import list_videos as program
from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import left_out, list_videos, missing_paths, needed_paths
from betrayed.datasets.manifest import (
    PLACES,
    drop_untrue_manifests,
    read_manifest,
    write_manifest,
)
from betrayed.datasets.names import look_alike
from betrayed.datasets.watching import signature
from betrayed.errors import UserError
from betrayed.io.files import sha256
from betrayed.video.annotations import read_annotation
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.dataset_copies import davis2017, movi_e, youtube_vis
from support.paths import SCRIPTS
from support.videos_for_tests import moving_square, write_clip


def listing(root: Path, **more) -> list[dict[str, str]]:
    return list_videos(DatasetSettings(root=str(root), **more))


def names(root: Path, **more) -> list[str]:
    return [row["video"] for row in listing(root, **more)]


def places(manifest: Path) -> list[dict[str, str]]:
    """What a manifest says of where its videos lie."""
    return [{name: row[name] for name in PLACES} for row in read_manifest(manifest)]


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "videos"
    for name in ("cat", "ant", ".hidden"):
        (root / name).mkdir(parents=True)
        (root / name / "0.jpg").touch()
    for name in ("bee.mp4", "Fly.MOV", ".cache.mp4", "notes.txt"):
        (root / name).write_bytes(b"x")
    return root


@pytest.fixture
def davis(tmp_path):
    root = tmp_path / "davis"
    for name in ("bear", "camel", "dog"):
        (root / "JPEGImages" / "480p" / name).mkdir(parents=True)
        (root / "Annotations" / "480p" / name).mkdir(parents=True)
    (root / "Annotations_instances" / "480p" / "dog").mkdir(parents=True)
    (root / "ImageSets" / "2016").mkdir(parents=True)
    (root / "ImageSets" / "2017").mkdir(parents=True)
    (root / "ImageSets" / "2016" / "val.txt").write_text("dog\nbear\n\n")
    (root / "ImageSets" / "2017" / "val.txt").write_text("camel\n")
    return root


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


# What is no video


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


def test_videos_that_lie_deeper_are_found_for_people(tmp_path):
    (tmp_path / "films" / "2024" / "may").mkdir(parents=True)
    (tmp_path / "films" / "2024" / "may" / "a.mp4").touch()
    with pytest.raises(UserError, match=r"holds no video\. There are videos deeper: .*2024/may"):
        listing(tmp_path / "films")
    (tmp_path / "films" / "cover.jpg").touch()
    with pytest.raises(UserError, match=r"holds no video\. There are videos deeper: .*2024/may"):
        listing(tmp_path / "films")


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


def test_a_manifest_that_is_not_what_was_written_goes(folder, tmp_path):
    """Cut at the end of a line it would pass for a list of fewer videos."""
    path = tmp_path / "results" / "made" / "videos.csv"
    write_manifest(path, listing(folder))
    assert drop_untrue_manifests(tmp_path / "results") == []
    memory = path.with_name("listing.json")
    memory.write_text("{}")  # of an earlier version
    assert drop_untrue_manifests(tmp_path / "results") == []
    memory.write_text(json.dumps({"manifest": sha256(path)}))
    assert drop_untrue_manifests(tmp_path / "results") == []
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert drop_untrue_manifests(tmp_path / "results") == [path]
    write_manifest(path, listing(folder))
    memory.write_text("{")
    assert drop_untrue_manifests(tmp_path / "results") == [path]
    assert not path.exists()


def test_youtube_vis_without_its_parts_is_refused(tmp_path):
    root, _ = youtube_vis(tmp_path / "ytvis", count=1)
    with pytest.raises(UserError, match="needs annotations, the JSON file"):
        listing(root, layout="youtube_vis")
    with pytest.raises(UserError, match="JPEGImages is missing"):
        listing(root / "JPEGImages", layout="youtube_vis", annotations="../train.json")


def test_the_manifest_comes_back_as_it_was(folder, tmp_path):
    rows = listing(folder)
    write_manifest(tmp_path / "videos.csv", rows)
    assert (tmp_path / "videos.csv").read_text().splitlines()[0] == (
        "video,name,source,annotations,instances,part,batch,bytes,source_content,truth_content"
    )
    own = ("part", "batch", "bytes", "source_content", "truth_content")
    assert places(tmp_path / "videos.csv") == rows
    whole = [row | dict.fromkeys(own, row["video"]) for row in rows]
    write_manifest(tmp_path / "videos.csv", whole)
    assert read_manifest(tmp_path / "videos.csv") == whole
    (tmp_path / "bad.csv").write_text("name\nant\n")
    with pytest.raises(UserError, match="has the columns"):
        read_manifest(tmp_path / "bad.csv")
    with pytest.raises(UserError, match="does not exist"):
        read_manifest(tmp_path / "none.csv")


@pytest.mark.slow
def test_the_program_writes_the_manifest_or_says_why_not(folder, tmp_path):
    def call(settings: dict) -> subprocess.CompletedProcess:
        program = SCRIPTS / "list_videos.py"
        output = tmp_path / "out" / "videos.csv"
        command = [sys.executable, program, "--output", output, "--truth", tmp_path / "out/truth"]
        command += ["--settings", json.dumps(settings), "--memory", tmp_path / "listing.json"]
        return subprocess.run(command, capture_output=True, text=True)

    assert call({"layout": "folder", "root": str(folder), "videos": ["ant"]}).returncode == 0
    assert [row["video"] for row in read_manifest(tmp_path / "out" / "videos.csv")] == ["ant"]
    assert list((tmp_path / "out" / "truth").iterdir()) == []
    said = call({"layout": "folder", "root": str(folder)}).stderr
    assert f"Left out: {folder}/notes.txt is no video that is known by its suffix." in said
    refused = call({"layout": "davis", "root": str(folder)})
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ")
    assert "Traceback" not in refused.stderr
    assert "layout: must be one of" in call({"layout": "other"}).stderr


def test_films_of_which_no_part_is_wanted_are_refused_when_they_are_listed(tmp_path):
    """One among others is left out later: there is still something to work on."""
    write_clip(tmp_path / "films/short.mp4", moving_square(5)[0])

    def call() -> subprocess.CompletedProcess:
        command = [sys.executable, SCRIPTS / "list_videos.py", "--films", '{"start": 2.0}']
        command += ["--output", tmp_path / "out/videos.csv", "--truth", tmp_path / "out/truth"]
        command += ["--settings", json.dumps({"layout": "folder", "root": str(tmp_path / "films")})]
        command += ["--memory", tmp_path / "listing.json"]
        return subprocess.run(command, capture_output=True, text=True)

    said = call()
    assert said.returncode == 1 and not (tmp_path / "out/videos.csv").exists()
    assert "short.mp4 ends after" in said.stderr and "Set films.start (START=)" in said.stderr
    write_clip(tmp_path / "films/long.mp4", moving_square(40)[0])
    assert call().returncode == 0
    rows = read_manifest(tmp_path / "out/videos.csv")
    assert [row["video"] for row in rows] == ["long", "long+000", "short"]


@pytest.fixture
def manifest(tmp_path, monkeypatch):
    """Call the program in this process; the manifest by video, and how many contents were read."""
    hashed = []

    def fingerprint(row):
        hashed.append(row)
        return real(row)

    real = program.fingerprint
    monkeypatch.setattr(program, "fingerprint", fingerprint)
    output, memory = tmp_path / "out" / "videos.csv", tmp_path / "out" / "listing.json"

    def call(root, batch_size=0, parallel=1, **settings):
        hashed.clear()
        settings = {"layout": "folder", "root": str(root), **settings}
        given = ["--output", output, "--truth", tmp_path / "out" / "truth", "--memory", memory]
        given += ["--settings", json.dumps(settings), "--batch-size", batch_size]
        given += ["--parallel", parallel]
        monkeypatch.setattr(sys, "argv", ["list_videos.py", *map(str, given)])
        program.main()
        # Frames and ground truth of a video have a content each.
        return {row["video"]: row for row in read_manifest(output)}, len(hashed) // 2

    return call


def add(root, *names):
    """Videos of one frame."""
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "00000.png").write_bytes(name.encode())


def batches(rows):
    return {video: row["batch"] for video, row in rows.items()}


def test_videos_keep_their_batches(manifest, tmp_path):
    root = tmp_path / "videos"
    add(root, *"abcde")
    first, _ = manifest(root, batch_size=2)
    wanted = {"a": "0000", "b": "0000", "c": "0001", "d": "0001", "e": "0002"}
    assert batches(first) == wanted
    shutil.rmtree(root / "b")
    add(root, "aa", "f", "g")
    later = {"a": "0000", "aa": "0000", "c": "0001", "d": "0001", "e": "0002", "f": "0002"}
    assert batches(manifest(root, batch_size=2)[0]) == later | {"g": "0003"}
    # Without the file that keeps them they are dealt anew.
    for text in ("{", "[]"):
        (tmp_path / "out" / "listing.json").write_text(text)
        anew = batches(manifest(root, batch_size=2)[0])
        assert list(anew.items()) == [
            (name, f"{place // 2:04d}") for place, name in enumerate(["a", "aa", *"cdefg"])
        ]


def test_a_size_that_is_asked_for_counts_at_once_and_a_fitted_one_stays(manifest, tmp_path):
    root = tmp_path / "videos"
    add(root, *(f"{number:02d}" for number in range(40)))

    def sizes(**how):
        found = batches(manifest(root, **how)[0]).values()
        return [sum(one == batch for one in found) for batch in sorted(set(found))]

    assert sizes(parallel=4) == [4] * 10  # three batches for each job, and a bit
    assert sizes(parallel=1) == [4] * 10
    assert sizes(parallel=1, batch_size=25) == [20, 20]  # at most so many, and evenly
    assert sizes(parallel=1, batch_size=1) == [1] * 40
    assert sizes(parallel=1) == [20, 20]  # at most 32
    assert sizes(parallel=8) == [20, 20]


def test_contents_are_read_where_something_may_have_changed(manifest, tmp_path):
    """And tell what did: touched, moved and added files are no other content of the rest."""
    root = tmp_path / "videos"
    add(root, "ant", "bee")
    add(tmp_path / "truth", "ant", "bee")
    for name in ("ant", "bee"):
        (tmp_path / "truth" / name / "00000.png").write_bytes(f"truth of {name}".encode())
    truth = {"annotations": str(tmp_path / "truth")}
    first, hashed = manifest(root, **truth)
    assert hashed == 2
    contents = {row[name] for row in first.values() for name in ("source_content", "truth_content")}
    assert len(contents) == 4 and all(len(one) == 64 for one in contents)
    assert manifest(root, **truth) == (first, 0)
    assert {row["bytes"] for row in first.values()} == {"3"}
    os.utime(root / "ant" / "00000.png", (0, 0))
    assert manifest(root, **truth) == (first, 1)
    (root / "ant" / "00000.png").write_bytes(b"ANT")
    changed, hashed = manifest(root, **truth)
    assert hashed == 1 and changed["bee"] == first["bee"]
    assert changed["ant"]["source_content"] != first["ant"]["source_content"]
    assert changed["ant"]["truth_content"] == first["ant"]["truth_content"]
    (tmp_path / "truth" / "bee" / "00000.png").write_bytes(b"BEE")
    other, hashed = manifest(root, **truth)
    assert hashed == 1 and other["ant"] == changed["ant"]
    assert other["bee"]["source_content"] == first["bee"]["source_content"]
    assert other["bee"]["truth_content"] != first["bee"]["truth_content"]
    add(root, "cow")
    more, hashed = manifest(root, **truth)
    assert hashed == 1 and {name: more[name] for name in other} == other
    moved = root.rename(tmp_path / "moved")
    there, hashed = manifest(moved, **truth)
    assert hashed == 0
    assert there["ant"]["source"] == str(moved / "ant")
    assert there["ant"]["source_content"] == more["ant"]["source_content"]


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


def test_lists_are_read_as_editors_save_them(davis):
    for encoding in ("utf-8-sig", "utf-16"):
        (davis / "ImageSets" / "2017" / "val.txt").write_bytes("dog\r\nbear\r\n".encode(encoding))
        assert names(davis, layout="davis", split="2017/val") == ["bear", "dog"]
    (davis / "ImageSets" / "2017" / "val.txt").write_bytes("b\xe9ar".encode("latin-1"))
    with pytest.raises(UserError, match=r"val\.txt is no text in UTF-8"):
        names(davis, layout="davis", split="2017/val")


def denied(path, mode=0):
    """A path that may not be read any more; the test is skipped where somebody reads everything."""
    before = path.stat().st_mode
    path.chmod(mode)
    if os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        path.chmod(before)
        pytest.skip("this user reads everything")
    return path


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


def test_a_video_that_may_not_be_read_stops_no_other(folder, monkeypatch):
    denied(folder / "bee.mp4")
    output = folder.parent / "videos.csv"
    options = ["--output", output, "--truth", folder.parent / "truth"]
    options += ["--memory", folder.parent / "memory.json", "--films", "{}"]
    options += ["--settings", json.dumps({"root": str(folder)})]
    monkeypatch.setattr(sys, "argv", ["list_videos", *map(str, options)])
    program.main()
    assert [row["video"] for row in read_manifest(output)] == ["Fly", "ant", "bee", "cat"]
    with pytest.raises(UserError, match=r"bee\.mp4 cannot be opened \(Permission denied\)"):
        extract("bee", folder / "bee.mp4", folder.parent / "out")
    (folder / "bee.mp4").chmod(0o644)
    before = read_manifest(output)
    program.main()
    after = read_manifest(output)
    changed = [one["video"] for one, two in zip(before, after, strict=True) if one != two]
    assert changed == ["bee"]


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
