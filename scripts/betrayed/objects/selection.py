"""What the choice of objects reads, brought together and checked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from betrayed.clustering.tracks import Tracks
from betrayed.config.objects import ObjectSettings
from betrayed.errors import UserError
from betrayed.features.whole_video import read_class_attention, read_patch_tokens
from betrayed.objects.cues import attention_cue, border_cue, local_motion_cue, motion_cue
from betrayed.objects.foreground import Foreground
from betrayed.objects.motion import read_motion
from betrayed.objects.objects import Objects, no_objects, objects_by_cues, objects_by_size
from betrayed.objects.trajectories import Trajectories, read_trajectories
from betrayed.objects.uniformity import is_uniform, moves_by_itself

_REMEDY = "Delete the older of the two files and run the workflow again."


@dataclass(frozen=True)
class Evidence:
    """What objects are found from.

    Attributes:
        cues: for each of :data:`betrayed.config.objects.CUES` a map (T, h, w).
        local_motion: (T, h', w'), motion on the grid of ``tokens``.
        tokens: (T, h'·w', D) float16.
        points: what moves where; None where nobody asks.
    """

    cues: dict[str, np.ndarray]
    local_motion: np.ndarray
    tokens: np.ndarray
    points: Trajectories | None


def find_objects(
    tracks: Tracks,
    features_path: str | Path | None,
    fine_features_path: str | Path | None,
    motion_path: str | Path | None,
    trajectories_path: str | Path | None,
    settings: ObjectSettings,
    frame: Callable[[int], np.ndarray] | None = None,
) -> Objects:
    """Find the objects of a video from its artefacts, see :func:`read_evidence`.

    Args:
        tracks: see :func:`betrayed.clustering.tracks.read_tracks`.
        features_path: the features that the tracks were made from.
        fine_features_path: the features whose patch tokens decide where objects end.
        motion_path: motion against the camera.
        trajectories_path: what moves where.
        settings: see :class:`betrayed.config.objects.ObjectSettings`. Without cues no path is
            read.
        frame: gives a frame (H, W, 3) uint8 RGB by its number, to whose edges outlines are moved;
            None leaves them.

    Returns:
        None of the tracks is an object where nothing stands out.

    Raises:
        UserError: a file is unusable, or of another video than the tracks; names it.
    """
    if settings.choice == "size":
        return objects_by_size(tracks.labels, settings)
    by_points = settings.instances in ("combined", "trajectories")
    points_path = trajectories_path if by_points else None
    evidence = read_evidence(tracks, features_path, fine_features_path, motion_path, points_path)
    objects = objects_by_cues(
        tracks.labels,
        tracks.merges,
        evidence.cues,
        evidence.local_motion,
        evidence.tokens,
        evidence.points,
        settings,
        frame,
    )
    # All that is there fills the picture; that is asked for with a score of 0.
    if settings.foreground_score > 0 and not _stands_out(objects.foreground, evidence, settings):
        return no_objects(tracks.labels, settings)
    return objects


def _stands_out(foreground: Foreground, evidence: Evidence, settings: ObjectSettings) -> bool:
    """Whether a foreground is more than the best of what is all alike."""
    if not foreground.stands_out:
        return False
    return not is_uniform(evidence.tokens, settings.least_difference) or moves_by_itself(
        evidence.cues["motion"], foreground.mask
    )


def read_evidence(
    tracks: Tracks,
    features_path: str | Path,
    fine_features_path: str | Path,
    motion_path: str | Path,
    trajectories_path: str | Path | None,
) -> Evidence:
    """Read what objects are found from, and check that it is of one video.

    Args:
        tracks: see :func:`betrayed.clustering.tracks.read_tracks`.
        features_path: the features that the tracks were made from: their class attention.
        fine_features_path: the features whose patch tokens decide where objects end.
        motion_path: motion against the camera.
        trajectories_path: what moves where; None leaves it out.

    Raises:
        UserError: a file is unusable, or of another video than the tracks; names it.
    """
    labels = tracks.labels
    tokens, grid = read_patch_tokens(fine_features_path)  # (T, h'·w', D) float16
    attention = read_class_attention(features_path)
    residual = read_motion(motion_path, labels.shape[1:])
    points = read_trajectories(trajectories_path) if trajectories_path else None
    lengths = {
        features_path: len(attention),
        fine_features_path: len(tokens),
        motion_path: len(residual),
    }
    if points is not None:
        lengths[trajectories_path] = points.count
    for path, count in lengths.items():
        if count != len(labels):
            raise UserError(
                f"{path} has {count} frames, but the tracks have {len(labels)}. {_REMEDY}"
            )
    if attention.shape != labels.shape:
        given, wanted = ("x".join(map(str, one.shape[1:])) for one in (attention, labels))
        raise UserError(
            f"{features_path} is on a grid of {given} tokens, but the tracks on one of {wanted}. "
            f"{_REMEDY}"
        )
    cues = {
        "motion": motion_cue(residual),
        "attention": attention_cue(attention),
        "border": border_cue(labels.shape),
    }
    local_motion = local_motion_cue(read_motion(motion_path, grid))
    return Evidence(cues, local_motion, tokens, points)
