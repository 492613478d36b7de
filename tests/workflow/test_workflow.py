"""The workflow, run for real on tiny videos: what reruns, what survives a kill, what fails."""

import csv
import math
import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image

from betrayed.config.settings import runs
from betrayed.engine import costs, planning
from support.dataset_copies import plain_videos
from support.paths import ROOT
from support.workflow_project import Project, merged

CHAIN = {
    "objects": ["select_objects", "score_video", "draw_pictures"],
    "tracks": ["cluster_tracks"],
    "attention": ["export_attention"],
    "training": ["train_block"],
    "features": ["cache_features"],
}


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project whose workflow has run to the end; tests copy it and leave it alone."""
    project = Project(tmp_path_factory.mktemp("workflow") / "finished")
    project.run()
    return project


@pytest.fixture
def project(finished, tmp_path):
    return finished.copy(tmp_path / "project")


def rules_of(*, since):
    """The rules that rerun per video when a stage has changed, and the table."""
    names = list(CHAIN)
    later = names[: names.index(since) + 1]
    return {rule for name in later for rule in CHAIN[name]} | {"collect_tables"}


def rows(project, table="summary"):
    path = project.folder / "results" / "tables" / f"{table}.csv"
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_tables_and_pictures_are_there(finished):
    table = rows(finished)
    assert list(table[0])[:6] == ["run", "dataset", "video", "protocol", "metric", "value"]
    protocols = {row["protocol"] for row in table}
    assert {"davis2016", "davis2017-sequence", "davis2017-frame", "video-object"} <= protocols
    videos = {row["video"] for row in table} - {"all"}
    assert len(videos) == 3
    assert all(0 <= float(row["value"]) <= 1 for row in table if row["metric"] == "J_mean")
    pictures = list((finished.folder / "results" / "pictures").rglob("overlay.mp4"))
    assert len(pictures) == 3


def test_every_job_leaves_a_log_and_its_usage(finished):
    results = finished.folder / "results"
    for rule in {rule for rules in CHAIN.values() for rule in rules} | {"fetch_weights"}:
        assert list((results / "logs" / rule).rglob("*.log")) or list(
            (results / "logs").glob(f"{rule}*.log")
        )
        for path in usage(finished, rule):
            assert path.read_text().startswith("seconds\tstart_up\tcpu_seconds\tmb\tgpu_mb")


def usage(project, rule):
    found = list((project.folder / "results" / "benchmarks" / rule).rglob("*.tsv"))
    assert found
    return found


def test_jobs_are_forked_and_the_variable_switches_that_off(project, monkeypatch):
    log = project.folder / ".snakemake" / "warm_start.log"
    assert log.read_text() == ""  # the processes that they are forked from had nothing to say
    log.unlink()
    shutil.rmtree(project.folder / "results" / "made" / "scores")
    monkeypatch.setenv("BETRAYED_WARM_START", "0")
    project.run()
    assert not log.exists()


def test_exports_are_made_when_they_are_asked_for(project):
    assert project.planned("exports") == {"export_davis": 1, "exports": 1}
    project.run("exports")
    (folder,) = (project.folder / "results" / "exports").glob("*/made/davis")
    frames = project.folder / "results" / "made" / "frames"
    assert {one.name for one in folder.iterdir()} == {one.name for one in frames.iterdir()}
    assert all(len(list(one.glob("*.png"))) == 10 for one in folder.iterdir())
    assert project.planned("exports") == {}


def test_average_precision_is_added_without_scoring_a_video_again(project):
    protocols = yaml.safe_load((ROOT / "config.yaml").read_text())["scoring"]["protocols"]
    project.change({"scoring": {"protocols": [*protocols, "youtube-vis"]}})
    added = {"list_detections": 3, "pool_detections": 1, "list_scores": 1, "collect_tables": 1}
    assert project.planned() == added
    before = rows(project)
    project.run()
    found = [row for row in rows(project) if row["protocol"] == "youtube-vis"]
    assert {row["metric"] for row in found} == {"AP", "AP50", "AP75", "AR1", "AR10", "AR100"}
    assert {(row["video"], row["videos"]) for row in found} == {("all", "3")}
    assert [row for row in rows(project) if row not in found] == before
    assert project.planned() == {}


def asked(project, *options):
    """The mem_mb and runtime that a dry run shows, by rule and video; all jobs run anew."""
    text = project.run("--dry-run", "--forcerun", "extract_frames", "train_block", *options)
    found = {}
    for block in re.split(r"\n(?:rule|checkpoint) ", text)[1:]:
        resources = dict(re.findall(r"\b(mem_mb|runtime)=(\d+)", block))
        video = re.search(r"video=([^,\n]+)", block)
        if resources:
            name = (block.partition(":")[0], video[1] if video else None)
            found[name] = {key: int(value) for key, value in resources.items()}
    return found


def test_schedulers_are_asked_for_memory_and_time_as_jobs_need_them(project):
    """More frames and a later attempt ask for more, and no formula or coefficient reruns a job."""
    usual = asked(project)
    assert {rule for rule, _ in usual} == {
        "extract_frames",
        "measure_motion",
        *(rule for rules in CHAIN.values() for rule in rules),
        "collect_tables",
        "collect_videos",
    }
    assert all(both["mem_mb"] > 0 and both["runtime"] > 0 for both in usual.values())
    again = asked(project, "--attempt", "2")
    assert all(again[job]["mem_mb"] >= 2 * usual[job]["mem_mb"] - 1 for job in usual)
    assert all(again[job]["runtime"] >= 2 * usual[job]["runtime"] - 1 for job in usual)

    path = sorted((project.folder / "results" / "made" / "frames").glob("*/frames.json"))[0]
    path.write_text(path.read_text().replace('"count": 10,', '"count": 100000,'))
    long = asked(project)
    video = path.parent.name
    for rule in ("cache_features", "cluster_tracks", "select_objects"):
        assert long[rule, video]["runtime"] > usual[rule, video]["runtime"], rule
    for rule in ("cluster_tracks", "select_objects", "score_video"):
        assert long[rule, video]["mem_mb"] > usual[rule, video]["mem_mb"], rule
    assert all(long[job] == usual[job] for job in usual if job[1] != video)


def test_other_coefficients_rerun_nothing(project):
    library = project.folder / "scripts" / "betrayed" / "engine"
    for name in ("costs.py", "planning.py", "coefficients.json"):
        (library / name).write_text((library / name).read_text() + "\n")
    assert project.planned() == {}


def test_usage_holds_what_the_cost_model_needs(finished):
    """So that anybody can fit it to their own runs."""
    for stage in costs.FORMS:
        facts = pd.read_csv(usage(finished, stage)[0], sep="\t").to_dict("records")[0]
        terms = costs.stage_terms(stage, facts)
        assert set(terms) <= set(facts), stage
        expected = costs.cost(stage, facts, costs.read_coefficients())
        assert facts["mb"] < 2 * expected["mb"], stage


def test_what_is_known_before_a_job_is_what_it_writes_down(finished):
    run = runs(merged(yaml.safe_load((ROOT / "config.yaml").read_text()), finished.settings))[0]
    path = sorted((finished.folder / "results" / "made" / "frames").glob("*/frames.json"))[0]
    video = planning.video_facts(path)
    planned = {
        "extract_frames": video,
        "cache_features": video | planning.backbone_facts(run.features, gpu=False),
        "export_attention": planning.attention_facts(run.features),
        "cluster_tracks": planning.cluster_facts(run, video["frames"]),
        "train_block": planning.training_facts(run, gpus=0),
        "select_objects": video | planning.object_facts(run),
        "measure_motion": video | run.settings["motion"],
    }
    for stage, facts in planned.items():
        found = [one for one in usage(finished, stage) if one.stem == path.parent.name]
        written = pd.read_csv((found or usage(finished, stage))[0], sep="\t").iloc[0]
        both = sorted(facts.keys() & written.index)
        assert len(both) >= 3
        assert [facts[name] for name in both] == pytest.approx(list(written[both])), stage


def test_a_second_run_has_nothing_to_do(finished):
    assert finished.planned() == {}


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
    helpers = {"list_scores", "list_runs", "list_training_features"}
    assert set(plan) - helpers == rules_of(since=since)
    per_video = {*CHAIN["objects"], *CHAIN["tracks"], *CHAIN["features"]}
    assert all(plan[rule] == 3 for rule in set(plan) & per_video)


def test_another_benchmark_or_published_figure_makes_the_tables_anew_alone(project):
    project.change({"datasets": {"made": {"benchmark": "davis2016-val"}}})
    assert project.planned() == {"list_scores": 1, "collect_tables": 1}
    project.run()
    boards = {row["board"] for row in rows(project, "leaderboard")}
    assert boards == {"davis2016-val", "made (3 of 20 videos of davis2016-val)"}
    path = project.folder / "scripts" / "betrayed" / "reporting" / "published.csv"
    path.write_text(path.read_text() + "New,davis2016-val,davis2016,J_mean,0.9,somebody\n")
    assert project.planned() == {"collect_tables": 1}


def test_refinement_adds_features_and_reruns_the_choice_of_objects(project):
    project.change({"refinement": {"height": 126, "width": 224}})
    plan = project.planned()
    assert set(plan) - {"list_scores", "list_runs"} == rules_of(since="objects") | {
        "cache_features"
    }
    assert plan["cache_features"] == 3


def test_the_papers_method_without_training_anew(project):
    """Motion and the fine features that are there are left alone; a block of its own is trained."""
    project.change({"refinement": {"height": 126, "width": 224}, "method": "paper"})
    plan = project.planned()
    assert set(plan) - {"list_scores", "list_runs", "list_training_features"} == rules_of(
        since="training"
    )


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
    assert plan["cluster_tracks"] == 3
    project.run()
    both = rows(project)
    assert [row for row in both if row["run"] == "default"] == first
    assert len([row for row in both if row["run"] == "fine"]) == len(first)
    assert len({row["run"] for row in rows(project, "runs")}) == 2
    assert project.planned() == {}


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


def test_killed_in_the_middle_of_every_stage_it_gives_the_same_tables(finished, tmp_path, package):
    """One project, killed in each stage in turn: every run goes on past where the last one died."""
    project = Project(tmp_path / "project", package=package)
    stages = (
        "make_dataset extract_frames cache_features train_block export_attention cluster_tracks "
        "select_objects draw_pictures score_video"
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
        ("collect_tables", ["tables"]),
    ],
)
def test_killed_in_a_stage_by_itself_it_gives_the_same_tables(project, finished, program, gone):
    """Motion is measured beside other stages in an order that is free; tables are made in one."""
    usual = project.usual_seconds(program)
    for folder in gone:
        shutil.rmtree(project.folder / "results" / folder)
    project.run_and_kill(program, usual)
    project.run()
    assert project.tables() == finished.tables()


def test_the_same_seed_gives_the_same_tables_byte_for_byte(finished, tmp_path, package):
    again = Project(tmp_path / "again", package=package)
    again.run()
    assert again.tables() == finished.tables()


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


def test_a_features_file_cut_short_is_refused_by_name(project):
    path = next(project.folder.glob("results/made/features/*/*.h5"))
    os.truncate(path, path.stat().st_size // 2)
    shutil.rmtree(project.folder / "results/made/attention")
    text = project.run("--keep-going", check=False)
    assert f"{Path(path).name} is not a whole HDF5 file" in text


def test_a_second_snakemake_in_the_same_folder_is_refused(project):
    from betrayed.engine.workplace import claim

    kept = claim(project.folder / ".snakemake")
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
