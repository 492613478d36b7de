"""The table and the picture of a sweep, on figures worked out by hand."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from betrayed.config.checks import check
from betrayed.config.runs import runs
from betrayed.reporting import sweep_pictures
from betrayed.reporting.sweep_pictures import draw_sweep, panels, sweep_drawn
from betrayed.reporting.sweeps import swept_settings, tabulate_sweep, write_sweep
from support.configurations import changed
from support.paths import SCRIPTS

#: J_mean by tau and seed. Seeds of 0.02: mean 0.5, deviations -0.1, 0, 0.1, so spread 0.1.
FIGURES = {
    (0.02, 0): 0.4,
    (0.02, 1): 0.5,
    (0.02, 2): 0.6,
    (0.1, 0): 0.7,
    (0.1, 1): 0.7,
    (0.1, 2): 0.7,
}


def runs_of(sweep, **more):
    config = check(changed(("sweep", sweep), *more.items()))
    return [{"run": run.name, "base": run.base, "swept": run.swept} for run in runs(config)]


def summary_of(values, protocol="davis2016", metric="J_mean", dataset="made"):
    """A summary with a figure of each run over a data set, and one of a video, unwanted."""
    keys = {"dataset": dataset, "protocol": protocol, "metric": metric}
    rows = [{"run": run, "video": "all", "value": value, **keys} for run, value in values.items()]
    rows += [{"run": run, "video": "bear", "value": 9.0, **keys} for run in values]
    return pd.DataFrame(rows)


def taus_and_seeds():
    sweep = runs_of({"clustering.tau": [0.1, 0.02], "seed": [0, 1, 2]})
    values = {
        one["run"]: FIGURES[one["swept"]["clustering.tau"], one["swept"]["seed"]] for one in sweep
    }
    return sweep, values


def test_means_over_seeds_worked_out_by_hand():
    sweep, values = taus_and_seeds()
    table = tabulate_sweep(summary_of(values), sweep)
    names = ["run", "dataset", "clustering.tau", "protocol", "metric"]
    assert list(table.columns) == [*names, "value", "spread", "low", "high", "seeds"]
    # As the configuration has them: 0.1 first.
    assert table["clustering.tau"].tolist() == [0.1, 0.02]
    assert (
        table[["run", "dataset", "protocol", "metric"]].to_numpy().tolist()
        == [["default", "made", "davis2016", "J_mean"]] * 2
    )
    assert table["value"].tolist() == pytest.approx([0.7, 0.5])
    assert table["spread"].tolist() == pytest.approx([0.0, 0.1])
    # Student's t with two degrees of freedom, from a printed table: 4.303.
    half = 4.303 * 0.1 / 3**0.5
    assert table["low"].tolist() == pytest.approx([0.7, 0.5 - half], abs=1e-4)
    assert table["high"].tolist() == pytest.approx([0.7, 0.5 + half], abs=1e-4)
    assert table["seeds"].tolist() == [3, 3]


def test_a_single_seed_has_no_spread_and_a_lost_run_counts_for_nothing():
    sweep, values = taus_and_seeds()
    for name in ("tau=0.02,seed=1", "tau=0.02,seed=2"):
        del values[name]
    row = tabulate_sweep(summary_of(values), sweep).iloc[1]
    assert (row["value"], row["seeds"]) == (0.4, 1)
    assert row[["spread", "low", "high"]].isna().all()


def test_seeds_alone_make_a_row_a_figure_and_runs_keep_apart():
    own = {"paper": {"method": "paper"}, "default": {}}
    sweep = runs_of({"seed": [3, 4]}, runs=own)
    values = dict(zip([one["run"] for one in sweep], [0.1, 0.3, 0.5, 0.5], strict=True))
    assert list(values) == ["paper,seed=3", "paper,seed=4", "seed=3", "seed=4"]
    table = tabulate_sweep(summary_of(values), sweep)
    assert swept_settings(table) == []
    assert table[["run", "value", "seeds"]].to_numpy().tolist() == [
        ["paper", 0.2, 2],
        ["default", 0.5, 2],
    ]


def test_a_table_agrees_with_a_slow_obvious_one():
    generator = np.random.default_rng(0)
    sweep = runs_of({"seed": [0, 1, 2, 3], "clustering.tau": [0.1, 0.2], "objects.levels": [1, 2]})
    parts = [
        summary_of({one["run"]: generator.random() for one in sweep}, protocol, metric, dataset)
        for protocol in ("davis2016", "video-object")
        for metric in ("J_mean", "FG-ARI")
        for dataset in ("made", "bees")
    ]
    summary = pd.concat(parts)
    table = tabulate_sweep(summary, sweep)
    assert len(table) == 2 * 2 * 8
    for row in table.to_dict("records"):
        names = [
            one["run"]
            for one in sweep
            if all(one["swept"][name] == row[name] for name in ("clustering.tau", "objects.levels"))
        ]
        keys = ("dataset", "protocol", "metric")
        found = [
            figure["value"]
            for figure in summary.to_dict("records")
            if figure["run"] in names
            and figure["video"] == "all"
            and all(figure[key] == row[key] for key in keys)
        ]
        assert row["seeds"] == len(found) == 4
        assert row["value"] == pytest.approx(sum(found) / 4)
        squares = sum((value - row["value"]) ** 2 for value in found)
        assert row["spread"] == pytest.approx((squares / 3) ** 0.5)
        # Three degrees of freedom: 3.182.
        assert row["high"] - row["value"] == pytest.approx(3.182 * row["spread"] / 2, rel=1e-3)


def test_small_values_of_settings_keep_their_digits(tmp_path):
    sweep = runs_of(
        {"training.final_learning_rate": [1.0e-7, 2.0e-7], "training.videos": [["a"], []]}
    )
    values = {one["run"]: 1 / 3 for one in sweep}
    write_sweep(tmp_path, summary_of(values), sweep)
    lines = (tmp_path / "sweep.csv").read_text().splitlines()
    assert lines[0].startswith(
        "run,dataset,training.final_learning_rate,training.videos,protocol,metric"
    )
    assert lines[1] == 'default,made,1e-07,"[""a""]",davis2016,J_mean,0.333333,,,,1'
    csv, parquet = (
        read(tmp_path / f"sweep.{form}").astype(object).fillna("-")
        for form, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet))
    )
    pd.testing.assert_frame_equal(csv, parquet)


def test_nothing_scored_makes_an_empty_table_and_a_picture_that_says_so(tmp_path):
    sweep, values = taus_and_seeds()
    table = tabulate_sweep(summary_of(values).iloc[:0], sweep)
    assert table.empty and swept_settings(table) == ["clustering.tau"]
    draw_sweep(table, tmp_path / "sweep.svg")
    assert "No figure" in (tmp_path / "sweep.svg").read_text()


def test_each_protocol_shows_its_first_headline_figure():
    sweep, values = taus_and_seeds()
    kinds = [("davis2016", "F_mean"), ("davis2016", "J&F"), ("davis2016", "J_recall")]
    kinds += [("video-object", "mIoU"), ("davis2016-stability", "T_mean")]
    table = tabulate_sweep(pd.concat([summary_of(values, *kind) for kind in kinds]), sweep)
    shown = [key for key, _ in panels(table)]
    assert shown == [("made", "davis2016", "J&F"), ("made", "video-object", "mIoU")]


@pytest.fixture
def axes(monkeypatch):
    """What was drawn, when a picture is saved."""
    seen = []
    monkeypatch.setattr(sweep_pictures, "save", lambda figure, path: seen.extend(figure.axes))
    return seen


def test_one_setting_is_a_line_with_intervals(axes):
    sweep, values = taus_and_seeds()
    draw_sweep(tabulate_sweep(summary_of(values), sweep), "sweep.svg")
    (panel,) = axes
    (drawn,) = panel.containers
    assert drawn.lines[0].get_xydata().tolist() == pytest.approx(
        np.array([[0.02, 0.5], [0.1, 0.7]])
    )
    (bars,) = drawn.lines[2]
    half = 4.303 * 0.1 / 3**0.5
    ends = [bar[:, 1].tolist() for bar in bars.get_segments()]
    assert ends[0] == pytest.approx([0.5 - half, 0.5 + half], abs=1e-4)
    assert ends[1] == pytest.approx([0.7, 0.7])
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("clustering.tau", "J_mean")
    assert [one.get_text() for one in panel.get_xticklabels()] == ["0.02", "0.1"]
    assert panel.get_legend() is None


@pytest.mark.parametrize("values", [[0.02, 0.05, 0.1], [0.01, 0.1, 1], ["a", "b", "c"]])
def test_runs_stand_side_by_side_and_all_is_within_the_axes(values):
    rows = [
        [run, "d", value, "p", "J&F", 0.5 + shift, 0.1, 0.3 + shift, 0.7 + shift, 2]
        for run, shift in (("a", 0), ("b", 0.1))
        for value in values
    ]
    columns = ["run", "dataset", "x.y", "protocol", "metric", "value", "spread", "low", "high"]
    with sweep_drawn(pd.DataFrame(rows, columns=[*columns, "seeds"])) as figure:
        figure.draw_without_rendering()
        (panel,) = figure.axes
        across = []
        for container in panel.containers:
            line, caps, _ = container.lines
            for one in (line, *caps):
                shown = one.get_transform().transform(one.get_xydata())
                within = panel.transAxes.inverted().transform(shown)
                assert ((within > 0) & (within < 1)).all()
            across.append(line.get_transform().transform(line.get_xydata())[:, 0])
        assert ((across[1] - across[0]) * 72 / figure.dpi > 4).all()


def test_two_settings_are_a_heat_map(axes):
    sweep = runs_of({"clustering.tau": [0.2, 0.1], "objects.levels": [1, 2, 4], "seed": [0, 1]})
    # tau, tenths of levels, and a hundredth for the seed: spread sqrt(2) / 200.
    values = {
        one["run"]: one["swept"]["clustering.tau"]
        + one["swept"]["objects.levels"] / 10
        + one["swept"]["seed"] / 100
        for one in sweep
    }
    draw_sweep(tabulate_sweep(summary_of(values), sweep), "sweep.svg")
    panel = axes[0]
    (image,) = panel.images
    wanted = [[0.205, 0.305], [0.305, 0.405], [0.505, 0.605]]
    assert np.asarray(image.get_array()).tolist() == pytest.approx(np.array(wanted))
    assert [one.get_text() for one in panel.get_xticklabels()] == ["0.1", "0.2"]
    assert [one.get_text() for one in panel.get_yticklabels()] == ["1", "2", "4"]
    assert panel.texts[0].get_text() == "0.205\n±0.007"
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("clustering.tau", "objects.levels")


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ({"features.batch_size": [None, 8, 2]}, ["null", "8", "2"]),
        ({"clustering.tau": [0.1234567, 0.1234568]}, ["0.1234567", "0.1234568"]),
        ({"clustering.tau": [1, 1.0e-7]}, ["1e-07", "1"]),
        ({"training.entropy_weight": [True, False]}, ["true", "false"]),
        ({"training.videos": [["a"], []]}, ['["a"]', "[]"]),
    ],
)
@pytest.mark.parametrize("other", [{}, {"objects.levels": [2, 1]}])
def test_values_are_told_apart_in_lines_and_heat_maps(axes, tmp_path, values, ticks, other):
    found = runs_of(values | other)
    write_sweep(tmp_path, summary_of({one["run"]: 0.5 for one in found}), found)
    draw_sweep(pd.read_parquet(tmp_path / "sweep.parquet"), "sweep.svg")
    assert [one.get_text() for one in axes[0].get_xticklabels()] == ticks
    assert bool(axes[0].images) == bool(other)


@pytest.mark.parametrize(
    ("sweep", "mode", "ticks"),
    [
        ({"features.height": [28, 56], "features.width": [42, 70]}, "zip", ["28\n42", "56\n70"]),
        ({"objects.pixels": ["grabcut", "none"]}, "grid", ["grabcut", "none"]),
        ({"refinement.height": [None], "objects.levels": [1], "motion.cell": [2, 4]}, "grid",
         ["null\n1\n2", "null\n1\n4"]),
        ({"seed": [0, 1]}, "grid", [""]),
    ],
)  # fmt: skip
def test_other_sweeps_are_marks(axes, sweep, mode, ticks):
    found = runs_of(sweep, sweep_mode=mode)
    draw_sweep(tabulate_sweep(summary_of({one["run"]: 0.5 for one in found}), found), "sweep.svg")
    (panel,) = axes
    assert not panel.images and panel.containers[0].lines[0].get_linestyle() == "None"
    assert [one.get_text() for one in panel.get_xticklabels()] == ticks
    assert panel.get_xlabel() == "\n".join(one for one in sweep if one != "seed")
    (_, caps, _) = panel.containers[0].lines
    for cap in caps:  # of a single seed no interval is known, and none is drawn
        ends = np.asarray(cap.get_ydata(), float)
        assert np.isnan(ends).all() == ("seed" not in sweep)


@pytest.mark.slow
def test_the_programs_write_the_table_and_the_picture(tmp_path):
    sweep, values = taus_and_seeds()
    summary_of(values).to_parquet(tmp_path / "summary.parquet")
    (tmp_path / "runs.json").write_text(json.dumps(sweep))
    options = ["--summary", "summary.parquet", "--runs", "runs.json", "--output-folder", "."]
    for program, words in (
        ("collect_sweep", options),
        ("draw_sweep", ["--table", "sweep.parquet", "--output", "sweep.svg"]),
    ):
        command = [sys.executable, SCRIPTS / f"{program}.py", *words]
        subprocess.run(command, cwd=tmp_path, check=True)
    assert (
        "default,made,0.02,davis2016,J_mean,0.500000,0.100000,"
        in (tmp_path / "sweep.csv").read_text()
    )
    text = (tmp_path / "sweep.svg").read_text()
    assert text.startswith("<svg") and "clustering.tau" in text and "made, davis2016" in text
    command = [sys.executable, SCRIPTS / "draw_sweep.py", "--table", "gone", "--output", "x.svg"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and "gone cannot be read as a table" in done.stderr
