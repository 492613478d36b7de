"""Draw where attention lies in a batch's videos: a film, two sheets and the tree of tracks."""

import argparse
from pathlib import Path

from betrayed.engine.batches import Batch, Task
from betrayed.engine.programs import add_batch_options, run
from betrayed.reporting.attention_pictures import FILES, draw_attention

_INPUTS = {
    "frames": "record of the videos' frames",
    "objects": "record of their masks",
    "tracks": "record of their tracks",
    "features": "record of their features",
    "attention": "record of their attention",
}


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, help in _INPUTS.items():
        parser.add_argument(f"--{name}", required=True, help=help)
    parser.add_argument("--processes", type=int, default=1, help="videos at a time")
    add_batch_options(parser)
    arguments = parser.parse_args()
    folder = Path(arguments.output_folder)
    batch = Batch(
        "draw_attention",
        arguments.record,
        lambda video: tuple(folder / video / name for name in FILES),
        inputs={name: getattr(arguments, name) for name in _INPUTS},
        images_only=["frames"],
        redo=bool(arguments.redo),
    )
    batch.run(lambda: _draw, arguments.processes)


def _draw(task: Task) -> None:
    draw_attention(*(task.inputs[name] for name in _INPUTS), task.output.parent)


if __name__ == "__main__":
    run(main)
