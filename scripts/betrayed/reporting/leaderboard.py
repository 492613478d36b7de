"""All runs beside the published figures, each on the board of its videos and its protocol."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from betrayed.config.scoring import OFFICIAL_PROPOSALS
from betrayed.errors import UserError
from betrayed.reporting.measurements import ALL

#: The benchmarks that a data set can be, and how many videos each has.
BENCHMARKS = {
    "davis2016-val": 20,
    "davis2017-val": 30,
    "davis2017-test-dev": 30,
    "youtube-vis-2019": 300,  # of train, held out: SOLV's split
    "youtube-vis-2021": 300,  # of train, held out: VideoSAUR's split
    "segtrackv2": 14,
    "fbms59-test": 30,
    "movi-e-validation": 250,
}
#: The figures that systems are ranked by, of each protocol those that it has. Higher is better.
HEADLINES = ("J&F", "J_mean", "F_mean", "mIoU", "mBO", "FG-ARI", "AP", "AR10")
#: What a published figure has for a protocol where its source does not say which it is.
UNSTATED = "unstated"
# The protocols that the official number of proposals holds for.
_OFFICIAL = ("davis2016-track", "davis2017-sequence")

PUBLISHED_COLUMNS = ["system", "benchmark", "protocol", "metric", "value", "source"]
KEYS = ["board", "protocol", "metric", "rank", "system"]
COLUMNS = [*KEYS, "value", "low", "high", "videos", "dataset", "source"]
#: The column ``source`` of what this workflow found.
THIS_WORKFLOW = "this workflow"


def read_published(path: str | Path) -> pd.DataFrame:
    """Published figures: system, benchmark, protocol, metric, value (a share of 1), source.

    Raises:
        UserError: the file is missing, or a column or a figure of it is unfit.
    """
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(PUBLISHED_COLUMNS, "str") | {"value": "f8"})
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise UserError(f"{path} is no table of published figures: {error}") from error
    if list(table.columns) != PUBLISHED_COLUMNS:
        raise UserError(f"{path} must have the columns {', '.join(PUBLISHED_COLUMNS)}.")
    reasons = {
        "lacks a value": table.isna().any(axis=1),
        f"names no benchmark ({', '.join(BENCHMARKS)})": ~table["benchmark"].isin(BENCHMARKS),
        f"names no headline figure ({', '.join(HEADLINES)})": ~table["metric"].isin(HEADLINES),
        "is no share between -1 and 1": ~table["value"].between(-1, 1),
        "repeats a figure": table.duplicated(["system", "benchmark", "protocol", "metric"]),
    }
    for reason, wrong in reasons.items():
        if wrong.any():
            raise UserError(f"{path}, line {wrong.idxmax() + 2}: it {reason}. Correct the file.")
    return table


def scored_videos(sources: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """How many videos each run has scored of each data set: run, dataset, benchmark, videos.

    ``benchmark`` is empty where the data set is none.
    """
    columns = ["run", "dataset", "benchmark"]
    rows = [
        [source[name] or "" for name in columns] for source in sources if source["video"] != ALL
    ]
    table = pd.DataFrame(rows, columns=columns)
    return table.groupby(columns, as_index=False).size().rename(columns={"size": "videos"})


def rank_systems(
    summary: pd.DataFrame,
    scored: pd.DataFrame,
    published: pd.DataFrame,
    max_proposals: int = OFFICIAL_PROPOSALS,
    source: str = THIS_WORKFLOW,
) -> pd.DataFrame:
    """Rank what can be compared: the same metric by the same protocol on the same videos.

    A ``board`` is a benchmark where all its videos were scored. A part of a benchmark, or a data
    set that is none, is a board of its own, whose name says how many videos it has. So is an
    official protocol with more proposals than are official.

    Args:
        summary: as :func:`betrayed.reporting.averages.summarise` gives it.
        scored: as :func:`scored_videos` gives it.
        published: as :func:`read_published` gives it; benchmarks of which nothing was scored are
            left out.
        max_proposals: how many proposals were allowed.
        source: where the masks that were scored are from.

    Returns:
        A row a figure: board, protocol, metric, rank (1 is best, equals share one; missing where
        the protocol is not stated), system (our run, or who published), value, low and high (the
        95% interval; missing for published figures), videos, dataset (missing for published
        figures), source; sorted in this order.
    """
    figures = summary[(summary["video"] == ALL) & summary["metric"].isin(HEADLINES)]
    figures = figures.drop(columns=["video", "videos"]).merge(scored, on=["run", "dataset"])
    boards = [
        _board(row.dataset, row.benchmark, row.videos, row.protocol, max_proposals)
        for row in figures.itertuples()
    ]
    figures = figures.assign(board=boards, source=source).rename(columns={"run": "system"})
    others = published[published["benchmark"].isin(scored["benchmark"])]
    others = others.assign(videos=others["benchmark"].map(BENCHMARKS))
    others = others.rename(columns={"benchmark": "board"})
    table = pd.concat([part for part in (figures, others) if len(part)] or [figures])
    table = table.reindex(columns=COLUMNS)
    ranks = table.groupby(["board", "protocol", "metric"])["value"].rank("min", ascending=False)
    table["rank"] = ranks.where(table["protocol"] != UNSTATED)
    table = table.astype(
        dict.fromkeys(("board", "protocol", "metric", "system", "dataset", "source"), "str")
        | {"rank": "Int32", "videos": "Int32", "value": "f8", "low": "f8", "high": "f8"}
    )
    return table.sort_values(KEYS, ignore_index=True)


def render_markdown(leaderboard: pd.DataFrame) -> str:
    """The leaderboard in Markdown, a table for each board and protocol, best systems first.

    A table is ordered by the first headline figure that all its systems have: by one that only
    some have, the others would stand below whatever is worse.
    """
    if leaderboard.empty:
        return (
            "# Leaderboard\n\nNothing was scored: no video has ground truth. What was found in "
            "each stands in objects.csv beside its masks, and in the report.\n"
        )
    parts = [
        "# Leaderboard",
        "Shares of 1, with 95% intervals over videos. Figures are comparable within a table only: "
        "other tables have other videos or another protocol.",
    ]
    for (board, protocol), figures in leaderboard.groupby(["board", "protocol"]):
        parts += [f"## {board}, {protocol}", _markdown(figures)]
    return "\n\n".join(parts) + "\n"


def figure_text(value: float, low: float, high: float) -> str:
    """A figure with its interval, where it has one."""
    return f"{value:.3f}" if pd.isna(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _board(dataset: str, benchmark: str, videos: int, protocol: str, max_proposals: int) -> str:
    limits = []
    if benchmark and videos < BENCHMARKS[benchmark]:
        limits.append(f"{videos} of {BENCHMARKS[benchmark]} videos of {benchmark}")
    elif not benchmark or videos > BENCHMARKS[benchmark]:
        limits.append(f"{videos} video{'s' * (videos != 1)}")
    if protocol in _OFFICIAL and max_proposals > OFFICIAL_PROPOSALS:
        limits.append(f"up to {max_proposals} proposals")
    return f"{dataset} ({', '.join(limits)})" if limits else benchmark


def _markdown(figures: pd.DataFrame) -> str:
    figures = figures[figures["value"].notna()]
    metrics = [name for name in HEADLINES if (figures["metric"] == name).any()]
    head = ["rank", "system", *metrics, "videos", "source"]
    systems = [
        (name, group.set_index("metric"))
        for (name, *_), group in figures.groupby(["system", "dataset", "source"], dropna=False)
    ]
    shared = [name for name in metrics if all(name in group.index for _, group in systems)]
    rows = []
    for system, group in systems:
        texts = {row.Index: figure_text(row.value, row.low, row.high) for row in group.itertuples()}
        rank = group.loc[shared[0], "rank"] if shared else pd.NA
        cells = ["" if pd.isna(rank) else str(rank), system]
        cells += [texts.get(name, "") for name in metrics]
        cells += [str(group["videos"].iloc[0]), group["source"].iloc[0]]
        rows.append((-group.loc[shared[0], "value"] if shared else 0.0, cells))
    rows.sort()
    lines = [head, ["---"] * len(head), *(cells for _, cells in rows)]
    table = "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)
    return f"{_order(shared, figures)}\n\n{table}"


def _cell(text: str) -> str:
    """A name may hold the sign that divides cells."""
    return text.replace("|", "\\|")


def _order(shared: list[str], figures: pd.DataFrame) -> str:
    """By what a table is ordered, in a sentence."""
    if not shared:
        return (
            "No figure is known of all these systems: they are not ranked here, but by each figure "
            "in leaderboard.csv."
        )
    ranked = figures["rank"].notna().any()
    return f"Ranked by {shared[0]}." if ranked else f"Not ranked, in order of {shared[0]}."
