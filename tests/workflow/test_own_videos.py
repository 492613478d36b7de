"""Somebody's own videos: one is added, one changes, one is bad."""

import shutil

import pytest
from PIL import Image

from support.dataset_copies import plain_videos
from support.workflow_project import CHAIN, Project, computed, rows

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
    "pictures": {"draw": False},
}

PER_VIDEO = {"extract_frames", "measure_motion", "cache_features", "export_attention"}
PER_VIDEO |= {*CHAIN["objects"], *CHAIN["tracks"]} - {"draw_pictures"}


@pytest.fixture(scope="session")
def own_finished(tmp_path_factory, package):
    project = Project(tmp_path_factory.mktemp("own") / "own", OWN, package)
    plain_videos(project.folder / "data", count=2)
    project.run()
    return project


def test_an_added_video_brings_its_own_chain_and_a_removed_one_leaves_the_tables(
    own_finished, tmp_path
):
    project = own_finished.copy(tmp_path / "project")
    plain_videos(tmp_path / "more", count=3)
    for kind in ("videos", "truth"):
        shutil.copytree(tmp_path / "more" / kind / "clip-2", project.folder / f"data/{kind}/clip-2")
    text = project.run()
    assert computed(text) == dict.fromkeys(PER_VIDEO, 1)
    assert {row["video"] for row in rows(project)} == {"clip-0", "clip-1", "clip-2", "all"}
    assert project.planned() == {}
    shutil.rmtree(project.folder / "data/videos/clip-2")
    assert computed(project.run()) == {}
    assert {row["video"] for row in rows(project)} == {"clip-0", "clip-1", "all"}
    assert project.planned() == {}


def test_a_changed_frame_reruns_that_video_and_training(own_finished, tmp_path):
    """Overwritten in place: neither its folder's time nor the list of names tells."""
    project = own_finished.copy(tmp_path / "project")
    path = project.folder / "data/videos/clip-1/00003.png"
    Image.open(path).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(path)
    after_training = {"train_block": 1, "export_attention": 2}
    after_training |= dict.fromkeys(PER_VIDEO & {*CHAIN["objects"], *CHAIN["tracks"]}, 2)
    assert computed(project.run()) == dict.fromkeys(PER_VIDEO, 1) | after_training


def test_a_changed_mask_scores_that_video_anew(own_finished, tmp_path):
    project = own_finished.copy(tmp_path / "project")
    path = project.folder / "data/truth/clip-1/00003.png"
    image = Image.open(path)
    image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(path)
    assert computed(project.run()) == {"extract_frames": 1, "score_video": 1}


def test_touched_copied_and_moved_data_compute_nothing(own_finished, tmp_path):
    project = own_finished.copy(tmp_path / "project")
    (project.folder / "data/videos/clip-0/.DS_Store").touch()
    for path in (project.folder / "data").rglob("*"):
        path.touch()
    assert computed(project.run()) == {}
    (project.folder / "data").rename(project.folder / "elsewhere")
    own = {"root": "elsewhere/videos", "annotations": "elsewhere/truth"}
    project.change({"datasets": {"own": own}})
    text = project.run()
    # frames.json says where frames lie; nothing is made from that.
    assert computed(text) == {"extract_frames": 2}
    assert project.planned() == {}


def test_a_bad_video_is_left_out_named_and_tried_again(own_finished, tmp_path):
    project = own_finished.copy(tmp_path / "project")
    plain_videos(tmp_path / "more", count=3)
    for kind in ("videos", "truth"):
        shutil.copytree(tmp_path / "more" / kind / "clip-2", project.folder / f"data/{kind}/clip-2")
    frame = project.folder / "data/videos/clip-2/00004.png"
    whole = frame.read_bytes()
    frame.write_bytes(whole[: len(whole) // 2])
    text = project.run(check=False)
    assert "own / clip-2, in extract_frames" in text
    (failure,) = rows(project, "failures")
    assert (failure["stage"], failure["video"]) == ("extract_frames", "clip-2")
    assert "00004.png" in failure["reason"]
    assert {row["video"] for row in rows(project)} == {"clip-0", "clip-1", "all"}
    assert not list(project.folder.glob("results/own/features/*/clip-2.h5"))

    project.change({"allow_failures": True})
    assert computed(project.run()) == {}
    project.change({"allow_failures": False})
    assert computed(project.run(check=False)) == {"extract_frames": 1}
    frame.write_bytes(whole)
    assert computed(project.run()) == dict.fromkeys(PER_VIDEO, 1)
    assert rows(project, "failures") == []
    assert project.planned() == {}


def test_training_goes_on_without_a_bad_video(tmp_path, package):
    project = Project(tmp_path / "project", OWN, package)
    project.change({"training": {"videos": []}})
    plain_videos(project.folder / "data", count=3)
    (project.folder / "data/videos/clip-1/00004.png").write_bytes(b"no image")
    text = project.run(check=False)
    assert "Training goes on without clip-1" in text
    assert {row["video"] for row in rows(project)} == {"clip-0", "clip-2", "all"}
    assert len(rows(project, "failures")) == 1
