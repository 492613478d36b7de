"""Write the queries and keys that a trained block gives for every frame of a batch's videos."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from betrayed.engine.batches import Batch, ReadsAhead, Task
from betrayed.engine.gpu_options import add_gpu_options, take_device
from betrayed.engine.programs import add_batch_options, run
from betrayed.engine.stamps import check_stamped
from betrayed.io.files import sha256


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", required=True, help="record of the videos' features")
    parser.add_argument("--block", required=True, help="block.pt of the trained block")
    parser.add_argument(
        "--batch-size",
        type=int,
        help="frames at a time; usual: few, since more gains nothing on a CPU, and little on a "
        "GPU, which waits for reading and writing; it is halved when memory runs out",
    )
    add_gpu_options(parser)
    add_batch_options(parser)
    arguments = parser.parse_args()
    check_stamped(arguments.block)
    batch = Batch(
        "export_attention",
        arguments.record,
        lambda video: (Path(arguments.output_folder, f"{video}.h5"),),
        inputs={"features": arguments.features},
        files={"block": sha256(arguments.block)},
        redo=bool(arguments.redo),
    )
    batch.run(lambda: _prepare(arguments))


def _prepare(arguments: argparse.Namespace) -> Callable[[Task], Any] | ReadsAhead:
    device = take_device(arguments)
    from betrayed.block.export import begin_attention
    from betrayed.io.prefetching import MOST_AHEAD

    # A GPU computes while the next video is read, and while the file of the last reaches the disk.
    ahead = MOST_AHEAD if device.type == "cuda" else 0

    def export(task: Task) -> Callable[[], Any]:
        given = task.inputs["features"], arguments.block, task.output
        return begin_attention(*given, device, arguments.batch_size, ahead)

    return ReadsAhead(export) if ahead else export


if __name__ == "__main__":
    run(main)
