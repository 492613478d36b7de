"""What is ranked beside what: the same videos and the same protocol, nothing else."""

from typing import get_args

import pytest

from betrayed.config.sections import Benchmark
from betrayed.errors import UserError
from betrayed.reporting import leaderboard
from betrayed.reporting.averages import summarise
from betrayed.reporting.leaderboard import (
    BENCHMARKS,
    COLUMNS,
    rank_systems,
    read_published,
    render_markdown,
    scored_videos,
)
from betrayed.reporting.measurements import read_measurements
from support.paths import SCRIPTS
from support.score_files import A, B, figure, score_sources

PUBLISHED = SCRIPTS / "betrayed" / "reporting" / "published.csv"


@pytest.fixture
def two_videos(monkeypatch):
    """DAVIS-2017 as if it had two videos."""
    monkeypatch.setitem(BENCHMARKS, "davis2017-val", 2)


def ranked(*sources, **options):
    listed = [source for some in sources for source in some]
    scored = scored_videos(listed)
    summary, _ = summarise(read_measurements(listed), scored)
    return rank_systems(summary, scored, read_published(PUBLISHED), **options)


def davis(folder, run="default", texts=None, **keys):
    keys = {"dataset": "davis", "benchmark": "davis2017-val"} | keys
    return score_sources(folder / run, texts or {"a": A, "b": B}, run=run, **keys)


def test_a_benchmark_beside_its_published_figures(tmp_path, two_videos):
    worse = {"a": B, "b": B}  # J .0, F .3: J&F .15
    table = ranked(davis(tmp_path), davis(tmp_path, "worse", worse))
    assert list(table.columns) == COLUMNS
    official = table[(table["protocol"] == "davis2017-sequence") & (table["metric"] == "J&F")]
    # Ours .5 and .15 around SMTC's .405; the paper's .439 is of another protocol.
    assert official[["rank", "system", "value"]].to_numpy().tolist() == [
        [1, "default", pytest.approx(0.5)],
        [2, "SMTC", 0.405],
        [3, "worse", pytest.approx(0.15)],
    ]
    assert (official["board"] == "davis2017-val").all()
    assert figure(official, "low", system="default") == pytest.approx(0.15)
    assert official["videos"].tolist() == [2, 2, 2]
    by_frame = table[(table["protocol"] == "davis2017-frame") & (table["metric"] == "J&F")]
    assert by_frame[["rank", "system"]].to_numpy().tolist() == [
        [1, "SMTC"],
        [2, "Betrayed by Attention"],
    ]
    assert set(by_frame["dataset"].isna()) == {True}
    unstated = table[table["protocol"] == "unstated"]
    assert unstated["rank"].isna().all()
    assert figure(unstated, metric="J&F") == 0.397
    # What a data set is not, nothing is shown of.
    assert not table["board"].str.contains("youtube|2016").any()


def test_a_part_of_a_benchmark_is_a_board_of_its_own(tmp_path):
    """Two of thirty videos: beside the benchmark, and never in a rank with it."""
    table = ranked(davis(tmp_path))
    own = table[table["source"] == "this workflow"]
    assert set(own["board"]) == {"davis (2 of 30 videos of davis2017-val)"}
    assert (own["rank"] == 1).all()
    others = table[table["source"] != "this workflow"]
    assert set(others["board"]) == {"davis2017-val"}
    assert set(others["videos"]) == {30}


def test_a_data_set_that_is_no_benchmark(tmp_path):
    table = ranked(davis(tmp_path, benchmark=None, dataset="davis2017-val"))
    assert set(table["board"]) == {"davis2017-val (2 videos)"}
    assert set(table["source"]) == {"this workflow"}


def test_more_videos_than_the_benchmark_has_are_not_it(tmp_path, two_videos):
    texts = {"a": A, "b": B, "c": B}
    own = ranked(davis(tmp_path, texts=texts)).query("source == 'this workflow'")
    assert set(own["board"]) == {"davis (3 videos)"}


def test_more_proposals_than_are_official(tmp_path, two_videos):
    table = ranked(davis(tmp_path), max_proposals=100)
    boards = table.set_index("protocol")["board"].loc["davis2017-sequence"]
    assert set(boards) == {"davis (up to 100 proposals)", "davis2017-val"}
    assert set(table.set_index("protocol")["board"].loc["davis2016"]) == {"davis2017-val"}


def test_equals_share_a_rank(tmp_path, two_videos):
    table = ranked(*(davis(tmp_path, run) for run in ("x", "y")), davis(tmp_path, "z", {"a": A}))
    chosen = table[(table["protocol"] == "davis2016") & (table["metric"] == "J&F")]
    whole = chosen[chosen["board"] == "davis2017-val"]
    assert whole[["system", "rank"]].to_numpy().tolist() == [["x", 1], ["y", 1]]
    assert chosen["system"].tolist().count("z") == 1


def test_in_markdown(tmp_path, two_videos):
    text = render_markdown(ranked(davis(tmp_path)))
    order, head, _, first, second = lines_of(text, "davis2017-val, davis2017-sequence")
    assert order == "Ranked by J&F."
    assert head == "| rank | system | J&F | J_mean | F_mean | videos | source |"
    figures = "0.500 [0.150, 0.675] | 0.500 [0.000, 0.750] | 0.500 [0.300, 0.600]"
    assert first == f"| 1 | default | {figures} | 2 | this workflow |"
    assert second == "| 2 | SMTC | 0.405 |  |  | 2 | Qian et al., ICCV 2023 |"
    assert "|  | Betrayed by Attention, run by others | 0.397 | 0.353 | 0.441 |" in text
    assert "| a\\|b |" in render_markdown(ranked(davis(tmp_path, "a|b")))


def lines_of(text, heading):
    """The lines of one table in Markdown: what it is ordered by, its head, a line, its rows."""
    table = text.split(f"## {heading}\n\n")[1].split("## ")[0]
    return [line for line in table.splitlines() if line]


def test_in_markdown_systems_are_ranked_by_a_figure_that_all_have(tmp_path, monkeypatch):
    """RCF is published with J alone: its .830 and .809 are above a run of .8, which has J&F."""
    monkeypatch.setitem(BENCHMARKS, "davis2016-val", 1)
    text = render_markdown(ranked(davis(tmp_path, texts={"a": A}, benchmark="davis2016-val")))
    order, head, _, *rows = lines_of(text, "davis2016-val, davis2016")
    assert order == "Ranked by J_mean."
    assert head == "| rank | system | J&F | J_mean | F_mean | videos | source |"
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| 1", "RCF with post-processing"],
        ["| 2", "RCF"],
        ["| 3", "default"],
    ]
    assert rows[2] == "| 3 | default | 0.600 | 0.800 | 0.400 | 1 | this workflow |"


def test_in_markdown_systems_without_a_common_figure_are_not_ranked(tmp_path, monkeypatch):
    monkeypatch.setitem(BENCHMARKS, "davis2016-val", 1)
    table = ranked(davis(tmp_path, texts={"a": A}, benchmark="davis2016-val"))
    table = table[(table["system"] != "default") | (table["metric"] == "F_mean")]
    order, _, _, *rows = lines_of(render_markdown(table), "davis2016-val, davis2016")
    assert order.startswith("No figure is known of all these systems")
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| ", "RCF"],
        ["| ", "RCF with post-processing"],
        ["| ", "default"],
    ]


def test_nothing_scored():
    table = ranked()
    assert list(table.columns) == COLUMNS
    assert table.empty
    text = render_markdown(table)
    assert text.startswith("# Leaderboard") and "Nothing was scored" in text


def test_the_published_figures():
    """Shares, each once, J&F the mean of J and F to the digit that is published."""
    table = read_published(PUBLISHED)
    wide = table.pivot(index=["system", "protocol"], columns="metric", values="value")
    both = wide[["J&F", "J_mean", "F_mean"]].dropna()
    assert len(both) == 2
    assert (both["J&F"] - both[["J_mean", "F_mean"]].mean(axis=1)).abs().max() < 0.001
    found = table[(table["benchmark"] == "davis2017-val") & (table["metric"] == "J&F")]
    assert figure(found, protocol="davis2017-sequence", system="SMTC") == 0.405
    assert figure(found, protocol="davis2017-frame", system="SMTC") == 0.448
    assert figure(found, protocol="davis2017-frame", system="Betrayed by Attention") == 0.439


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x,davis,davis2016,J_mean,0.5,y", r"line 2: it names no benchmark \(davis2016-val"),
        ("x,davis2016-val,davis2016,J,0.5,y", r"line 2: it names no headline figure \(J&F"),
        ("x,davis2016-val,davis2016,J_mean,50.1,y", "line 2: it is no share"),
        ("x,davis2016-val,davis2016,J_mean,0.5,", "line 2: it lacks a value"),
        ("x,davis2016-val,davis2016,J_mean,good,y", "is no table of published figures"),
        ("x,davis2016-val,davis2016,J_mean,0.5,y\n" * 2, "line 3: it repeats a figure"),
    ],
)
def test_unfit_published_figures_are_named(tmp_path, line, message):
    path = tmp_path / "published.csv"
    path.write_text(",".join(leaderboard.PUBLISHED_COLUMNS) + f"\n{line}\n")
    with pytest.raises(UserError, match=message):
        read_published(path)
    path.write_text("system,value\n")
    with pytest.raises(UserError, match="must have the columns system, benchmark"):
        read_published(path)


def test_the_configuration_knows_the_same_benchmarks():
    assert get_args(Benchmark) == tuple(BENCHMARKS)
