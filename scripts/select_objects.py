"""Find the objects of a video, and write their masks at the video's own size."""

import argparse
import sys
from pathlib import Path

from betrayed.clustering.tracks import read_tracks
from betrayed.config.reading import read_settings
from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size
from betrayed.errors import UserError
from betrayed.objects.blank import is_blank
from betrayed.objects.mask_writing import write_masks
from betrayed.objects.objects import no_objects
from betrayed.objects.selection import find_objects
from betrayed.objects.settings import ObjectSettings
from betrayed.video.video import Video


def main() -> None:
    """Read the command line, choose and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="frames.json of the video")
    parser.add_argument("--tracks", required=True, help="tracks artefact of the video")
    parser.add_argument("--features", help="features artefact that the tracks were made from")
    parser.add_argument("--fine-features", help="features artefact at the size of the refinement")
    parser.add_argument("--motion", help="motion artefact of the video")
    parser.add_argument("--trajectories", help="trajectories artefact of the video")
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        help="objects.csv to write; its folder becomes the folder of masks",
    )
    parser.add_argument("--settings", default="{}", help='JSON, e.g. {"max_objects": 20}')
    arguments = parser.parse_args()
    if arguments.output.name != "objects.csv":
        parser.error("--output must be named objects.csv")
    settings = read_settings(ObjectSettings, arguments.settings)
    needed = (
        arguments.features,
        arguments.fine_features,
        arguments.motion,
        arguments.trajectories,
    )
    by_cues = settings.choice == "cues"
    if by_cues and not all(needed):
        parser.error("choice: cues needs --features, --fine-features, --motion and --trajectories")
    video, tracks = Video.load(arguments.frames), read_tracks(arguments.tracks)
    if len(tracks.labels) != video.count:
        raise UserError(
            f"{arguments.tracks} has {len(tracks.labels)} frames, but {arguments.frames} "
            f"{video.count}. Delete the older of the two files and run the workflow again."
        )
    note(frames=video.count, pixels=video.height * video.width, tokens=0, dim=0)
    frame = video.frame if by_cues and settings.pixels == "grabcut" else None
    if by_cues and is_blank(video.frame, video.count):
        objects = no_objects(tracks.labels, settings)
    else:
        objects = find_objects(tracks, *needed, settings, frame)
    if not objects.table["foreground"].any():
        print(f"Nothing stands out in {video.name}: it has no object.", file=sys.stderr)
    size = (video.height, video.width)
    write_masks(arguments.output.parent, tracks.labels, objects, size, frame, video.name)
    note(edges=int(frame is not None), tracks=len(objects.tracks))
    note_size(arguments.output.parent)


if __name__ == "__main__":
    run(main)
