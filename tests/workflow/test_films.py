"""Films that are cut, longer than a window, or worked on in part: from the list to the overlay."""

import json
import shutil
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from betrayed.io.palette import read_ids
from support.made_films import KINDS, Film, make_film
from support.videos_for_tests import moving_square, write_clip
from support.workflow_project import Project, computed, rows

SIZE = 112, 196
FILMS = {
    "evaluate": ["videos"],
    "datasets": {"videos": {"root": "data/films", "root_variable": None}},
    "training": {"dataset": "videos", "videos": ["short"], "steps": 4},
    "films": {"window": 16, "overlap": 4},
    "exports": {"formats": ["coco", "fiftyone"]},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, package):
    project = Project(tmp_path_factory.mktemp("films") / "project", FILMS, package)
    folder = project.folder / "data/films"
    frames, _ = moving_square(30, *SIZE)
    write_clip(folder / "long.mp4", frames, codec="libx264", options={"g": "12"})
    write_clip(folder / "short.mp4", frames[:10])
    project.run()
    return project


def masks(project, film, kind="proposals"):
    (folder,) = project.folder.glob(f"results/videos/masks/*/{film}/{kind}")
    return np.stack([read_ids(path) for path in sorted(folder.iterdir())])


def overlay(project, film):
    """Frames, size, and seconds of pictures and of sound."""
    (path,) = project.folder.glob(f"results/pictures/*/videos/{film}/overlay.mp4")
    with av.open(str(path)) as container:
        lengths = [float(one.duration * one.time_base) for one in container.streams]
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return len(pictures), pictures[0].shape[:2], lengths


def test_a_long_film_has_masks_and_an_overlay_of_its_own(finished):
    project = finished
    manifest = pd.read_csv(project.folder / "results/videos/videos.csv").set_index("video")
    pieces = [name for name in manifest.index if name.startswith("long+")]
    assert sorted(manifest.index) == ["long", *pieces, "short"] and len(pieces) == 3
    assert masks(project, "long").shape == (30, *SIZE)
    assert masks(project, "long", "foreground").shape == (30, *SIZE)
    assert overlay(project, "long")[:2] == (30, SIZE)
    assert overlay(project, "short")[:2] == (10, SIZE)
    # What people look at has films, and no pieces.
    assert {row["video"] for row in rows(project, "videos")} == {"long", "short"}
    shown = [path.name for path in project.folder.glob("results/videos/masks/*/*")]
    assert sorted(shown) == ["long", "short"]
    # Frames of a film are in the film; those of its pieces are written.
    folder = project.folder / "results/videos/frames/long"
    assert [path.name for path in folder.iterdir()] == ["frames.json"]
    assert project.planned() == {}


def test_exports_and_the_report_have_films(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    project.run("exports", "report_html")
    (coco,) = project.folder.glob("results/exports/*/videos/coco/*.json")
    images = json.loads(coco.read_text())["images"]
    assert {Path(image["file_name"]).parts[-2] for image in images} == {"long", "short"}
    (samples,) = project.folder.glob("results/exports/*/videos/fiftyone/samples.json")
    for video in json.loads(samples.read_text())["videos"]:
        for frame in video["frames"]:
            assert (samples.parent / frame["image"]).is_file()
    page = (project.folder / "results/report.html").read_text()
    assert "long" in page and "long+000" not in page


def test_a_short_film_beside_it_is_worked_on_as_ever(finished, tmp_path):
    """Other settings of windows do not concern it; its files stay as they are, byte for byte."""
    project = finished.copy(tmp_path / "project")
    files = [*project.folder.glob("results/videos/**/short/**/*.*")]
    files += project.folder.glob("results/pictures/**/short/*.*")
    assert len(files) > 40
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    project.change({"films": {"window": 20}})
    made = computed(project.run())
    assert made["select_objects"] == 2 and made["join_pieces"] == 1  # those of the long film
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_a_deleted_piece_is_made_again_and_the_film_joined(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    (table,) = project.folder.glob("results/videos/piece_masks/*/long+001/objects.csv")
    table.unlink()
    assert computed(project.run()) == {"select_objects": 1}  # of the same bytes: nothing to join
    (table,) = project.folder.glob("results/videos/masks/*/long/objects.csv")
    table.unlink()
    assert computed(project.run())["join_pieces"] == 1
    project.change({"films": {"alike": 0.9}})
    assert set(computed(project.run())) == {"join_pieces", "draw_pictures"}


def test_a_longer_film_has_the_same_masks_and_leaves_nothing_else(finished, tmp_path, monkeypatch):
    """Its pieces go from the film to masks in one job, and what lies between is deleted.

    It lies where nodes have a disk of their own, if that is said.
    """
    project = finished.copy(tmp_path / "project")
    expected = masks(project, "long"), masks(project, "long", "foreground")
    (table,) = project.folder.glob("results/videos/masks/*/long/objects.csv")
    text = table.read_text()
    results = project.folder / "results/videos"
    for path in sorted(results.rglob("long+*"), reverse=True):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(table.parent)
    project.change({"films": {"most_kept": 29}})
    scratch = "--set-resources", "segment_pieces:scratch=$OWN_DISK/of-this-job"
    assert "that variable is not set on this node" in project.run(*scratch, check=False)
    monkeypatch.setenv("OWN_DISK", str(tmp_path / "disk"))
    made = computed(project.run(*scratch))
    assert list((tmp_path / "disk").rglob("*")) == [tmp_path / "disk" / "of-this-job"]
    assert made["segment_pieces"] == 3 and made["join_pieces"] == 1
    assert not {"cache_features", "export_attention", "select_objects"} & set(made)
    found = masks(project, "long"), masks(project, "long", "foreground")
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)
    assert table.read_text() == text
    left = {path.parent.parent.name for path in results.rglob("long+*") if path.suffix != ".json"}
    assert left == {"piece_masks"}
    (folder,) = project.folder.glob("results/videos/piece_masks/*")
    assert {path.name for path in folder.iterdir()} == {f"long+00{number}" for number in range(3)}
    assert project.planned() == {}


def test_a_longer_film_is_trained_on_in_part(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    (project.folder / "data/films/short.mp4").unlink()
    shutil.rmtree(project.folder / "results")
    # 30 frames in windows of 16 that share 14: 8 pieces, in batches of four.
    training = {"videos": [], "short_videos": "skip"}
    project.change({"films": {"most_kept": 0}, "training": training, "pictures": {"draw": False}})
    made = computed(project.run())
    assert masks(project, "long").shape == (30, *SIZE)
    assert made["segment_pieces"] == made["cache_features"] == 3
    assert project.planned() == {}


def test_parts_of_films_at_other_rates_and_sizes(finished, tmp_path):
    """Every third frame of 0.5 to 2.5 s, at half the size; a film of one frame has none there."""
    project = finished.copy(tmp_path / "project")
    folder = project.folder / "data/films"
    (folder / "short.mp4").unlink()
    film = Film(KINDS[0], 112, 196, count=10, rotation=90, sound=True)
    stamps = (0, 10, 20, 500, 510, 520, 1200, 1210, 2000, 4000)
    make_film(folder, Film(**{**film.__dict__, "stamps": stamps}), "uneven")
    write_clip(folder / "one.mp4", moving_square(1, *SIZE)[0])
    shutil.rmtree(project.folder / "results")
    asked = {"step": 3, "start": 0.5, "end": 2.5, "height": 56, "window": 16, "overlap": 4}
    training = {"stride": 1, "videos": [], "short_videos": "skip"}
    # A batch for each film, so that the one without a piece has a batch of its own, too.
    project.change({"films": asked, "training": training, "batch_size": 1})
    text = project.run(check=False)
    assert "usage:" not in text
    (failure,) = rows(project, "failures")
    assert failure["video"] == "one" and "before the part begins" in failure["reason"], text[-3000:]
    assert masks(project, "long").shape == (20, *SIZE)
    count, size, lengths = overlay(project, "long")
    assert (count, size) == (20, SIZE) and lengths == [pytest.approx(2.0, abs=0.1)]
    assert masks(project, "uneven").shape == (6, 196, 112)
    assert overlay(project, "uneven")[:2] == (6, (196, 112))
