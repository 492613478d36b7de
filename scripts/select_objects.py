"""Find the objects of a batch's videos, and write their masks at the videos' own size."""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from betrayed.clustering.tracks import read_tracks
from betrayed.config.objects import ObjectSettings
from betrayed.config.reading import read_settings
from betrayed.engine.batches import Batch, Task
from betrayed.engine.programs import add_batch_options, run
from betrayed.errors import UserError
from betrayed.io.files import sha256
from betrayed.objects.blank import NOTHING, is_blank
from betrayed.objects.mask_writing import write_masks
from betrayed.objects.objects import no_objects
from betrayed.objects.same_object import MODEL
from betrayed.objects.selection import find_objects
from betrayed.video.video import Video

_CUES = ("features", "fine_features", "motion")


def main() -> None:
    """Read the command line, choose and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="record of the videos' frames")
    parser.add_argument("--tracks", required=True, help="record of their tracks")
    parser.add_argument("--features", help="record of the features that tracks were made from")
    parser.add_argument("--fine-features", help="record of features at the refinement's size")
    parser.add_argument("--motion", help="record of their motion")
    parser.add_argument("--trajectories-folder", help="folder of their trajectories")
    parser.add_argument("--settings", default="{}", help='JSON, e.g. {"max_objects": 20}')
    parser.add_argument("--processes", type=int, default=1, help="videos at a time")
    add_batch_options(parser)
    arguments = parser.parse_args()
    settings = read_settings(ObjectSettings, arguments.settings)
    cues = {name: getattr(arguments, name) for name in _CUES}
    if settings.choice != "cues":
        cues = {}
    elif not all([*cues.values(), arguments.trajectories_folder]):
        parser.error(
            "choice: cues needs --features, --fine-features, --motion and --trajectories-folder"
        )
    folder = Path(arguments.output_folder)
    batch = Batch(
        "select_objects",
        arguments.record,
        lambda video: (folder / video / "objects.csv", folder / video),
        inputs={"frames": arguments.frames, "tracks": arguments.tracks, **cues},
        images_only=["frames"],
        settings=json.loads(arguments.settings),
        files={"same_object": sha256(MODEL)},
        redo=bool(arguments.redo),
    )
    work = partial(_select, settings, arguments.trajectories_folder)
    batch.run(lambda: work, arguments.processes)


def _select(settings: ObjectSettings, trajectories_folder: str, task: Task) -> None:
    video, tracks = Video.load(task.inputs["frames"]), read_tracks(task.inputs["tracks"])
    if len(tracks.labels) != video.count:
        raise UserError(
            f"{task.inputs['tracks']} has {len(tracks.labels)} frames, but "
            f"{task.inputs['frames']} {video.count}. Delete the older of the two files and run "
            "the workflow again."
        )
    cues = [task.inputs.get(name) for name in _CUES]
    by_cues = settings.choice == "cues"
    trajectories = Path(trajectories_folder, f"{task.video}.h5") if by_cues else None
    frame = video.frame if by_cues and settings.pixels == "grabcut" else None
    if by_cues and is_blank(video.frame, video.count):
        objects = no_objects(tracks.labels, settings)
    else:
        objects = find_objects(tracks, *cues, trajectories, settings, frame)
    if not objects.table["foreground"].any():
        print(NOTHING.format(video=video.title), file=sys.stderr)
    size = (video.height, video.width)
    write_masks(task.output.parent, tracks.labels, objects, size, frame, video.name)


if __name__ == "__main__":
    run(main)
