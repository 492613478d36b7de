"""Sweeps in the workflow: what their runs share, by the jobs that are planned."""

import subprocess
import sys

import pytest

from support.shared import made_once
from support.workflow_project import SMALL, Project


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """A project whose videos are listed, so that all else can be planned."""
    folder = made_once(
        tmp_path_factory, "listed", lambda folder: Project(folder).run("results/made/videos.csv")
    )
    return Project.at(folder, SMALL)


@pytest.mark.parametrize(
    ("sweep", "counts"),
    [
        # features, training, attention, tracks, motion, masks
        ({"clustering.tau": [0.02, 0.05, 0.1]}, (1, 1, 1, 3, 1, 3)),
        ({"clustering.tau": [0.02, 0.05, 0.1], "seed": [0, 1]}, (1, 2, 2, 6, 1, 6)),
        ({"objects.levels": [1, 4]}, (1, 1, 1, 1, 1, 2)),
        ({"refinement.height": [126], "refinement.width": [224]}, (2, 1, 1, 1, 1, 1)),
    ],
)
def test_stages_that_do_not_depend_on_what_is_swept_are_shared(listed, tmp_path, sweep, counts):
    project = listed.copy(tmp_path / "project")
    project.change({"sweep": sweep})
    plan = project.planned()
    stages = ["cache_features", "train_block", "export_attention", "cluster_tracks"]
    stages += ["measure_motion", "select_objects"]
    assert tuple(plan[stage] for stage in stages) == counts
    assert plan["score_video"] == plan["draw_pictures"] == counts[-1]
    assert (plan["collect_sweep"], plan["draw_sweep"]) == (1, 1)


def test_a_sweep_has_a_table_only_where_there_is_one_and_a_picture_only_where_they_are_drawn(
    listed, tmp_path
):
    project = listed.copy(tmp_path / "project")
    assert not {"collect_sweep", "draw_sweep"} & set(project.planned())
    project.change({"sweep": {"seed": [0, 1]}, "pictures": {"draw": False}})
    plan = project.planned()
    assert plan["collect_sweep"] == 1 and "draw_sweep" not in plan


def test_the_plan_says_what_each_stage_needs(listed, tmp_path):
    project = listed.copy(tmp_path / "project")
    project.change({"sweep": {"clustering.tau": [0.02, 0.05]}})

    def said():
        summary = subprocess.run(
            project.command("--summary"),
            cwd=project.folder,
            env=project.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        program = [sys.executable, "scripts/show_plan.py"]
        done = subprocess.run(
            program, input=summary.stdout, cwd=project.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return [line.split() for line in done.stdout.splitlines()]

    table = said()
    assert ["cache_features", "1", "3", "0", "0", "0"] in table
    assert ["train_block", "1", "-", "-", "0", "-"] in table
    assert ["cluster_tracks", "2", "6", "0", "0", "0"] in table
    (project.folder / "results" / "made" / "videos.csv").unlink()
    assert said()[0][:3] == ["Not", "listed", "yet:"]
