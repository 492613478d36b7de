"""Benchmarks as they are downloaded, from their presets to the tables, on tiny copies."""

import csv
from io import StringIO

import numpy as np
import pytest
from PIL import Image

from support.dataset_copies import fbms59, segtrackv2
from support.workflow_project import LAST, Project

TINY = {
    "refinement": {"height": None, "width": None},
    "pictures": {"draw": False},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, package):
    """FBMS-59's preset, with SegTrack v2 beside it: one block, five videos."""
    folder = tmp_path_factory.mktemp("benchmarks")
    settings = {
        "evaluate": ["fbms59-test", "segtrackv2"],
        "datasets": {
            "fbms59-test": {"root": str(folder / "FBMS")},
            "fbms59-train": {"root": str(folder / "FBMS")},
            "segtrackv2": {"root": str(folder / "SegTrackv2")},
        },
    }
    truths = {
        "fbms59-test": fbms59(folder / "FBMS"),
        "segtrackv2": {
            video: dict(enumerate(ids)) for video, ids in segtrackv2(folder / "SegTrackv2").items()
        },
    }
    project = Project(folder / "project", {**TINY, **settings}, package)
    project.run("--configfile", "presets/fbms59.yaml")
    return project, truths


def table(project, name):
    return list(csv.DictReader(StringIO(project.tables()[f"{name}.csv"].decode())))


@pytest.mark.parametrize(("dataset", "videos"), [("fbms59-test", 2), ("segtrackv2", 3)])
def test_the_merged_foreground_is_scored_on_the_annotated_frames(finished, dataset, videos):
    """J of each video against the Jaccard index of the masks that were written."""
    project, truths = finished
    rows = [row for row in table(project, "summary") if row["dataset"] == dataset]
    assert {row["protocol"] for row in rows} == {"davis2016", "davis2016-track"}
    scores = {
        row["video"]: float(row["value"])
        for row in rows
        if row["protocol"] == "davis2016" and row["metric"] == "J_mean" and row["video"] != "all"
    }
    assert len(scores) == videos
    masks = next((project.folder / "results" / dataset / "masks").iterdir())
    for video, score in scores.items():
        expected = []
        for index, ids in truths[dataset][video].items():
            with Image.open(masks / video / "foreground" / f"{index:05d}.png") as image:
                found = np.asarray(image) > 0
            expected.append((found & (ids > 0)).sum() / (found | (ids > 0)).sum())
        assert score == pytest.approx(np.mean(expected), abs=1e-6)
    assert max(scores.values()) > 0
    listed = [row for row in table(project, "videos") if row["dataset"] == dataset]
    frames = {"fbms59-test": "2", "segtrackv2": "10"}[dataset]
    assert [row["annotated_frames"] for row in listed] == [frames] * videos


def test_nothing_else_is_to_do_and_other_protocols_only_score_anew(finished):
    project, _ = finished
    preset = ("--configfile", "presets/fbms59.yaml")
    assert project.planned(*preset) == {}
    project.change({"datasets": {"segtrackv2": {"protocols": ["davis2016"]}}})
    plan = project.planned(*preset)
    assert plan["score_video"] == 1
    assert set(plan) == {"score_video", "collect_tables", *LAST}
    # Frames wait for those that are trained on, and are looked at for themselves all the same.
    module = project.folder / "scripts" / "betrayed" / "video" / "video.py"
    module.write_text(module.read_text() + "# edited\n")
    assert project.planned(*preset)["extract_frames"] == 3
