"""From what earlier stages left of a video to its folder of masks."""

from collections.abc import Mapping
from pathlib import Path

from betrayed.clustering.tracks import read_tracks
from betrayed.config.objects import ObjectSettings
from betrayed.errors import UserError
from betrayed.io.notes import note
from betrayed.objects.blank import NOTHING, is_blank
from betrayed.objects.mask_writing import write_masks
from betrayed.objects.objects import no_objects
from betrayed.objects.selection import find_objects
from betrayed.video.video import Video


def segment(
    folder: str | Path,
    frames: str | Path,
    tracks: str | Path,
    cues: Mapping[str, Path],
    settings: ObjectSettings,
) -> None:
    """Find a video's objects and write their masks at its own size.

    Args:
        folder: of the masks; what was there before is replaced.
        frames: the video's frames.json.
        tracks: its tracks artefact.
        cues: where objects are chosen by them, its artefacts ``features``, ``fine_features``,
            ``motion`` and ``trajectories``.
        settings: how they are chosen and drawn.

    Raises:
        UserError: an artefact cannot be read, or they are of different videos.
    """
    video, found = Video.load(frames), read_tracks(tracks)
    if len(found.labels) != video.count:
        raise UserError(
            f"{tracks} has {len(found.labels)} frames, but {frames} {video.count}. Delete the "
            "older of the two files and run the workflow again."
        )
    by_cues = settings.choice == "cues"
    read = [cues.get(name) for name in ("features", "fine_features", "motion", "trajectories")]
    frame = video.frame if by_cues and settings.pixels == "grabcut" else None
    if by_cues and is_blank(video.frame, video.count):
        objects = no_objects(found.labels, settings)
    else:
        objects = find_objects(found, *read, settings, frame)
    if not objects.table["foreground"].any():
        note(NOTHING.format(video=video.title))
    size = (video.height, video.width)
    write_masks(folder, found.labels, objects, size, frame, video.name)
