"""Sweeps in the workflow: what their runs share, by the jobs that are planned."""

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
