"""Clusters of a fixed clip over the steps of a training: what a job writes and pictures are of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from betrayed.io.artefacts import create, open_checked, provenance

#: What the artefact holds, as its readers ask for it.
KIND = "training_clusters"


@dataclass(frozen=True)
class TrainingClusters:
    """Clusters of a clip at several steps.

    Attributes:
        video: ``frames.json`` of the clip's video.
        frames: (F,) which of its frames the clip has.
        steps: (S,) after how many steps, ascending.
        labels: (S, F, h, w) int, the cluster of each token, from 0 at each step.
        tau: the distance within which rows were merged.
    """

    video: str
    frames: Sequence[int]
    steps: Sequence[int]
    labels: np.ndarray
    tau: float

    @classmethod
    def empty(cls, tau: float) -> "TrainingClusters":
        """Of no video."""
        return cls("", [], [], np.zeros((0, 0, 0, 0), np.int32), tau)

    @property
    def counts(self) -> list[int]:
        """How many clusters there are at each step."""
        return [len(np.unique(one)) for one in self.labels]

    def write(self, path: str | Path, made_by: dict[str, Any]) -> None:
        """Write it as HDF5; ``made_by`` says what made it."""
        with create(path, KIND, made_by | {"video": self.video, "tau": self.tau}) as file:
            file["frames"] = np.asarray(self.frames, np.int32)
            file["steps"] = np.asarray(self.steps, np.int32)
            file["labels"] = self.labels.astype(np.int32)


def read_training_clusters(path: str | Path) -> TrainingClusters:
    """Read what :meth:`TrainingClusters.write` wrote.

    Raises:
        UserError: the file is missing, damaged or of another kind.
    """
    with open_checked(path, KIND) as file:
        made_by = provenance(file)
        frames, steps, labels = (file[name][:] for name in ("frames", "steps", "labels"))
    return TrainingClusters(
        made_by["video"], frames.tolist(), steps.tolist(), labels, float(made_by["tau"])
    )


def aligned(labels: np.ndarray) -> np.ndarray:
    """Labels renumbered so that a number stands for the same place at all steps, as far as it can.

    At the last step 0 is the largest cluster, 1 the next one. Going back, the clusters of each step
    take the numbers of those of the step after it, one to one, so that most tokens keep theirs; the
    others get numbers that are not used yet.

    Args:
        labels: (S, …) int, from 0 at each step.

    Returns:
        Likewise.
    """
    result = np.empty_like(labels)
    result[-1] = _by_size(labels[-1])
    for step in range(len(labels) - 2, -1, -1):
        result[step] = _taking(labels[step], result[step + 1], int(result[step + 1 :].max()) + 1)
    return result


def _by_size(labels: np.ndarray) -> np.ndarray:
    counts = np.bincount(labels.ravel())
    rank = np.empty(len(counts), labels.dtype)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return rank[labels]


def _taking(labels: np.ndarray, later: np.ndarray, free: int) -> np.ndarray:
    """``labels`` with the numbers of ``later``; what has no partner counts on from ``free``."""
    own, there = int(labels.max()) + 1, int(later.max()) + 1
    pairs = np.bincount((labels * there + later).ravel(), minlength=own * there)
    both = pairs.reshape(own, there)
    numbers = np.full(own, -1, labels.dtype)
    for one, other in zip(*linear_sum_assignment(both, maximize=True), strict=True):
        if both[one, other]:
            numbers[one] = other
    alone = (numbers < 0) & both.any(1)
    numbers[alone] = np.arange(free, free + alone.sum())
    return numbers[labels]
