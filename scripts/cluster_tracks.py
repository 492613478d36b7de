"""Cluster the attention of a video into tracks: one label for every token."""

import argparse

from betrayed.config.reading import read_settings
from betrayed.engine.leasing import lease_gpus
from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size
from betrayed.io.artefacts import open_checked


def main() -> None:
    """Read the command line and cluster."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attention", required=True, help="attention artefact of the video")
    parser.add_argument("--output", required=True, help="tracks artefact to write")
    parser.add_argument("--settings", default="{}", help='JSON, e.g. {"tau": 0.3, "window": 3}')
    parser.add_argument(
        "--memory-mb",
        type=int,
        default=0,
        help="what clustering may take beside Python and torch; less is slower. 0, the default: a "
        "share of what is free",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--gpus", type=int, default=1, help="GPUs granted; 0: compute on the CPU")
    parser.add_argument("--threads", type=int, help="CPU threads; torch's choice by default")
    arguments = parser.parse_args()

    wanted = arguments.device if arguments.gpus > 0 else "cpu"
    lease_gpus(wanted)
    import torch

    from betrayed.clustering.tracking import ClusterSettings, cluster_video
    from betrayed.engine.devices import choose_device

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    settings = read_settings(ClusterSettings, arguments.settings)
    device = choose_device(wanted)
    memory = 1e6 * arguments.memory_mb or None
    cluster_video(arguments.attention, arguments.output, settings, device, memory)

    with open_checked(arguments.attention, "attention") as attention:
        frames, heads, tokens, width = attention["queries"].shape
    with open_checked(arguments.output, "tracks") as made:
        tracks, columns = made["centres"].shape
    note(frames=frames, tokens=tokens, dim=heads * width, columns=columns, tracks=tracks)
    note(window=settings.window, threads=torch.get_num_threads())
    note_size(arguments.output)


if __name__ == "__main__":
    run(main)
