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
from support.records import record_of
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


def write_benchmark(path, seconds, memory):
    """A TSV as Snakemake writes it, with more columns than are read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
    path.write_text(f"{columns}\n{seconds}\t0:00:09\t{memory}\t1\t2\t3\t4\t5\t6\t7\n")


def test_stages(tmp_path):
    write_benchmark(tmp_path / "score_video" / "made" / "default" / "0000.tsv", 1.5, 90)
    write_benchmark(tmp_path / "score_video" / "made" / "default" / "0001.tsv", 2.5, 80)
    write_benchmark(tmp_path / "train_block" / "x.tsv", 60, 900.5)
    write_benchmark(tmp_path / "list_videos" / "made.tsv", 0.25, "-")  # soon over
    table = stage_table(tmp_path)
    assert list(table) == ["stage", "jobs", "seconds", "MB"]
    assert table["stage"].tolist() == ["train_block", "score_video", "list_videos", "all"]
    assert table["jobs"].tolist() == [1, 2, 1, 4]
    assert table["seconds"].tolist() == [60, 4, 0.25, 64.25]
    assert table["MB"].fillna(0).tolist() == [900.5, 90, 0, 900.5]
    assert stage_table(tmp_path / "nowhere").empty


def test_times_of_jobs_that_were_cut_are_left_out_and_named(tmp_path, capsys):
    write_benchmark(tmp_path / "score_video" / "whole.tsv", 1.5, 90)
    whole = (tmp_path / "score_video" / "whole.tsv").read_text()
    head = whole.index("\n") + 1
    cut = ["", whole[:20], whole[:head], whole[: head + 12], whole.replace("1.5", "x")]
    for number, text in enumerate(cut):
        (tmp_path / "score_video" / f"{number}.tsv").write_text(text)
    assert stage_table(tmp_path)["seconds"].tolist() == [1.5, 1.5]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(cut) and "0.tsv is left out of the times of stages" in said[0]


def score_records(sources, folder):
    """The same scores, a record for each data set in the place of its videos."""
    videos = {}
    for one in sources:
        key = tuple(one[name] for name in ("run", "dataset", "benchmark"))
        videos.setdefault(key, {})[one["video"]] = one["path"]
    return [
        {"run": run, "dataset": dataset, "benchmark": benchmark}
        | {"record": str(record_of(folder / f"{run}-{dataset}.json", made))}
        for (run, dataset, benchmark), made in videos.items()
    ]


def collect(tmp_path, sources, folder="tables"):
    (tmp_path / "scores.json").write_text(json.dumps(sources))
    (tmp_path / "runs.json").write_text(json.dumps(RUNS))
    command = [sys.executable, PROGRAMS / "collect_tables.py", "--scores", tmp_path / "scores.json"]
    command += ["--runs", tmp_path / "runs.json", "--output-folder", tmp_path / folder]
    command += ["--published", PUBLISHED, "--max-proposals", "20"]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.slow
def test_programs(tmp_path, sources):
    write_benchmark(tmp_path / "benchmarks" / "train_block" / "x.tsv", 60.2, 900.5)
    write_benchmark(tmp_path / "benchmarks" / "list_videos" / "x.tsv", 0.1, "-")
    (tmp_path / "pictures" / "default").mkdir(parents=True)
    (tmp_path / "pictures" / "default" / "sheet.png").touch()
    done = collect(tmp_path, score_records(sources, tmp_path / "records"))
    assert done.returncode == 0, done.stderr
    command = [sys.executable, PROGRAMS / "print_summary.py", "--tables", tmp_path / "tables"]
    command += ["--benchmarks", tmp_path / "benchmarks", "--pictures", tmp_path / "pictures"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in text.splitlines()]
    figures = ["0.500", "0.500", "0.500", "[0.150,", "0.675]"]
    assert ["default", "made", "davis2017-sequence", *figures] in lines
    figures = ["0.050", "[-0.100,", "0.200]", "0.350", "[0.300,", "0.400]"]
    assert ["default", "made", "video-object", *figures] in lines
    assert ["train_block", "1", "60.2", "900"] in lines
    assert ["list_videos", "1", "0.1", "-"] in lines
    assert "default/sheet.png" in text


@pytest.mark.slow
def test_records_and_single_tables_stand_side_by_side(tmp_path, sources):
    """Videos come in records, what is scored over a whole data set as a table of its own."""
    whole = score_sources(tmp_path, {"all": WHOLE})
    mixed = [*score_records(sources, tmp_path / "records"), *whole]
    assert len(mixed) < len(sources) + len(whole)
    for folder, given in (("mixed", mixed), ("single", [*sources, *whole])):
        done = collect(tmp_path, given, folder)
        assert done.returncode == 0, done.stderr
    for path in (tmp_path / "single").iterdir():
        assert path.read_bytes() == (tmp_path / "mixed" / path.name).read_bytes(), path.name


def test_summary_before_the_tables(tmp_path):
    with pytest.raises(UserError, match=r"summary\.csv does not exist"):
        summary_text(tmp_path, tmp_path, tmp_path)


@pytest.mark.slow
def test_unreadable_lists_are_named(tmp_path):
    failed = collect(tmp_path, [{"run": "default"}])
    assert failed.returncode == 1
    assert "scores.json: every entry needs run, dataset, benchmark" in failed.stderr
    row = {"run": "default", "dataset": "made", "benchmark": None}
    failed = collect(tmp_path, [row | {"record": str(tmp_path / "none.json")}])
    assert failed.returncode == 1 and "none.json does not exist" in failed.stderr
    failed = collect(tmp_path, [row])
    assert failed.returncode == 1
    assert "scores.json: every entry needs a record, or video and path" in failed.stderr
    assert not (tmp_path / "tables").exists()
