"""What the choice of objects reads, brought together and checked."""

from pathlib import Path

import numpy as np

from betrayed.artefacts import open_checked
from betrayed.cues import (
    attention_cue,
    interior_cue,
    local_motion_cue,
    motion_cue,
    read_class_attention,
)
from betrayed.errors import UserError
from betrayed.motion import read_motion
from betrayed.objects import Objects, ObjectSettings, objects_by_cues, objects_by_size
from betrayed.tracks import Tracks


def find_objects(
    tracks: Tracks,
    features_path: str | Path | None,
    fine_features_path: str | Path | None,
    motion_path: str | Path | None,
    settings: ObjectSettings,
) -> Objects:
    """Find the objects of a video from its artefacts.

    Args:
        tracks: see :func:`betrayed.tracks.read_tracks`.
        features_path: the features that the tracks were made from: their class attention.
        fine_features_path: the features whose patch tokens decide where objects end.
        motion_path: motion against the camera.
        settings: see :class:`betrayed.objects.ObjectSettings`. Without cues no path is read.

    Raises:
        UserError: a file is unusable, or of another video than the tracks; names it.
    """
    if settings.choice == "size":
        return objects_by_size(tracks.labels, settings)
    labels = tracks.labels
    with open_checked(fine_features_path, "features") as file:
        if "patch_tokens" not in file:
            raise UserError(f"{fine_features_path} has no patch tokens of plain frames.")
        grid = tuple(int(side) for side in file.attrs["grid"])
        tokens = file["patch_tokens"][:]  # (T, h'·w', D) float16
    attention = read_class_attention(features_path)
    residual = read_motion(motion_path, labels.shape[1:])
    cues = {
        "motion": motion_cue(residual),
        "attention": attention_cue(attention),
        "interior": interior_cue(labels.shape),
    }
    local_motion = local_motion_cue(read_motion(motion_path, grid))
    _check(labels, {features_path: cues["attention"], motion_path: cues["motion"]})
    _check(labels[:, :1, :1], {fine_features_path: tokens[:, :1, :1]})
    return objects_by_cues(labels, tracks.merges, cues, local_motion, tokens, settings)


def _check(labels: np.ndarray, maps: dict[str | Path, np.ndarray]) -> None:
    for path, values in maps.items():
        if values.shape != labels.shape:
            raise UserError(
                f"{path} is {values.shape}, but the tracks are {labels.shape}: frames, rows, "
                "columns. Delete the older of the two files and run the workflow again."
            )
