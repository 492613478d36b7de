"""The report's tables: cells that know what to show and what to be sorted by."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from betrayed.reporting.leaderboard import figure_text
from betrayed.reporting.measurements import ALL
from betrayed.reporting.sweep_pictures import is_number, setting_text
from betrayed.reporting.sweeps import swept_settings

#: Figures of a video, in the order of columns: protocol, metric, and what the column is called.
VIDEO_FIGURES = (
    ("davis2017-sequence", "J&F", "J&F, objects"),
    ("davis2016", "J_mean", "J, foreground"),
    ("davis2016", "F_mean", "F, foreground"),
    ("davis2016-track", "J_mean", "J, best track"),
    ("davis2017-frame", "J&F", "J&F, frame by frame"),
    ("video-object", "FG-ARI", "FG-ARI"),
    ("video-object", "mIoU", "mIoU"),
)
#: Of an object.
OBJECT_FIGURES = (
    ("davis2017-sequence", "J_mean", "J"),
    ("davis2017-sequence", "F_mean", "F"),
    ("davis2017-frame", "J_mean", "J, frame by frame"),
)
#: Rows of objects that are shown, the worst ones.
MOST_OBJECTS = 500

Figure = tuple[str, str, str]


@dataclass(frozen=True)
class Cell:
    """What a cell shows; ``value`` is what it is sorted by, where that is a number."""

    text: str
    value: float | None = None
    link: str | None = None
    picture: str | None = None


@dataclass(frozen=True)
class Table:
    """A table: its columns, its rows and what it is about.

    Columns in ``numbers`` hold numbers; those in ``unsorted`` have no order, such as pictures.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    numbers: frozenset[str] = field(default_factory=frozenset)
    unsorted: frozenset[str] = field(default_factory=frozenset)


def without_empty(table: Table, column: str) -> Table:
    """The table without a column that holds nothing in any row."""
    place = table.columns.index(column)
    if any(row[place].text for row in table.rows):
        return table
    columns, *rows = ([*row[:place], *row[place + 1 :]] for row in (table.columns, *table.rows))
    return replace(table, columns=columns, rows=rows)


def number(value: float, digits: int = 3) -> Cell:
    """A number, or an empty cell where there is none."""
    return Cell("") if pd.isna(value) else Cell(f"{value:.{digits}f}", float(value))


def whole(value: float) -> Cell:
    """A whole number, or an empty cell where there is none."""
    return Cell("") if pd.isna(value) else Cell(f"{int(value):,}", float(value))


def present(summary: pd.DataFrame, figures: Sequence[Figure]) -> list[Figure]:
    """Those of the figures that were measured."""
    measured = set(zip(summary["protocol"], summary["metric"], strict=True))
    return [figure for figure in figures if figure[:2] in measured]


def figures_by_video(summary: pd.DataFrame) -> dict[tuple[str, str, str, str, str], float]:
    """The figures of single videos: by run, data set, video, protocol and metric."""
    table = summary[summary["video"] != ALL]
    names = ["run", "dataset", "video", "protocol", "metric"]
    keys = table[names].astype(str).itertuples(index=False, name=None)
    return dict(zip(keys, table["value"].astype(float), strict=True))


def summary_table(summary: pd.DataFrame) -> Table:
    """The figures over whole data sets, a row each."""
    table = summary[summary["video"] == ALL]
    rows = [
        [
            *(Cell(str(getattr(row, name))) for name in ("run", "dataset", "protocol", "metric")),
            Cell(figure_text(row.value, row.low, row.high), float(row.value)),
            whole(row.videos),
        ]
        for row in table.itertuples()
    ]
    return Table(
        "summary",
        "All figures over whole data sets",
        ("run", "data set", "protocol", "metric", "value [95% interval]", "videos"),
        rows,
        "Intervals: percentile bootstrap over videos. Source: results/tables/summary.csv.",
        frozenset({"value [95% interval]", "videos"}),
    )


def object_table(objects: pd.DataFrame, links: dict[tuple[str, str], str]) -> Table:
    """The objects of the truth, the worst first."""
    figures = present(objects, OBJECT_FIGURES)
    wide = objects.astype(dict.fromkeys(("run", "dataset", "video", "protocol", "metric"), str))
    wide = wide.pivot(
        index=["run", "dataset", "video", "object"],
        columns=["protocol", "metric"],
        values="value",
    )
    wide = wide[[one[:2] for one in figures]].dropna(how="all")
    if figures:
        wide = wide.sort_values(list(wide.columns), kind="stable")
    rows = [
        [
            Cell(run),
            Cell(dataset),
            Cell(video, link=links.get((dataset, video))),
            whole(number_),
            *(number(value) for value in values),
        ]
        for (run, dataset, video, number_), values in zip(
            wide.index[:MOST_OBJECTS], wide.to_numpy()[:MOST_OBJECTS], strict=True
        )
    ]
    left = len(wide) - len(rows)
    note = "The objects of the truth, the worst first. Source: results/tables/objects.csv."
    if left > 0:
        note += f" {left:,} better ones are in that file alone."
    names = tuple(title for *_, title in figures)
    return Table(
        "objects",
        "Objects",
        ("run", "data set", "video", "object", *names),
        rows,
        note,
        frozenset({"object", *names}),
    )


def leaderboard_table(leaderboard: pd.DataFrame) -> Table:
    """The figures that systems are ranked by, beside those that were published."""
    rows = [
        [
            Cell(row.board),
            Cell(row.protocol),
            Cell(row.metric),
            whole(row.rank),
            Cell(row.system),
            Cell(figure_text(row.value, row.low, row.high), float(row.value)),
            Cell(row.source),
        ]
        for row in leaderboard.itertuples()
    ]
    return Table(
        "leaderboard",
        "Leaderboard",
        ("board", "protocol", "metric", "rank", "system", "value [95% interval]", "source"),
        rows,
        "Figures are comparable within one board, protocol and metric only. "
        "Source: results/tables/leaderboard.csv.",
        frozenset({"rank", "value [95% interval]"}),
    )


def settings_table(runs: pd.DataFrame, order: Sequence[str]) -> Table:
    """A row a setting, a column a run; with several runs also whether they differ in it."""
    by_run = runs.set_index("run")
    names = [name for name in order if name in by_run.index]
    rows = []
    for setting in by_run.columns:
        values = [_setting_text(by_run.at[name, setting]) for name in names]
        rows.append(
            [
                Cell(setting),
                *([Cell("differs" if len(set(values)) > 1 else "")] if len(names) > 1 else []),
                *(Cell(value) for value in values),
            ]
        )
    return Table(
        "settings",
        "Settings of the runs",
        ("setting", *(["among runs"] if len(names) > 1 else []), *names),
        rows,
        "Source: results/tables/runs.csv.",
    )


def sweep_table(sweep: pd.DataFrame) -> Table:
    """The table ``sweep``: a row for each step, protocol and metric."""
    names = swept_settings(sweep)
    rows = []
    for row in sweep.to_dict(orient="records"):
        values = [setting_text(row[name]) for name in names]
        rows.append(
            [
                *(Cell(str(row[name])) for name in ("run", "dataset")),
                *(
                    Cell(text, float(row[name]) if is_number(row[name]) else None)
                    for name, text in zip(names, values, strict=True)
                ),
                *(Cell(str(row[name])) for name in ("protocol", "metric")),
                Cell(figure_text(row["value"], row["low"], row["high"]), float(row["value"])),
                number(row["spread"]),
                whole(row["seeds"]),
            ]
        )
    last = ("mean [95% interval]", "spread", "seeds")
    table = Table(
        "sweep",
        "The sweep",
        ("run", "data set", *names, "protocol", "metric", *last),
        rows,
        "Means over seeds; the interval is that of the mean by Student's t, the spread the "
        "standard deviation over seeds. Source: results/tables/sweep.csv.",
        frozenset({*last, *(name for name in names if all(map(is_number, sweep[name])))}),
    )
    return without_empty(table, "spread")  # of one seed none is known


def failure_table(failures: pd.DataFrame) -> Table:
    """The videos that a stage gave up, and why."""
    columns = ("stage", "dataset", "video", "reason")
    rows = [
        [Cell(str(row[name])) for name in columns] for row in failures.to_dict(orient="records")
    ]
    return Table(
        "failures",
        "What failed",
        ("stage", "data set", "video", "reason"),
        rows,
        "Later stages leave these videos out, and so do all figures here. "
        "Source: results/tables/failures.csv.",
    )


def stages_table(stages: pd.DataFrame) -> Table:
    """What the jobs of each stage took."""
    kinds = {"jobs": 0, "seconds": 1, "MB": 0, "GPU MB": 0}
    columns = [name for name in ("stage", *kinds) if name in stages]
    rows = [
        [
            Cell(str(row["stage"])),
            *(number(row[name], kinds[name]) for name in columns if name in kinds),
        ]
        for row in stages.to_dict(orient="records")
    ]
    return Table(
        "stages",
        "Time and memory of each stage",
        tuple(columns),
        rows,
        "Seconds are of all its jobs together, MB of the largest one. Source: results/benchmarks.",
        frozenset(kinds),
    )


def _setting_text(value: object) -> str:
    return "null" if pd.isna(value) else str(value)
