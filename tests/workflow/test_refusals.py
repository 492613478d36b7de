"""What is refused before a job starts or by the job that finds it, and what is not planned."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from betrayed.engine.folder_claim import claim_folder
from support.workflow_project import Project, computed, rows


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clustering": {"tao": 1}}, "clustering: unknown key 'tao'"),
        ({"training": {"steps": "many"}}, "training.steps: must be a whole number"),
        ({"clustering": {"tau": -1.0}}, "clustering.tau: must be more than 0"),
        ({"training": {"heads": 7}}, "training.heads: must divide 384"),
        ({"features": {"height": 85}}, "features.height: must be a multiple of 14"),
        ({"training": {"checkpoint": "none.pt"}}, "training.checkpoint: there is no file none.pt"),
        ({"evaluate": ["videos"]}, "videos: missing: "),
    ],
)
def test_a_bad_configuration_is_refused_before_any_job(tmp_path, settings, message):
    project = Project(tmp_path / "project", settings)
    text = project.run(check=False)
    assert message in text
    assert ".smk" not in text, "a place in the code is of no use to people"
    assert not (project.folder / "results").exists()


def test_settings_on_the_command_line_are_read_as_those_of_a_file(project):
    """Nested ones, too, which Snakemake hands over as text: they name the run that is there."""
    steps = project.settings["training"]["steps"]
    same = ("--config", f"training={{steps: {steps}}}", "pictures={draw: true}", "batch_size=null")
    assert project.planned(*same) == project.planned()
    more = project.planned("--config", "sweep={clustering.tau: [0.05, 0.5]}")
    assert (more["cluster_tracks"], more["draw_sweep"]) == (1, 1)
    assert not {"train_block", "export_attention"} & set(more)
    text = project.run("--dry-run", "--config", "pictures={draw: maybe}", check=False)
    assert "pictures.draw: must be true or false, not 'maybe'" in text
    text = project.run("--dry-run", "--config", "training={videos: [none]}", check=False)
    assert "Error: training.videos: nothing in made is called 'none'. There are: " in text
    assert ".smk" not in text


def test_another_folder_is_told_from_the_projects(tmp_path):
    project = Project(tmp_path / "project")
    text = project.run("--directory", str(tmp_path), "--dry-run", check=False)
    assert f"{tmp_path} is not the project's folder. Run snakemake in {project.folder}" in text
    assert ".smk" not in text


def test_a_configuration_that_cannot_be_read_is_named_with_the_line(tmp_path):
    """That of the project: overlays are read by Snakemake before the project is."""
    project = Project(tmp_path / "project")
    own = project.folder / "config.yaml"
    own.write_text(own.read_text().replace("\n  steps: ", "\n\tsteps: "))
    line = own.read_text().split("\tsteps: ")[0].count("\n") + 1
    text = project.run("--dry-run", check=False)
    assert f"  - config.yaml, line {line}: is no YAML" in text
    assert "Indent by spaces" in text and ".smk" not in text


def test_a_gpu_that_is_not_there_is_missed_before_any_job(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    project = Project(tmp_path / "project", {"device": "cuda"})
    project.run("--dry-run", "results/made/videos.csv")
    text = project.run("results/made/videos.csv", check=False)
    assert "Error: device: 'cuda', but this machine has no GPU that can be used" in text
    assert not (project.folder / "resources").exists()
    assert not (project.folder / "results/made").exists()


def test_a_features_file_that_is_damaged_is_refused_by_name_and_one_cut_short_made_anew(project):
    path = next(project.folder.glob("results/made/features/*/*.h5"))
    with path.open("r+b") as file:
        file.write(bytes(64))
    shutil.rmtree(project.folder / "results/made/records/attention")
    text = project.run(check=False)
    assert f"{path.name} is not a whole HDF5 file" in text
    assert [row["stage"] for row in rows(project, "failures")] == ["export_attention"]
    # Cut short it is another file than its record says: made anew, before anyone reads it.
    os.truncate(path, path.stat().st_size // 2)
    made = computed(project.run())
    assert made["cache_features"] == made["export_attention"] == 1
    assert rows(project, "failures") == []


def test_all_faults_are_named_at_once(tmp_path):
    """Those of settings, of runs and of data that are not there."""
    settings = {"evaluate": ["made", "videos"], "motion": {"cell": 300}}
    settings["runs"] = {"default": {}, "low": {"clustering": {"tau": 0}}}
    text = Project(tmp_path / "project", settings).run("--dry-run", check=False)
    assert "  - motion.cell: must be at most height (240), not 300" in text
    assert "  - runs.low: clustering.tau: must be more than 0, not 0" in text
    assert "  - videos: missing: videos. " in text


def test_a_run_can_be_looked_at_and_not_be_joined(tmp_path):
    """While one goes on, what only looks works; what would write is refused."""
    made = {"clips": 6, "frames": 100, "height": 360, "width": 640}
    project = Project(tmp_path / "project", {"datasets": {"made": {"make": made}}})
    target = "results/made/videos.csv"
    with subprocess.Popen(
        project.command(target),
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            until = time.monotonic() + 60
            while not list(project.folder.glob("resources/.made.*")):
                assert running.poll() is None and time.monotonic() < until
                time.sleep(0.05)
            for option in ("dry-run", "summary", "dag", "list-rules"):
                project.run(target, f"--{option}")
            project.run(target, "--report", str(tmp_path / "report.html"))
            assert running.poll() is None, "the run ended before all was looked at"
            for options in ([target], ["--touch", target], ["--delete-all-output", target]):
                text = project.run(*options, check=False)
                assert "Another snakemake is at work in this folder" in text, options
            assert running.poll() is None, "the run ended before all was refused"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
    claim_folder(project.folder / ".snakemake").close()


def test_only_what_a_method_needs_is_planned(tmp_path):
    """From the start: the paper's measures no motion, and has features at one size alone."""
    project = Project(tmp_path / "project", {"refinement": {"height": 126, "width": 224}})
    project.run("results/made/videos.csv")
    better = project.planned()
    assert (better["measure_motion"], better["cache_features"]) == (1, 2)
    project.change({"method": "paper"})
    paper = project.planned()
    assert "measure_motion" not in paper
    assert (paper["select_objects"], paper["cache_features"]) == (1, 1)
    # Side by side: the features once, a block and tracks for each.
    project.change({"method": "better", "runs": {"default": {}, "paper": {"method": "paper"}}})
    both = project.planned()
    assert (both["measure_motion"], both["cache_features"], both["train_block"]) == (1, 2, 2)
    assert both["cluster_tracks"] == both["select_objects"] == 2
    project.change({"training": {"output_dropout": "attention"}})
    assert project.planned()["cluster_tracks"] == 1
    project.change({"runs": {"paper": {"method": "papers"}}})
    text = project.run("--dry-run", check=False)
    assert "runs.paper: method: must be one of 'better', 'paper', not 'papers'" in text
