"""The report's figures, each with what it was made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from betrayed.io.style import GREY, LINES, drawing, legend_columns, svg_text
from betrayed.reporting.bootstrap import DRAWS, LEVEL, SEED, bootstrap_intervals
from betrayed.reporting.measurements import ALL
from betrayed.reporting.report.tables import VIDEO_FIGURES
from betrayed.reporting.sweep_pictures import sweep_drawn
from betrayed.reporting.sweeps import swept_settings
from betrayed.reporting.training_clusters import read_training_clusters
from betrayed.reporting.training_pictures import clusters_drawn, curves_drawn
from betrayed.video.video import Video

#: A figure with a row a video is at most so high, in inches; more videos are drawn by their rank,
#: without their names.
_HIGHEST = 12.0
#: Of a row: inches at least, and for each run.
_ROW, _BAR = 0.3, 0.13
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
    summary: pd.DataFrame,
    spread: pd.DataFrame,
    dataset: str,
    protocol: str,
    metric: str,
    runs: Mapping[str, str],
) -> Drawn:
    """A figure of every video of a data set for some runs, and their means with intervals.

    Args:
        summary: the table ``summary``.
        spread: as :func:`betrayed.reporting.report.frame_spread.frame_quartiles` gives it.
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
    row = max(_ROW, _BAR * len(shown))
    named = row * len(wide) <= _HIGHEST
    caption = "Each mark is a video, sorted by the first run. "
    with drawing(6.4, 1.1 + row * (1 + len(wide)) if named else 4) as figure:
        axes = figure.subplots()
        if named:
            own = {run: _of(spread, run, dataset, wide.index) for run in shown}
            _by_name(axes, wide, means, own)
            axes.set_xlabel(called(protocol, metric))
            caption += "Above the line: the means over the data set and their intervals"
            if any(one.notna().any(axis=None) for one in own.values()):
                caption = (
                    "Each bar is a video, sorted by the first run, with a line over the middle "
                    "half of its frames. Above: the means over the data set and their intervals"
                )
        else:
            _by_rank(axes, wide, means)
            axes.set_ylabel(called(protocol, metric))
            caption += "Lines and bands: the means over the data set and their intervals"
        figure.legend(
            *axes.get_legend_handles_labels(),
            loc="outside upper center",
            ncols=legend_columns(shown, figure.get_figwidth()),
        )
        svg = svg_text(figure, f"scores-{dataset}-{protocol}-{metric}")
    return Drawn(
        f"scores-{dataset}-{protocol}-{metric}",
        f"{called(protocol, metric)}, of each video of {dataset}",
        svg,
        f"{caption}; of the davis2017 protocols they are means over objects, not over the marks."
        + _left_out(len(present) - len(shown)),
        {
            "data set": f"{dataset}, {len(wide)} video{'s' * (len(wide) != 1)}",
            "protocol": protocol,
            "metric": metric,
            "runs": ", ".join(f"{run} ({runs[run]})" for run in shown),
            "interval": _INTERVAL,
            "source": "results/tables/summary.csv, and measurements.csv for frames",
        },
    )


def comparison_figure(
    summary: pd.DataFrame,
    dataset: str,
    protocol: str,
    metric: str,
    runs: Mapping[str, str],
    most: int = 4,
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
    # As wide as the bars beside it, whatever the number of runs, so that both have one lettering.
    columns = min(len(others), 2)
    rows = -(-len(others) // columns)
    with drawing(6.4, 3.1 * rows) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels[len(others) :]:
            axes.remove()
        for axes, run in zip(panels, others, strict=False):
            both = wide[[first, run]].dropna().to_numpy()
            better = both[:, 1] > both[:, 0]
            axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
            for colour, marker, which in ((LINES[0], "o", better), (LINES[1], "s", ~better)):
                axes.plot(
                    *both[which].T, marker, color=colour, markersize=4, alpha=0.8, linestyle="none"
                )
            axes.set(
                xlabel=shortened(first),
                ylabel=shortened(run),
                title=difference_text(both[:, 1] - both[:, 0]),
            )
            axes.set_aspect("equal")
            axes.grid(visible=True)
        svg = svg_text(figure, f"against-{dataset}-{protocol}-{metric}")
    left = len(shown) - 1 - len(others)
    return Drawn(
        f"against-{dataset}-{protocol}-{metric}",
        f"Runs against {first}, video by video: {called(protocol, metric)}, on {dataset}",
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


def called(protocol: str, metric: str) -> str:
    """What a figure is called, as in the head of its column."""
    names = {figure[:2]: figure[2] for figure in VIDEO_FIGURES}
    return names.get((protocol, metric), f"{metric} by {protocol}")


def shortened(name: str, most: int = 30) -> str:
    """A name of at most so many letters: of a longer one its ends, or no room is left for bars."""
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[:half]}…{name[-half:]}"


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
    with curves_drawn(log) as figure:
        svg = svg_text(figure, f"training-{block}")
    return Drawn(
        f"training-{block}",
        f"Training of {block}",
        svg,
        "Thin: every step. Thick: the median of the steps around, a twentieth of all.",
        {"block": block, "steps": str(len(log)), "runs": ", ".join(runs), "source": path},
    )


def clusters_figure(path: str, block: str) -> Drawn | None:
    """The clusters of a clip over the steps of a training; None where no video could be read.

    Args:
        path: the artefact, see :mod:`betrayed.reporting.training_clusters`.
        block: the block's identifier.

    Raises:
        UserError: the artefact or a frame is missing or damaged.
    """
    clusters = read_training_clusters(path)
    if not clusters.video:
        return None
    video = Video.load(clusters.video)
    with clusters_drawn(clusters, video.frame, float(video.pixel_aspect)) as figure:
        svg = svg_text(figure, f"clusters-{block}")
    return Drawn(
        f"clusters-{block}",
        f"Clusters of {video.title} while {block} was trained",
        svg,
        "Tokens of a colour are one cluster; from step to step a colour stays where it was, as far "
        "as it can. The clip is clustered by itself, with every frame a key frame, so that its "
        "clusters are not quite the tracks of the whole video.",
        {
            "video": clusters.video,
            "frames": ", ".join(map(str, clusters.frames)),
            "clustering.tau": f"{clusters.tau:g}",
            "block": block,
            "source": path,
        },
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
    steps = len(table[settings].drop_duplicates()) if settings else 1
    return Drawn(
        "sweep",
        "The sweep" + (f" over {', '.join(settings)}" if settings else " over seeds"),
        svg,
        "Of each protocol the first figure that systems are ranked by.",
        {"settings": ", ".join(settings) or "seed", "steps": str(steps), "source": path},
    )


def _of(spread: pd.DataFrame, run: str, dataset: str, videos: pd.Index) -> pd.DataFrame:
    """The quartiles of some videos of a run, missing where there are none."""
    places = pd.MultiIndex.from_product([[run], [dataset], videos.astype(str)])
    return spread.reindex(places).droplevel([0, 1])


def _by_name(
    axes: Axes, wide: pd.DataFrame, means: pd.DataFrame, spread: Mapping[str, pd.DataFrame]
) -> None:
    """A row a video with a bar a run, and above all a row of means; videos from below."""
    rows = np.arange(len(wide))
    top = len(wide) + 0.3
    height = 0.76 / len(spread)
    ends = [0.0, 1.0, np.nanmin(wide.to_numpy())]
    for place, (run, own) in enumerate(spread.items()):
        # The first run is the upper one of each row, as in the legend.
        offset = ((len(spread) - 1) / 2 - place) * height
        colour, marker = LINES[place % len(LINES)], _MARKERS[place % len(_MARKERS)]
        axes.barh(rows + offset, wide[run], 0.9 * height, color=colour, alpha=0.35, linewidth=0)
        axes.hlines(rows + offset, own["low"], own["high"], color=colour, linewidth=1)
        axes.plot(wide[run], rows + offset, marker, color=colour, markersize=4.5, label=run)
        if run in means.index:
            mean = means.loc[run]
            ends.append(np.nanmin([mean["value"], mean["low"]]))
            axes.plot(mean["value"], top + offset, marker, color=colour, markersize=6)
            axes.hlines(top + offset, mean["low"], mean["high"], color=colour, linewidth=2)
    axes.axhline(len(wide) - 0.35, color=GREY, linewidth=0.8)
    axes.set_yticks([*rows, top], [*map(shortened, wide.index), "all videos"])
    axes.set_ylim(-0.6, top + 0.6)
    axes.set_xlim(min(ends), max(ends))
    axes.grid(visible=True, axis="x")


def _by_rank(axes: Axes, wide: pd.DataFrame, means: pd.DataFrame) -> None:
    for place, run in enumerate(wide.columns):
        colour, marker = LINES[place % len(LINES)], _MARKERS[place % len(_MARKERS)]
        places = np.arange(1, len(wide) + 1)
        axes.plot(places, wide[run], marker, color=colour, markersize=2.5, alpha=0.7, label=run)
        if run in means.index:
            mean = means.loc[run]
            axes.axhline(mean["value"], color=colour, linewidth=1, linestyle="--")
            if not pd.isna(mean["low"]):
                axes.axhspan(mean["low"], mean["high"], color=colour, alpha=0.12, linewidth=0)
    axes.set_xlabel(f"{len(wide)} videos, by their figure in the run {wide.columns[0]}")
    axes.grid(visible=True, axis="y")


def _left_out(runs: int) -> str:
    return f" {runs} more {'run is' if runs == 1 else 'runs are'} in the tables." if runs else ""
