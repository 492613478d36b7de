"""The measurements of many videos, as their score files hold them, in one tidy table."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from betrayed.errors import UserError
from betrayed.io.progress import progress

SCORE_COLUMNS = ["protocol", "object", "frame", "metric", "value"]
KEYS = ["run", "dataset", "video", "object", "frame", "protocol", "metric"]
#: In the column ``video``: the figures over a whole data set.
ALL = "all"

#: Between which a metric's values lie; others may be any finite number. Also in docs/tables.md.
RANGES = {
    **dict.fromkeys(("J", "F", "J_mean", "F_mean", "J_recall", "F_recall", "J&F"), (0, 1)),
    **dict.fromkeys(("J_decay", "F_decay", "FG-ARI"), (-1, 1)),
    **dict.fromkeys(("mIoU", "mBO"), (0, 1)),
    **dict.fromkeys(("AP", "AP50", "AP75", "AR1", "AR10", "AR100"), (0, 1)),
    **dict.fromkeys(("T", "T_mean"), (0, 5)),
}
#: What rounding may add to a value.
_ROUNDING = 1e-6

_SOURCE = ["run", "dataset", "video"]
_REMEDY = "Delete it and run the workflow again; it will be made anew."


def read_measurements(sources: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """All rows of all score files, a row a measurement.

    A row takes about 24 bytes; keys are kept as categories. Files are read one at a time.

    Args:
        sources: for each file its ``run``, ``dataset``, ``video`` and ``path``. The video ``"all"``
            stands for a file with figures that only a whole data set has, such as AP.

    Returns:
        The columns :data:`KEYS` and ``value``, sorted by them, missing ones last. With ``object``
        and ``frame`` it is a figure of one object in one frame, with ``frame`` alone one of a
        frame, with ``object`` alone one of an object, with neither one of the video.

    Raises:
        UserError: a file is missing, damaged, holds a measurement twice or a value that its metric
            cannot have, or a video is listed twice.
    """
    ordered = sorted(sources, key=lambda source: [source[name] for name in _SOURCE])
    names = [tuple(source[name] for name in _SOURCE) for source in ordered]
    for name, count in Counter(names).items():
        if count > 1:
            raise UserError(f"The scores of {' / '.join(name)} are listed twice.")
    files = [
        _read_scores(source["path"], source["video"] == ALL)
        for source in progress(ordered, "collecting scores", "video")
    ]
    # Files come in the order of their keys: sorted one by one, they are sorted together.
    for name in ("protocol", "metric"):
        values = sorted(set().union(*(file[name].cat.categories for file in files)))
        kind = pd.CategoricalDtype(values)
        files = [file.astype({name: kind}) for file in files]
    files = [file.sort_values(KEYS[3:], ignore_index=True) for file in files]
    table = pd.concat(files or [_empty()], ignore_index=True)
    lengths = [len(file) for file in files]
    for place, name in enumerate(_SOURCE):
        values = [key[place] for key in names]
        table.insert(place, name, pd.Categorical(values, sorted(set(values))).repeat(lengths))
    return table[[*KEYS, "value"]]


def _read_scores(path: str | Path, of_data_set: bool) -> pd.DataFrame:
    kinds = {"protocol": "category", "object": "Int32", "frame": "Int32", "metric": "category"}
    try:
        table = pd.read_csv(path, dtype={**kinds, "value": "f8"})
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Run the workflow to make it.") from error
    except (ValueError, TypeError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise UserError(f"{path} is no table of scores ({error}). {_REMEDY}") from error
    if list(table.columns) != SCORE_COLUMNS:
        raise UserError(f"{path} must have the columns {', '.join(SCORE_COLUMNS)}. {_REMEDY}")
    if len(table) == 0:  # of no type then
        return _empty()
    lacking = table[["protocol", "metric"]].isna().any(axis=1) | ~np.isfinite(table["value"])
    if lacking.any():
        raise UserError(f"{path} has no protocol, metric or value in {_rows(lacking)}. {_REMEDY}")
    lowest, highest = (
        table["metric"].astype(str).map({name: ends[end] for name, ends in RANGES.items()})
        for end in (0, 1)
    )
    outside = (table["value"] < lowest - _ROUNDING) | (table["value"] > highest + _ROUNDING)
    if outside.any():
        first = outside.idxmax()
        raise UserError(
            f"{path} has values that their metric cannot have in {_rows(outside)}: "
            f"{table['metric'][first]} = {table['value'][first]:g} is not within "
            f"{lowest[first]:g}…{highest[first]:g}. {_REMEDY}"
        )
    twice = table.duplicated(SCORE_COLUMNS[:-1])
    if twice.any():
        raise UserError(f"{path} repeats what it measured before in {_rows(twice)}. {_REMEDY}")
    if of_data_set and table[["object", "frame"]].notna().any(axis=None):
        raise UserError(f"{path} holds objects or frames, but is of a whole data set. {_REMEDY}")
    return table


def _rows(chosen: Iterable[bool]) -> str:
    """The lines of a file that are meant, the first few of them."""
    lines = [str(index + 2) for index in np.flatnonzero(chosen)]  # the first line names columns
    return f"line {', '.join(lines[:5])}" + (", …" if len(lines) > 5 else "")


def _empty() -> pd.DataFrame:
    kinds = {"protocol": "category", "object": "Int32", "frame": "Int32", "metric": "category"}
    return pd.DataFrame(columns=SCORE_COLUMNS).astype({**kinds, "value": "f8"})
