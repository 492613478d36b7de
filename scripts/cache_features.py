"""Cache what the frozen backbone gives for every frame of the videos of a batch."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from betrayed.config.reading import read_settings
from betrayed.engine.batches import Batch, ReadsAhead, Task
from betrayed.engine.gpu_options import add_gpu_options, take_device
from betrayed.engine.programs import add_batch_options, run
from betrayed.io.files import sha256


def main() -> None:
    """Read the command line and cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="record of the videos' frames")
    parser.add_argument("--weights", required=True, help="the backbone's weights, safetensors")
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON object: backbone, height, width, facet, layer, views, seed",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        default=0,
        help="frames at a time; 0, the default: 4 on a CPU, where more gains nothing, and 16 on a "
        "GPU. Halved when memory runs out; raise it when a large GPU is not busy",
    )
    add_gpu_options(parser)
    add_batch_options(parser)
    arguments = parser.parse_args()
    batch = Batch(
        "cache_features",
        arguments.record,
        lambda video: (Path(arguments.output_folder, f"{video}.h5"),),
        inputs={"frames": arguments.frames},
        images_only=["frames"],
        settings=json.loads(arguments.settings),
        files={"weights": sha256(arguments.weights)},
        redo=bool(arguments.redo),
    )
    batch.run(lambda: _prepare(arguments))


def _prepare(arguments: argparse.Namespace) -> Callable[[Task], Any] | ReadsAhead:
    """Load the backbone once for all videos."""
    device = take_device(arguments)
    from betrayed.config.features import FeatureSettings
    from betrayed.features.caching import begin_features, load_backbone
    from betrayed.io.prefetching import MOST_AHEAD
    from betrayed.video.video import Video

    settings = read_settings(FeatureSettings, arguments.settings)
    backbone = load_backbone(settings, arguments.weights, device)
    weights = sha256(arguments.weights)
    batch_size = arguments.batch_size or None

    # A GPU computes while the next video is read, and while the file of the last reaches the disk.
    ahead = MOST_AHEAD if device.type == "cuda" else 0

    def cache(task: Task) -> Callable[[], Any]:
        video = Video.load(task.inputs["frames"])
        return begin_features(video, settings, backbone, weights, task.output, batch_size, ahead)

    return ReadsAhead(cache) if ahead else cache


if __name__ == "__main__":
    run(main)
