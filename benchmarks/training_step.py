"""Measure a training step of the library against the plain version, side by side.

A step is forward, losses, backward and AdamW on one clip. Each version runs in a process of its
own; they take turns, so that what else the machine does meets all of them. "times faster" is the
median over the rounds of plain seconds over seconds. Peak memory is that of the process, less what
it had with the clip, the block and the optimizer in place.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from turns import Version, answer, process_peak, spread

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

# Torch is imported only where it measures: a process starts with the peak of its parent.
VERSIONS = {
    "plain": "plain: whole map, sorted rows",
    "float32": "library, float32",
    "mixed": "library, bfloat16 products",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, help="processor cores to use; default: torch's own")
    parser.add_argument("--repeats", type=int, default=7, help="rounds; default 7")
    parser.add_argument(
        "--grid", default="23x40", metavar="HxW", help="patch tokens a frame; default 23x40"
    )
    parser.add_argument("--frames", type=int, default=3, help="frames in the clip; default 3")
    parser.add_argument(
        "--features", metavar="H5", help="a clip of this features file instead of random tokens"
    )
    parser.add_argument("--measure", choices=VERSIONS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments)
    else:
        compare(arguments.repeats)


def compare(repeats: int) -> None:
    """Let the versions take turns, and print the table."""
    load = os.getloadavg()[0]
    versions = {name: Version(name) for name in VERSIONS}
    for version in versions.values():
        version.step()  # warm-up
    rounds = [
        {name: one.step()["seconds"] for name, one in versions.items()} for _ in range(repeats)
    ]
    peaks = {name: one.finish() for name, one in versions.items()}

    print(f"One training step on {versions['plain'].facts}.")
    print(f"Load average {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end.\n")
    print(f"{'':32}{'seconds':>24}{'times faster':>22}{'peak MB':>10}{'of plain':>10}")
    for name, title in VERSIONS.items():
        seconds = spread([one[name] for one in rounds], 3)
        faster = spread([one["plain"] / one[name] for one in rounds], 2)
        part = f"{peaks[name] / peaks['plain']:.2f}"
        print(f"{title:32}{seconds:>24}{faster:>22}{peaks[name]:>10.0f}{part:>10}")
    print(f"\nMedian (least to most) of {repeats} rounds.")


def measure(arguments: argparse.Namespace) -> None:
    """In the process of a version: make a step whenever asked."""
    import torch

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    step, clip = prepare(arguments)
    cpu = torch.cpu.get_capabilities().get("cpu_name", "CPU")
    threads = f"{torch.get_num_threads()} threads"
    answer(step, f"{clip}; torch {torch.__version__}, {threads}, {cpu}", process_peak)


def prepare(arguments: argparse.Namespace) -> tuple[Callable[[], None], str]:
    """A function that makes a step of the version asked for, and what the clip is."""
    import torch
    from plain_training import plain_loss

    from betrayed.training.loop import TrainSettings, new_block, weight_decay_groups
    from betrayed.training.losses import clip_losses

    settings = TrainSettings(frames=arguments.frames)
    torch.manual_seed(0)
    patch_tokens, class_tokens, clip = read(arguments, settings.stride)
    frames, count, dim = patch_tokens.shape
    block = new_block(dim, settings).train()
    optimizer = torch.optim.AdamW(
        weight_decay_groups(block, settings.weight_decay), settings.learning_rate, fused=True
    )

    def loss(positions: torch.Tensor) -> torch.Tensor:
        if arguments.measure == "plain":
            return plain_loss(block, patch_tokens, class_tokens, positions, settings)
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.measure == "mixed"):
            z, attention = block(patch_tokens, class_tokens)
        return clip_losses(z.float(), attention.rows, positions, settings).total

    def step() -> None:
        optimizer.zero_grad()
        loss(torch.randperm(count)[: settings.queries]).backward()
        optimizer.step()

    return step, f"{frames} frames of {count} tokens of width {dim} ({clip})"


def read(arguments: argparse.Namespace, stride: int) -> tuple[Any, Any, str]:
    """Patch tokens (T, N, D), class tokens (T, D), and where they come from."""
    import torch

    from betrayed.features.reading import read_clip
    from betrayed.training.clips import training_videos

    if arguments.features:
        video = training_videos([arguments.features], arguments.frames, stride, "error")[0]
        frames = range(0, arguments.frames * stride, stride)
        tokens = read_clip(video.path, frames, 0 if video.views else None)
        return *tokens, f"from {video.name}"
    height, width = (int(size) for size in arguments.grid.split("x"))
    shape = (arguments.frames, height * width, 384)
    return torch.randn(shape), torch.randn(shape[0], shape[2]), "random"


if __name__ == "__main__":
    main()
