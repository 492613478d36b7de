"""Class-agnostic AP and AR of object tracks, as YouTube-VIS defines them (Yang et al., ICCV 2019).

They are COCO's figures with tracks in place of masks: the IoU of a track with an object is the sum
of their intersections over all frames by the sum of their unions. All detections of a data set are
pooled and ranked by score, so these are figures of a data set and not means over its videos.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from betrayed.scoring.columns import COLUMNS

#: The protocol's name.
PROTOCOL = "youtube-vis"
#: IoU from which a track counts as an object; AP and AR are means over these.
THRESHOLDS = np.linspace(0.5, 0.95, 10)
#: Recalls at which precision is read off.
RECALLS = np.linspace(0, 1, 101)
#: Of a video's detections so many count, best first: AP has the most, AR is given for each.
LIMITS = (1, 10, 100)
METRICS = ("AP", "AP50", "AP75", *(f"AR{limit}" for limit in LIMITS))


@dataclass(frozen=True)
class Matches:
    """What the detections of one video found, best first.

    Attributes:
        scores: (D,) falling; at most as many as the highest of :data:`LIMITS`.
        hits: (10, D) bool, whether each is an object at each of :data:`THRESHOLDS`.
        ignored: (10, D) bool, whether each lies in a crowd instead, and counts as neither right nor
            wrong.
        objects: how many objects there are.
    """

    scores: np.ndarray
    hits: np.ndarray
    ignored: np.ndarray
    objects: int


def match_detections(table: pd.DataFrame) -> Matches:
    """Give each detection of a video, best first, the object that it overlaps most.

    An object is taken once; one that a better detection has is no object to the next. What is given
    no object, but lies in a crowd with a share of at least the threshold, is ignored; a crowd takes
    as many as lie in it. Of equal scores the lower number comes first. All this is COCO's.

    Args:
        table: as :func:`betrayed.scoring.detection_table.as_table` gives it.
    """
    ranked = table.dropna(subset="proposal").drop_duplicates("proposal").sort_values("proposal")
    ranked = ranked.sort_values("score", ascending=False, kind="stable").head(max(LIMITS))
    objects = table["object"].dropna().nunique()
    matched = np.zeros((len(THRESHOLDS), len(ranked)), dtype=bool)
    if len(ranked) and objects:
        iou = table.pivot(index="proposal", columns="object", values="iou")
        free = np.ones((len(THRESHOLDS), objects), dtype=bool)
        for place, overlaps in enumerate(iou.loc[ranked["proposal"]].to_numpy(float)):  # (G,)
            fits = free & (overlaps >= THRESHOLDS[:, None])
            # Of equal overlaps the last object, as in COCO's code.
            best = objects - 1 - np.argmax(np.where(fits, overlaps, -1)[:, ::-1], axis=1)
            matched[:, place] = fits.any(axis=1)
            free[matched[:, place], best[matched[:, place]]] = False
    in_crowd = ranked["crowd"].to_numpy(float) >= THRESHOLDS[:, None]
    return Matches(ranked["score"].to_numpy(float), matched, in_crowd & ~matched, objects)


def average_precision(videos: Iterable[Matches]) -> dict[str, float]:
    """AP and AR over the detections of all videos of a data set.

    AP is the mean of the precision at 101 recalls and 10 thresholds, where the precision at a
    recall is the highest at that recall or more; AP50 and AP75 are those of one threshold. AR is
    the mean over thresholds of the recall that so many detections a video reach.

    Args:
        videos: see :func:`match_detections`; among equal scores, the earlier video ranks first.

    Returns:
        AP, AP50, AP75, AR1, AR10, AR100 by name; empty when there is no object anywhere.
    """
    videos = list(videos)
    objects = sum(video.objects for video in videos)
    if objects == 0:
        return {}
    recalls = [
        sum(video.hits[:, :limit].sum(axis=1) for video in videos) / objects for limit in LIMITS
    ]
    scores = np.concatenate([video.scores for video in videos])
    order = np.argsort(-scores, kind="stable")
    hits, ignored = (
        np.concatenate(parts, axis=1)[:, order]
        for parts in ([video.hits for video in videos], [video.ignored for video in videos])
    )
    ranked = zip(hits, ignored, strict=True)
    precision = np.array([_precision(hit[~out], objects) for hit, out in ranked])  # (10, 101)
    whole = [precision.mean(), precision[0].mean(), precision[5].mean()]
    values = [*whole, *(recall.mean() for recall in recalls)]
    return dict(zip(METRICS, map(float, values), strict=True))


def pooled_rows(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The figures of a data set as its file of scores holds them.

    Args:
        tables: the detections of each video, see :func:`betrayed.scoring.detection_table.as_table`.

    Returns:
        Columns protocol, object, frame, metric, value; no row when there is no object anywhere.
    """
    figures = average_precision(map(match_detections, tables))
    rows = [(PROTOCOL, pd.NA, pd.NA, *figure) for figure in figures.items()]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"object": "Int64", "frame": "Int64", "value": "f8"})


def _precision(hits: np.ndarray, objects: int) -> np.ndarray:
    """(101,) precision at :data:`RECALLS` of ranked detections (D,) bool; 0 beyond their recall."""
    right = np.cumsum(hits)
    precision = right / np.arange(1, len(hits) + 1)
    # The highest from here on; 0 follows the last.
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    return best[np.searchsorted(right / objects, RECALLS)]
