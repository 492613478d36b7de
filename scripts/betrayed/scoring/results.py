"""Tracks that any method found in videos of YouTube-VIS: results.json beside the file of truth."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pycocotools import mask as coco

from betrayed.datasets.readers.instances import read_records
from betrayed.datasets.readers.youtube_vis import Record, decode_ids
from betrayed.datasets.splits import split_positions
from betrayed.errors import UserError
from betrayed.io.run_lengths import RunLengths, checked_lengths
from betrayed.io.text_files import load_json
from betrayed.scoring.average_precision import PROTOCOL
from betrayed.scoring.columns import COLUMNS
from betrayed.scoring.detection_table import as_table
from betrayed.scoring.folders import Scores, score_ids
from betrayed.scoring.protocols import ScoreSettings

_MOST_TRACKS = 254  # that an image of ids can tell apart
_SHOWN = 20  # characters of a number


@dataclass(frozen=True)
class TrackedVideo:
    """A video whose tracks are to be scored.

    Attributes:
        truth: its record.
        tracks: the same with what was found in place of the objects, best first.
        scores: one for each track.
        settings: how they are scored.
        source: the file that they are from.
    """

    truth: Record
    tracks: Record
    scores: tuple[float, ...]
    settings: ScoreSettings
    source: Path


def find_tracks(
    truth: str | Path, results: str | Path, settings: ScoreSettings, split: str | None = None
) -> list[TrackedVideo]:
    """Lay the tracks of a results file beside the truth; their form is looked at first.

    Args:
        truth: the file of instances, see :func:`betrayed.datasets.readers.instances.read_records`.
        results: a list of tracks, each with ``video_id``, ``score`` and ``segmentations``: for each
            frame run lengths or null. What category they are of does not count.
        settings: how they will be scored.
        split: which of the truth's videos, see
            :func:`betrayed.datasets.splits.split_positions`; tracks of the other videos of that
            file are left out.

    Raises:
        UserError: a file is missing, damaged or of another form, or has a track of a video that
            the truth does not have; it is named in the error.
    """
    results = Path(results)
    listed = read_records(truth)
    records = {record.id: record for record in listed}
    tracks: dict[int, list[tuple[float, tuple[RunLengths | None, ...]]]] = defaultdict(list)
    for place, entry in enumerate(_entries(results)):
        where = f"{results}, track {place + 1}"
        number = entry.get("video_id") if isinstance(entry, dict) else None
        if type(number) is not int or number not in records:
            raise UserError(f"{where}: there is no such video in {truth}: video_id is {number!r}.")
        tracks[number].append(_track(entry, records[number], where))
    names = [(record.video, str(record.id)) for record in listed]
    chosen = [listed[place] for place in split_positions(split, names, Path(truth))]
    if not any(record.id in tracks for record in chosen):
        raise UserError(
            f"{results} has no track in any of the {len(chosen)} videos to score. Correct --split, "
            f"or use the file of truth that its video_id are from."
        )
    for record in chosen:
        _check_masks(record, truth)
    return [_beside(record, tracks[record.id], settings, results) for record in chosen]


def score_tracks(video: TrackedVideo) -> Scores:
    """Score a video's tracks by every protocol wanted.

    AP and AR take masks as they are. For other protocols each pixel goes to the best track that
    has it, and of the truth to the first object.

    Raises:
        UserError: there are too many proposals, or truth of damaged run lengths.
    """
    numbers = range(1, len(video.scores) + 1)
    detections, table = None, pd.DataFrame(columns=COLUMNS)
    if PROTOCOL in video.settings.protocols:
        scores = pd.Series(video.scores, numbers, dtype=float)
        objects = range(1, len(video.truth.objects) + 1)
        overlaps = track_overlaps(video.tracks, video.truth)
        detections = as_table(overlaps, scores, objects, crowd_shares(video.tracks, video.truth))
    others = tuple(name for name in video.settings.protocols if name != PROTOCOL)
    if others:
        where = f"{video.source}, video {video.truth.video}"
        if len(numbers) > _MOST_TRACKS:
            raise UserError(
                f"{where}: {len(numbers)} tracks are more than {_MOST_TRACKS}, which is the most "
                f"that {', '.join(others)} can score. Keep the best, or score by {PROTOCOL} alone."
            )
        frames = range(len(video.truth.frames))
        truth, masks = (
            np.stack([decode_ids(record, index) for index in frames])
            for record in (video.truth, video.tracks)
        )
        settings = replace(video.settings, protocols=others)
        table = score_ids(truth, masks, frames, settings, where)
    return Scores(video.truth.video, table, detections, len(video.truth.objects))


def track_overlaps(tracks: Record, truth: Record) -> np.ndarray:
    """The spatio-temporal IoU of tracks with objects, where masks may overlap.

    Returns:
        (P, G): the sum of their intersections over all frames by the sum of their unions.
    """
    shape = (len(tracks.objects), len(truth.objects))
    both, areas = np.zeros(shape), [np.zeros(count) for count in shape]
    for index in range(len(truth.frames)):
        masks = [_masks(truth, one.objects, index) for one in (tracks, truth)]
        for area, frame_masks in zip(areas, masks, strict=True):
            for place, mask in frame_masks.items():
                area[place] += coco.area(mask)
        for track, mask in masks[0].items():
            for object_, other in masks[1].items():
                both[track, object_] += coco.area(coco.merge([mask, other], intersect=True))
    union = areas[0][:, None] + areas[1] - both
    return both / np.maximum(union, 1)


def crowd_shares(tracks: Record, truth: Record) -> np.ndarray:
    """The share of each track, over all frames, that lies in a crowd: (P,), the largest of them."""
    both = np.zeros((len(tracks.objects), len(truth.crowds)))
    areas = np.zeros(len(tracks.objects))
    if not truth.crowds:
        return areas
    for index in range(len(truth.frames)):
        crowds = _masks(truth, truth.crowds, index)
        for track, mask in _masks(truth, tracks.objects, index).items():
            areas[track] += coco.area(mask)
            for crowd, other in crowds.items():
                both[track, crowd] += coco.area(coco.merge([mask, other], intersect=True))
    return both.max(axis=1) / np.maximum(areas, 1)


def _check_masks(record: Record, path: str | Path) -> None:
    """Refuse truth with damaged run lengths, which pycocotools takes as they are."""
    for kind, found in (("object", record.objects), ("crowd", record.crowds)):
        for number, masks in enumerate(found, 1):
            for frame, counts in zip(record.frames, masks, strict=True):
                try:
                    if counts is not None:
                        checked_lengths(counts, record.height, record.width)
                except (ValueError, TypeError) as error:
                    raise UserError(
                        f"{path}: {kind} {number} of the video {record.video!r} has a damaged mask "
                        f"in frame {frame}: {error}. Download the file once more."
                    ) from error


def _entries(path: Path) -> list[Any]:
    try:
        entries = load_json(path)
    except FileNotFoundError as error:
        raise UserError(f"The file of results {path} is missing.") from error
    except UserError as error:
        raise UserError(
            f"--masks: {path} is no file of results that can be read ({error}) The truth is a "
            f"JSON file, so that the masks must be one too."
        ) from error
    except ValueError as error:
        raise UserError(f"{path} is not whole JSON ({error}). Write it anew.") from error
    if not isinstance(entries, list) or not entries:
        raise UserError(
            f"{path} must hold a list of tracks, at least one: video_id, score, segmentations."
        )
    return entries


def _track(
    entry: Mapping[str, Any], record: Record, where: str
) -> tuple[float, tuple[RunLengths | None, ...]]:
    score, masks = entry.get("score"), entry.get("segmentations")
    try:
        if isinstance(score, bool) or not isinstance(score, Real) or not isfinite(score):
            raise ValueError("it is none")
    except (ValueError, OverflowError) as error:
        shown = str(score)[:_SHOWN] if isinstance(score, Real) else repr(score)
        raise UserError(f"{where}: score must be a number that is finite, not {shown}.") from error
    if not isinstance(masks, list) or len(masks) != len(record.frames):
        count = len(masks) if isinstance(masks, list) else "no"
        raise UserError(
            f"{where}: it has {count} segmentations, but the video {record.video} has "
            f"{len(record.frames)} frames. Each needs one, null where the track is absent."
        )
    size = [record.height, record.width]
    counts = []
    for index, mask in enumerate(masks):
        if mask is not None and (not isinstance(mask, dict) or mask.get("size") != size):
            raise UserError(
                f"{where}: the mask of frame {index} must be null or run lengths of the size "
                f"{size} (height, width), as the video {record.video} has."
            )
        counts.append(None if mask is None else mask.get("counts"))
        try:
            if mask is not None:
                checked_lengths(counts[-1], *size)
        except (ValueError, TypeError) as error:
            raise UserError(f"{where}: the mask of frame {index} is damaged: {error}.") from error
    return float(score), tuple(counts)


def _beside(
    record: Record,
    found: Sequence[tuple[float, tuple[RunLengths | None, ...]]],
    settings: ScoreSettings,
    source: Path,
) -> TrackedVideo:
    ranked = sorted(found, key=lambda track: -track[0])
    tracks = replace(record, objects=tuple(masks for _, masks in ranked), crowds=())
    return TrackedVideo(record, tracks, tuple(score for score, _ in ranked), settings, source)


def _masks(
    record: Record, objects: Sequence[Sequence[RunLengths | None]], index: int
) -> dict[int, dict[str, Any]]:
    """The masks of one frame by the place of their object, as pycocotools wants them."""
    size = [record.height, record.width]
    masks = {}
    for place, runs in enumerate(objects):
        counts = runs[index]
        if counts is not None:
            checked_lengths(counts, *size)  # pycocotools takes damaged ones as they are
        if isinstance(counts, str):
            masks[place] = {"size": size, "counts": counts.encode("ascii")}
        elif counts is not None:
            masks[place] = coco.frPyObjects({"size": size, "counts": list(counts)}, *size)
    return masks
