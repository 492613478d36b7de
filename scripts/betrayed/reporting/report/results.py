"""The panel *Results*: the main figures of each data set, and how videos and runs compare."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from betrayed.reporting.leaderboard import figure_text
from betrayed.reporting.measurements import ALL
from betrayed.reporting.report import figures, tables
from betrayed.reporting.report.frame_spread import frame_quartiles


def headline(summary: pd.DataFrame) -> tuple[str, str] | None:
    """The protocol and metric that videos are ranked by: the first that was measured."""
    measured = tables.present(summary, tables.VIDEO_FIGURES)
    return measured[0][:2] if measured else None


def cards(summary: pd.DataFrame) -> list[dict[str, Any]]:
    """The results first: for each data set a table of its main figures, a row a run."""
    whole = summary[summary["video"] == ALL]
    made = []
    for dataset, rows in whole.groupby("dataset", observed=True):
        figures_ = tables.present(rows, tables.VIDEO_FIGURES)
        by_run = []
        for run, own in rows.groupby("run", observed=True, sort=False):
            values = {
                (row.protocol, row.metric): (figure_text(row.value, row.low, row.high), row.videos)
                for row in own.itertuples()
            }
            texts = [values.get(figure[:2], ("", 0))[0] for figure in figures_]
            by_run.append((run, texts))
        made.append(
            {
                "dataset": dataset,
                "videos": int(rows["videos"].max()),
                "figures": figures_,
                "runs": by_run,
            }
        )
    return made


def score_figures(
    summary: pd.DataFrame,
    frames: pd.DataFrame,
    runs: Mapping[str, str],
    figure: tuple[str, str] | None,
) -> list[figures.Drawn]:
    """Of each data set the videos' figures, and runs against each other.

    Args:
        summary: the table ``summary``.
        frames: the rows of the table ``measurements`` that are of single frames.
        runs: identifiers by the runs' names, in order.
        figure: what :func:`headline` gave; foreground's J stands beside it.
    """
    if figure is None:
        return []
    wanted = dict.fromkeys([figure, ("davis2016", "J_mean")])
    drawn: list[figures.Drawn | None] = []
    videos = summary[summary["video"] != ALL]
    names = ["dataset", "protocol", "metric"]
    measured = set(videos[names].astype(str).itertuples(index=False, name=None))
    for dataset in sorted({one[0] for one in measured}):
        for protocol, metric in wanted:
            if (dataset, protocol, metric) in measured:
                of = (dataset, protocol, metric)
                spread = frame_quartiles(frames, protocol, metric)
                drawn.append(figures.score_figure(summary, spread, *of, runs))
                drawn.append(figures.comparison_figure(summary, dataset, protocol, metric, runs))
    return [one for one in drawn if one is not None]
