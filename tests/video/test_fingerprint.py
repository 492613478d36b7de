import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from betrayed.errors import UserError
from betrayed.io.file_kinds import is_litter
from betrayed.video.fingerprint import fingerprint
from support.paths import SCRIPTS


@pytest.fixture
def row(tmp_path):
    """A row of the manifest: two frames, and annotations in folders of single objects."""
    frames, truth = tmp_path / "v", tmp_path / "truth"
    for place, paths in ((frames, ("0.jpg", "1.jpg")), (truth, ("1/0.png", "2/0.png"))):
        for value, path in enumerate(paths):
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, 4), value, np.uint8)).save(place / path)
    return {"video": "v", "source": str(frames), "annotations": str(truth), "instances": ""}


def overwrite(path: Path) -> None:
    """Another content under the same name, size and time."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


CHANGES = {
    "a frame is overwritten in place": lambda v, t: overwrite(v / "1.jpg"),
    "a frame comes": lambda v, t: shutil.copy(v / "1.jpg", v / "2.jpg"),
    "a frame goes": lambda v, t: (v / "1.jpg").unlink(),
    "a frame is renamed": lambda v, t: (v / "1.jpg").rename(v / "2.jpg"),
    "two frames change places": lambda v, t: [
        (v / "0.jpg").rename(v / "x"),
        (v / "1.jpg").rename(v / "0.jpg"),
        (v / "x").rename(v / "1.jpg"),
    ],
    "an annotation is overwritten in place": lambda v, t: overwrite(t / "2" / "0.png"),
    "an annotation moves to another object": lambda v, t: (t / "2").rename(t / "3"),
    "annotations go": lambda v, t: shutil.rmtree(t),
    "a description comes among annotations": lambda v, t: (t / "Def.dat").write_text("x"),
    "frames become a file": lambda v, t: [shutil.rmtree(v), v.write_bytes(b"film")],
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_the_video_changes_it(row, change):
    before = fingerprint(row)
    CHANGES[change](Path(row["source"]), Path(row["annotations"]))
    assert fingerprint(row) != before


NO_CHANGES = {
    "all is touched": lambda v, t: [os.utime(one) for one in (v, v / "0.jpg", t, t / "1")],
    "litter comes": lambda v, t: [
        (v / ".DS_Store").touch(),
        (v / "._0.jpg").touch(),
        (v / "Thumbs.db").touch(),
        (v / "@eaDir").mkdir(),
        (v / "@eaDir" / "0.jpg").write_bytes(b"thumbnail"),
        (t / "__MACOSX").mkdir(),
        (t / "__MACOSX" / "0.png").touch(),
        (t / "1" / "desktop.ini").touch(),
    ],
    "notes lie among the frames": lambda v, t: (v / "notes.txt").write_text("rainy"),
    "a folder lies among the frames": lambda v, t: (v / "backup.png").mkdir(),
    "files are written anew": lambda v, t: [
        one.write_bytes(one.read_bytes()) for one in v.iterdir()
    ],
    "annotations are reached through a link": lambda v, t: [
        t.rename(t.with_name("moved")),
        t.symlink_to(t.with_name("moved")),
    ],
}


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_leaves_the_video_as_it_is_does_not(row, change):
    before = fingerprint(row)
    NO_CHANGES[change](Path(row["source"]), Path(row["annotations"]))
    assert fingerprint(row) == before


def test_it_is_the_same_wherever_the_video_lies(row, tmp_path):
    shutil.copytree(row["source"], tmp_path / "elsewhere")
    assert fingerprint({**row, "source": str(tmp_path / "elsewhere")}) == fingerprint(row)


def test_annotations_and_instances_are_told_apart(row):
    swapped = {**row, "annotations": "", "instances": row["annotations"]}
    assert fingerprint(swapped) != fingerprint(row)


def test_a_film_is_known_by_its_content(tmp_path):
    film = tmp_path / "my clip (1).mp4"
    film.write_bytes(b"film")
    row = {"video": "my_clip", "source": str(film), "annotations": "", "instances": ""}
    before = fingerprint(row)
    os.utime(film, (1, 1))
    assert fingerprint(row) == before
    overwrite(film)
    assert fingerprint(row) != before


def test_names_that_are_no_utf8_and_links_in_a_circle_are_taken(row):
    Path(row["annotations"], "again").symlink_to(row["annotations"])
    (Path(os.fsdecode(os.fsencode(row["source"]) + b"/\xff2.jpg"))).write_bytes(b"x")
    assert len(fingerprint(row)) == 64


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_named(row):
    Path(row["source"], "0.jpg").chmod(0)
    with pytest.raises(UserError, match=r"0\.jpg, of the video 'v', cannot be read"):
        fingerprint(row)


def test_a_file_that_fails_while_it_is_read_is_named(row, monkeypatch):
    def fail(path):
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr("betrayed.video.fingerprint.sha256", fail)
    with pytest.raises(UserError, match=r"0\.jpg, of the video 'v', cannot be read \(Input/output"):
        fingerprint(row)


def test_it_loads_no_library():
    code = (
        "import sys, betrayed.video.fingerprint as _; sys.exit('numpy' in sys.modules or "
        "'av' in sys.modules or 'PIL' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS).returncode == 0


@pytest.mark.parametrize(
    "name", ["@eaDir", "__MACOSX", ".DS_Store", "._0.jpg", "Thumbs.db", "THUMBS.DB", "desktop.ini"]
)
def test_litter_is_known(name):
    assert is_litter(name)


@pytest.mark.parametrize("name", ["v", "0.jpg", "DS_Store", "thumbs", "@clip", "all.mp4", "-x"])
def test_videos_are_no_litter(name):
    assert not is_litter(name)
