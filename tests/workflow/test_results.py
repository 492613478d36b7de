"""What a run leaves behind, and what is known of its jobs before they run."""

import re
import shutil

import h5py
import pandas as pd
import pytest
import yaml

from betrayed.config.settings import runs
from betrayed.engine import costs, planning
from support.paths import ROOT
from support.workflow_project import CHAIN, merged, rows


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


def test_objects_have_parts_and_points_are_kept_for_others(finished):
    results = finished.folder / "results" / "made"
    tables = sorted((results / "masks").rglob("objects.csv"))
    assert len(tables) == 3
    for path in tables:
        table = pd.read_csv(path)
        parts = table[table["part"].notna()]
        assert set(parts["part_of"]) == set(
            table.loc[table["foreground"] & table["part"].isna(), "proposal"]
        )
        for kind in ("proposals", "parts", "foreground"):
            assert len(list((path.parent / kind).glob("*.png"))) == 10
    names = [
        sorted(path.name for path in (results / kind).rglob("*.h5"))
        for kind in ("motion", "trajectories")
    ]
    assert names[0] == names[1] and len(names[0]) == 3
    with h5py.File(next((results / "trajectories").rglob("*.h5"))) as file:
        assert set(file["frame"][:]) == set(range(10))
        assert {"id", "frame", "y", "x"} == set(file)


def test_tracks_are_scored_as_a_diagnosis_when_it_is_asked_for(project):
    project.change({"scoring": {"protocols": ["video-object", "tracks-object"], "level": "parts"}})
    assert project.planned() == {"score_video": 3, "collect_tables": 1}
    project.run()
    assert {row["protocol"] for row in rows(project)} == {"video-object", "tracks-object"}


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
