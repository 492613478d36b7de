"""The scores of many videos as tidy tables that pandas loads in one line."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from betrayed.errors import UserError
from betrayed.files import whole_file
from betrayed.programs import progress

SCORE_COLUMNS = ["protocol", "object", "frame", "metric", "value"]
SUMMARY_COLUMNS = ["run", "dataset", "video", "protocol", "metric", "value"]
OBJECT_COLUMNS = ["run", "dataset", "video", "protocol", "object", "metric", "value"]
#: The name under which the figures over a whole data set stand in the column ``video``.
ALL = "all"
#: Tables hold six decimals: more is noise, and the last bits of a sum differ among machines.
DECIMALS = 6


def read_scores(sources: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """The scores of all videos in one table.

    Args:
        sources: for each file its ``run``, ``dataset``, ``video`` and ``path``.

    Returns:
        Columns run, dataset, video, protocol, object, frame, metric, value. ``frame`` is missing
        where a figure is one of all frames, ``object`` where it is none of a single object.

    Raises:
        UserError: a file is missing or holds no scores, a video is listed twice or named "all".
    """
    seen: set[tuple[str, str, str]] = set()
    tables = []
    for source in progress(sources, "collecting scores", "video"):
        key = (source["run"], source["dataset"], source["video"])
        if key in seen:
            raise UserError(f"The scores of {' / '.join(key)} are listed twice.")
        if source["video"] == ALL:
            raise UserError(f"A video of {source['dataset']} is named {ALL!r}; rename it.")
        seen.add(key)
        table = _read_one(source["path"])
        table.insert(0, "run", key[0])
        table.insert(1, "dataset", key[1])
        table.insert(2, "video", key[2])
        tables.append(table)
    if not tables:
        kinds = {"object": "Int64", "frame": "Int64", "value": "f8"}
        return pd.DataFrame(columns=["run", "dataset", "video", *SCORE_COLUMNS]).astype(kinds)
    return pd.concat(tables, ignore_index=True)


def summarise(scores: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures by video and over data sets, and figures by object.

    Over a data set (video ``"all"``), figures of the davis2017 protocols are means over all its
    objects, as the benchmark has it; all others are means over its videos. J&F is the mean of
    J_mean and F_mean.

    Args:
        scores: as :func:`read_scores` gives them.

    Returns:
        summary (run, dataset, video, protocol, metric, value) and objects (the same with object
        before metric), both sorted, values to six decimals.
    """
    scores = scores[scores["frame"].isna()].drop(columns="frame")
    is_object = scores["object"].notna()
    objects, videos = scores[is_object], scores[~is_object]
    # What has rows by object is averaged over objects, except J&F, which follows from the means.
    by_object = videos["protocol"].isin(objects["protocol"].unique())
    keys = ["run", "dataset", "protocol", "metric"]
    means = pd.concat([objects, videos[~by_object & (videos["metric"] != "J&F")]])
    means = means.groupby(keys, as_index=False)["value"].mean()
    both = means[means["metric"].isin(["J_mean", "F_mean"])]
    both = both.groupby(keys[:3], as_index=False)["value"].mean().assign(metric="J&F")
    overall = pd.concat([means, both]).assign(video=ALL)
    summary = pd.concat([videos.drop(columns="object"), overall])
    return _tidy(summary, SUMMARY_COLUMNS), _tidy(objects, OBJECT_COLUMNS)


def tabulate_runs(runs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The settings of every run: a row a run, a column a setting.

    Args:
        runs: for each run its settings by (dotted) name; lists are written as JSON.

    Returns:
        Sorted by ``run``. A setting that a run does not have is missing.
    """
    names = sorted({name for settings in runs.values() for name in settings} - {"run"})
    table = pd.DataFrame({"run": sorted(runs)})
    columns = {name: [_plain(runs[run].get(name)) for run in table["run"]] for name in names}
    for name, values in columns.items():
        kinds = {type(value) for value in values if value is not None}
        # One type a column, which Parquet insists on; whole numbers beside fractions are numbers.
        if len(kinds) > 1 and kinds != {int, float}:
            values = [None if value is None else str(value) for value in values]
        columns[name] = pd.array(values) if kinds else pd.array(values, dtype="string")
    return pd.concat([table, pd.DataFrame(columns)], axis=1)


def write_tables(
    folder: str | Path,
    sources: Sequence[Mapping[str, str]],
    runs: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write summary, objects and runs into ``folder``, each as CSV and as Parquet.

    Equal scores give equal CSV files, byte for byte.

    Args:
        folder: where to write.
        sources: as for :func:`read_scores`.
        runs: as for :func:`tabulate_runs`.

    Raises:
        UserError: see :func:`read_scores`.
    """
    summary, objects = summarise(read_scores(sources))
    tables = {"summary": summary, "objects": objects, "runs": tabulate_runs(runs)}
    for name, table in tables.items():
        # Settings keep all their digits, scores have a fixed number.
        form = None if name == "runs" else f"%.{DECIMALS}f"
        with whole_file(Path(folder) / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, float_format=form, lineterminator="\n")
        with whole_file(Path(folder) / f"{name}.parquet") as temporary:
            table.to_parquet(temporary, index=False)


def _read_one(path: str | Path) -> pd.DataFrame:
    remedy = "Delete it and run the workflow again; it will be made anew."
    kinds = {"protocol": "str", "object": "Int64", "frame": "Int64", "metric": "str", "value": "f8"}
    try:
        table = pd.read_csv(path, dtype=kinds)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Run the workflow to make it.") from error
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise UserError(f"{path} is no table of scores ({error}). {remedy}") from error
    if list(table.columns) != SCORE_COLUMNS:
        raise UserError(f"{path} must have the columns {', '.join(SCORE_COLUMNS)}. {remedy}")
    return table


def _tidy(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    table = table[columns].sort_values(columns[:-1], ignore_index=True)
    return table.assign(value=(table["value"].round(DECIMALS) + 0.0))  # -0.0 becomes 0.0


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value
