"""DAVIS scores of object tracks: J and F, their statistics, and both ways of matching."""

from typing import Literal

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from betrayed.config.scoring import OFFICIAL_PROPOSALS
from betrayed.errors import UserError
from betrayed.io.palette import VOID
from betrayed.scoring.boundaries import boundary_measure
from betrayed.scoring.regions import region_similarity

METRICS = ("J_mean", "J_recall", "J_decay", "F_mean", "F_recall", "F_decay")

Matching = Literal["sequence", "frame"]


def davis_unsupervised(
    annotations: np.ndarray,
    proposals: np.ndarray,
    *,
    matching: Matching = "sequence",
    max_proposals: int = OFFICIAL_PROPOSALS,
) -> pd.DataFrame:
    """Score proposals against annotated objects as the DAVIS-2017 unsupervised task does.

    Objects are the ids 1..max of the first annotated frame (ids that first appear later are
    background; an id in a gap is an object that is never there). Proposals are the ids 1..max
    over the whole video, gaps being empty proposals. Fewer proposals than objects are filled up
    with empty ones: an object left with one of those scores 1 in the frames where it is absent and
    0 in all others.

    Args:
        annotations: (T, H, W) integer ids of the annotated frames, 0 background, 255 void.
        proposals: (T, H, W) integer ids in the same frames, 0 background.
        matching: ``"sequence"``: the official protocol, one one-to-one assignment for the whole
            video on the mean of J and F; a proposal that changes object pays for it.
            ``"frame"``: a new assignment in every frame on J + F, as the paper's release does;
            identity over time is not measured, so this is an upper bound.
            Its rows are the release's: in every frame the first row takes the matched pair with
            the lowest proposal id, the next row the next, so a row may pass from object to object.
            Means over rows are the means over objects; :func:`match` gives rows by object.
        max_proposals: highest proposal id allowed (20 in the official protocol).

    Returns:
        One row per object: ``object`` (the row's number under ``"frame"``), ``proposal`` (matched
        id; missing under ``"frame"`` and for an object left with a filled-up empty one), and
        J_mean, J_recall, J_decay, F_mean, F_recall, F_decay: see :func:`statistics`.

    Raises:
        UserError: shapes differ, a proposal id is negative, too many proposals, or no such
            matching.
    """
    n_objects = count_objects(annotations)
    n_proposals = count_proposals(proposals, max_proposals)
    similarity, boundary = pairwise_scores(annotations, proposals, n_objects, n_proposals)
    return match(similarity, boundary, n_proposals, matching, release_rows=True)


def best_track(
    annotations: np.ndarray, proposals: np.ndarray, *, max_proposals: int = OFFICIAL_PROPOSALS
) -> dict[str, float]:
    """Score the single best proposal against all objects merged into one foreground.

    This is the sequence protocol with the merged foreground as the only object, whether or not
    it is there in the first frame. Arguments and errors as :func:`davis_unsupervised`.

    Returns:
        J_mean, J_recall, J_decay, F_mean, F_recall, F_decay.
    """
    n_proposals = count_proposals(proposals, max_proposals)
    similarity, boundary = pairwise_scores(merge_objects(annotations), proposals, 1, n_proposals)
    row = match(similarity, boundary, n_proposals, "sequence").iloc[0]
    return {metric: float(row[metric]) for metric in METRICS}


def foreground_scores(annotations: np.ndarray, foreground: np.ndarray) -> dict[str, float]:
    """Score one foreground mask against all objects merged, as DAVIS-2016 does.

    Every annotated frame counts, the first and the last too.

    Args:
        annotations: (T, H, W) integer ids, 0 background, 255 void, all else foreground.
        foreground: (T, H, W), foreground wherever it is not 0.

    Returns:
        J_mean, J_recall, J_decay, F_mean, F_recall, F_decay.

    Raises:
        UserError: shapes differ.
    """
    return best_track(annotations, (foreground != 0).astype(np.uint8))


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
    """The number of objects: the highest id, void aside, of the first annotated frame."""
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
        matching: ``"sequence"`` or ``"frame"``, see :func:`davis_unsupervised`.

    Returns:
        (T, G) indices of proposals, the same in all frames under ``"sequence"``.

    Raises:
        UserError: there is no such matching.
    """
    if matching == "sequence":
        once = _assign((similarity.mean(axis=0) + boundary.mean(axis=0)) / 2)
        return np.tile(once, (len(similarity), 1))
    if matching == "frame":
        return np.array([_assign(j + f) for j, f in zip(similarity, boundary, strict=True)])
    raise UserError(f"matching must be 'sequence' or 'frame', not {matching!r}.")


def match(
    similarity: np.ndarray,
    boundary: np.ndarray,
    n_proposals: int,
    matching: Matching,
    *,
    release_rows: bool = False,
) -> pd.DataFrame:
    """Assign one proposal to every object and take the statistics.

    Args:
        similarity: (T, G, P) J of object and proposal, P >= G, as :func:`pairwise_scores` gives.
        boundary: (T, G, P) F, likewise.
        n_proposals: how many of the P are proposals and not filled up.
        matching: ``"sequence"`` or ``"frame"``, see :func:`davis_unsupervised`.
        release_rows: under ``"frame"``, list each frame's pairs by proposal and not by object.

    Returns:
        The table of :func:`davis_unsupervised`.
    """
    n_frames, n_objects, _ = similarity.shape
    objects = np.tile(np.arange(n_objects), (n_frames, 1))  # (T, G), the object of each row
    chosen = assign(similarity, boundary, matching)
    if matching == "frame" and release_rows:
        objects = np.argsort(chosen, axis=1)
        chosen = np.take_along_axis(chosen, objects, axis=1)

    rows = []
    frames = np.arange(n_frames)
    for index in range(n_objects):
        pairs = (frames, objects[:, index], chosen[:, index])
        known = matching == "sequence" and chosen[0, index] < n_proposals
        proposal = chosen[0, index] + 1 if known else pd.NA
        figures = statistics(similarity[pairs]) + statistics(boundary[pairs])
        rows.append((index + 1, proposal, *figures))
    table = pd.DataFrame(rows, columns=["object", "proposal", *METRICS])
    return table.astype({"object": "int64", "proposal": "Int64"} | dict.fromkeys(METRICS, "f8"))


def _assign(scores: np.ndarray) -> np.ndarray:
    """(G, P) scores to the (G,) proposals of the one-to-one assignment with the greatest sum."""
    # Proposals as rows, like the official code: among equal sums the choice depends on it.
    rows, columns = linear_sum_assignment(-scores.T)
    return rows[np.argsort(columns)]
