"""Cache what the frozen backbone gives for every frame of a video."""

import argparse

from betrayed.config.reading import read_settings
from betrayed.engine.leasing import lease_gpus
from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size


def main() -> None:
    """Read the command line and cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="frames.json of the video")
    parser.add_argument("--weights", required=True, help="the backbone's weights, safetensors")
    parser.add_argument("--output", required=True, help="features artefact to write")
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON object: backbone, height, width, facet, layer, views, seed",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--gpus", type=int, default=1, help="GPUs granted; 0: compute on the CPU")
    parser.add_argument(
        "--threads",
        type=int,
        help="CPU threads; torch's choice by default. With a GPU they decode frames: give more "
        "where the GPU waits for them",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        default=0,
        help="frames at a time; 0, the default: 4 on a CPU, where more gains nothing, and 16 on a "
        "GPU. Halved when memory runs out; raise it when a large GPU is not busy",
    )
    arguments = parser.parse_args()

    wanted = arguments.device if arguments.gpus > 0 else "cpu"
    lease_gpus(wanted)
    import torch

    from betrayed.engine.devices import choose_device
    from betrayed.features.caching import FeatureSettings, cache_features
    from betrayed.video.video import Video

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    settings = read_settings(FeatureSettings, arguments.settings)
    cache_features(
        Video.load(arguments.frames),
        settings,
        arguments.weights,
        arguments.output,
        choose_device(wanted),
        arguments.batch_size or None,
    )
    note(threads=torch.get_num_threads())
    note_size(arguments.output)


if __name__ == "__main__":
    run(main)
