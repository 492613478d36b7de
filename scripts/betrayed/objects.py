"""Which tracks are objects: ranked and split from the background without ground truth."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from betrayed.errors import UserError

COLUMNS = (
    "proposal",
    "track",
    "score",
    "foreground",
    "size",
    "border",
    "interior",
    "persistence",
    "compactness",
)


@dataclass(frozen=True)
class ObjectSettings:
    """How tracks are ranked, and which of them are foreground.

    Attributes:
        max_objects: tracks kept as proposals, best first; DAVIS allows 20.
        interior_weight: how much staying off the border counts in the score; 0 ignores it, as
            it does for the other weights.
        persistence_weight: how much being there in all frames counts.
        compactness_weight: how much being of one round piece counts.
        size_weight: how much being neither tiny nor huge counts.
        small: share of a frame below which a track is tiny.
        large: share of a frame above which a track is huge.
        background_border: the tracks that hold most of the border, until together they hold this
            share of it, are background.
        foreground_score: share of the best track's score that a foreground track must reach.
    """

    max_objects: int = 20
    interior_weight: float = 1.0
    persistence_weight: float = 1.0
    compactness_weight: float = 0.5
    size_weight: float = 1.0
    small: float = 0.005
    large: float = 0.5
    background_border: float = 0.8
    foreground_score: float = 0.3


def select_objects(labels: np.ndarray, settings: ObjectSettings) -> pd.DataFrame:
    """Rank the tracks of a video, most object-like first.

    Args:
        labels: (T, h, w) whole numbers, the track of every token.
        settings: see :class:`ObjectSettings`.

    Returns:
        A row a track, with the columns

        - ``proposal``: 1, 2, … in order of the score; 0 for tracks beyond ``max_objects``
        - ``track``: its label
        - ``score``: in 0…1, the product of the four cues, each to the power of its weight
        - ``foreground``: whether it is an object rather than background. Some track always is
        - ``size``: share of a frame's tokens, mean over the frames that have the track
        - ``border``: share of all the video's border tokens that the track holds
        - ``interior``: the track's share of all tokens, over that share + ``border``: 1 when it
          never touches the border, ½ when it is spread evenly
        - ``persistence``: share of the frames that have the track
        - ``compactness``: area / (2π · (variance of y + variance of x)), mean over its tokens:
          1 for a disk, less for a ring, a strip or scattered pieces

    Raises:
        UserError: there are no tokens, or settings are out of range.
    """
    if labels.ndim != 3 or not labels.size:
        raise UserError(f"Tracks need (T, h, w) labels of at least one token, not {labels.shape}.")
    _check(settings)
    table = _cues(labels)
    moderate = np.minimum(
        table["size"] / settings.small, (1 - table["size"]) / (1 - settings.large)
    ).clip(0, 1)
    table["score"] = (
        table["interior"] ** settings.interior_weight
        * table["persistence"] ** settings.persistence_weight
        * table["compactness"] ** settings.compactness_weight
        * moderate**settings.size_weight
    )
    # Stable: of two tracks with one score the lower label comes first.
    table = table.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    table["foreground"] = _foreground(table, settings)
    rank = np.arange(1, len(table) + 1)
    table["proposal"] = np.where(rank <= settings.max_objects, rank, 0)
    return table[list(COLUMNS)]


def _foreground(table: pd.DataFrame, settings: ObjectSettings) -> np.ndarray:
    """Which rows of the ranked table are foreground, (K,) bool."""
    by_border = table["border"].sort_values(ascending=False, kind="stable")
    held_before = by_border.cumsum() - by_border
    holders = (held_before < settings.background_border) & (by_border > 0)
    enough = table["score"] >= settings.foreground_score * table["score"].max()
    foreground = (enough & ~holders.sort_index()).to_numpy(copy=True)
    if not foreground.any():  # the most object-like track that is not the border's main holder
        others = table.index[table.index != table["border"].idxmax()]
        foreground[others[0] if len(others) else 0] = True
    return foreground


def _cues(labels: np.ndarray) -> pd.DataFrame:
    """What is measured of every track; a row a track, in order of the labels."""
    frames, height, width = labels.shape
    names, track = np.unique(labels, return_inverse=True)
    track = track.reshape(labels.shape)
    cell = (np.arange(frames)[:, None, None] * len(names) + track).ravel()

    def per_frame(weights: np.ndarray) -> np.ndarray:
        """Sums of ``weights`` (h, w) over each track in each frame, (T, K)."""
        spread = np.broadcast_to(weights, labels.shape).ravel()
        return np.bincount(cell, spread, frames * len(names)).reshape(frames, -1)

    edge = np.ones((height, width))
    edge[1:-1, 1:-1] = 0
    y, x = np.mgrid[:height, :width].astype(float)
    area = per_frame(np.ones((height, width)))
    some = np.maximum(area, 1)
    spread = sum(
        per_frame(place**2) / some - (per_frame(place) / some) ** 2 + 1 / 12  # a token is square
        for place in (y, x)
    )
    round_ = np.minimum(area / (2 * np.pi * spread), 1)
    present = (area > 0).sum(axis=0)
    border = per_frame(edge).sum(axis=0) / (frames * edge.sum())
    share = area.sum(axis=0) / labels.size
    return pd.DataFrame(
        {
            "track": names,
            "size": share * frames / present,
            "border": border,
            "interior": share / (share + border),
            "persistence": present / frames,
            "compactness": (area * round_).sum(axis=0) / area.sum(axis=0),
        }
    )


def _check(settings: ObjectSettings) -> None:
    if not 1 <= settings.max_objects <= 254:
        raise UserError(f"max_objects must lie within 1…254, not {settings.max_objects}.")
    for name in ("interior", "persistence", "compactness", "size"):
        if getattr(settings, f"{name}_weight") < 0:
            raise UserError(f"{name}_weight must be at least 0.")
    for name in ("small", "large"):
        if not 0 < getattr(settings, name) < 1:
            raise UserError(f"{name} must lie between 0 and 1, not {getattr(settings, name)}.")
    for name in ("background_border", "foreground_score"):
        if not 0 <= getattr(settings, name) <= 1:
            raise UserError(f"{name} must lie within 0…1, not {getattr(settings, name)}.")
