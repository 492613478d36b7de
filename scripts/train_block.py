"""Train the spatio-temporal block on cached features."""

import argparse
import sys
from pathlib import Path

from betrayed.config.reading import read_settings
from betrayed.engine.leasing import lease_gpus
from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size
from betrayed.errors import UserError


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--features", nargs="+", metavar="FILE", help="features files to train on")
    given.add_argument(
        "--features-list", metavar="FILE", help="a text file that names them, one a line"
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="BLOCK",
        help="the block to write (block.pt); training.csv, curves.png and, while training, "
        "checkpoint.pt lie beside it",
    )
    parser.add_argument(
        "--settings", default="{}", metavar="JSON", help='e.g. \'{"steps": 240, "seed": 0}\''
    )
    parser.add_argument("--device", default="auto", help="auto (a GPU if there is one), cpu, cuda")
    parser.add_argument("--threads", type=int, help="processor cores to use; default: torch's own")
    parser.add_argument(
        "--gpus",
        type=int,
        default=1,
        help="the most GPUs to use, if there are so many: the clips of a step are shared evenly by "
        "a process on each; 0: none",
    )
    arguments = parser.parse_args()

    wanted = arguments.device if arguments.gpus > 0 else "cpu"
    gpus = lease_gpus(wanted, arguments.gpus)
    import torch

    from betrayed.training.loop import TrainSettings, train
    from betrayed.training.processes import (
        even_share,
        process_group,
        run_with_torchrun,
        started_by_torchrun,
    )

    settings = read_settings(TrainSettings, arguments.settings)
    features = arguments.features or _listed(arguments.features_list)
    count = even_share(settings.clips_per_step, gpus)
    if count > 1 and not started_by_torchrun():
        print(f"{settings.clips_per_step} clips a step on {count} of {gpus} GPUs.", file=sys.stderr)
        run_with_torchrun(count, sys.argv)
        return
    with process_group(wanted) as (processes, device):
        if arguments.threads:
            torch.set_num_threads(max(1, arguments.threads // processes.size))
        train(features, arguments.output, settings, device, processes)
        note(threads=torch.get_num_threads(), processes=processes.size)
        note_size(Path(arguments.output).parent)


def _listed(path: str) -> list[str]:
    if not Path(path).is_file():
        raise UserError(f"--features-list {path}: there is no such file.")
    lines = [line.strip() for line in Path(path).read_text().splitlines()]
    return [line for line in lines if line]


if __name__ == "__main__":
    run(main)
