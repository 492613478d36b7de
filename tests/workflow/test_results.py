"""What a run leaves behind, and what is known of its jobs before they run."""

import h5py
import pandas as pd
import yaml

from betrayed.config.exports import SERVERS, TENSORBOARD, TOOLS
from support.paths import ROOT
from support.workflow_project import CHAIN, LAST, rows


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
    assert set(project.planned()) == {"score_video", "collect_tables"} | LAST
    project.run()
    assert {row["protocol"] for row in rows(project)} == {"video-object", "tracks-object"}


def test_every_job_leaves_a_log_and_what_it_took(finished):
    results = finished.folder / "results"
    for rule in {rule for rules in CHAIN.values() for rule in rules} | {"fetch_weights"}:
        assert list((results / "logs" / rule).rglob("*.log")) or list(
            (results / "logs").glob(f"{rule}*.log")
        )
        assert list((results / "benchmarks" / rule).rglob("*.tsv"))


def test_exports_are_made_when_they_are_asked_for(project):
    assert project.planned("exports") == {"export_for_servers": 1, "exports": 1}
    project.run("exports")
    (folder,) = (project.folder / "results" / "exports").glob("*/made/davis")
    frames = project.folder / "results" / "made" / "frames"
    assert {one.name for one in folder.iterdir()} == {one.name for one in frames.iterdir()}
    assert all(len(list(one.glob("*.png"))) == 10 for one in folder.iterdir())


def test_every_form_is_exported_and_a_setting_makes_its_own_anew(project):
    forms = [*SERVERS, *TOOLS, TENSORBOARD]
    project.change({"exports": {"formats": forms}})
    project.run("exports")
    (run,) = [
        one for one in (project.folder / "results" / "exports").iterdir() if one.name != TENSORBOARD
    ]
    videos = {one.name for one in (project.folder / "results" / "made" / "frames").iterdir()}
    for form in SERVERS:
        assert (run / "made" / f"{form}.zip").is_file()
    for form in TOOLS:
        folder = run / "made" / form
        named = {path.name.split(".")[0].removesuffix("-tracks") for path in folder.rglob("*")}
        assert videos <= named, form
    (log,) = (project.folder / "results" / "exports" / TENSORBOARD).glob("*/events.out.tfevents.*")
    assert log.stat().st_size > 12 * 100  # steps, with five figures each
    assert project.planned("exports") == {}
    # Servers get all proposals, whatever tools get; and a log has no masks.
    project.change({"exports": {"level": "parts", "most_objects": 2}})
    assert project.planned("exports") == {"export_for_tools": len(TOOLS), "exports": 1}


def test_another_style_draws_again_and_computes_nothing_else(project):
    project.change({"pictures": {"style": "outline", "level": "parts"}})
    assert set(project.planned()) == {"draw_pictures", "collect_failures", "check_failures"}
    project.change({"pictures": {"draw": False}})
    assert not {"draw_pictures", "select_objects"} & set(project.planned())


def test_average_precision_is_added_without_scoring_a_video_again(project):
    protocols = yaml.safe_load((ROOT / "config.yaml").read_text())["scoring"]["protocols"]
    project.change({"scoring": {"protocols": [*protocols, "youtube-vis"]}})
    added = {"list_detections", "pool_detections", "list_scores", "collect_tables"}
    assert set(project.planned()) == added | {"check_failures"}
    before = rows(project)
    project.run()
    found = [row for row in rows(project) if row["protocol"] == "youtube-vis"]
    assert {row["metric"] for row in found} == {"AP", "AP50", "AP75", "AR1", "AR10", "AR100"}
    assert {(row["video"], row["videos"]) for row in found} == {("all", "3")}
    assert [row for row in rows(project) if row not in found] == before
    assert project.planned() == {}
    # Parts are scored by all protocols of one table.
    project.change({"scoring": {"level": "parts"}})
    again = {"score_video", "list_detections", "pool_detections", "collect_tables"}
    assert set(project.planned()) == again | LAST
