"""Figures over whole data sets, with intervals, and figures of videos and objects."""

from collections.abc import Iterator

import pandas as pd

from betrayed.errors import UserError
from betrayed.reporting.bootstrap import bootstrap_intervals
from betrayed.reporting.measurements import ALL

SUMMARY_KEYS = ["run", "dataset", "video", "protocol", "metric"]
SUMMARY_COLUMNS = [*SUMMARY_KEYS, "value", "low", "high", "videos"]
OBJECT_KEYS = ["run", "dataset", "video", "object", "protocol", "metric"]
OBJECT_COLUMNS = [*OBJECT_KEYS, "value"]
#: The protocols whose figures over a data set are means over its objects begin like this.
BY_OBJECT = ("davis2017-", "video-object", "tracks-object")

_FIGURE = ["run", "dataset", "protocol", "metric"]


def summarise(
    measurements: pd.DataFrame, scored: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures by video and over data sets, and figures by object.

    Over a data set (video ``"all"``), the davis2017 protocols' figures and the mIoU of video-object
    are means over all its objects, as the benchmarks have it; all others are means over its videos.
    J&F is the mean of J_mean and F_mean. What a data set has as a whole, such as AP, is no mean and
    stays as it was measured.

    Args:
        measurements: as :func:`betrayed.reporting.measurements.read_measurements` gives them.
        scored: run, dataset, videos: how many videos each run has of each data set.

    Returns:
        summary: run, dataset, video, protocol, metric, value; ``low`` and ``high``, the ends of the
        95% interval (:func:`betrayed.reporting.bootstrap.bootstrap_intervals`), missing for a
        single video and for figures that are no means; ``videos``, how many the figure is of. And
        objects: run, dataset, video, object, protocol, metric, value. Both sorted by their keys.

    Raises:
        UserError: a figure is measured of the data set as a whole and of its videos too.
    """
    whole = measurements[measurements["frame"].isna()].drop(columns="frame")
    whole = whole.astype(dict.fromkeys(SUMMARY_KEYS, "str"))
    is_object, is_data_set = whole["object"].notna(), whole["video"] == ALL
    objects, videos = whole[is_object], whole[~is_object & ~is_data_set].drop(columns="object")
    means = _means(_shares(objects, videos))
    data_sets = whole[is_data_set].drop(columns="object")
    data_sets = data_sets.merge(scored[["run", "dataset", "videos"]], how="left")
    twice = data_sets.merge(means, on=_FIGURE)
    if len(twice):
        run, dataset, protocol, metric = twice[_FIGURE].iloc[0]
        raise UserError(
            f"{protocol} {metric} of {run} / {dataset} is measured of single videos and of the "
            f"data set as a whole. Delete the scores of one of them."
        )
    parts = [videos.assign(videos=1), means.assign(video=ALL), data_sets]
    summary = pd.concat([part for part in parts if len(part)] or [parts[0]])
    summary = summary.reindex(columns=SUMMARY_COLUMNS)
    summary = summary.astype({"low": "f8", "high": "f8", "videos": "Int32"})
    return (
        summary.sort_values(SUMMARY_KEYS, ignore_index=True),
        objects[OBJECT_COLUMNS].sort_values(OBJECT_KEYS, ignore_index=True),
    )


def _shares(objects: pd.DataFrame, videos: pd.DataFrame) -> pd.DataFrame:
    """What each video adds to a mean: the ``total`` of some figures, and their ``count``."""
    counted = objects[objects["protocol"].str.startswith(BY_OBJECT)]
    both = counted[counted["metric"].isin(["J_mean", "F_mean"])]
    both = both.groupby([*SUMMARY_KEYS[:-1], "object"], as_index=False)["value"].mean()
    counted = pd.concat([counted, both.assign(metric="J&F")])
    named = pd.MultiIndex.from_frame(videos[["protocol", "metric"]])
    by_object = named.isin(pd.MultiIndex.from_frame(counted[["protocol", "metric"]]))
    figures = pd.concat([counted, videos[~by_object]])
    shares = figures.groupby([*_FIGURE, "video"], as_index=False)["value"]
    return shares.agg(["sum", "size"]).rename(columns={"sum": "total", "size": "count"})


def _means(shares: pd.DataFrame) -> pd.DataFrame:
    """Each figure over its videos, with its interval and their number."""
    columns = [*_FIGURE, "value", "low", "high", "videos"]
    tables = [pd.DataFrame(columns=columns), *_means_of_runs(shares)]
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _means_of_runs(shares: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for _, figures in shares.groupby(["run", "dataset"]):
        sizes = figures.groupby(_FIGURE)["video"].transform("size")
        for n_videos, alike in figures.groupby(sizes):  # figures of as many videos, side by side
            totals = alike["total"].to_numpy().reshape(-1, n_videos).T
            counts = alike["count"].to_numpy(dtype=float).reshape(-1, n_videos).T
            low, high = bootstrap_intervals(totals, counts)
            yield (
                alike[_FIGURE]
                .iloc[::n_videos]
                .assign(
                    value=totals.sum(axis=0) / counts.sum(axis=0),
                    low=low,
                    high=high,
                    videos=n_videos,
                )
            )
