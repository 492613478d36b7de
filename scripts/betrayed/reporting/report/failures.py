"""The panel *Failures*: the videos that a stage gave up, and those that nothing is known of."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from betrayed.errors import UserError
from betrayed.reporting.report.choice import Key
from betrayed.reporting.report.sources import Result, finished


def failures_of(path: Path) -> pd.DataFrame | None:
    """The table of failures; None where the workflow wrote none.

    Raises:
        UserError: it lacks a column.
    """
    if not path.is_file():
        return None
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if missing := {"stage", "dataset", "video", "reason"} - set(table.columns):
        raise UserError(f"{path} lacks the column {min(missing)!r}. Run the workflow again.")
    return table


def given_up(failures: pd.DataFrame | None) -> int:
    """How many videos there are among the failures, each counted once."""
    return 0 if failures is None else len(failures[["dataset", "video"]].drop_duplicates())


def unfinished(
    videos: Sequence[Key],
    by_run: Mapping[str, Mapping[Key, Result]],
    failures: pd.DataFrame | None,
) -> list[Key]:
    """Videos without masks in some run of which no failure says why."""
    told = set() if failures is None else set(zip(failures.dataset, failures.video, strict=True))
    return [key for key in videos if key not in told and not all(finished(by_run, key))]
