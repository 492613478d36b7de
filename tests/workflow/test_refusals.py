"""What is refused before a job starts or by the job that finds it, and what is not planned."""

import os
import shutil
from pathlib import Path

import pytest

from support.workflow_project import Project


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clustering": {"tao": 1}}, "clustering: unknown key 'tao'"),
        ({"training": {"steps": "many"}}, "training.steps: must be integer"),
        ({"clustering": {"tau": -1.0}}, "clustering.tau: must be more than 0"),
    ],
)
def test_a_bad_configuration_is_refused_before_any_job(tmp_path, settings, message):
    project = Project(tmp_path / "project", settings)
    text = project.run(check=False)
    assert message in text
    assert not (project.folder / "results").exists()


def test_a_features_file_cut_short_is_refused_by_name(project):
    path = next(project.folder.glob("results/made/features/*/*.h5"))
    os.truncate(path, path.stat().st_size // 2)
    shutil.rmtree(project.folder / "results/made/attention")
    text = project.run("--keep-going", check=False)
    assert f"{Path(path).name} is not a whole HDF5 file" in text


def test_a_second_snakemake_in_the_same_folder_is_refused(project):
    from betrayed.engine.folder_claim import claim_folder

    kept = claim_folder(project.folder / ".snakemake")
    project.change({"clustering": {"tau": 0.2}})
    assert "Another snakemake is at work" in project.run(check=False)
    kept.close()


def test_only_what_a_method_needs_is_planned(tmp_path):
    """From the start: the paper's measures no motion, and has features at one size alone."""
    project = Project(tmp_path / "project", {"refinement": {"height": 126, "width": 224}})
    project.run("results/made/videos.csv")
    better = project.planned()
    assert (better["measure_motion"], better["cache_features"]) == (3, 6)
    project.change({"method": "paper"})
    paper = project.planned()
    assert "measure_motion" not in paper
    assert (paper["select_objects"], paper["cache_features"]) == (3, 3)
    # Side by side: the features once, a block and tracks for each.
    project.change({"method": "better", "runs": {"default": {}, "paper": {"method": "paper"}}})
    both = project.planned()
    assert (both["measure_motion"], both["cache_features"], both["train_block"]) == (3, 6, 2)
    assert both["cluster_tracks"] == both["select_objects"] == 6
    project.change({"training": {"output_dropout": "attention"}})
    assert project.planned()["cluster_tracks"] == 3
    project.change({"runs": {"paper": {"method": "papers"}}})
    text = project.run("--dry-run", check=False)
    assert "runs.paper: method: must be one of 'better', 'paper', not 'papers'" in text
