"""Measure what share of the jobs' time is spent outside of videos: starting, loading, finding out.

The workflow runs from nothing to tables and pictures in a folder of its own. By default its videos,
its backbone and its training are so small that hardly anything but starting is left to do: the
share is far larger than with real ones. `--demo` runs the demo instead.

A job's seconds are those of the TSV that Snakemake writes for it, a video's those of its stamp
(scripts/betrayed/engine/stamps.py); to `train_block` the block is what a video is to the others.
Videos of a job run one after another here, on one core, or their seconds would not add up to the
job's. Stages that do no videos, such as the tables, are all outside of them.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from tiny_project import (
    ROOT,
    copy_project,
    environment,
    make_settings,
    make_videos,
    size_of,
    snakemake,
)

from betrayed.engine.stamps import STAMPS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=12, help="how many; default 12")
    parser.add_argument("--frames", type=int, default=8, help="in each; default 8")
    parser.add_argument("--size", default="64x96", metavar="HxW", help="in pixels; default 64x96")
    parser.add_argument("--demo", action="store_true", help="the demo's videos and settings")
    parser.add_argument("--configfile", type=Path, help="settings over these")
    parser.add_argument("--repeats", type=int, default=1, help="rounds; default 1")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="start-up-") as name:
        folder = Path(name)
        files = prepare(folder, arguments)
        rounds = [run(folder, files) for _ in range(arguments.repeats)]
    kind = f"{arguments.videos} videos of {arguments.frames} frames of {arguments.size}"
    print(f"{'The demo' if arguments.demo else kind}, one core.\n")
    _, table = sorted(rounds, key=lambda one: one[0])[len(rounds) // 2]
    forms = {"seconds": "{:.1f}", "in videos": "{:.1f}", "outside": "{:.0%}"}
    formats = {name: form.format for name, form in forms.items()}
    print(table.to_string(index=False, formatters=formats))
    walls = ", ".join(f"{one:.1f}" for one, _ in rounds)
    print(f"\nThe round of the median wall time; wall seconds: {walls}")


def prepare(folder: Path, arguments: argparse.Namespace) -> list[str]:
    """A copy of the project to run; the files of its settings."""
    copy_project(folder)
    files = []
    if arguments.demo:
        weights = ROOT / "resources" / "weights"
        if weights.is_dir():
            shutil.copytree(weights, folder / "resources" / "weights")
    else:
        size = size_of(arguments.size)
        make_videos(folder, arguments.videos, arguments.frames, size)
        files.append(make_settings(folder, arguments.frames, size, pictures=True).name)
    if arguments.configfile:
        shutil.copy2(arguments.configfile, folder / "over.yaml")
        files.append("over.yaml")
    return files


def run(folder: Path, files: list[str]) -> tuple[float, pd.DataFrame]:
    """Wall seconds of the workflow from nothing, and what its stages took."""
    for computed in ("results", ".snakemake"):
        shutil.rmtree(folder / computed, ignore_errors=True)
    command = snakemake("1", "--quiet", "rules", "progress")
    began = time.perf_counter()
    done = subprocess.run(
        [*command, *(["--configfile", *files] if files else [])],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wall = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"The workflow failed:\n{done.stdout[-3000:]}")
    return wall, stage_table(folder / "results")


def stage_table(results: Path) -> pd.DataFrame:
    """Stage, jobs, videos, seconds, those of them in videos, and the share outside; all last."""
    jobs = [
        (path.relative_to(results / "benchmarks").parts[0], _seconds(path))
        for path in (results / "benchmarks").rglob("*.tsv")
    ]
    stamps = [
        (values["recipe"]["stage"], values["seconds"])
        for pattern in (f"*/records/**/{STAMPS}/*.json", f"blocks/*/{STAMPS}/*.json")
        for values in map(_json, results.glob(pattern))
    ]
    own = pd.DataFrame(jobs, columns=["stage", "seconds"]).groupby("stage")["seconds"]
    inside = pd.DataFrame(stamps, columns=["stage", "seconds"]).groupby("stage")["seconds"]
    table = pd.DataFrame({"jobs": own.size(), "seconds": own.sum()})
    table["videos"] = inside.size().reindex(table.index).fillna(0).astype(int)
    table["in videos"] = inside.sum().reindex(table.index).fillna(0.0)
    table = table.sort_values("seconds", ascending=False)
    table.loc["stages of videos"] = table[table["videos"] > 0].sum()
    table.loc["all"] = table.drop(index="stages of videos").sum()
    table["outside"] = 1 - table["in videos"] / table["seconds"]
    counts = {"jobs": int, "videos": int}
    columns = ["jobs", "videos", "seconds", "in videos", "outside"]
    return table[columns].astype(counts).rename_axis("stage").reset_index()


def _seconds(path: Path) -> float:
    return float(pd.read_csv(path, sep="\t")["s"][0])


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
