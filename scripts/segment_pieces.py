"""Pieces of long films, from the film to masks: what lies between is deleted piece by piece."""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

from betrayed.config.clustering import ClusterSettings
from betrayed.config.features import FeatureSettings
from betrayed.config.motion import MotionSettings
from betrayed.config.objects import ObjectSettings
from betrayed.config.reading import read_settings
from betrayed.datasets.manifest import Row, made_from, rows_of_batch
from betrayed.datasets.pieces import Piece
from betrayed.engine.batches import Batch, Task
from betrayed.engine.folder_claim import check_writable
from betrayed.engine.gpu_options import add_gpu_options, take_device
from betrayed.engine.programs import add_batch_options, run
from betrayed.engine.stamps import check_stamped
from betrayed.errors import UserError
from betrayed.io.files import scratch_folder, sha256
from betrayed.objects.same_object import MODEL
from betrayed.video.film_extraction import extract_piece
from betrayed.video.film_pieces import SCANS, scan_of


def main() -> None:
    """Read the command line, and work on piece after piece."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", required=True, help="CSV of the data set's videos")
    parser.add_argument("--batch", required=True, help="the pieces, by the column batch")
    parser.add_argument("--weights", required=True, help="the backbone's weights, safetensors")
    parser.add_argument("--block", required=True, help="block.pt of the trained block")
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON: features, fine_features, clustering, motion, objects; each as its stage has it",
    )
    parser.add_argument(
        "--batch-size", type=int, default=0, help="frames at a time in the backbone; 0: as fits"
    )
    parser.add_argument(
        "--memory-mb", type=int, default=0, help="what clustering may take; 0: a share of it"
    )
    parser.add_argument(
        "--scratch",
        nargs="?",  # Snakemake's quotes of nothing are nothing
        default="",
        help="folder for what lies between, with $VARIABLES; default beside the masks",
    )
    add_gpu_options(parser)
    add_batch_options(parser)
    arguments = parser.parse_args()
    check_stamped(arguments.block)
    rows = rows_of_batch(arguments.manifest, arguments.batch)
    folder = Path(arguments.output_folder)
    batch = Batch(
        "segment_pieces",
        arguments.record,
        lambda video: (folder / video / "objects.csv", folder / video),
        sources={video: made_from(row) for video, row in rows.items()},
        settings=json.loads(arguments.settings),
        files={
            "weights": sha256(arguments.weights),
            "block": sha256(arguments.block),
            "same_object": sha256(MODEL),
        },
        redo=bool(arguments.redo),
    )
    batch.run(lambda: _prepare(arguments, rows))


def _prepare(arguments: argparse.Namespace, rows: dict[str, Row]) -> Callable[[Task], None]:
    """Load the backbone once for all pieces."""
    device = take_device(arguments)
    from betrayed.block.export import export_attention
    from betrayed.clustering.tracking import cluster_video
    from betrayed.features.caching import load_backbone, write_features
    from betrayed.objects.looks import write_looks
    from betrayed.objects.motion_measurement import measure_motion
    from betrayed.objects.segmentation import segment
    from betrayed.video.video import Video

    given = {name: json.dumps(one) for name, one in json.loads(arguments.settings).items()}
    features = read_settings(FeatureSettings, given["features"])
    fine_features = read_settings(FeatureSettings, given["fine_features"])
    clustering = read_settings(ClusterSettings, given["clustering"])
    motion = read_settings(MotionSettings, given["motion"])
    choice = read_settings(ObjectSettings, given["objects"])
    backbone = load_backbone(features, arguments.weights, device)
    weights, batch_size = sha256(arguments.weights), arguments.batch_size or None
    disk = _disk(arguments.scratch or "")
    memory = 1e6 * arguments.memory_mb or None
    scans = Path(arguments.manifest).parent / SCANS

    def work(task: Task) -> None:
        row = rows[task.video]
        found = scan_of(row, scans)
        with scratch_folder(task.output.parent, disk) as scratch:
            path = {
                name: scratch / f"{name}.h5"
                for name in ("features", "fine_features", "attention", "tracks", "motion")
            }
            piece = Piece.from_text(row["part"])
            extract_piece(task.video, row["source"], scratch / "frames", piece, found)
            frames = scratch / "frames/frames.json"
            video = Video.load(frames)
            write_features(video, features, backbone, weights, path["features"], batch_size)
            export_attention(path["features"], arguments.block, path["attention"], device)
            cluster_video(path["attention"], path["tracks"], clustering, device, memory)
            path["attention"].unlink()
            cues = {}
            if choice.choice == "cues":
                cues = {"features": path["features"], "motion": path["motion"]}
                cues["trajectories"] = scratch / "trajectories.h5"
                cues["fine_features"] = path["features"]
                if fine_features != features:
                    cues["fine_features"] = path["fine_features"]
                    own = cues["fine_features"], batch_size
                    write_features(video, fine_features, backbone, weights, *own)
                measure_motion(video, cues["motion"], cues["trajectories"], motion)
            segment(task.output.parent, frames, path["tracks"], cues, choice)
            write_looks(task.output.parent, path["features"])

    return work


def _disk(scratch: str) -> Path | None:
    """The folder that ``--scratch`` names on this node, if it does."""
    if not scratch:
        return None
    disk = os.path.expandvars(scratch)
    if "$" in disk:
        raise UserError(
            f"scratch is {scratch}, but that variable is not set on this node. Name a folder that "
            "every node has, or none: then it lies beside the masks."
        )
    check_writable(Path(disk))
    return Path(disk)


if __name__ == "__main__":
    run(main)
