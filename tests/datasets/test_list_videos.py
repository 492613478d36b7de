"""The program that lists videos: its manifest, batches that stay, contents that are read anew."""

import json
import os
import shutil
import subprocess
import sys

import pytest

import list_videos as program
from betrayed.datasets.manifest import (
    read_manifest,
)
from betrayed.errors import UserError
from betrayed.video.extraction import extract
from support.listings import denied
from support.paths import SCRIPTS
from support.videos_for_tests import moving_square, write_clip


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
