"""What a changed setting, source or table reruns, and what it leaves alone."""

import os
import shutil
from base64 import b64encode

import pytest

from support.workflow_project import CHAIN, LAST, computed, rows

#: Small files that name what tables are made from; they change with identifiers.
LISTS = {"list_scores", "list_runs", "list_records"}


def rules_of(*, since):
    """The rules that rerun when a stage has changed, and the tables."""
    names = list(CHAIN)
    later = names[: names.index(since) + 1]
    # A clip is clustered by the settings of tracks, to show how training went.
    shown = {"draw_training"} if "tracks" in later else set()
    return {rule for name in later for rule in CHAIN[name]} | {"collect_tables"} | LAST | shown


def test_a_second_run_has_nothing_to_do(project):
    assert project.planned() == {}


@pytest.mark.parametrize(
    ("change", "since"),
    [
        ({"objects": {"levels": 1}}, "objects"),
        ({"clustering": {"tau": 0.2}}, "tracks"),
        ({"training": {"learning_rate": 2.0e-3}}, "training"),
        ({"features": {"height": 112}, "training": {"height": 112}}, "features"),
    ],
)
def test_a_changed_setting_reruns_its_stage_and_what_follows(project, change, since):
    project.change(change)
    plan = project.planned()
    assert set(plan) - LISTS == rules_of(since=since)
    assert all(plan[rule] == 1 for rule in plan)


def test_another_benchmark_or_published_figure_makes_the_tables_anew_alone(project):
    project.change({"datasets": {"made": {"benchmark": "davis2016-val"}}})
    # As where the list could not be written: what was made of the one before must not stay.
    (project.folder / (made := "results/tables/.sources/scores.json")).unlink()
    (project.folder / ".snakemake/metadata" / b64encode(made.encode()).decode()).unlink()
    assert set(project.planned()) == {"list_scores", "collect_tables", "check_failures"}
    project.run()
    boards = {row["board"] for row in rows(project, "leaderboard")}
    assert boards == {"davis2016-val", "made (3 of 20 videos of davis2016-val)"}
    path = project.folder / "scripts" / "betrayed" / "reporting" / "published.csv"
    path.write_text(path.read_text() + "New,davis2016-val,davis2016,J_mean,0.9,somebody\n")
    assert set(project.planned()) == {"collect_tables", "check_failures"}


def test_refinement_adds_features_and_reruns_the_choice_of_objects(project):
    project.change({"refinement": {"height": 126, "width": 224}})
    plan = project.planned()
    assert set(plan) - LISTS == rules_of(since="objects") | {"cache_features"}
    assert plan["cache_features"] == 1


def test_the_papers_method_without_training_anew(project):
    """Motion and the fine features that are there are left alone; a block of its own is trained."""
    project.change({"refinement": {"height": 126, "width": 224}, "method": "paper"})
    plan = project.planned()
    assert set(plan) - LISTS == rules_of(since="training")


def test_a_touched_file_changes_nothing(project):
    for path in [*project.folder.glob("scripts/betrayed/**/*.py"), project.folder / "config.yaml"]:
        os.utime(path)
    assert project.planned() == {}


@pytest.mark.parametrize(
    ("module", "since"),
    [
        ("objects/pixels.py", "objects"),
        ("objects/affinity.py", "objects"),
        ("clustering/merge_tree.py", "tracks"),
        ("clustering/clustering.py", "tracks"),
        ("training/losses.py", "training"),
        ("features/backbone.py", "features"),
    ],
)
def test_an_edited_module_reruns_the_stage_that_uses_it(project, module, since):
    path = project.folder / "scripts" / "betrayed" / module
    path.write_text(path.read_text() + "\n# edited\n")
    plan = project.planned()
    expected = {
        "objects": "select_objects",
        "tracks": "cluster_tracks",
        "training": "train_block",
        "features": "cache_features",
    }
    before = {
        "objects": {"cluster_tracks", "measure_motion", "cache_features"},
        "tracks": {"train_block", "cache_features", "export_attention"},
        "training": {"cache_features"},
        "features": {"extract_frames"},
    }
    assert expected[since] in plan
    assert "collect_tables" in plan
    assert not before[since] & set(plan)


def test_two_settings_side_by_side_keep_both_results(project):
    first = rows(project)
    project.change({"runs": {"default": {}, "fine": {"clustering": {"tau": 0.01}}}})
    plan = project.planned()
    assert "train_block" not in plan
    assert "export_attention" not in plan
    assert plan["cluster_tracks"] == 1
    project.run()
    both = rows(project)
    assert [row for row in both if row["run"] == "default"] == first
    assert len([row for row in both if row["run"] == "fine"]) == len(first)
    assert len({row["run"] for row in rows(project, "runs")}) == 2
    assert project.planned() == {}


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        ("cluster_tracks", ["made/tracks/*/*.h5"]),
        ("select_objects", ["made/masks/*/*/proposals/*.png", "made/masks/*/*/foreground"]),
        ("draw_pictures", ["pictures/*/*/*/overlay.mp4"]),
    ],
)
def test_a_deleted_artefact_is_made_anew_and_nothing_else(project, stage, names):
    before = project.tables()
    # Of several kinds each of another video.
    paths = [
        sorted((project.folder / "results").glob(name))[-number]
        for number, name in enumerate(names)
    ]
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert computed(project.run()) == {stage: len(paths)}
    assert all(path.exists() for path in paths)
    assert project.tables() == before
    assert project.planned() == {}


@pytest.mark.parametrize("name", ["summary.csv", "objects.parquet", "leaderboard.md", "videos.csv"])
def test_a_deleted_table_is_made_anew(project, name):
    (project.folder / "results/tables" / name).unlink()
    planned = project.planned()
    made = "collect_videos" if name == "videos.csv" else "collect_tables"
    assert planned.get(made) == 1 and "score_video" not in planned, planned


def test_forced_rules_compute_all_their_videos_anew(project):
    text = project.run("--forcerun", "score_video")
    assert computed(text) == {"score_video": 3}


def test_another_batch_size_computes_nothing(project):
    project.change({"batch_size": 2})
    text = project.run()
    assert computed(text) == {}
    assert len(list(project.folder.glob("results/made/records/frames/*.json"))) == 2
    assert project.planned() == {}
