"""The tables over many videos, and the closing summary."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from betrayed.errors import UserError
from betrayed.summary import stage_table, summary_text
from betrayed.tables import read_scores, summarise, tabulate_runs, write_tables

PROGRAMS = Path(__file__).resolve().parents[1] / "scripts"

# Video a has two objects, video b one: over the data set objects weigh alike, not videos.
A = """protocol,object,frame,metric,value
davis2017-sequence,1,0,J,0.9
davis2017-sequence,1,,J_mean,0.9
davis2017-sequence,1,,F_mean,0.7
davis2017-sequence,2,,J_mean,0.6
davis2017-sequence,2,,F_mean,0.5
davis2017-sequence,,,J_mean,0.75
davis2017-sequence,,,F_mean,0.6
davis2017-sequence,,,J&F,0.675
davis2016,,0,J,0.8
davis2016,,,J_mean,0.8
davis2016,,,F_mean,0.4
davis2016,,,J&F,0.6
video-object,,,FG-ARI,-0.1
"""
B = """protocol,object,frame,metric,value
davis2017-sequence,1,,J_mean,0.0
davis2017-sequence,1,,F_mean,0.3
davis2017-sequence,,,J_mean,0.0
davis2017-sequence,,,F_mean,0.3
davis2017-sequence,,,J&F,0.15
davis2016,,,J_mean,0.3333333333333333
davis2016,,,F_mean,0.2
davis2016,,,J&F,0.26666666666666666
video-object,,,FG-ARI,0.2
"""
RUNS = {
    "fine": {"seed": 0, "clustering.tau": 0.1, "training.videos": ["bear", "bus"]},
    "default": {"seed": 0, "clustering.tau": 1, "weights.path": None, "training.videos": "x"},
}


@pytest.fixture
def sources(tmp_path):
    result = []
    for video, text in [("b", B), ("a", A)]:
        (tmp_path / f"{video}.csv").write_text(text)
        path = str(tmp_path / f"{video}.csv")
        result.append({"run": "default", "dataset": "made", "video": video, "path": path})
    return result


def value(summary, video, protocol, metric):
    keys = summary[["video", "protocol", "metric"]] == [video, protocol, metric]
    return summary.loc[keys.all(axis=1), "value"].item()


def test_figures_over_a_data_set_by_hand(sources):
    summary, objects = summarise(read_scores(sources))
    assert list(summary.columns) == ["run", "dataset", "video", "protocol", "metric", "value"]
    # Over three objects: J (.9 + .6 + 0) / 3, F (.7 + .5 + .3) / 3.
    assert value(summary, "all", "davis2017-sequence", "J_mean") == pytest.approx(0.5)
    assert value(summary, "all", "davis2017-sequence", "F_mean") == pytest.approx(0.5)
    assert value(summary, "all", "davis2017-sequence", "J&F") == pytest.approx(0.5)
    # Over two videos: J (.8 + 1/3) / 2, F .3, J&F half their sum; six decimals.
    assert value(summary, "all", "davis2016", "J_mean") == 0.566667
    assert value(summary, "all", "davis2016", "J&F") == 0.433333
    assert value(summary, "all", "video-object", "FG-ARI") == 0.05
    assert value(summary, "b", "davis2016", "J_mean") == 0.333333
    assert list(objects["object"]) == [1, 1, 2, 2, 1, 1]
    keys = ["run", "dataset", "video", "protocol", "metric"]
    assert not summary.duplicated(keys).any()
    assert summary[keys].to_records(index=False).tolist() == sorted(
        summary[keys].to_records(index=False).tolist()
    )


def test_two_runs_stay_apart(sources):
    others = [source | {"run": "fine"} for source in sources[:1]]
    summary, _ = summarise(read_scores(sources + others))
    fine = summary[summary["run"] == "fine"]
    assert value(fine, "all", "davis2017-sequence", "J_mean") == 0


def test_runs(sources):
    table = tabulate_runs(RUNS)
    names = ["run", "clustering.tau", "seed", "training.videos", "weights.path"]
    assert list(table.columns) == names
    assert table["run"].tolist() == ["default", "fine"]
    assert table["clustering.tau"].tolist() == [1, 0.1]
    assert table["training.videos"].tolist() == ["x", '["bear", "bus"]']
    assert table["weights.path"].isna().all()


def test_files_are_the_same_whatever_the_order(tmp_path, sources):
    write_tables(tmp_path / "one", sources, RUNS)
    write_tables(tmp_path / "two", sources[::-1], dict(reversed(RUNS.items())))
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    tables = ["objects", "runs", "summary"]
    assert names == [f"{table}.{form}" for table in tables for form in ("csv", "parquet")]
    for name in names:
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two, name
    first = (tmp_path / "one" / "summary.csv").read_text().splitlines()[1]
    assert first == "default,made,a,davis2016,F_mean,0.400000"
    for table in tables:
        csv = pd.read_csv(tmp_path / "one" / f"{table}.csv").astype(object)
        parquet = pd.read_parquet(tmp_path / "one" / f"{table}.parquet").astype(object)
        # Missing values have a name of their own in each type of column.
        pd.testing.assert_frame_equal(csv.fillna("-"), parquet.fillna("-"))


def test_no_scores_make_empty_tables(tmp_path):
    write_tables(tmp_path, [], {"default": {"seed": 0}})
    assert (tmp_path / "summary.csv").read_text() == "run,dataset,video,protocol,metric,value\n"


def test_video_without_scores_has_no_rows(tmp_path, sources):
    (tmp_path / "b.csv").write_text("protocol,object,frame,metric,value\n")
    summary, _ = summarise(read_scores(sources))
    assert set(summary["video"]) == {"a", "all"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("protocol,object,metric,value\ndavis2016,,J_mean,1\n", "must have the columns"),
        ("protocol,object,frame,metric,value\ndavis2016,,,J_mean,good\n", "is no table of scores"),
        ("", "is no table of scores"),
    ],
)
def test_unusable_scores_are_named(sources, text, message):
    Path(sources[0]["path"]).write_text(text)
    with pytest.raises(UserError, match=rf"b\.csv {message}"):
        read_scores(sources)


def test_unusable_lists(sources):
    with pytest.raises(UserError, match="default / made / b are listed twice"):
        read_scores([*sources, sources[0]])
    with pytest.raises(UserError, match="named 'all'"):
        read_scores([sources[0] | {"video": "all"}])
    with pytest.raises(UserError, match=r"nowhere\.csv does not exist"):
        read_scores([sources[0] | {"path": "nowhere.csv"}])


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
    subprocess.run(command, check=True, capture_output=True)
    command = [sys.executable, PROGRAMS / "print_summary.py", "--tables", tmp_path / "tables"]
    command += ["--benchmarks", tmp_path / "benchmarks", "--pictures", tmp_path / "pictures"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in text.splitlines()]
    assert ["default", "made", "davis2017-sequence", "0.500", "0.500", "0.500"] in lines
    assert ["default", "made", "video-object", "0.050"] in lines
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
    failed = subprocess.run(command, capture_output=True, text=True)
    assert failed.returncode == 1
    assert "scores.json: every entry needs run, dataset, video and path" in failed.stderr
