"""Killed anywhere a run goes on later, and gives what an undisturbed one gives."""

import math
import shutil

from support.workflow_project import Project


def test_killed_in_the_middle_of_every_stage_it_gives_the_same_tables(finished, tmp_path, package):
    """One project, killed in each stage in turn: every run goes on past where the last one died.

    Tables are those of another folder byte for byte, so that the same seed gives the same, too.
    """
    project = Project(tmp_path / "project", package=package)
    stages = (
        "make_dataset extract_frames cache_features train_block cluster_tracks "
        "select_objects score_video"
    )
    for program in stages.split():
        # Training is killed once it has left a checkpoint, however long that takes.
        training = program == "train_block"
        usual = math.inf if training else finished.usual_seconds(program)
        project.run_and_kill(program, usual)
        if training:
            assert len(list(project.folder.glob("results/blocks/*/checkpoint.pt"))) == 1
    text = project.run()
    assert "rule train_block" not in text
    assert project.tables() == finished.tables()
    assert project.planned() == {}
    logs = project.folder.glob("results/logs/train_block/*.log")
    assert "goes on after step" in next(logs).read_text()
    name = next(finished.folder.glob("results/blocks/*/training.csv")).relative_to(finished.folder)
    assert (project.folder / name).read_bytes() == (finished.folder / name).read_bytes()


def test_killed_while_motion_is_measured_it_gives_the_same_tables(project, finished):
    """Motion is measured beside other stages, in an order that is free."""
    usual = project.usual_seconds("measure_motion")
    for folder in ("made/motion", "made/masks", "made/scores", "pictures", "tables"):
        shutil.rmtree(project.folder / "results" / folder)
    project.run_and_kill("measure_motion", usual)
    project.run()
    assert project.tables() == finished.tables()
