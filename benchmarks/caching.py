"""Measure feature caching and attention export against the backbone's bare forward pass.

The bare pass is the model's ``forward_features`` on batches that are prepared already and lie on
the device: what no cache can beat with the same model, batch, precision and resolution. All take
turns in one process, so that what else the machine does meets all of them. "of bare" is the median
over the rounds of the bare pass's seconds over theirs, for the same frames.

The frames lie in the machine's file cache after the warm-up; caching reads and decodes them, and
syncs what it has written to the disk.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from betrayed.block.export import export_attention
from betrayed.config.training import TrainSettings
from betrayed.engine.devices import choose_device
from betrayed.engine.programs import run
from betrayed.features.backbone import Backbone, resize_frames
from betrayed.features.caching import (
    FeatureSettings,
    cache_features,
    default_batch_size,
    write_features,
)
from betrayed.io.prefetching import batches
from betrayed.synthetic.film import SyntheticSettings, render_clip
from betrayed.training.loop import new_block
from betrayed.video.extraction import extract
from betrayed.video.video import Video

BARE = "backbone, bare forward pass"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, help="processor cores to use; default: torch's own")
    parser.add_argument("--repeats", type=int, default=5, help="rounds; default 5")
    parser.add_argument(
        "--backbone", default="vit_small_patch14_dinov2.lvd142m", help="timm's name of the ViT"
    )
    parser.add_argument("--weights", help="its weights, safetensors; default: random ones")
    parser.add_argument("--facet", default="token", help="key, query, value or token")
    parser.add_argument(
        "--size", default="322x560", metavar="HxW", help="pixels given to it; default 322x560"
    )
    parser.add_argument("--frames", metavar="FOLDER", help="a folder of frames; default: drawn")
    parser.add_argument("--count", type=int, default=12, help="frames used; default 12")
    parser.add_argument(
        "--frame-size", default="480x854", metavar="HxW", help="of drawn frames; default 480x854"
    )
    parser.add_argument("--batch-size", type=int, help="frames at a time; default as in caching")
    parser.add_argument("--export-batch-size", type=int, default=4, help="in export; default 4")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        compare(arguments, Path(folder))


def compare(arguments: argparse.Namespace, folder: Path) -> None:
    """Let all take turns, and print the table."""
    load = os.getloadavg()[0]
    device = choose_device(arguments.device)
    size = arguments.batch_size or default_batch_size(device)
    video = make_video(arguments, folder)
    steps = make_steps(arguments, folder, video, device, size)
    for step in steps.values():
        step()  # warm-up; export needs the features that caching has written
    rounds = [
        {name: seconds(step, device) for name, step in steps.items()}
        for _ in range(arguments.repeats)
    ]

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(
        f"\n{video.count} frames of {video.height}x{video.width} at {arguments.size}, "
        f"{arguments.backbone}, {size} frames at a time; "
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {name}."
    )
    print(f"Load average {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end.\n")
    print(f"{'':34}{'frames per second':>26}{'of bare':>24}")
    for name in steps:
        rate = spread([video.count / one[name] for one in rounds])
        share = spread([one[BARE] / one[name] for one in rounds])
        print(f"{name:34}{rate:>26}{share:>24}")
    print(f"\nMedian (least to most) of {arguments.repeats} rounds.")


def make_video(arguments: argparse.Namespace, folder: Path) -> Video:
    """The frames that all are given."""
    images = folder / "images"
    images.mkdir()
    if arguments.frames:
        for path in sorted(Path(arguments.frames).resolve().iterdir())[: arguments.count]:
            (images / path.name).symlink_to(path)
    else:
        height, width = sides(arguments.frame_size)
        drawn = SyntheticSettings(clips=1, frames=arguments.count, height=height, width=width)
        for index, (frame, _) in enumerate(render_clip(0, drawn)):
            Image.fromarray(frame).save(images / f"{index:05d}.jpg", quality=95, subsampling=0)
    extract("clip", images, folder / "clip")
    return Video.load(folder / "clip" / "frames.json")


def make_steps(
    arguments: argparse.Namespace, folder: Path, video: Video, device: torch.device, size: int
) -> dict[str, Callable[[], None]]:
    """What is measured, by name; each takes all frames once."""
    height, width = sides(arguments.size)
    settings = FeatureSettings(arguments.backbone, height, width, arguments.facet)
    backbone = Backbone(arguments.backbone, arguments.weights, device, arguments.facet)
    prepared = [
        backbone.normalise(resize_frames([video.frame(i) for i in run], height, width).to(device))
        for run in batches(video.count, size)
    ]
    features, attention = folder / "features.h5", folder / "attention.h5"
    block = new_block(backbone.dim, TrainSettings())
    held = {"settings": {}, "features": {}, "step": 0, "dim": block.dim, "heads": block.heads}
    torch.save({"model_state_dict": block.state_dict(), **held}, folder / "block.pt")

    @torch.inference_mode()
    def bare() -> None:
        with backbone.in_precision():
            for images in prepared:
                backbone.model.forward_features(images)

    def cache() -> None:
        write_features(video, settings, backbone, None, features, size)

    def load_and_cache() -> None:
        cache_features(video, settings, arguments.weights, features, device, size)

    def export() -> None:
        export_attention(
            features, folder / "block.pt", attention, device, arguments.export_batch_size
        )

    return {
        BARE: bare,
        "caching, model loaded": cache,
        "caching with loading the model": load_and_cache,
        "attention export": export,
    }


def seconds(step: Callable[[], None], device: torch.device) -> float:
    """How long a step takes, until its device has ended too."""
    began = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def sides(size: str) -> tuple[int, int]:
    """Height and width of "HxW"."""
    height, width = (int(side) for side in size.split("x"))
    return height, width


def spread(values: list[float]) -> str:
    """Median (least to most)."""
    median, least, most = (
        f"{value:.3g}" for value in (statistics.median(values), min(values), max(values))
    )
    return f"{median} ({least} to {most})"


if __name__ == "__main__":
    run(main)
