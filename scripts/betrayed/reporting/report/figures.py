"""The report's figures, each with what it was made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from betrayed.io.style import GREY, LINES, drawing, svg_text
from betrayed.reporting.bootstrap import DRAWS, LEVEL, SEED, bootstrap_intervals
from betrayed.reporting.measurements import ALL
from betrayed.reporting.sweep_pictures import sweep_drawn
from betrayed.reporting.sweeps import swept_settings

#: More videos than this are drawn by their rank, without their names.
MOST_NAMED = 40
#: Runs that a figure shows, the first ones: so many marks can be told apart.
MOST_RUNS = 6
_MARKERS = "osD^vP"
_INTERVAL = f"{LEVEL:.0%} percentile bootstrap over videos, {DRAWS:,} draws with seed {SEED}"


@dataclass(frozen=True)
class Drawn:
    """A figure: an ``<svg>`` text, its title, what one sees in it, and what it was made from."""

    name: str
    title: str
    svg: str
    caption: str
    made_from: Mapping[str, str] = field(default_factory=dict)


def score_figure(
    summary: pd.DataFrame, dataset: str, protocol: str, metric: str, runs: Mapping[str, str]
) -> Drawn:
    """A figure of every video of a data set for some runs, and their means with intervals.

    Args:
        summary: the table ``summary``.
        dataset: whose videos.
        protocol: which figure it is.
        metric: likewise.
        runs: identifiers by the runs' names, in order.
    """
    chosen = summary[
        (summary["dataset"] == dataset)
        & (summary["protocol"] == protocol)
        & (summary["metric"] == metric)
        & summary["run"].isin(list(runs))
    ]
    wide = chosen[chosen["video"] != ALL].pivot(index="video", columns="run", values="value")
    present = [run for run in runs if run in wide]
    shown = present[:MOST_RUNS]
    wide = wide[shown].dropna(how="all").sort_values(shown[0], kind="stable")
    means = chosen[chosen["video"] == ALL].set_index("run")
    named = len(wide) <= MOST_NAMED
    height = 1.2 + (0.24 * len(wide) if named else 2.8)
    with drawing(7.5, height) as figure:
        axes = figure.subplots()
        draw = _by_name if named else _by_rank
        draw(axes, wide, shown)
        for place, run in enumerate(shown):
            if run in means.index:
                _mean(axes, means.loc[run], LINES[place % len(LINES)], named)
        figure.legend(loc="outside upper center", ncols=min(4, len(shown)))
        svg = svg_text(figure, f"scores-{dataset}-{protocol}-{metric}")
    return Drawn(
        f"scores-{dataset}-{protocol}-{metric}",
        f"{metric} by {protocol} of each video of {dataset}",
        svg,
        "Each mark is a video, sorted by the first run. Lines and bands are means over the data "
        "set and their intervals; of the davis2017 protocols they are means over objects, not "
        "over the marks." + _left_out(len(present) - len(shown)),
        {
            "data set": f"{dataset}, {len(wide)} videos",
            "protocol": protocol,
            "metric": metric,
            "runs": ", ".join(f"{run} ({runs[run]})" for run in shown),
            "interval": _INTERVAL,
            "source": "results/tables/summary.csv",
        },
    )


def comparison_figure(
    summary: pd.DataFrame,
    dataset: str,
    protocol: str,
    metric: str,
    runs: Mapping[str, str],
    most: int = 3,
) -> Drawn | None:
    """The first run against each other run, video by video; None with fewer than two runs."""
    chosen = summary[
        (summary["dataset"] == dataset)
        & (summary["protocol"] == protocol)
        & (summary["metric"] == metric)
        & (summary["video"] != ALL)
    ]
    wide = chosen.pivot(index="video", columns="run", values="value")
    shown = [run for run in runs if run in wide]
    if len(shown) < 2:
        return None
    first, others = shown[0], shown[1 : most + 1]
    with drawing(2.7 * len(others) + 0.3, 3.1) as figure:
        panels = figure.subplots(1, len(others), squeeze=False)[0]
        for axes, run in zip(panels, others, strict=True):
            both = wide[[first, run]].dropna().to_numpy()
            better = both[:, 1] > both[:, 0]
            axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
            for colour, marker, which in ((LINES[0], "o", better), (LINES[1], "s", ~better)):
                axes.plot(
                    *both[which].T, marker, color=colour, markersize=4, alpha=0.8, linestyle="none"
                )
            axes.set(xlabel=first, ylabel=run, title=difference_text(both[:, 1] - both[:, 0]))
            axes.set_aspect("equal")
            axes.grid(visible=True)
        svg = svg_text(figure, f"against-{dataset}-{protocol}-{metric}")
    left = len(shown) - 1 - len(others)
    return Drawn(
        f"against-{dataset}-{protocol}-{metric}",
        f"Runs against {first}, video by video: {metric} by {protocol} on {dataset}",
        svg,
        f"Above the line a run is better than {first} (round marks), below it worse (square ones). "
        "Above each: the mean difference over videos and its interval." + _left_out(left),
        {
            "data set": dataset,
            "protocol": protocol,
            "metric": metric,
            "runs": ", ".join(f"{run} ({runs[run]})" for run in [first, *others]),
            "interval": f"{_INTERVAL}, of the differences",
            "source": "results/tables/summary.csv",
        },
    )


def difference_text(differences: np.ndarray) -> str:
    """The mean of differences (V,) over videos, with its interval where there are several."""
    if not len(differences):
        return "no video of both"
    mean = differences.mean()
    low, high = bootstrap_intervals(differences[:, None], np.ones((len(differences), 1)))
    if np.isnan(low[0]):
        return f"{mean:+.3f}"
    return f"{mean:+.3f} [{low[0]:+.3f}, {high[0]:+.3f}]"


def training_figure(log: pd.DataFrame, block: str, path: str, runs: Sequence[str]) -> Drawn:
    """The losses and the entropy of a training over its steps.

    Args:
        log: the training's log, a row a step.
        block: the block's identifier.
        path: where the log lies.
        runs: the runs that use this block.
    """
    with drawing(7.5, 2.6) as figure:
        losses, entropy = figure.subplots(1, 2)
        for name, style in (("semantic", "-"), ("motion", "--")):
            if name in log:
                _smoothed(losses, log["step"], log[name], name, style)
        losses.set(xlabel="step", ylabel="loss")
        losses.set_ylim(bottom=0)
        losses.legend()
        if "entropy" in log:
            _smoothed(entropy, log["step"], log["entropy"], "rows of queries", "-")
        entropy.set(xlabel="step", ylabel="entropy (nats)")
        svg = svg_text(figure, f"training-{block}")
    return Drawn(
        f"training-{block}",
        f"Training of {block}",
        svg,
        "Thin: every step. Thick: the median of the steps around, a twentieth of all.",
        {"block": block, "steps": str(len(log)), "runs": ", ".join(runs), "source": path},
    )


def sweep_figure(table: pd.DataFrame, path: str) -> Drawn:
    """The picture of a sweep, see :func:`betrayed.reporting.sweep_pictures.sweep_drawn`.

    Args:
        table: the table ``sweep``.
        path: where it lies.
    """
    settings = swept_settings(table)
    with sweep_drawn(table) as figure:
        svg = svg_text(figure, "sweep")
    seeds = int(table["seeds"].max()) if len(table) else 0
    over = (
        f"Means over up to {seeds} seeds, with the {LEVEL:.0%} interval of the mean (Student's t)."
        if seeds > 1
        else "One seed each: how much seeds move a figure is not known."
    )
    steps = len(table[settings].drop_duplicates()) if settings else 1
    return Drawn(
        "sweep",
        "The sweep" + (f" over {', '.join(settings)}" if settings else " over seeds"),
        svg,
        f"Of each protocol the first figure that systems are ranked by. {over}",
        {"settings": ", ".join(settings) or "seed", "steps": str(steps), "source": path},
    )


def _smoothed(axes, steps: pd.Series, values: pd.Series, label: str, style: str) -> None:
    window = max(1, len(values) // 20)
    lines = axes.plot(steps, values, linewidth=0.6, alpha=0.35)
    smooth = values.rolling(window, center=True, min_periods=1).median()
    axes.plot(steps, smooth, style, color=lines[0].get_color(), label=label)


def _left_out(runs: int) -> str:
    return f" {runs} more {'run is' if runs == 1 else 'runs are'} in the tables." if runs else ""


def _by_name(axes, wide: pd.DataFrame, runs: Sequence[str]) -> None:
    rows = np.arange(len(wide))
    for place, run in enumerate(runs):
        offset = (place - (len(runs) - 1) / 2) * min(0.16, 0.7 / len(runs))
        colour, marker = LINES[place % len(LINES)], _MARKERS[place % len(_MARKERS)]
        axes.hlines(rows + offset, 0, wide[run], color=colour, linewidth=2.2, alpha=0.45)
        axes.plot(wide[run], rows + offset, marker, color=colour, markersize=4.5, label=run)
    axes.set_yticks(rows, wide.index)
    axes.set_ylim(-0.7, len(wide) - 0.3)
    axes.set_xlim(min(0, np.nanmin(wide.to_numpy())), 1)
    axes.grid(visible=True, axis="x")


def _by_rank(axes, wide: pd.DataFrame, runs: Sequence[str]) -> None:
    for place, run in enumerate(runs):
        colour, marker = LINES[place % len(LINES)], _MARKERS[place % len(_MARKERS)]
        axes.plot(
            np.arange(1, len(wide) + 1),
            wide[run],
            marker,
            color=colour,
            markersize=2.5,
            alpha=0.7,
            label=run,
        )
    axes.set_xlabel(f"{len(wide)} videos, by their figure in the run {runs[0]}")
    axes.grid(visible=True, axis="y")


def _mean(axes, row: pd.Series, colour: str, vertical: bool) -> None:
    line, band = (axes.axvline, axes.axvspan) if vertical else (axes.axhline, axes.axhspan)
    line(row["value"], color=colour, linewidth=1, linestyle="--")
    if not pd.isna(row["low"]):
        band(row["low"], row["high"], color=colour, alpha=0.12, linewidth=0)
