"""Which parts of a video are objects: found from its tracks and cues, without ground truth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from betrayed.config.objects import CUES, ObjectSettings
from betrayed.objects.division import (
    Division,
    by_appearance,
    by_trajectories,
    undivided,
)
from betrayed.objects.foreground import Foreground, find_foreground
from betrayed.objects.instances import InstanceSettings
from betrayed.objects.objectness import group_means, on_grid
from betrayed.objects.outlines import Outlines
from betrayed.objects.painting import paint
from betrayed.objects.point_confidence import confidence_by_points
from betrayed.objects.trajectories import Trajectories

#: The columns of the table of objects.
COLUMNS = (
    "proposal",
    "part",
    "part_of",
    "track",
    "foreground",
    "score",
    "confidence",
    "size",
    "first_frame",
    "last_frame",
    "persistence",
    *CUES,
)
#: More objects than this are rather one that fell to pieces, where looks tell of several too.
_SHATTERED = 4
#: Columns of whole numbers that may be missing.
WHOLE_NUMBERS = dict.fromkeys(("part", "part_of", "track", "first_frame", "last_frame"), "Int64")


@dataclass(frozen=True)
class Objects:
    """The objects of a video on a grid of tokens.

    Attributes:
        table: a row a proposal, best first, with the columns

            - ``proposal``: 1, 2, …; 0 beyond ``max_objects`` and for parts
            - ``part``: 1, 2, … for the parts of objects, which come last; else missing
            - ``part_of``: the proposal that a part is of; missing beyond ``max_objects``
            - ``track``: the track that it is; missing for objects and parts of the foreground
            - ``foreground``: whether it is an object rather than background
            - ``score``: its mean score; missing when objects were chosen by size
            - ``confidence``: 0 … 1, that it is one object and all of it; missing where unknown
            - ``size``: share of a frame, mean over the frames that have it
            - ``first_frame``, ``last_frame``: that have it
            - ``persistence``: share of the frames that have it
            - ``motion``, ``attention``, ``border``: means of the cues, missing likewise
        tracks: labels of all tracks, those first that come first where two meet.
        foreground: where it is, on the grid of the finer tokens; None by size.
        division: whose each place of the foreground is; None by size.
        outlines: of the foreground, where they were needed already.
    """

    table: pd.DataFrame
    tracks: np.ndarray
    foreground: Foreground | None = None
    division: Division | None = None
    outlines: Outlines | None = None


def objects_by_size(labels: np.ndarray, settings: ObjectSettings) -> Objects:
    """Tracks as they are, largest first; all but the largest are foreground.

    A single track is foreground: without another there is nothing to tell it from.

    Args:
        labels: (T, h, w), the track of every token.
        settings: see :class:`ObjectSettings`.
    """
    names, group = np.unique(labels, return_inverse=True)
    order = np.argsort(-np.bincount(group.ravel()), kind="stable")
    table = _measures(group.reshape(labels.shape), {}).iloc[order].reset_index(drop=True)
    table["track"] = names[order]
    table["foreground"] = (np.arange(len(names)) > 0) | (len(names) == 1)
    return Objects(_as_proposals(table, settings), names[order])


def no_objects(labels: np.ndarray, settings: ObjectSettings) -> Objects:
    """Tracks as they are, largest first, none of which is an object.

    Args:
        labels: (T, h, w), the track of every token.
        settings: see :class:`ObjectSettings`.
    """
    objects = objects_by_size(labels, settings)
    return replace(objects, table=objects.table.assign(foreground=False))


def objects_by_cues(
    labels: np.ndarray,
    merges: np.ndarray,
    cues: Mapping[str, np.ndarray],
    local_motion: np.ndarray,
    tokens: np.ndarray,
    points: Trajectories | None,
    settings: ObjectSettings,
    frame: Callable[[int], np.ndarray] | None = None,
) -> Objects:
    """Find the foreground of a video, and the objects that it is made of.

    Args:
        labels: (T, h, w), the track of every token, 0 … K−1.
        merges: the tree in which tracks merge, see
            :func:`betrayed.clustering.merge_tree.merge_tree`.
        cues: for each of :data:`CUES` a map (T, h, w), see :mod:`betrayed.objects.cues`.
        local_motion: (T, h', w'), motion on the grid of ``tokens``, see
            :func:`betrayed.objects.cues.local_motion_cue`.
        tokens: (T, h'·w', D), patch tokens on the same grid or a finer one.
        points: what moves where; needed to tell objects apart by trajectories.
        settings: see :class:`ObjectSettings`.
        frame: gives a frame (H, W, 3) uint8 RGB by its number, to whose edges outlines are moved;
            None leaves them.

    Returns:
        On the grid of ``tokens``. Objects come first; the tracks around them follow as further
        proposals, since a benchmark may know an object among them.
    """
    grid = local_motion.shape[1:]
    foreground = find_foreground(labels, merges, cues, local_motion, tokens, settings)
    outlines = None if points is None else Outlines(foreground, points.frame_size, frame)
    division = _divide(foreground, outlines, points, tokens, settings)

    # Tracks outside of the foreground: those that mostly lie in it are its fringe, and left out.
    fine = np.stack([_nearest(one, grid) for one in labels])  # (T, h', w')
    outside = group_means(fine, ~foreground.mask) > 0.5
    painted = [
        paint(division.painter.shares(t), division.object_of, grid) for t in range(len(fine))
    ]
    objects, parts = (np.stack(one) for one in zip(*painted, strict=True))
    count = len(division.confidence)
    maps = {name: on_grid(cues[name], grid) for name in CUES} | {"score": foreground.scores}
    group = np.where(foreground.mask, objects, count + fine)
    table = _measures(group, maps, count + fine.max() + 1)
    table["foreground"] = table.index < count
    table["confidence"] = pd.Series(division.confidence)
    table["track"] = pd.array([None] * count + [*table.index[count:] - count], dtype="Int64")
    kept = table["foreground"] | np.isin(table.index - count, np.unique(fine[outside]))
    ranked = table[kept].sort_values(["foreground", "score"], ascending=False, kind="stable")
    order = ranked.index[ranked["foreground"]].to_numpy()
    tracks = pd.unique(np.concatenate([ranked["track"].dropna(), np.unique(labels)]).astype(int))
    # Numbered by rank, as the proposals are.
    rank = np.argsort(order)
    division = replace(
        division, object_of=rank[division.object_of], confidence=division.confidence[order]
    )
    proposals = _as_proposals(ranked, settings)
    number = len(division.object_of)
    pieces = _measures(np.where(foreground.mask, parts, number), maps, number + 1)[:number]
    pieces["proposal"], pieces["foreground"] = 0, True
    pieces["part"], pieces["part_of"] = pieces.index + 1, division.object_of + 1
    pieces = pieces.reindex(columns=list(COLUMNS))
    table = pd.concat([proposals, pieces.astype(WHOLE_NUMBERS)], ignore_index=True)
    return Objects(table, tracks, foreground, division, outlines)


def _divide(
    foreground: Foreground,
    outlines: Outlines | None,
    points: Trajectories | None,
    tokens: np.ndarray,
    settings: ObjectSettings,
) -> Division:
    """The objects that the foreground is made of, in the way that the settings choose."""

    most = min(settings.most_instances, settings.max_objects)
    least = min(settings.least_instances, most)

    def by_looks() -> Division:
        distance, diffusion = settings.part_distance, settings.part_diffusion
        return by_appearance(tokens, foreground, distance, diffusion, least, most)

    if settings.instances in ("combined", "trajectories") and outlines is not None:
        wanted = InstanceSettings(settings.split, settings.part_split, least, most)
        grid = foreground.scores.shape[1:]
        division = by_trajectories(points, outlines, tokens, grid, wanted)
        enough = len(division.confidence) >= least > 1  # not so where hardly a point was seen
        if settings.instances == "trajectories" or 1 < division.natural <= _SHATTERED or enough:
            return division
        other = by_looks()
        if division.natural > 1 and len(other.confidence) == 1:
            return division
        return replace(other, confidence=confidence_by_points(other, division.compared))
    return by_looks() if settings.instances == "appearance" else undivided(foreground.scores.shape)


def _nearest(labels: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Labels (h, w) on another grid, each place with the label of the token it lies in."""
    rows, columns = (
        (np.arange(wanted) * given // wanted)
        for wanted, given in zip(grid, labels.shape, strict=True)
    )
    return labels[rows[:, None], columns]


def _measures(
    group: np.ndarray, maps: Mapping[str, np.ndarray], count: int | None = None
) -> pd.DataFrame:
    """Size, frames and the means of maps, a row for each number 0 … in ``group`` (T, h, w)."""
    highest, frames = count or group.max() + 1, len(group)
    places = np.bincount(group.ravel(), minlength=highest)
    present = np.zeros((frames, highest), bool)
    present[np.repeat(np.arange(frames), group[0].size), group.ravel()] = True
    table = pd.DataFrame(index=range(highest))
    with np.errstate(invalid="ignore"):  # numbers that do not occur have no measures
        table["size"] = places / group[0].size / present.sum(axis=0)
        table["first_frame"] = present.argmax(axis=0)
        table["last_frame"] = frames - 1 - present[::-1].argmax(axis=0)
        table.loc[places == 0, ["first_frame", "last_frame"]] = np.nan
        table["persistence"] = present.mean(axis=0)
        for name in ("score", *CUES):
            table[name] = np.nan
            if name in maps:
                sums = np.bincount(group.ravel(), maps[name].ravel(), minlength=highest)
                table[name] = sums / places
    return table


def _as_proposals(table: pd.DataFrame, settings: ObjectSettings) -> pd.DataFrame:
    rank = np.arange(1, len(table) + 1)
    table = table.assign(proposal=np.where(rank <= settings.max_objects, rank, 0))
    return table.reindex(columns=list(COLUMNS)).reset_index(drop=True).astype(WHOLE_NUMBERS)
