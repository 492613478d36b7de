"""One video by every protocol, as a tidy table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from betrayed.errors import UserError
from betrayed.frames import Video
from betrayed.programs import progress
from betrayed.scoring.davis import (
    METRICS,
    assign,
    count_objects,
    count_proposals,
    merge,
    pairwise_scores,
    statistics,
)
from betrayed.scoring.inputs import read_annotations, read_masks, read_partition
from betrayed.scoring.video_objects import frame_ari, mean_iou

#: Every protocol, and what it scores against what.
PROTOCOLS = {
    "davis2016": "the foreground mask against all objects merged",
    "davis2016-track": "the best single proposal against all objects merged",
    "davis2017-sequence": "proposals against objects, one assignment a video (official)",
    "davis2017-frame": "proposals against objects, a new assignment in every frame (the paper's)",
    "video-object": "all tracks against objects: FG-ARI of each frame and mIoU (SOLV's)",
}
#: What each protocol scores, by the argument of :func:`score_arrays` that holds it.
SCORED = {
    "davis2016": "foreground",
    "davis2016-track": "proposals",
    "davis2017-sequence": "proposals",
    "davis2017-frame": "proposals",
    "video-object": "labels",
}
#: The protocols for which all objects are one foreground.
MERGED = ("davis2016", "davis2016-track")
COLUMNS = ["protocol", "object", "frame", "metric", "value"]

Row = tuple[str, object, object, str, float]


@dataclass(frozen=True)
class ScoreSettings:
    """How masks are scored.

    Attributes:
        protocols: which of :data:`PROTOCOLS` to compute.
        max_proposals: more proposals than this are refused by davis2017-sequence and
            davis2016-track; the official figure is 20.
        paper_max_proposals: the same for davis2017-frame; the paper's own scorer allows 300.
    """

    protocols: tuple[str, ...] = tuple(PROTOCOLS)
    max_proposals: int = 20
    paper_max_proposals: int = 300

    def __post_init__(self) -> None:
        """Refuse protocols that do not exist."""
        unknown = [str(name) for name in self.protocols if name not in PROTOCOLS]
        if unknown:
            raise UserError(
                f"There is no protocol {', '.join(unknown)}. There are: {', '.join(PROTOCOLS)}."
            )


def score_video(
    video: Video, masks: str | Path, tracks: str | Path, settings: ScoreSettings
) -> pd.DataFrame:
    """Score a video's masks and tracks against its annotations.

    The merged foreground comes from the video's annotations; single objects from its instances,
    or from its annotations where it has no instances. Frames without annotation do not count.

    Args:
        video: the video, with its annotations.
        masks: folder with ``proposals/`` and ``foreground/``.
        tracks: tracks artefact.
        settings: see :class:`ScoreSettings`.

    Returns:
        The table of :func:`score_arrays`; empty when no frame is annotated.

    Raises:
        UserError: a file is missing or does not fit, or there are too many proposals.
    """
    annotations, instances = (read_annotations(video, one) for one in ("annotations", "instances"))
    truths = [(*annotations, settings.protocols)]
    if instances[0]:
        merged = tuple(name for name in settings.protocols if name in MERGED)
        single = tuple(name for name in settings.protocols if name not in MERGED)
        truths = [(*annotations, merged), (*instances, single)]
    tables = [_table([])]
    for frames, ids, protocols in truths:
        if not frames or not protocols:
            continue
        needed = {SCORED[protocol] for protocol in protocols}
        found = {
            name: read_masks(Path(masks) / name, video, frames)
            for name in sorted(needed & {"foreground", "proposals"})
        }
        if "labels" in needed:
            found["labels"] = read_partition(tracks, video, frames)
        wanted = replace(settings, protocols=protocols)
        try:
            tables.append(score_arrays(ids, frames=frames, settings=wanted, **found))
        except UserError as error:
            raise UserError(f"{masks}: {error}") from error
    return pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)


def score_arrays(
    annotations: np.ndarray,
    *,
    foreground: np.ndarray | None = None,
    proposals: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    frames: Sequence[int] | None = None,
    settings: ScoreSettings | None = None,
) -> pd.DataFrame:
    """Score what any method found in a video by every protocol wanted.

    Args:
        annotations: (T, H, W) integer ids of the annotated frames, 0 background, 255 void.
        foreground: (T, H, W) of the same frames, foreground wherever it is not 0.
        proposals: (T, H, W) integer ids, 0 background; any integers will do, so that there may be
            more than the 254 that an image of 8 bits can tell apart.
        labels: (T, H, W) integers, the segment of every pixel.
        frames: (T,) the frames' numbers in the video; 0, 1, … unless given.
        settings: see :class:`ScoreSettings`; all protocols unless given.

    Returns:
        Columns protocol, object, frame, metric, value. Rows with object and frame hold J or F of
        the proposal that is matched with the object there; with a frame alone a figure of the
        frame (J and F of the merged foreground, FG-ARI); with an object alone its statistics over
        the frames; with neither the figures of the video: means over its objects, and ``J&F``,
        the mean of J_mean and F_mean. What is not defined (no object) has no row.

    Raises:
        UserError: what a protocol scores is not given or of another shape, there are too many
            proposals, or there is no frame.
    """
    settings = settings or ScoreSettings()
    frames = list(range(len(annotations)) if frames is None else frames)
    given = {"foreground": foreground, "proposals": proposals, "labels": labels}
    rows: list[Row] = []
    wanted = [protocol for protocol in PROTOCOLS if protocol in settings.protocols]
    for protocol in progress(wanted, "scoring", "protocol"):
        found = given[SCORED[protocol]]
        if found is None:
            raise UserError(f"{protocol} scores {SCORED[protocol]}, but there are none.")
        if protocol == "video-object":
            rows += _partition_rows(annotations, found, frames)
        else:
            rows += _davis_rows(protocol, annotations, found, frames, settings)
    return _table(rows)


def _davis_rows(
    protocol: str,
    annotations: np.ndarray,
    masks: np.ndarray,
    frames: list[int],
    settings: ScoreSettings,
) -> list[Row]:
    """The rows of one of the protocols of J and F."""
    by_frame, merged = protocol == "davis2017-frame", protocol in MERGED
    if protocol == "davis2016":
        masks = (masks != 0).astype(np.uint8)
    limit = "paper_max_proposals" if by_frame else "max_proposals"
    try:
        n_proposals = count_proposals(masks, getattr(settings, limit), limit)
    except UserError as error:
        raise UserError(f"{protocol}: {error}") from error
    truth = merge(annotations) if merged else annotations
    n_objects = 1 if merged else count_objects(annotations)
    if n_objects == 0:
        return []
    pairs = pairwise_scores(truth, masks, n_objects, n_proposals)
    chosen = assign(*pairs, "frame" if by_frame else "sequence")
    curves = {  # metric → (T, G), of the matched pairs
        metric: np.take_along_axis(scores, chosen[:, :, None], axis=2)[:, :, 0]
        for metric, scores in zip("JF", pairs, strict=True)
    }
    objects = [pd.NA] if merged else list(range(1, n_objects + 1))
    figures = np.array(
        [statistics(j) + statistics(f) for j, f in zip(curves["J"].T, curves["F"].T, strict=True)]
    )
    rows: list[Row] = []
    for number, values in zip(objects, figures, strict=True):
        named = () if merged else zip(METRICS, values, strict=True)
        rows += [(protocol, number, pd.NA, *one) for one in named]
    means = dict(zip(METRICS, figures.mean(axis=0), strict=True))
    means["J&F"] = (means["J_mean"] + means["F_mean"]) / 2
    rows += [(protocol, pd.NA, pd.NA, *one) for one in means.items()]
    return rows + [
        (protocol, number, frame, metric, curves[metric][place, index])
        for index, number in enumerate(objects)
        for place, frame in enumerate(frames)
        for metric in curves
    ]


def _partition_rows(annotations: np.ndarray, labels: np.ndarray, frames: list[int]) -> list[Row]:
    """The rows of video-object."""
    scores = frame_ari(annotations, labels)
    known = scores[~np.isnan(scores)]
    rows: list[Row] = [
        ("video-object", pd.NA, pd.NA, "FG-ARI", known.mean() if len(known) else np.nan),
        ("video-object", pd.NA, pd.NA, "mIoU", mean_iou(annotations, labels)),
    ]
    return rows + [
        ("video-object", pd.NA, frame, "FG-ARI", score)
        for frame, score in zip(frames, scores, strict=True)
    ]


def _table(rows: list[Row]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS)
    table = table.astype({"object": "Int64", "frame": "Int64", "value": "f8"})
    return table[table["value"].notna()].reset_index(drop=True)
