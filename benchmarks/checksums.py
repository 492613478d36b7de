"""Measure what checksums and checks of values cost each stage, side by side with doing without.

"without" is the same stage with plain HDF5 files (no Fletcher-32, headers of the old form), no
check of finite values and no digests of small files. Both take turns in one process. Seconds are
the process's own (all threads), since what others do on the machine is no matter here.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import h5py
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from caching import make_video, sides

from betrayed.block.export import export_attention
from betrayed.clustering.tracking import cluster_video
from betrayed.clustering.tracks import read_tracks
from betrayed.config.clustering import ClusterSettings
from betrayed.config.motion import MotionSettings
from betrayed.config.objects import ObjectSettings
from betrayed.config.training import TrainSettings
from betrayed.engine import stamps
from betrayed.engine.programs import run
from betrayed.features.backbone import Backbone
from betrayed.features.caching import FeatureSettings, write_features
from betrayed.io import artefacts
from betrayed.objects.mask_writing import write_masks
from betrayed.objects.motion_measurement import measure_motion
from betrayed.objects.selection import find_objects
from betrayed.training.loop import new_block


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="rounds; default 5")
    parser.add_argument("--backbone", default="vit_small_patch14_dinov2.lvd142m")
    parser.add_argument("--size", default="322x560", metavar="HxW", help="pixels given to it")
    parser.add_argument("--count", type=int, default=12, help="frames; default 12")
    parser.add_argument("--frame-size", default="480x854", metavar="HxW", help="of drawn frames")
    arguments = parser.parse_args()
    arguments.frames = None
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        compare(arguments, Path(folder))


def compare(arguments: argparse.Namespace, folder: Path) -> None:
    """Let both take turns in each stage, and print the table."""
    stages = make_stages(arguments, folder)
    print(f"{arguments.count} frames of {arguments.frame_size} at {arguments.size}, one thread.")
    print(f"Load average {os.getloadavg()[0]:.1f}.\n{'':20}{'s without':>10}{'with/without':>26}")
    for name, stage in stages.items():
        stage()  # warm-up, and what the next one reads
        rounds = []
        for number in range(arguments.repeats):
            taken = {}
            for checked in (False, True) if number % 2 else (True, False):
                with ExitStack() as stack:
                    if not checked:
                        stack.enter_context(without())
                    taken[checked] = seconds(stage)
            rounds.append(taken)
        ratios = sorted(one[True] / one[False] for one in rounds)
        bare = statistics.median(one[False] for one in rounds)
        told = f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
        print(f"{name:20}{bare:10.3f}{told:>26}", flush=True)


@contextmanager
def without() -> Iterator[None]:
    """No checksums are written, and no values checked."""

    def plain(path: Path, mode: str, libver: object) -> h5py.File:
        return h5py.File(path, mode)

    with (
        mock.patch.object(artefacts, "_File", plain),
        mock.patch.object(artefacts, "all_finite", lambda values: True),
        mock.patch.object(stamps, "sha256", lambda path: ""),
        mock.patch.object(stamps, "check_digests", lambda stamp, artefact: None),
    ):
        yield


def make_stages(arguments: argparse.Namespace, folder: Path) -> dict[str, Callable[[], None]]:
    """What is measured, by name; each takes the whole video once, with its stamp."""
    height, width = sides(arguments.size)
    video = make_video(arguments, folder)
    settings = FeatureSettings(arguments.backbone, height, width, "key")
    backbone = Backbone(arguments.backbone, None, torch.device("cpu"), "key")
    block = new_block(backbone.dim, TrainSettings())
    held = {"settings": {}, "features": {}, "step": 0, "dim": block.dim, "heads": block.heads}
    torch.save({"model_state_dict": block.state_dict(), **held}, folder / "block.pt")
    names = ("features", "attention", "motion", "points", "tracks")
    features, attention, motion, points, tracks = (folder / f"{name}.h5" for name in names)
    masks = folder / "masks"

    def select() -> None:
        found = read_tracks(tracks)
        given = (features, features, motion, points, ObjectSettings(), video.frame)
        size = (video.height, video.width)
        objects = find_objects(found, *given)
        write_masks(masks, found.labels, objects, size, video.frame, "clip")

    def stamped(
        stage: str, outputs: list[Path], inputs: list[str], work: Callable[[], None]
    ) -> Callable[[], None]:
        def once() -> None:
            for name in inputs:
                stamps.check_digests(folder / f"{name}.json", folder / name)
            stamp = folder / f"{stage}.json"
            stamps.make_stamped(stamp, {"stage": stage}, outputs, work)

        return once

    def cache() -> None:
        write_features(video, settings, backbone, None, features)

    def export() -> None:
        export_attention(features, folder / "block.pt", attention, torch.device("cpu"))

    def cluster() -> None:
        cluster_video(attention, tracks, ClusterSettings())

    def measure() -> None:
        measure_motion(video, motion, points, MotionSettings())

    # Frames of films are written by extraction; here their digests are those of the images drawn.
    stamps.make_stamped(
        folder / "frames.json", {"stage": "frames"}, [folder / "images"], lambda: None
    )
    return {
        "cache_features": stamped("cache_features", [features], ["frames"], cache),
        "export_attention": stamped("export_attention", [attention], [], export),
        "cluster_tracks": stamped("cluster_tracks", [tracks], [], cluster),
        "measure_motion": stamped("measure_motion", [motion, points], ["frames"], measure),
        "select_objects": stamped("select_objects", [masks], ["frames"], select),
    }


def seconds(stage: Callable[[], None]) -> float:
    """The process's own time for a stage."""
    before = time.process_time()
    stage()
    return time.process_time() - before


if __name__ == "__main__":
    run(main)
