"""The table of a sweep: each figure's mean over seeds, with how much seeds move it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import t

from betrayed.errors import UserError
from betrayed.reporting.bootstrap import LEVEL
from betrayed.reporting.measurements import ALL
from betrayed.reporting.tables import setting_column, write_table

#: What is averaged over, and no column of its own.
SEED = "seed"
#: Columns before and after those of the settings that are swept.
FIRST = ["run", "dataset"]
LAST = ["protocol", "metric", "value", "spread", "low", "high", "seeds"]


def tabulate_sweep(summary: pd.DataFrame, runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Figures over whole data sets for each step of a sweep.

    Args:
        summary: as :func:`betrayed.reporting.averages.summarise` gives it.
        runs: of each run ``run``, its name; ``base``, the entry of ``runs`` that
            it comes from; ``swept``, the settings that are swept with its values.

    Returns:
        A row for each base (column ``run``), data set, step, protocol and metric, steps as the
        configuration has them: a column for each swept setting but the seed; ``value``, the mean
        over seeds; ``spread``, their standard deviation (of a sample, with n - 1); ``low`` and
        ``high``, the ends of the 95% interval of the mean by Student's t; ``seeds``, how many have
        the figure. Of a single seed spread, low and high are missing.
    """
    names = [name for name in (runs[0]["swept"] if runs else {}) if name != SEED]
    steps: dict[str, int] = {}
    values, places = [], []
    for run in runs:
        own = {name: run["swept"][name] for name in names}
        number = steps.setdefault(json.dumps(own), len(steps))
        if number == len(values):
            values.append(own)
        places.append((run["run"], run["base"], number))
    places = pd.DataFrame(places, columns=["run", "base", "step"])
    figures = summary[summary["video"] == ALL]
    figures = figures.astype(dict.fromkeys(("run", "dataset", "protocol", "metric"), "str"))
    figures = figures.merge(places, on="run")
    bases = {base: number for number, base in enumerate(dict.fromkeys(places["base"]))}
    keys = ["base", "dataset", "step", "protocol", "metric"]
    table = figures.groupby(keys, as_index=False)["value"].agg(["mean", "std", "size"])
    count = table["size"].astype("f8")
    half = t.ppf((1 + LEVEL) / 2, (count - 1).where(count > 1)) * table["std"] / count**0.5
    table = table.assign(
        run=table["base"],
        value=table["mean"],
        spread=table["std"],
        low=table["mean"] - half,
        high=table["mean"] + half,
        seeds=table["size"].astype("Int32"),
        place=table["base"].map(bases),
    ).sort_values(["place", *keys[1:]], ignore_index=True)
    for name in names:
        table[name] = setting_column([values[step][name] for step in table["step"]])
    return table[[*FIRST, *names, *LAST]]


def swept_settings(table: pd.DataFrame) -> list[str]:
    """The columns of a sweep's table that are settings."""
    return [name for name in table if name not in FIRST + LAST]


def write_sweep(
    folder: str | Path, summary: pd.DataFrame, runs: Sequence[Mapping[str, Any]]
) -> None:
    """Write ``sweep.csv`` and ``sweep.parquet``; see :func:`tabulate_sweep`."""
    table = tabulate_sweep(summary, runs)
    write_table(Path(folder) / "sweep", table, exact=swept_settings(table))


def read_table(path: str | Path) -> pd.DataFrame:
    """Read one of the Parquet tables.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a table: {error}. Run the workflow.") from error
