"""Which parts of a video are objects: found from its tracks and cues, without ground truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from betrayed.errors import UserError
from betrayed.objects.affinity import affinity, diffuse
from betrayed.objects.levels import tree_levels
from betrayed.objects.objectness import group_means, objectness, on_grid, relative, standardised
from betrayed.objects.parts import split_foreground

#: The cues, in the order of the table's columns; each has a weight in the settings.
CUES = ("motion", "attention", "interior")
COLUMNS = ("proposal", "track", "foreground", "score", "size", "persistence", *CUES)


@dataclass(frozen=True)
class ObjectSettings:
    """How objects are found.

    Attributes:
        choice: ``cues``: objects are what moves, stands out, and keeps off the border. ``size``:
            the largest track is background, all others are objects.
        max_objects: proposals kept, best first; DAVIS allows 20.
        motion_weight: how much motion against the camera counts; 0 ignores it.
        attention_weight: how much the backbone's class attention counts.
        interior_weight: how much staying off the border counts.
        levels: of the merge tree over which cues are gathered; 1 takes the tracks alone.
        local_motion_weight: how much the motion of a place counts beside the score of its track.
        diffusion: how much like neighbours share their scores; 0: not at all.
        diffusion_frames: how many frames neighbours lie apart at most; 0: no smoothing over time.
        foreground_score: the score from which a place is foreground; 0 is the video's median
            place, 1 its best.
        part_distance: the foreground is split where its halves differ by more; 2 never splits.
        part_diffusion: how much like neighbours share the part that they belong to.
        pixels: ``grabcut`` moves outlines to the edges of the image; ``none``.
    """

    choice: Literal["cues", "size"] = "cues"
    max_objects: int = 20
    motion_weight: float = 1.0
    attention_weight: float = 0.5
    interior_weight: float = 0.5
    levels: int = 4
    local_motion_weight: float = 0.5
    diffusion: float = 0.3
    diffusion_frames: int = 1
    foreground_score: float = 0.6
    part_distance: float = 0.45
    part_diffusion: float = 3.0
    pixels: Literal["grabcut", "none"] = "grabcut"

    def __post_init__(self) -> None:
        if not 1 <= self.max_objects <= 254:
            raise UserError(f"max_objects must lie within 1…254, not {self.max_objects}.")
        if min(self.weights.values()) < 0 or max(self.weights.values()) == 0:
            raise UserError("The weights of the cues must be at least 0, and one of them above.")
        if not 0 <= self.foreground_score <= 1:
            raise UserError(f"foreground_score must lie within 0…1, not {self.foreground_score}.")
        if self.levels < 1:
            raise UserError(f"levels must be at least 1, not {self.levels}.")
        for name in ("local_motion_weight", "diffusion", "diffusion_frames", "part_diffusion"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} must be at least 0, not {getattr(self, name)}.")
        if not 0 <= self.part_distance <= 2:
            raise UserError(f"part_distance must lie within 0…2, not {self.part_distance}.")

    @property
    def weights(self) -> dict[str, float]:
        """How much each cue counts."""
        return {cue: getattr(self, f"{cue}_weight") for cue in CUES}


@dataclass(frozen=True)
class Objects:
    """The objects of a video on a grid of tokens.

    Attributes:
        table: a row a proposal, best first, with the columns

            - ``proposal``: 1, 2, …; 0 beyond ``max_objects``
            - ``track``: the track that it is; missing for an object cut from the foreground
            - ``foreground``: whether it is an object rather than background
            - ``score``: its mean score; missing when objects were chosen by size
            - ``size``: share of a frame, mean over the frames that have it
            - ``persistence``: share of the frames that have it
            - ``motion``, ``attention``, ``interior``: means of the cues, missing likewise
        tracks: labels of all tracks, those first that come first where two meet.
        scores: (T, h, w), from 0 at the median place to 1 at the best; None by size.
        threshold: the score from which a place is foreground.
        parts: (P, T, h, w) float32, how much a place belongs to each object; None by size.
    """

    table: pd.DataFrame
    tracks: np.ndarray
    scores: np.ndarray | None = None
    threshold: float = 0.0
    parts: np.ndarray | None = None


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


def objects_by_cues(
    labels: np.ndarray,
    merges: np.ndarray,
    cues: Mapping[str, np.ndarray],
    local_motion: np.ndarray,
    tokens: np.ndarray,
    settings: ObjectSettings,
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
        settings: see :class:`ObjectSettings`.

    Returns:
        On the grid of ``tokens``. Objects come first; the tracks around them follow as further
        proposals, since a benchmark may know an object among them.
    """
    grid = local_motion.shape[1:]
    coarse = objectness(labels, tree_levels(merges, settings.levels), cues, settings.weights)
    scores = standardised(on_grid(coarse, grid))
    scores = scores + settings.local_motion_weight * standardised(local_motion)
    neighbours = affinity(tokens, grid, settings.diffusion_frames)
    scores = relative(diffuse(scores, neighbours, settings.diffusion))
    threshold = min(settings.foreground_score, float(scores.max()))  # something always is
    foreground = scores >= threshold
    parts = split_foreground(tokens, foreground, settings.part_distance)
    count = parts.max()
    belongs = np.stack([parts == part for part in range(1, count + 1)]).astype(np.float32)
    if count > 1:
        belongs = np.stack([diffuse(one, neighbours, settings.part_diffusion) for one in belongs])

    # Tracks outside of the foreground: those that mostly lie in it are its fringe, and left out.
    fine = np.stack([_nearest(one, grid) for one in labels])  # (T, h', w')
    outside = group_means(fine, ~foreground) > 0.5
    group = np.where(foreground, parts - 1, count + fine)
    maps = {name: on_grid(cues[name], grid) for name in CUES} | {"score": scores}
    table = _measures(group, maps)
    table["foreground"] = table.index < count
    table["track"] = pd.array([None] * count + [*table.index[count:] - count], dtype="Int64")
    kept = table["foreground"] | np.isin(table.index - count, np.unique(fine[outside]))
    ranked = table[kept].sort_values(["foreground", "score"], ascending=False, kind="stable")
    order = ranked.index[ranked["foreground"]].to_numpy()
    tracks = pd.unique(np.concatenate([ranked["track"].dropna(), np.unique(labels)]).astype(int))
    return Objects(_as_proposals(ranked, settings), tracks, scores, threshold, belongs[order])


def _nearest(labels: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Labels (h, w) on another grid, each place with the label of the token it lies in."""
    rows, columns = (
        (np.arange(wanted) * given // wanted)
        for wanted, given in zip(grid, labels.shape, strict=True)
    )
    return labels[rows[:, None], columns]


def _measures(group: np.ndarray, maps: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Size, persistence and the means of maps, a row for each number in ``group`` (T, h, w)."""
    highest, frames = group.max() + 1, len(group)
    places = np.bincount(group.ravel(), minlength=highest)
    present = np.zeros((frames, highest), bool)
    present[np.repeat(np.arange(frames), group[0].size), group.ravel()] = True
    table = pd.DataFrame(index=range(highest))
    with np.errstate(invalid="ignore"):  # numbers that do not occur have no measures
        table["size"] = places / group[0].size / present.sum(axis=0)
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
    return table[list(COLUMNS)].reset_index(drop=True)
