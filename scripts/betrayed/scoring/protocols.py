"""One video by every protocol, as a tidy table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from betrayed.config.scoring import Scorer, ScoreSettings
from betrayed.errors import UserError
from betrayed.io.progress import progress
from betrayed.objects.masks import read_masks, read_parts, read_proposals
from betrayed.scoring.columns import COLUMNS
from betrayed.scoring.davis import (
    METRICS,
    assign,
    count_objects,
    count_proposals,
    merge_objects,
    pairwise_scores,
    statistics,
)
from betrayed.scoring.official import official_scores
from betrayed.scoring.partition import read_partition
from betrayed.scoring.stability import stability
from betrayed.scoring.video_objects import PartitionScores, mean, partition_scores
from betrayed.video.annotations import of_single_objects, read_annotations
from betrayed.video.video import Video

#: What each protocol scores, by the argument of :func:`score_arrays` that holds it. youtube-vis
#: has no figures of a single video, see :mod:`betrayed.scoring.average_precision`.
INPUT_OF = {
    "davis2016": "foreground",
    "davis2016-stability": "foreground",
    "davis2016-track": "proposals",
    "davis2017-sequence": "proposals",
    "davis2017-frame": "proposals",
    "video-object": "partition",
    "video-object-clip": "partition",
    "tracks-object": "labels",
    "tracks-object-clip": "labels",
}
#: The protocols for which all objects are one foreground.
ON_MERGED_OBJECTS = ("davis2016", "davis2016-stability", "davis2016-track")
Row = tuple[str, object, object, str, float]


def score_video(
    video: Video, masks: str | Path, tracks: str | Path, settings: ScoreSettings
) -> pd.DataFrame:
    """Score a video's masks and tracks against its annotations.

    The merged foreground comes from the video's annotations; single objects from its instances,
    or from its annotations where it has no instances. Frames without annotation do not count.
    Proposals are numbered by rank: a protocol that takes fewer is given the first ones.

    Args:
        video: the video, with its annotations.
        masks: folder with ``proposals/`` and ``foreground/``.
        tracks: tracks artefact.
        settings: see :class:`betrayed.config.scoring.ScoreSettings`.

    Returns:
        The table of :func:`score_arrays`; empty when no frame is annotated.

    Raises:
        UserError: a file is missing or does not fit.
    """
    truths = {"annotations": settings.protocols}
    if of_single_objects(video) == "instances":
        merged = tuple(name for name in settings.protocols if name in ON_MERGED_OBJECTS)
        single = tuple(name for name in settings.protocols if name not in ON_MERGED_OBJECTS)
        truths = {"annotations": merged, "instances": single}
    tables = [_table([])]
    for which, protocols in truths.items():
        frames, ids = read_annotations(video, which) if protocols else ([], None)
        if not frames:
            continue
        needed = {INPUT_OF[protocol] for protocol in protocols if protocol in INPUT_OF}
        source = "labels" if settings.partition == "tracks" else "proposals"
        if "partition" in needed:
            needed.add(source)
        found = {}
        if "foreground" in needed:
            found["foreground"] = read_masks(Path(masks) / "foreground", video, frames)
        if "proposals" in needed:
            found["proposals"] = (
                read_parts(masks, video, frames, settings.max_proposals)
                if settings.level == "parts"
                else read_proposals(masks, video, frames)
            )
        if "labels" in needed:
            found["labels"] = read_partition(tracks, video, frames)
        found["partition"] = found.get(source)
        wanted = replace(settings, protocols=protocols)
        try:
            for some, arrays in _within_limits(wanted, found):
                tables.append(score_arrays(ids, frames=frames, settings=some, **arrays))
        except UserError as error:
            raise UserError(f"{masks}: {error}") from error
    return pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)


def _within_limits(
    settings: ScoreSettings, found: Mapping[str, np.ndarray]
) -> Iterator[tuple[ScoreSettings, Mapping[str, np.ndarray]]]:
    """The protocols that take the same number of proposals, with what they are given."""
    proposals = found.get("proposals")
    count = 0 if proposals is None else int(proposals.max(initial=0))
    together: dict[int, list[str]] = {}
    for protocol in settings.protocols:
        limit = getattr(settings, _limit(protocol))
        together.setdefault(min(limit, count), []).append(protocol)
    for most, protocols in together.items():
        first = {} if most == count else {"proposals": np.where(proposals > most, 0, proposals)}
        yield replace(settings, protocols=tuple(protocols)), {**found, **first}


def _limit(protocol: str) -> str:
    """The setting of how many proposals a protocol takes."""
    return "paper_max_proposals" if protocol == "davis2017-frame" else "max_proposals"


def score_arrays(
    annotations: np.ndarray,
    *,
    foreground: np.ndarray | None = None,
    proposals: np.ndarray | None = None,
    partition: np.ndarray | None = None,
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
        partition: (T, H, W) integers, the segment of every pixel, for the video-object protocols.
        labels: the same, of the tracks, for the tracks-object protocols.
        frames: (T,) the frames' numbers in the video; 0, 1, … unless given.
        settings: see :class:`betrayed.config.scoring.ScoreSettings`; its defaults unless given.

    Returns:
        Columns protocol, object, frame, metric, value. Rows with object and frame hold J or F of
        the proposal that is matched with the object there; with a frame alone a figure of the
        frame (J, F and T of the merged foreground, FG-ARI); with an object alone its statistics
        over the frames; with neither the figures of the video: means over its objects, and
        ``J&F``, the mean of J_mean and F_mean. What is not defined (no object) has no row.

    Raises:
        UserError: what a protocol scores is not given or of another shape, there are too many
            proposals, or there is no frame.
    """
    settings = settings or ScoreSettings()
    frames = list(range(len(annotations)) if frames is None else frames)
    if foreground is not None:
        foreground = (foreground != 0).astype(np.uint8)
    given = {
        "foreground": foreground,
        "proposals": proposals,
        "partition": partition,
        "labels": labels,
    }
    wanted = tuple(protocol for protocol in INPUT_OF if protocol in settings.protocols)
    _check(annotations, given, replace(settings, protocols=wanted))
    # What several protocols share is computed once.
    pairs = cache(lambda merged, name: _pairs(annotations, given[name], merged, settings.scorer))
    partitions = cache(lambda name: partition_scores(annotations, given[name]))
    rows: list[Row] = []
    for protocol in progress(wanted, "scoring", "protocol"):
        if INPUT_OF[protocol] in ("partition", "labels"):
            rows += _partition_rows(protocol, partitions(INPUT_OF[protocol]), frames)
        elif protocol == "davis2016-stability":
            rows += _stability_rows(protocol, given["foreground"], frames)
        else:
            rows += _davis_rows(
                protocol, *pairs(protocol in ON_MERGED_OBJECTS, INPUT_OF[protocol]), frames
            )
    return _table(rows)


def _check(
    annotations: np.ndarray, given: Mapping[str, np.ndarray | None], settings: ScoreSettings
) -> None:
    if len(annotations) == 0:
        raise UserError("There is no annotated frame to score.")
    for protocol in settings.protocols:
        found = given[INPUT_OF[protocol]]
        if found is None:
            raise UserError(f"{protocol} scores {INPUT_OF[protocol]}, but there are none.")
        if found.shape != annotations.shape:
            raise UserError(
                f"Annotations and {INPUT_OF[protocol]} must both be (frames, height, width) of one "
                f"size, not {annotations.shape} and {found.shape}."
            )
        if INPUT_OF[protocol] == "proposals":
            limit = _limit(protocol)
            try:
                count_proposals(found, getattr(settings, limit), limit)
            except UserError as error:
                raise UserError(f"{protocol}: {error}") from error


def _pairs(
    annotations: np.ndarray, masks: np.ndarray, merged: bool, scorer: Scorer
) -> tuple[np.ndarray, np.ndarray]:
    """J and F of all pairs, of the objects one by one or merged; see :func:`pairwise_scores`."""
    truth = merge_objects(annotations) if merged else annotations
    n_objects = 1 if merged else count_objects(annotations)
    score = pairwise_scores if scorer == "built-in" else official_scores
    return score(truth, masks, n_objects, int(masks.max(initial=0)))


def _davis_rows(
    protocol: str, similarity: np.ndarray, boundary: np.ndarray, frames: list[int]
) -> list[Row]:
    """The rows of one of the protocols of J and F."""
    merged = protocol in ON_MERGED_OBJECTS
    if similarity.shape[1] == 0:
        return []
    chosen = assign(similarity, boundary, "frame" if protocol == "davis2017-frame" else "sequence")
    curves = {  # metric → (T, G), of the matched pairs
        metric: np.take_along_axis(scores, chosen[:, :, None], axis=2)[:, :, 0]
        for metric, scores in [("J", similarity), ("F", boundary)]
    }
    objects = [pd.NA] if merged else list(range(1, similarity.shape[1] + 1))
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


def _stability_rows(protocol: str, foreground: np.ndarray, frames: list[int]) -> list[Row]:
    scores = stability(foreground, frames)
    rows: list[Row] = [(protocol, pd.NA, pd.NA, "T_mean", mean(scores))]
    return rows + [
        (protocol, pd.NA, frame, "T", score) for frame, score in zip(frames, scores, strict=True)
    ]


def _partition_rows(protocol: str, scores: PartitionScores, frames: list[int]) -> list[Row]:
    """The rows of a protocol that scores a partition."""
    if protocol.endswith("-clip"):
        return [
            (protocol, pd.NA, pd.NA, "FG-ARI", scores.clip_ari),
            (protocol, pd.NA, pd.NA, "mBO", mean(scores.best_iou)),
        ]
    rows: list[Row] = [
        (protocol, number, pd.NA, "mIoU", iou)
        for number, iou in zip(scores.objects.tolist(), scores.iou, strict=True)
    ]
    rows += [
        (protocol, pd.NA, pd.NA, "FG-ARI", mean(scores.relabelled_ari)),
        (protocol, pd.NA, pd.NA, "mIoU", mean(scores.iou)),
    ]
    return rows + [
        (protocol, pd.NA, frame, "FG-ARI", score)
        for frame, score in zip(frames, scores.relabelled_ari, strict=True)
    ]


def _table(rows: list[Row]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS)
    table = table.astype({"object": "Int64", "frame": "Int64", "value": "f8"})
    return table[table["value"].notna()].reset_index(drop=True)
