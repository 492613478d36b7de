"""How well objects are told apart on videos that the networks were not learnt on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from betrayed.objects.annotated_points import AnnotatedPoints
from betrayed.objects.instances import InstanceSettings, tell_apart
from betrayed.objects.learning import LearningSettings, learn
from betrayed.objects.pairs import compare_points
from betrayed.objects.same_object import SameObject, pair_log_odds

#: What is tried as ``split``.
SPLITS = (-2.0, -1.5, -1.25, -1.0, -0.75, -0.5, -0.25, 0.0)
#: An id that points lie on in less than this share of all observations is no object to be found.
_LEAST_SHARE = 0.03
#: Of mIoU, where ``split`` is chosen.
_NEXT_TO_NOTHING = 0.005
_BINS = 10


def cross_validate(
    videos: Sequence[AnnotatedPoints],
    samples: Sequence[tuple[np.ndarray, np.ndarray]],
    settings: LearningSettings,
    composites: Sequence[tuple[np.ndarray, np.ndarray]] = (),
    folds: int = 4,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Learn on some videos, tell objects apart in the others, in turns.

    Args:
        videos: the points.
        samples: their pairs, see :func:`betrayed.objects.learning.draw_pairs`.
        settings: of the learning.
        composites: learnt from in every turn, see
            :func:`betrayed.objects.learning.draw_composites`.
        folds: video i is tested in turn i mod folds.

    Returns:
        A row for each split: ``mIoU`` (see :func:`point_iou`, mean over videos), ``cut`` (share of
        the videos with a single object that fall apart), ``whole`` (share of those with several
        that stay one) and ``right`` (share with the right number). And the calibration: a row for
        each tenth of the predicted probability that two points lie on one object, with the mean
        prediction, the share that do, and the number of pairs.
    """
    rows, predicted, same = [], [], []
    for fold in range(folds):
        others = [one for i, one in enumerate(samples) if i % folds != fold]
        model = learn(others, settings, composites)
        for number in range(fold, len(videos), folds):
            rows += _figures(videos[number], model)
            measures, truth = samples[number]
            predicted.append(1 / (1 + np.exp(-model.log_odds(measures))))
            same.append(truth)
    table = pd.DataFrame(rows)
    single = table["objects"] == 1
    splits = pd.DataFrame(
        {
            "mIoU": table.groupby("split")["iou"].mean(),
            "cut": (table["found"] > 1)[single].groupby(table["split"]).mean(),
            "whole": (table["found"] == 1)[~single].groupby(table["split"]).mean(),
            "right": (table["found"] == table["objects"]).groupby(table["split"]).mean(),
        }
    ).reset_index()
    return splits, _calibration(np.concatenate(predicted), np.concatenate(same))


def best_split(splits: pd.DataFrame) -> float:
    """The lowest split, which keeps most together, of those that lose next to nothing.

    Args:
        splits: see :func:`cross_validate`.

    Returns:
        The lowest whose mIoU is within 0.005 of the best.
    """
    good = splits[splits["mIoU"] >= splits["mIoU"].max() - _NEXT_TO_NOTHING]
    return float(good["split"].min())


def point_iou(on: np.ndarray, groups: np.ndarray) -> float:
    """Mean IoU of the objects with the groups assigned to them (Hungarian), in observations.

    Args:
        on: (n, 256), see :class:`betrayed.objects.annotated_points.AnnotatedPoints`.
        groups: (n,) from 0.

    Returns:
        NaN when no object has 20 observations.
    """
    counts = np.stack([on[groups == group].sum(axis=0) for group in range(groups.max() + 1)])
    ids = 1 + np.flatnonzero(counts[:, 1:].sum(axis=0) > 20)
    if len(ids) == 0:
        return float("nan")
    shared = counts[:, ids]
    iou = shared / (counts.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared)
    return float(iou[linear_sum_assignment(-iou)].sum() / len(ids))


def _figures(video: AnnotatedPoints, model: SameObject) -> list[dict[str, float]]:
    share = video.on[:, 1:].sum(axis=0) / video.on.sum()
    odds = pair_log_odds(compare_points(video.seen), model)
    rows = []
    for split in SPLITS:
        settings = InstanceSettings(split, 0.0, 1, 20)
        groups = tell_apart(video.seen, odds, settings).objects
        rows.append(
            {
                "split": split,
                "iou": point_iou(video.on, groups),
                "objects": int((share > _LEAST_SHARE).sum()),
                "found": int(groups.max() + 1),
            }
        )
    return rows


def _calibration(predicted: np.ndarray, same: np.ndarray) -> pd.DataFrame:
    tenth = np.minimum((predicted * _BINS).astype(int), _BINS - 1)
    table = pd.DataFrame({"bin": tenth, "predicted": predicted, "same": same})
    grouped = table.groupby("bin")
    means = grouped[["predicted", "same"]].mean()
    return means.assign(pairs=grouped.size()).reset_index(drop=True)
