"""DAVIS scores of object tracks: J and F, their statistics, and both ways of matching."""

from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from betrayed.errors import UserError
from betrayed.io.palette import VOID
from betrayed.scoring.boundaries import boundary_measure
from betrayed.scoring.regions import region_similarity

METRICS = ("J_mean", "J_recall", "J_decay", "F_mean", "F_recall", "F_decay")

Matching = Literal["sequence", "frame"]


def statistics(values: np.ndarray) -> tuple[float, float, float]:
    """Mean, recall and decay of one object's score over the frames.

    Recall is the share of frames above 0.5. Decay is the mean of the first quarter minus the
    mean of the last; quarters are DAVIS's: the frames 1..T are cut at five points spread evenly,
    rounded, and a quarter holds both of its end points.

    Args:
        values: (T,) scores.
    """
    cuts = np.round(np.linspace(1, len(values), 5) + 1e-10).astype(int) - 1
    first = values[cuts[0] : cuts[1] + 1]
    last = values[cuts[3] : cuts[4] + 1]
    return float(values.mean()), float((values > 0.5).mean()), float(first.mean() - last.mean())


def merge_objects(annotations: np.ndarray) -> np.ndarray:
    """All objects as id 1; background 0 and void 255 stay. (T, H, W) integer to uint8."""
    return np.where(annotations == VOID, np.uint8(VOID), (annotations > 0).view(np.uint8))


def count_objects(annotations: np.ndarray) -> int:
    """The number of objects: the highest id, void aside, of the first annotated frame.

    As in the official code, ids that first appear later are background, and an id in a gap is an
    object that is never there.
    """
    if len(annotations) == 0:
        raise UserError("There is no annotated frame to score.")
    first = annotations[0]
    return int(first[first != VOID].max(initial=0))


def count_proposals(proposals: np.ndarray, allowed: int, setting: str = "max_proposals") -> int:
    """The number of proposals: the highest id of the video.

    Raises:
        UserError: it is above ``allowed``, which ``setting`` sets, or an id is negative.
    """
    if proposals.size and proposals.min() < 0:
        raise UserError(f"Proposal ids start at 1 (0 is background); {proposals.min()} is none.")
    count = int(proposals.max(initial=0))
    if count > allowed:
        found = np.unique(proposals[proposals > 0])
        advice = f"Keep fewer, or raise {setting}."
        if len(found) <= allowed:
            shown = ", ".join(map(str, found[:5])) + (", …" if len(found) > 5 else "")
            void = " What is void in annotations (255) is an id in masks: make it 0."
            advice = (
                f"Only {len(found)} ids occur ({shown}): number them from 1 without gaps, or raise "
                f"{setting}.{void if VOID in found else ''}"
            )
        raise UserError(
            f"There are {count} proposals (the highest id), but at most {allowed} are allowed. "
            + advice
        )
    return count


def pairwise_scores(
    annotations: np.ndarray, proposals: np.ndarray, n_objects: int, n_proposals: int
) -> tuple[np.ndarray, np.ndarray]:
    """J and F of every object with every proposal in every frame.

    Args:
        annotations: (T, H, W) integer ids, 255 void; ids above ``n_objects`` are background.
        proposals: (T, H, W) integer ids 0..n_proposals.
        n_objects: number of objects.
        n_proposals: number of proposals.

    Returns:
        J and F, each (T, n_objects, max(n_proposals, n_objects)): filled up with empty proposals.
        An object left with one of those has J and F 1 in the frames where it is absent.

    Raises:
        UserError: shapes differ, or there is no frame.
    """
    if annotations.ndim != 3 or annotations.shape != proposals.shape:
        raise UserError(
            "Annotations and masks must both be (frames, height, width) of one size, not "
            f"{annotations.shape} and {proposals.shape}."
        )
    if len(annotations) == 0:
        raise UserError("There is no annotated frame to score.")
    n_columns = max(n_proposals, n_objects)
    similarity, boundary = np.zeros((2, len(annotations), n_objects, n_columns))
    for t, (annotation, proposal) in enumerate(zip(annotations, proposals, strict=True)):
        void = annotation == VOID
        truth = annotation * (annotation <= n_objects)
        similarity[t] = region_similarity(truth, proposal, n_objects, n_columns, void)
        boundary[t] = boundary_measure(truth, proposal, n_objects, n_columns, void)
    return similarity, boundary


def assign(similarity: np.ndarray, boundary: np.ndarray, matching: Matching) -> np.ndarray:
    """The proposal of every object in every frame.

    Args:
        similarity: (T, G, P) J of object and proposal, P >= G, as :func:`pairwise_scores` gives.
        boundary: (T, G, P) F, likewise.
        matching: ``"sequence"``: the official protocol, one one-to-one assignment for the whole
            video on the mean of J and F; a proposal that changes object pays for it.
            ``"frame"``: a new assignment in every frame on J + F, as the paper's release does;
            identity over time is not measured, so this is an upper bound. The release lists each
            frame's pairs by proposal and not by object; means over its rows are the same.

    Returns:
        (T, G) indices of proposals, the same in all frames under ``"sequence"``.
    """
    if matching == "sequence":
        once = _assign((similarity.mean(axis=0) + boundary.mean(axis=0)) / 2)
        return np.tile(once, (len(similarity), 1))
    return np.array([_assign(j + f) for j, f in zip(similarity, boundary, strict=True)])


def _assign(scores: np.ndarray) -> np.ndarray:
    """(G, P) scores to the (G,) proposals of the one-to-one assignment with the greatest sum."""
    # Proposals as rows, like the official code: among equal sums the choice depends on it.
    rows, columns = linear_sum_assignment(-scores.T)
    return rows[np.argsort(columns)]
