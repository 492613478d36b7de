"""Scores of segmented videos: DAVIS J and F under both protocols, FG-ARI, mIoU and mBO."""

from betrayed.scoring.davis import best_track, davis_unsupervised, foreground_scores
from betrayed.scoring.video_objects import fg_ari, mean_best_overlap, mean_iou, partition_scores

__all__ = [
    "best_track",
    "davis_unsupervised",
    "fg_ari",
    "foreground_scores",
    "mean_best_overlap",
    "mean_iou",
    "partition_scores",
]
