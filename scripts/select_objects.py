"""Find the objects of a batch's videos, and write their masks at the videos' own size."""

import argparse
import json
from functools import partial
from pathlib import Path

from betrayed.config.objects import ObjectSettings
from betrayed.config.reading import read_settings
from betrayed.engine.batches import Batch, Task
from betrayed.engine.programs import add_batch_options, run
from betrayed.io.files import sha256
from betrayed.objects.looks import write_looks
from betrayed.objects.same_object import MODEL
from betrayed.objects.segmentation import segment

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
    parser.add_argument(
        "--looks", action="store_true", help="write what objects look like, too, by the features"
    )
    parser.add_argument("--settings", default="{}", help='JSON, e.g. {"max_objects": 20}')
    parser.add_argument("--processes", type=int, default=1, help="videos at a time")
    add_batch_options(parser)
    arguments = parser.parse_args()
    settings = read_settings(ObjectSettings, arguments.settings)
    cues = {name: getattr(arguments, name) for name in _CUES}
    if settings.choice != "cues":
        cues = {"features": arguments.features} if arguments.looks else {}
        if not all(cues.values()):
            parser.error("--looks needs --features")
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
        settings={**json.loads(arguments.settings), **({"looks": True} if arguments.looks else {})},
        files={"same_object": sha256(MODEL)},
        redo=bool(arguments.redo),
    )
    work = partial(_select, settings, arguments.trajectories_folder, arguments.looks)
    batch.run(lambda: work, arguments.processes)


def _select(
    settings: ObjectSettings, trajectories_folder: str | None, looks: bool, task: Task
) -> None:
    by_cues = settings.choice == "cues"
    cues = {name: task.inputs[name] for name in _CUES} if by_cues else {}
    if by_cues:
        cues["trajectories"] = Path(trajectories_folder, f"{task.video}.h5")
    segment(task.output.parent, task.inputs["frames"], task.inputs["tracks"], cues, settings)
    if looks:
        write_looks(task.output.parent, task.inputs["features"])


if __name__ == "__main__":
    run(main)
