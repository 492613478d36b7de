"""The tables over many videos, and the closing summary."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from betrayed.errors import UserError
from betrayed.reporting.summary import stage_table, summary_text
from betrayed.reporting.tables import tabulate_runs, write_tables
from support.paths import SCRIPTS
from support.score_files import RUNS, WHOLE, A, B, score_sources

PROGRAMS = SCRIPTS
PUBLISHED = PROGRAMS / "betrayed" / "reporting" / "published.csv"
TABLES = ["leaderboard", "measurements", "objects", "runs", "summary"]


@pytest.fixture
def sources(tmp_path):
    return score_sources(tmp_path, {"b": B, "a": A}, benchmark="davis2017-val")


def test_runs(sources):
    table = tabulate_runs(RUNS)
    names = ["run", "clustering.tau", "seed", "training.videos", "weights.path"]
    assert list(table.columns) == names
    assert table["run"].tolist() == ["default", "fine"]
    assert table["clustering.tau"].tolist() == [1, 0.1]
    assert table["training.videos"].tolist() == ["x", '["bear", "bus"]']
    assert table["weights.path"].isna().all()


def test_files_are_the_same_whatever_the_order(tmp_path, sources):
    sources += score_sources(tmp_path, {"all": WHOLE})
    write_tables(tmp_path / "one", sources, RUNS, PUBLISHED)
    write_tables(tmp_path / "two", sources[::-1], dict(reversed(RUNS.items())), PUBLISHED)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    forms = [f"{table}.{form}" for table in TABLES for form in ("csv", "parquet")]
    assert names == sorted([*forms, "leaderboard.md"])
    for name in names:
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two, name
    lines = (tmp_path / "one" / "summary.csv").read_text().splitlines()
    assert lines[0] == "run,dataset,video,protocol,metric,value,low,high,videos"
    assert lines[1] == "default,made,a,davis2016,F_mean,0.400000,,,1"
    assert "default,made,all,davis2016,J_mean,0.566667,0.333333,0.800000,2" in lines
    lines = (tmp_path / "one" / "measurements.csv").read_text().splitlines()
    assert lines[0] == "run,dataset,video,object,frame,protocol,metric,value"
    assert lines[1] == "default,made,a,1,0,davis2017-sequence,F,0.700000"
    assert "default,made,b,,,davis2016,J_mean,0.333333" in lines


@pytest.mark.parametrize("table", TABLES)
def test_both_forms_hold_the_same(tmp_path, sources, table):
    write_tables(tmp_path, sources, RUNS, PUBLISHED)
    csv = pd.read_csv(tmp_path / f"{table}.csv").astype(object)
    parquet = pd.read_parquet(tmp_path / f"{table}.parquet")
    kept = parquet.astype(object)
    # Missing values have a name of their own in each type of column.
    pd.testing.assert_frame_equal(csv.fillna("-"), kept.fillna("-"))
    if table != "runs":
        assert all(parquet[name].dtype == "category" for name in ("protocol", "metric"))
        assert parquet["metric"].cat.categories.is_monotonic_increasing


def test_no_scores_make_empty_tables(tmp_path):
    write_tables(tmp_path, [], {"default": {"seed": 0}}, PUBLISHED)
    assert (tmp_path / "summary.csv").read_text() == (
        "run,dataset,video,protocol,metric,value,low,high,videos\n"
    )
    assert (tmp_path / "measurements.csv").read_text() == (
        "run,dataset,video,object,frame,protocol,metric,value\n"
    )
    assert pd.read_parquet(tmp_path / "leaderboard.parquet").empty


def test_damaged_scores_leave_no_tables(tmp_path, sources):
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(UserError, match=r"a\.csv is no table of scores"):
        write_tables(tmp_path / "tables", sources, RUNS, PUBLISHED)
    assert not (tmp_path / "tables").exists()


def write_usage(path, *figures):
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = "seconds\tstart_up\tcpu_seconds\tmb\tgpu_mb\tframes"
    path.write_text(columns + "\n" + "\t".join(map(str, figures)) + "\n")


def test_stages(tmp_path):
    write_usage(tmp_path / "score_video" / "made" / "default" / "a.tsv", 1.5, 0.5, 2, 90, "", 3)
    write_usage(tmp_path / "score_video" / "made" / "default" / "b.tsv", 2.5, 0.5, 2, 80, "", 3)
    write_usage(tmp_path / "train_block" / "x.tsv", 60, 3, 70, 900.5, "", "")
    (tmp_path / "list_runs").mkdir()
    (tmp_path / "list_runs" / "all.tsv").write_text("s\tmax_rss\n1.0\t90\n")  # an older version's
    table = stage_table(tmp_path)
    assert list(table) == ["stage", "jobs", "seconds", "start-up", "MB"]
    assert table["stage"].tolist() == ["train_block", "score_video", "all"]
    assert table["jobs"].tolist() == [1, 2, 3]
    assert table["seconds"].tolist() == [60, 4, 64]
    assert table["start-up"].tolist() == [0.05, 0.25, 0.0625]
    assert table["MB"].tolist() == [900.5, 90, 900.5]
    write_usage(tmp_path / "train_block" / "x.tsv", 60, 3, 70, 900.5, 7000, "")
    assert stage_table(tmp_path)["GPU MB"].fillna(0).tolist() == [7000, 0, 7000]
    assert stage_table(tmp_path / "nowhere").empty


def test_programs(tmp_path, sources):
    (tmp_path / "scores.json").write_text(json.dumps(sources))
    (tmp_path / "runs.json").write_text(json.dumps(RUNS))
    write_usage(tmp_path / "benchmarks" / "train_block" / "x.tsv", 60.2, 3.01, 70, 900.5, 7000, "")
    (tmp_path / "pictures" / "default").mkdir(parents=True)
    (tmp_path / "pictures" / "default" / "sheet.png").touch()
    command = [sys.executable, PROGRAMS / "collect_tables.py", "--scores", tmp_path / "scores.json"]
    command += ["--runs", tmp_path / "runs.json", "--output-folder", tmp_path / "tables"]
    command += ["--published", PUBLISHED, "--max-proposals", "20"]
    subprocess.run(command, check=True, capture_output=True)
    command = [sys.executable, PROGRAMS / "print_summary.py", "--tables", tmp_path / "tables"]
    command += ["--benchmarks", tmp_path / "benchmarks", "--pictures", tmp_path / "pictures"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in text.splitlines()]
    figures = ["0.500", "0.500", "0.500", "[0.150,", "0.675]"]
    assert ["default", "made", "davis2017-sequence", *figures] in lines
    figures = ["0.050", "[-0.100,", "0.200]", "0.350", "[0.300,", "0.400]"]
    assert ["default", "made", "video-object", *figures] in lines
    assert ["train_block", "1", "60.2", "5%", "900", "7000"] in lines
    assert "default/sheet.png" in text


def test_summary_before_the_tables(tmp_path):
    with pytest.raises(UserError, match=r"summary\.csv does not exist"):
        summary_text(tmp_path, tmp_path, tmp_path)


def test_unreadable_list_is_named(tmp_path):
    (tmp_path / "scores.json").write_text('[{"run": "default"}]')
    (tmp_path / "runs.json").write_text("{}")
    command = [sys.executable, PROGRAMS / "collect_tables.py", "--scores", tmp_path / "scores.json"]
    command += ["--runs", tmp_path / "runs.json", "--output-folder", tmp_path / "tables"]
    command += ["--published", PUBLISHED, "--max-proposals", "20"]
    failed = subprocess.run(command, capture_output=True, text=True)
    assert failed.returncode == 1
    assert "scores.json: every entry needs run, dataset, benchmark, video, path" in failed.stderr
