"""The tables of all results, each as CSV for people and as Parquet for programs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from betrayed.config.scoring import OFFICIAL_PROPOSALS
from betrayed.io.files import whole_file
from betrayed.reporting.averages import summarise
from betrayed.reporting.leaderboard import (
    THIS_WORKFLOW,
    rank_systems,
    read_published,
    render_markdown,
    scored_videos,
)
from betrayed.reporting.measurements import read_measurements

#: The figures that this project brings, to rank runs beside.
PUBLISHED = Path(__file__).with_name("published.csv")
#: Tables hold six decimals: more is noise, and the last bits of a sum differ among machines.
DECIMALS = 6
#: Keys that few values repeat in: categories in Parquet.
_CATEGORIES = {"run", "dataset", "video", "protocol", "metric", "board", "system", "source"}
#: Rows that readers of Parquet get at a time.
_ROW_GROUP = 250_000


def tabulate_runs(runs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The settings of every run: a row a run, a column a setting.

    Args:
        runs: for each run its settings by (dotted) name; lists are written as JSON.

    Returns:
        Sorted by ``run``. A setting that a run does not have is missing.
    """
    names = sorted({name for settings in runs.values() for name in settings} - {"run"})
    table = pd.DataFrame({"run": sorted(runs)})
    columns = {
        name: setting_column([runs[run].get(name) for run in table["run"]]) for name in names
    }
    return pd.concat([table, pd.DataFrame(columns)], axis=1)


def setting_column(values: Sequence[Any]) -> pd.api.extensions.ExtensionArray:
    """Values of a setting as a column of one type, which Parquet insists on; lists become JSON."""
    plain = [_plain(value) for value in values]
    kinds = {type(value) for value in plain if value is not None}
    # Whole numbers beside fractions are numbers.
    if len(kinds) > 1 and kinds != {int, float}:
        plain = [None if value is None else str(value) for value in plain]
    return pd.array(plain) if kinds else pd.array(plain, dtype="string")


def write_tables(
    folder: str | Path,
    sources: Sequence[Mapping[str, Any]],
    runs: Mapping[str, Mapping[str, Any]],
    published: str | Path,
    max_proposals: int = OFFICIAL_PROPOSALS,
    found_by: str = THIS_WORKFLOW,
) -> None:
    """Write measurements, summary, objects, leaderboard and runs into ``folder``.

    Each is a CSV and a Parquet file; the leaderboard is a Markdown file too. Equal scores give
    equal files, byte for byte.

    Args:
        folder: where to write.
        sources: as for :func:`betrayed.reporting.measurements.read_measurements`, each with the
            ``benchmark`` that its data set is, or none.
        runs: as for :func:`tabulate_runs`.
        published: the table of published figures.
        max_proposals: how many proposals the official protocol was given at most.
        found_by: where the masks are from, the ``source`` of their figures in the leaderboard.

    Raises:
        UserError: see :func:`betrayed.reporting.measurements.read_measurements`,
            :func:`betrayed.reporting.averages.summarise` and
            :func:`betrayed.reporting.leaderboard.read_published`.
    """
    folder = Path(folder)
    others, scored = read_published(published), scored_videos(sources)
    measurements = read_measurements(sources)
    summary, objects = summarise(measurements, scored)
    leaderboard = rank_systems(summary, scored, others, max_proposals, found_by)
    write_table(folder / "measurements", measurements)
    write_table(folder / "summary", summary)
    write_table(folder / "objects", objects)
    write_table(folder / "leaderboard", leaderboard)
    write_table(folder / "runs", tabulate_runs(runs), decimals=None)
    with whole_file(folder / "leaderboard.md") as temporary:
        temporary.write_text(render_markdown(leaderboard), encoding="utf-8")


def write_table(
    path: Path,
    table: pd.DataFrame,
    decimals: int | None = DECIMALS,
    exact: Sequence[str] = (),
) -> None:
    """Write a table as CSV and as Parquet.

    Args:
        path: of both, without a suffix.
        table: what to write.
        decimals: of numbers; None: they keep all their digits, as do those of columns in ``exact``.
        exact: columns of settings.
    """
    form = None
    if decimals is not None:
        form = f"%.{decimals}f"
        numbers = table.drop(columns=list(exact)).select_dtypes("float64")
        table = table.assign(**(numbers.round(decimals) + 0.0))  # -0.0 becomes 0.0
        table = table.astype({name: "category" for name in table if name in _CATEGORIES})
    with whole_file(path.with_suffix(".csv")) as temporary:
        shown = table.astype(dict.fromkeys(exact, object))
        shown.to_csv(temporary, index=False, float_format=form, lineterminator="\n")
    with whole_file(path.with_suffix(".parquet")) as temporary:
        table.to_parquet(
            temporary, engine="pyarrow", index=False, compression="zstd", row_group_size=_ROW_GROUP
        )


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value
