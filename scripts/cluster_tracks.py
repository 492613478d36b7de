"""Cluster the attention of a batch's videos into tracks: one label for every token."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from betrayed.config.reading import read_settings
from betrayed.engine.batches import Batch, ReadsAhead, Task
from betrayed.engine.gpu_options import add_gpu_options, take_device
from betrayed.engine.programs import add_batch_options, run


def main() -> None:
    """Read the command line and cluster."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attention", required=True, help="record of the videos' attention")
    parser.add_argument("--settings", default="{}", help='JSON, e.g. {"tau": 0.3, "window": 3}')
    parser.add_argument(
        "--memory-mb",
        type=int,
        default=0,
        help="what clustering may take beside Python and torch; less is slower. 0, the default: a "
        "share of what is free",
    )
    add_gpu_options(parser)
    add_batch_options(parser)
    arguments = parser.parse_args()
    batch = Batch(
        "cluster_tracks",
        arguments.record,
        lambda video: (Path(arguments.output_folder, f"{video}.h5"),),
        inputs={"attention": arguments.attention},
        settings=json.loads(arguments.settings),
        redo=bool(arguments.redo),
    )
    batch.run(lambda: _prepare(arguments))


def _prepare(arguments: argparse.Namespace) -> Callable[[Task], Any] | ReadsAhead:
    device = take_device(arguments)
    from betrayed.clustering.tracking import ClusterSettings, begin_tracks
    from betrayed.io.prefetching import MOST_AHEAD

    settings = read_settings(ClusterSettings, arguments.settings)
    memory = 1e6 * arguments.memory_mb or None

    # A GPU computes while the next video is read, and while the file of the last reaches the disk.
    ahead = MOST_AHEAD if device.type == "cuda" else 0

    def cluster(task: Task) -> Callable[[], Any]:
        given = task.inputs["attention"], task.output
        return begin_tracks(*given, settings, device, memory, ahead)

    return ReadsAhead(cluster) if ahead else cluster


if __name__ == "__main__":
    run(main)
