"""Figures by DAVIS's protocols as programs compute them: read off the table of all figures."""

import pandas as pd

from betrayed.scoring.davis import METRICS
from betrayed.scoring.protocols import ScoreSettings, score_arrays


def object_figures(truth, masks, matching="sequence", **limits):
    """By davis2017-*: a row an object, a column a metric."""
    settings = ScoreSettings((f"davis2017-{matching}",), **limits)
    table = score_arrays(truth, proposals=masks, settings=settings)
    own = table[table["object"].notna() & table["frame"].isna()]
    wide = own.pivot(index="object", columns="metric", values="value")
    return wide.reindex(columns=list(METRICS))


def video_figures(truth, protocol, **given) -> pd.Series:
    """The figures of the whole video by a protocol, by metric."""
    table = score_arrays(truth, settings=ScoreSettings((protocol,)), **given)
    whole = table[table["object"].isna() & table["frame"].isna()]
    return whole.set_index("metric")["value"]
