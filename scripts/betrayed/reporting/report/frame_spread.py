"""How much a figure of a video varies over its frames."""

import pandas as pd

#: What is measured frame by frame of the figures of whole videos.
OF_FRAMES = {"J_mean": ("J",), "F_mean": ("F",), "J&F": ("J", "F")}
_VIDEO = ["run", "dataset", "video"]


def frame_quartiles(measurements: pd.DataFrame, protocol: str, metric: str) -> pd.DataFrame:
    """Between which figures the middle half of a video's frames lies.

    A frame's figure is the mean over its objects; J&F is the mean of both.

    Args:
        measurements: the table ``measurements``, or those of its rows that are J or F.
        protocol: which figure it is.
        metric: likewise, of a whole video.

    Returns:
        Columns ``low`` and ``high``, the quartiles, by run, data set and video (text); empty where
        the metric is not measured frame by frame.
    """
    wanted = OF_FRAMES.get(metric, ())
    rows = measurements[
        (measurements["protocol"] == protocol)
        & measurements["metric"].isin(wanted)
        & measurements["frame"].notna()
    ].astype(dict.fromkeys(_VIDEO, "str"))
    frames = rows.groupby([*_VIDEO, "frame"])["value"].mean()
    spread = frames.groupby(_VIDEO).quantile([0.25, 0.75]).unstack()
    return spread.set_axis(["low", "high"], axis="columns") if len(spread) else _NOTHING


_NOTHING = pd.DataFrame(
    {"low": pd.Series(dtype="f8"), "high": pd.Series(dtype="f8")},
    index=pd.MultiIndex.from_arrays([[], [], []], names=_VIDEO),
)
