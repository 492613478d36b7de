"""The plan of a run: what is to do and what is up to date, by stage."""

import json
import shlex

import pytest

from betrayed.engine.plans import Stage, plan_text, read_plan
from betrayed.engine.sources import source_digest
from betrayed.errors import UserError

HEAD = "output_file\tdate\trule\tlog-file(s)\tstatus\tplan"


def summary(*rows):
    """As snakemake prints it: (path, rule, whether it is to be made)."""
    words = {True: "missing\tupdate pending", False: "ok\tno update"}
    lines = [f"{path}\t-\t{rule}\t-\t{words[pending]}" for path, rule, pending in rows]
    return [f"{line}\n" for line in (HEAD, *lines)]


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """Two batches: a and b, c."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "made"
    folder.mkdir(parents=True)
    (folder / "videos.csv").write_text("video,batch\na,0000\nb,0000\nc,0001\n")
    return folder


def record(stage, batch):
    return f"results/made/records/{stage}/{batch}.json"


def stamp(folder, video, code=None, size=3):
    artefact = folder / f"{video}.h5"
    artefact.write_bytes(bytes(3))
    path = folder / "records" / "tracks" / "x" / "videos" / f"{video}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    recipe = {"code": code or source_digest("cluster_tracks")}
    path.write_text(json.dumps({"recipe": recipe, "files": {str(artefact): size}}))


def test_jobs_and_videos_of_each_stage(listed):
    stamp(listed, "a")
    plan = read_plan(
        summary(
            ("results/tables/summary.csv", "collect_tables", True),
            ("results/tables/summary.parquet", "collect_tables", True),
            (record("masks/r", "0000"), "select_objects", True),
            (record("masks/r", "0001"), "select_objects", True),
            (record("tracks/x", "0000"), "cluster_tracks", True),
            (record("tracks/x", "0001"), "cluster_tracks", False),
            ("results/blocks/b/block.pt", "train_block", False),
            ("results/blocks/b/record.json", "train_block", False),
            (record("frames", "0000"), "extract_frames", False),
            ("results/made/videos.csv", "list_videos", False),
            ("results/made/truth", "list_videos", False),
        )
    )
    assert list(plan.stages.items()) == [
        ("extract_frames", Stage(0, 0, 0, 1, 2)),
        ("train_block", Stage(0, None, 0, 1, None)),
        ("cluster_tracks", Stage(1, 2, 1, 1, 1)),
        ("select_objects", Stage(2, 3, 0, 0, 0)),
    ]
    assert (plan.unlisted, plan.others) == ([], {"collect_tables": 2})
    assert plan_text(plan) == (
        "                to do:                       up to date:\n"
        "stage             jobs  videos  may be kept         jobs  videos\n"
        "extract_frames       0       0            0            1       2\n"
        "train_block          0       -            -            1       -\n"
        "cluster_tracks       1       2            1            1       1\n"
        "select_objects       2       3            0            0       0\n"
        "May be kept: made before by the same program; a job computes those alone whose settings "
        "or data have changed.\n"
        "Other files to write: collect_tables 2.\n"
    )


def test_only_what_the_same_program_made_and_is_there_may_be_kept(listed):
    def kept():
        rows = summary((record("tracks/x", "0000"), "cluster_tracks", True))
        return read_plan(rows).stages["cluster_tracks"].kept

    assert kept() == 0
    stamp(listed, "a")
    stamp(listed, "b")
    assert kept() == 2
    stamp(listed, "a", code="older")
    assert kept() == 1
    stamp(listed, "b", size=4)
    assert kept() == 0


def test_videos_that_are_not_listed_are_said_to_be_unknown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = summary(
        ("results/made/videos.csv", "list_videos", True),
        ("results/made/truth", "list_videos", True),
    )
    text = plan_text(read_plan(rows))
    assert text.startswith("Not listed yet: the videos of made.")
    assert text.endswith("\n  snakemake --cores all results/made/videos.csv\n")
    text = plan_text(read_plan(rows), ["presets/videos.yaml", "my own.yaml"], "/home/o'neil/films")
    command = text.splitlines()[-1]
    assert shlex.split(command) == [
        "VIDEOS=/home/o'neil/films",
        *("snakemake", "--cores", "all", "results/made/videos.csv"),
        *("--configfile", "presets/videos.yaml", "my own.yaml"),
    ]


def test_nothing_to_do_is_said(listed):
    plan = read_plan(summary((record("frames", "0000"), "extract_frames", False)))
    assert plan_text(plan).endswith("Nothing to do: all is up to date.\n")


def test_anything_else_is_refused():
    with pytest.raises(UserError, match="not what snakemake --summary prints"):
        read_plan(["Building DAG of jobs...\n"])
