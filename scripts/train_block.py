"""Train the spatio-temporal block on cached features."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from betrayed.config.reading import read_settings
from betrayed.datasets.name_lists import choose_videos
from betrayed.datasets.pieces import film_of
from betrayed.engine.gpu_options import add_gpu_options, wanted_device
from betrayed.engine.leasing import lease_gpus
from betrayed.engine.programs import run, started_by_torchrun
from betrayed.engine.records import Failure, Made, Record, read_checked
from betrayed.engine.sources import source_digest
from betrayed.engine.stamps import STAMPS, is_current, key_of, make_stamped, time_of
from betrayed.errors import UserError
from betrayed.io.files import remove_abandoned

#: The folder of the weights that are kept beside the block.
SNAPSHOTS = "snapshots"
#: What the record calls the block, where other stages have a video's name.
NAME = "block"


def main() -> None:
    """Read the command line; train, unless the block that is there was made from the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--features", nargs="+", required=True, help="records of the training videos' features"
    )
    parser.add_argument(
        "--videos", default="[]", help='JSON: the videos to train on, or patterns; "[]": all'
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="BLOCK",
        help="the block to write (block.pt); training.csv, snapshots/ and, while training, "
        "checkpoint.pt lie beside it",
    )
    parser.add_argument("--record", required=True, help="record to write (JSON)")
    parser.add_argument("--redo", type=int, default=0, help="1: train whatever is there")
    parser.add_argument(
        "--settings", default="{}", metavar="JSON", help='e.g. \'{"steps": 240, "seed": 0}\''
    )
    add_gpu_options(parser)
    arguments = parser.parse_args()

    features, failures = _features(arguments.features, json.loads(arguments.videos))
    recipe = {
        "stage": "train_block",
        "code": source_digest("train_block"),
        "settings": json.loads(arguments.settings),
        "inputs": {video: made.key for video, made in features.items()},
    }
    output = arguments.output
    outputs = [output, output.with_name("training.csv"), output.with_name(SNAPSHOTS)]
    stamp = output.parent / STAMPS / f"{NAME}.json"
    files = [made.artefact for made in features.values()]
    # Settings are read by themselves: some of them may change while a training rests.
    made_from = {name: recipe[name] for name in ("code", "inputs")}
    if started_by_torchrun():
        _train(arguments, files, made_from)
        return
    remove_abandoned([*outputs, output.with_name("checkpoint.pt"), stamp, arguments.record])
    current = not arguments.redo and is_current(stamp, recipe)
    print(f"train_block: {0 if current else 1} to compute", file=sys.stderr)
    if not current:

        def train() -> None:
            _train(arguments, files, made_from)
            # What a killed training left of those that are there now.
            remove_abandoned(output.with_name(SNAPSHOTS).glob("[0-9]*.pt"))

        make_stamped(stamp, recipe, outputs, train, time_of(stamp) if arguments.redo else None)
    made = Made(str(output), output.stat().st_size, key_of(recipe))
    Record("train_block", {NAME: made}, failures).write(arguments.record)


def _features(paths: list[str], wanted: list[str]) -> tuple[dict[str, Made], dict[str, Failure]]:
    """The features to train on, and the videos that should have had some.

    Raises:
        UserError: there are none, one is not what was made, or a name is wanted that the data set
            does not have.
    """
    record = Record.joined(map(read_checked, paths))
    there, failed = record.videos, record.failures
    # The pieces of a film go by its name.
    films = {film_of(video) for video in (*there, *failed)}
    chosen = set(choose_videos(films, wanted, "the training data", "training.videos"))
    features = {video: there[video] for video in sorted(there) if film_of(video) in chosen}
    failures = {video: failed[video] for video in sorted(failed) if film_of(video) in chosen}
    if not features:
        reasons = "\n".join(f"{video}: {failure.reason}" for video, failure in failures.items())
        raise UserError(f"None of the training videos could be read.\n{reasons}")
    if not started_by_torchrun():
        for video, failure in failures.items():
            print(f"Training goes on without {video}: {failure.reason}", file=sys.stderr)
    return features, failures


def _train(arguments: argparse.Namespace, features: list[str], made_from: dict[str, Any]) -> None:
    wanted = wanted_device(arguments)
    gpus = lease_gpus(wanted, arguments.gpus)
    import torch

    from betrayed.training.loop import TrainSettings, train
    from betrayed.training.processes import even_share, process_group, run_with_torchrun

    settings = read_settings(TrainSettings, arguments.settings)
    count = even_share(settings.clips_per_step, gpus)
    if count > 1 and not started_by_torchrun():
        print(f"{settings.clips_per_step} clips a step on {count} of {gpus} GPUs.", file=sys.stderr)
        run_with_torchrun(count, sys.argv)
        return
    with process_group(wanted) as (processes, device):
        if arguments.threads:
            torch.set_num_threads(max(1, arguments.threads // processes.size))
        train(features, arguments.output, settings, device, processes, made_from)


if __name__ == "__main__":
    run(main)
