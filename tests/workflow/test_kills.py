"""Killed anywhere a run goes on later, and gives what an undisturbed one gives."""

import math
import shutil

import pytest

from support.workflow_project import Project


def test_killed_in_the_middle_of_every_stage_it_gives_the_same_tables(finished, tmp_path, package):
    """One project, killed in each stage in turn: every run goes on past where the last one died.

    Tables are those of another folder byte for byte, so that the same seed gives the same, too.
    """
    project = Project(tmp_path / "project", package=package)
    stages = (
        "make_dataset extract_frames cache_features train_block export_attention cluster_tracks "
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


@pytest.mark.parametrize(
    ("program", "gone"),
    [
        ("measure_motion", ["made/motion", "made/masks", "made/scores", "pictures", "tables"]),
        ("draw_pictures", ["pictures"]),
    ],
)
def test_killed_in_a_stage_by_itself_it_gives_the_same_tables(project, finished, program, gone):
    """Motion is measured, and pictures are drawn, beside other stages in an order that is free."""
    usual = project.usual_seconds(program)
    for folder in gone:
        shutil.rmtree(project.folder / "results" / folder)
    project.run_and_kill(program, usual)
    project.run()
    assert project.tables() == finished.tables()
