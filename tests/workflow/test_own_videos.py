"""Somebody's own videos: one is added, one changes, one is bad."""

import shutil

import pytest
from PIL import Image

from support.dataset_copies import plain_videos
from support.workflow_project import CHAIN, Project, rows

OWN = {
    "evaluate": ["own"],
    "datasets": {
        "own": {
            "layout": "folder",
            "root": "data/videos",
            "root_variable": None,
            "annotations": "data/truth",
            "instances": None,
            "annotation_kind": "ids",
            "split": None,
            "videos": [],
            "protocols": None,
            "make": None,
        }
    },
    "training": {"dataset": "own", "videos": ["clip-0", "clip-1"]},
}


@pytest.fixture(scope="session")
def own_finished(tmp_path_factory, package):
    project = Project(tmp_path_factory.mktemp("own") / "own", OWN, package)
    plain_videos(project.folder / "data", count=2)
    project.run()
    return project


def test_an_added_video_brings_its_own_chain_and_the_tables(own_finished, tmp_path):
    project = own_finished.copy(tmp_path / "project")
    plain_videos(tmp_path / "more", count=3)
    for kind in ("videos", "truth"):
        shutil.copytree(tmp_path / "more" / kind / "clip-2", project.folder / f"data/{kind}/clip-2")
    text = project.run()
    assert "train_block" not in text
    counts = {}
    for line in text.splitlines():
        if line.startswith(("rule ", "localrule ", "checkpoint ")):
            rule = line.split()[1].rstrip(":")
            counts[rule] = counts.get(rule, 0) + 1
    per_video = {"extract_frames", "measure_motion", "cache_features", "export_attention"}
    per_video |= {*CHAIN["objects"], *CHAIN["tracks"]}
    assert {rule: counts.get(rule) for rule in per_video} == dict.fromkeys(per_video, 1)
    assert counts["collect_tables"] == 1
    assert {row["video"] for row in rows(project)} == {"clip-0", "clip-1", "clip-2", "all"}


def test_a_changed_frame_reruns_that_video_only(own_finished, tmp_path):
    project = own_finished.copy(tmp_path / "project")
    folder = project.folder / "data/videos/clip-1"
    image = Image.open(folder / "00003.png").transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    image.save(folder / "new.png")
    (folder / "new.png").replace(folder / "00003.png")
    plan = project.planned()
    assert plan["extract_frames"] == 1


def test_a_bad_video_stops_only_its_own_chain(own_finished, tmp_path):
    project = own_finished.copy(tmp_path / "project")
    plain_videos(tmp_path / "more", count=4)
    for clip in ("clip-2", "clip-3"):
        for kind in ("videos", "truth"):
            shutil.copytree(tmp_path / "more" / kind / clip, project.folder / f"data/{kind}/{clip}")
    (project.folder / "data/videos/clip-2/00004.png").unlink()
    text = project.run("--keep-going", check=False)
    assert "clip-2" in text
    assert "4" in text
    assert not list(project.folder.glob("results/own/features/*/clip-2.h5"))
    assert list(project.folder.glob("results/own/scores/*/clip-3.csv"))
