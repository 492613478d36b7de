"""How a video's proposals overlap its objects, over all frames together."""

from pathlib import Path

import numpy as np
import pandas as pd

from betrayed.io.palette import VOID
from betrayed.objects.masks import (
    read_parts,
    read_proposal_scores,
    read_proposals,
    read_scores_with_parts,
)
from betrayed.scoring.detection_table import as_table
from betrayed.scoring.regions import contingency
from betrayed.video.annotations import of_single_objects, read_annotations
from betrayed.video.video import Video


def detections(annotations: np.ndarray, proposals: np.ndarray, scores: pd.Series) -> pd.DataFrame:
    """The spatio-temporal IoU of every proposal of a video with every object.

    Objects are all ids of the video, whenever they appear. Void pixels count for nobody; a
    proposal that has no other is left out. Void is what crowds cover, too: its share of a proposal
    is the column crowd.

    Args:
        annotations: (T, H, W) integer ids of the annotated frames, 0 background, 255 void.
        proposals: (T, H, W) integer ids in the same frames, 0 background.
        scores: the score of each proposal by its id.

    Returns:
        See :func:`betrayed.scoring.detection_table.as_table`.
    """
    object_ids, proposal_ids = np.unique(annotations), np.unique(proposals)
    counts = np.zeros((len(object_ids), len(proposal_ids)), dtype=np.int64)
    void = np.zeros(len(proposal_ids), dtype=np.int64)
    for annotation, proposal in zip(annotations, proposals, strict=True):
        valid = annotation != VOID
        truth = np.searchsorted(object_ids, annotation[valid])
        proposed = np.searchsorted(proposal_ids, proposal[valid])
        counts += contingency(truth, proposed, *counts.shape)
        hidden = np.searchsorted(proposal_ids, proposal[~valid])
        void += np.bincount(hidden, minlength=len(proposal_ids))
    objects = (object_ids != 0) & (object_ids != VOID)
    present = (proposal_ids != 0) & (counts.sum(axis=0) > 0)
    union = counts.sum(axis=1, keepdims=True) + counts.sum(axis=0) - counts
    iou = counts / np.maximum(union, 1)
    share = void[present] / (void + counts.sum(axis=0))[present]
    ranked = scores[proposal_ids[present]]
    return as_table(iou[objects][:, present].T, ranked, object_ids[objects], share)


def video_detections(video: Video, masks: str | Path, parts: int | None = None) -> pd.DataFrame:
    """Read the proposals of a video of the workflow and its single objects, see :func:`detections`.

    Args:
        video: the video; its instances count, or its annotations where it has no instances.
        masks: folder with ``proposals/`` and ``objects.csv``, whose scores rank the proposals.
        parts: score the parts of objects in the objects' place, with the limit of
            :func:`betrayed.objects.masks.read_parts`; None: score the objects.

    Returns:
        See :func:`betrayed.scoring.detection_table.as_table`; empty when no frame is annotated.

    Raises:
        UserError: a file is missing or does not fit; it is named in the error.
    """
    frames, annotations = read_annotations(video, of_single_objects(video))
    if parts is None:
        proposals, scores = read_proposals(masks, video, frames), read_proposal_scores(masks)
    else:
        proposals, scores = read_parts(masks, video, frames, parts), read_scores_with_parts(masks)
    return detections(annotations, proposals, scores)
