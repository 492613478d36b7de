"""Write the queries and keys that a trained block gives for every frame of a video."""

import argparse

from betrayed.engine.leasing import lease_gpus
from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", required=True, help="features artefact of the video")
    parser.add_argument("--block", required=True, help="block.pt of the trained block")
    parser.add_argument("--output", required=True, help="attention artefact to write")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--gpus", type=int, default=1, help="GPUs granted; 0: compute on the CPU")
    parser.add_argument("--threads", type=int, help="CPU threads; torch's choice by default")
    parser.add_argument(
        "--batch-size",
        type=int,
        default=4,
        help="frames at a time; default 4. More gains nothing on a CPU, and little on a GPU, which "
        "waits for reading and writing; it is halved when memory runs out",
    )
    arguments = parser.parse_args()

    wanted = arguments.device if arguments.gpus > 0 else "cpu"
    lease_gpus(wanted)
    import torch

    from betrayed.block.export import export_attention
    from betrayed.engine.devices import choose_device

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = choose_device(wanted)
    export_attention(
        arguments.features, arguments.block, arguments.output, device, arguments.batch_size
    )
    note(batch=arguments.batch_size, threads=torch.get_num_threads())
    note_size(arguments.output)


if __name__ == "__main__":
    run(main)
