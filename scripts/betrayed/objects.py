"""Which tracks are objects: ranked and split from the background without ground truth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from betrayed.errors import UserError

#: The cues, in the order of the table's columns; each has a weight in the settings.
CUES = ("motion", "attention", "interior")
COLUMNS = ("proposal", "track", "score", "foreground", "size", "persistence", *CUES)
#: Share of a video's tokens that may lie above the score of 1: tiny tracks do not set the scale.
_TOP = 0.005


@dataclass(frozen=True)
class ObjectSettings:
    """How tracks are ranked, and which of them are foreground.

    Attributes:
        max_objects: tracks kept as proposals, best first; DAVIS allows 20.
        motion_weight: how much motion against the camera counts; 0 ignores it.
        attention_weight: how much the backbone's class attention counts.
        interior_weight: how much staying off the border counts.
        foreground_score: the score from which a track is foreground; 0 is the video's median
            token, 1 its best track.
    """

    max_objects: int = 20
    motion_weight: float = 1.0
    attention_weight: float = 0.5
    interior_weight: float = 0.5
    foreground_score: float = 0.55

    def __post_init__(self) -> None:
        if not 1 <= self.max_objects <= 254:
            raise UserError(f"max_objects must lie within 1…254, not {self.max_objects}.")
        weights = [getattr(self, f"{cue}_weight") for cue in CUES]
        if min(weights) < 0 or max(weights) == 0:
            raise UserError("The weights of the cues must be at least 0, and one of them above.")
        if not 0 <= self.foreground_score <= 1:
            raise UserError(f"foreground_score must lie within 0…1, not {self.foreground_score}.")


def select_objects(
    labels: np.ndarray, cues: Mapping[str, np.ndarray], settings: ObjectSettings
) -> pd.DataFrame:
    """Rank the tracks of a video, most object-like first.

    A track's score is the weighted sum of its mean cues, each brought to mean 0 and deviation 1
    over the video's tokens; then moved and scaled so that the median token has 0 and the best
    track 1.

    Args:
        labels: (T, h, w) whole numbers, the track of every token.
        cues: for each of :data:`CUES` a map (T, h, w), see :mod:`betrayed.cues`.
        settings: see :class:`ObjectSettings`.

    Returns:
        A row a track, with the columns

        - ``proposal``: 1, 2, … in order of the score; 0 for tracks beyond ``max_objects``
        - ``track``: its label
        - ``score``: at most 1
        - ``foreground``: whether it is an object rather than background. Some track always is
        - ``size``: share of a frame's tokens, mean over the frames that have the track
        - ``persistence``: share of the frames that have the track
        - ``motion``, ``attention``, ``interior``: means of the cues over the track's tokens

    Raises:
        UserError: there are no tokens, or a cue is of another size.
    """
    if labels.ndim != 3 or not labels.size:
        raise UserError(f"Tracks need (T, h, w) labels of at least one token, not {labels.shape}.")
    for name in CUES:
        if cues[name].shape != labels.shape:
            raise UserError(
                f"The cue {name} is {cues[name].shape}, but the tracks are {labels.shape}. Delete "
                f"the older of the two files and run the workflow again."
            )
    names, track = np.unique(labels, return_inverse=True)
    track = track.ravel()
    tokens = np.bincount(track)  # (K,)
    table = pd.DataFrame({"track": names})
    frame = np.repeat(np.arange(len(labels)), labels[0].size)
    present = np.zeros((len(labels), len(names)), bool)
    present[frame, track] = True
    table["size"] = tokens / labels[0].size / present.sum(axis=0)
    table["persistence"] = present.mean(axis=0)
    for name in CUES:
        table[name] = np.bincount(track, cues[name].ravel()) / tokens
    table["score"] = _scores(table, tokens, settings)
    # Stable: of two tracks with one score the lower label comes first.
    table = table.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    table["foreground"] = table["score"] >= settings.foreground_score
    table.loc[0, "foreground"] = True
    rank = np.arange(1, len(table) + 1)
    table["proposal"] = np.where(rank <= settings.max_objects, rank, 0)
    return table[list(COLUMNS)]


def _scores(table: pd.DataFrame, tokens: np.ndarray, settings: ObjectSettings) -> np.ndarray:
    """The score of each track, (K,)."""
    raw = np.zeros(len(table))
    for name in CUES:
        cue = table[name].to_numpy()
        mean = np.average(cue, weights=tokens)
        deviation = np.sqrt(np.average((cue - mean) ** 2, weights=tokens))
        if deviation > 1e-9:  # a cue that is the same everywhere says nothing
            raw += getattr(settings, f"{name}_weight") * (cue - mean) / deviation
    median, top = (_token_quantile(raw, tokens, share) for share in (0.5, 1 - _TOP))
    if top - median < 1e-9:  # one track holds nearly all: only the order is left
        top = max(raw.max(), median + 1e-9)
    return np.minimum((raw - median) / (top - median), 1)


def _token_quantile(raw: np.ndarray, tokens: np.ndarray, share: float) -> float:
    """The lowest score that at least ``share`` of all tokens do not exceed."""
    order = np.argsort(raw, kind="stable")
    reached = np.cumsum(tokens[order]) >= share * tokens.sum()
    return float(raw[order][np.argmax(reached)])
