"""Measure what share of a workflow's time goes into starting programs, with and without forks.

Many short videos, a tiny backbone with random weights, and little training, so that hardly anything
but starting is left to do: the share is larger than with any real backbone. The workflow runs from
frames to tables and pictures in a folder of its own, in turns with jobs that are forked from a
process which has the libraries (scripts/betrayed/engine/warm_server.py) and with jobs that are not.
Start-up is what each job writes down: until its work begins, and imports after that.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

PARTS = ("Snakefile", "config.yaml", "rules", "scripts", "envs", "profiles")
BACKBONE = "vit_tiny_patch16_224.augreg_in21k"
SETTINGS = {
    "evaluate": ["short"],
    "datasets": {
        "short": {
            "layout": "folder",
            "root": "videos",
            "root_variable": None,
            "annotations": "truth",
            "instances": None,
            "annotation_kind": "ids",
            "protocols": None,
            "split": None,
            "videos": [],
            "make": None,
        }
    },
    "weights": {"source": "file", "path": "weights.pth"},
    "features": {"backbone": BACKBONE, "height": 64, "width": 96},
    "training": {
        "dataset": "short",
        "videos": ["0000"],
        "height": 64,
        "width": 96,
        "steps": 2,
        "stride": 2,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=12, help="how many; default 12")
    parser.add_argument("--frames", type=int, default=8, help="in each; default 8")
    parser.add_argument("--size", default="64x96", metavar="HxW", help="in pixels; default 64x96")
    parser.add_argument("--cores", default="all", help="for Snakemake; default all")
    parser.add_argument("--repeats", type=int, default=1, help="rounds; default 1")
    parser.add_argument(
        "--ways",
        nargs="+",
        choices=["plain", "forked"],
        default=["plain", "forked"],
        help="what to measure; default both",
    )
    parser.add_argument(
        "--configfile", type=Path, help="settings over the tiny ones, such as a real backbone"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="start-up-") as name:
        folder = Path(name)
        prepare(folder, arguments)
        found = {way: [] for way in arguments.ways}
        for _ in range(arguments.repeats):
            for way, runs in found.items():
                runs.append(run(folder, way, arguments))
    print(f"{arguments.videos} videos of {arguments.frames} frames of {arguments.size}.\n")
    walls = {way: statistics.median(wall for wall, _ in runs) for way, runs in found.items()}
    stages = {way: runs[-1][1].set_index("stage") for way, runs in found.items()}
    columns = ["jobs", "seconds", "start-up", "MB"]
    forms = {"seconds": "{:.1f}", "start-up": "{:.0%}", "MB": "{:.0f}"}
    table = pd.concat({way: table[columns] for way, table in stages.items()}, axis="columns")
    formats = {(way, name): form.format for way in stages for name, form in forms.items()}
    print(table.rename_axis(None).to_string(formatters=formats))
    shares = ", ".join(f"{way} {wall:.1f} s" for way, wall in walls.items())
    print(f"\nWall time, medians of the rounds: {shares}")


def prepare(folder: Path, arguments: argparse.Namespace) -> None:
    """A copy of the project with videos, weights and settings."""
    import numpy as np
    import torch
    from PIL import Image

    from betrayed.features.vit import create_vit
    from betrayed.io.palette import save_palette_png

    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, folder / part)
    height, width = (int(size) for size in arguments.size.split("x"))
    side = min(height, width) // 3
    for video in range(arguments.videos):
        generator = np.random.default_rng(video)
        ground = generator.integers(40, 120, (height, width, 3), np.uint8)
        frames, truth = (folder / kind / f"{video:04d}" for kind in ("videos", "truth"))
        frames.mkdir(parents=True)
        truth.mkdir(parents=True)
        for index in range(arguments.frames):
            left = (width - side) * index // arguments.frames
            image, ids = ground.copy(), np.zeros((height, width), np.uint8)
            image[side : 2 * side, left : left + side] = (220, 180, 60)
            ids[side : 2 * side, left : left + side] = 1
            Image.fromarray(image).save(frames / f"{index:05d}.jpg", quality=95)
            save_palette_png(truth / f"{index:05d}.png", ids)
    torch.manual_seed(0)
    torch.save(create_vit(BACKBONE).state_dict(), folder / "weights.pth")
    (folder / "short.yaml").write_text(yaml.safe_dump(SETTINGS))
    if arguments.configfile:
        shutil.copy2(arguments.configfile, folder / "over.yaml")


def run(folder: Path, way: str, arguments: argparse.Namespace) -> tuple[float, pd.DataFrame]:
    """Wall seconds of the workflow from nothing, and what its stages took."""
    from betrayed.engine.warm_client import SERVED
    from betrayed.reporting.summary import stage_table

    for computed in ("results", ".snakemake", "resources"):
        shutil.rmtree(folder / computed, ignore_errors=True)
    files = ["short.yaml", *(["over.yaml"] if arguments.configfile else [])]
    snakemake = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        arguments.cores,
        "--quiet",
        "rules",
        "progress",
    ]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        SERVED: "0" if way == "plain" else "",
    }
    began = time.perf_counter()
    done = subprocess.run(
        [*snakemake, "--configfile", *files],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wall = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"The workflow failed:\n{done.stdout[-3000:]}")
    return wall, stage_table(folder / "results" / "benchmarks")


if __name__ == "__main__":
    main()
