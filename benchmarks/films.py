"""Measure what a film costs at one, two and four times a length: memory, time and disk.

The workflow runs on a made film of each length, from the list to the overlay, in a folder of its
own; backbone, frames and windows are tiny. For each stage the table has the peak memory of its job,
in MB, the processor's seconds, and "growth": what the last doubling of the length added, by twice
what the first one did. 1 is linear, 2 quadratic; where a stage takes little it is noise. Below that
is what lies on the disk, in MB. Memory that does not grow and a growth near 1 are what is wanted.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml
from tiny_project import copy_project, make_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

STAGES = (
    "list_videos",
    "extract_frames",
    "cache_features",
    "train_block",
    "export_attention",
    "cluster_tracks",
    "measure_motion",
    "select_objects",
    "join_pieces",
    "draw_pictures",
)
TIMES = (1, 2, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=240, help="of the shortest; default 240")
    parser.add_argument("--size", default="128x224", help="of its frames; default 128x224")
    parser.add_argument("--shot", type=int, default=150, help="frames of a shot; default 150")
    parser.add_argument("--step", type=int, default=1, help="films.step; default 1")
    parser.add_argument("--window", type=int, default=40, help="films.window; default 40")
    parser.add_argument(
        "--times", type=int, nargs="+", default=TIMES, help="lengths; default 1 2 4"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            times: run(Path(folder) / str(times), times, arguments) for times in arguments.times
        }
    report(runs, arguments)


def run(folder: Path, times: int, arguments: argparse.Namespace) -> dict:
    """Seconds and megabytes of each stage, and the disk's megabytes by kind."""
    from betrayed.io.video_writing import write_video

    copy_project(folder)
    size = tuple(map(int, arguments.size.split("x")))
    settings = make_settings(folder, 9, (64, 112), pictures=True)
    own = yaml.safe_load(settings.read_text())
    videos = {"layout": "folder", "root": "film.mp4", "root_variable": None, "annotations": None}
    own["datasets"] = {"videos": {**videos, "protocols": None, "make": None}}
    own["evaluate"] = ["videos"]
    own["training"] |= {"dataset": "videos", "videos": [], "short_videos": "skip"}
    own["films"] = {"step": arguments.step, "window": arguments.window, "overlap": 4}
    settings.write_text(yaml.safe_dump(own))
    write_video(folder / "film.mp4", pictures(times * arguments.frames, arguments.shot, size), 30)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all"]
    done = subprocess.run(
        [*command, "--configfile", settings.name],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        sys.exit(f"The workflow failed:\n{done.stdout[-4000:]}")
    with open(folder / "results/videos/videos.csv", newline="") as file:
        pieces = sum(row["batch"].startswith("p") for row in csv.DictReader(file))
    return {"pieces": pieces, "stages": stages(folder), "disk": disk(folder)}


def pictures(count: int, shot: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """A bright square that goes to and fro over ground that changes with each shot."""
    height, width = size
    side = height // 3
    for index in range(count):
        generator = np.random.default_rng(index // shot)
        coarse = generator.integers(20, 160, (height // 8 + 1, width // 8 + 1, 3))
        frame = coarse.repeat(8, 0).repeat(8, 1)[:height, :width].astype(np.uint8)
        place = index % (2 * (width - side))
        left = min(place, 2 * (width - side) - place)
        frame[side : 2 * side, left : left + side] = (230, 190, 60)
        yield frame


def stages(folder: Path) -> dict[str, tuple[float, float]]:
    """Peak MB and processor seconds of each stage, of all its jobs."""
    result = {}
    for stage in STAGES:
        rows = []
        for path in (folder / "results/benchmarks" / stage).rglob("*.tsv"):
            with open(path, newline="") as file:
                rows += list(csv.DictReader(file, delimiter="\t"))
        numbers = [(_number(row["max_rss"]), _number(row["cpu_time"])) for row in rows]
        result[stage] = max(one[0] for one in numbers), sum(one[1] for one in numbers)
    return result


def disk(folder: Path) -> dict[str, float]:
    """Megabytes of each kind of artefact."""
    kinds = {path.name: path for path in (folder / "results/videos").iterdir() if path.is_dir()}
    kinds["pictures"] = folder / "results/pictures"
    sizes = {
        name: sum(one.stat().st_size for one in path.rglob("*") if one.is_file()) / 1e6
        for name, path in kinds.items()
    }
    return {name: size for name, size in sizes.items() if size > 0.05}


def report(runs: dict[int, dict], arguments: argparse.Namespace) -> None:
    """Print the tables."""
    lengths = [times * arguments.frames for times in runs]
    pieces = [one["pieces"] for one in runs.values()]
    print(f"films of {lengths} frames of {arguments.size}, in {pieces} pieces")
    print(f"{'':18}{'peak MB':>24}{'processor s':>27}  growth")
    for stage in STAGES:
        memory, seconds = zip(*(one["stages"][stage] for one in runs.values()), strict=True)
        growth = ""
        if len(seconds) == 3 and seconds[1] - seconds[0] > 0.2:
            growth = f"{(seconds[2] - seconds[1]) / 2 / (seconds[1] - seconds[0]):.2f}"
        print(
            f"{stage:18}"
            + "".join(f"{one:8.0f}" for one in memory)
            + "   "
            + "".join(f"{one:8.1f}" for one in seconds)
            + f"{growth:>8}"
        )
    print(f"\n{'disk':18}{'MB':>24}")
    for kind in sorted({kind for one in runs.values() for kind in one["disk"]}):
        print(f"{kind:18}" + "".join(f"{one['disk'].get(kind, 0):8.1f}" for one in runs.values()))


def _number(text: str) -> float:
    return float(text) if text not in ("-", "NA", "") else 0.0


if __name__ == "__main__":
    main()
