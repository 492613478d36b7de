"""Measure what planning takes: `snakemake --dry-run` for data sets of many videos.

Each video is a folder with one small image. `listing` is the run that lists the videos, contents
read. `first plan` is that of a data set whose videos have been listed and of which nothing else has
been done: every batch of every stage is to be computed. With `--finished`, the data set is computed
to the end, by a tiny backbone and without pictures, and `plan of nothing` is that of a run which
finds everything done. Computing takes seconds for each video, so that is for some hundreds at most.
With `--laid`, nothing is computed: empty files are laid where a finished run has its results, with
records that name them, and `--touch` makes Snakemake take them for its own. To a plan, which looks
at records, sizes and what Snakemake has noted, they are the same.
"""

import argparse
import csv
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tiny_project import copy_project, environment, make_settings, make_videos, snakemake

_SIZE = (32, 48)


@dataclass(frozen=True)
class Run:
    """What a command took, and what it said."""

    wall: float
    cpu: float
    peak: float
    text: str

    def row(self, videos: int, name: str) -> str:
        """A line of the table; jobs where there is a plan."""
        jobs = re.search(r"^total\s+(\d+)$", self.text, re.MULTILINE)
        count = jobs[1] if jobs else "0" if "Nothing to be done" in self.text else "-"
        figures = f"{self.wall:9.1f}{self.cpu:9.1f}{self.peak:9.0f}{count:>7}"
        return f"{name:<16}{videos:>8}{figures}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--videos", type=int, nargs="+", default=[300, 2883, 10000], help="default 300 2883 10000"
    )
    parser.add_argument("--batch-size", type=int, help="videos in a batch; usual: as the workflow")
    parser.add_argument("--cores", default="2", help="for Snakemake; default 2")
    parser.add_argument("--finished", action="store_true", help="also the plan when all is done")
    parser.add_argument("--laid", action="store_true", help="likewise, of files laid there")
    parser.add_argument("--repeats", type=int, default=1, help="rounds; default 1")
    arguments = parser.parse_args()
    print(f"{'':<16}{'videos':>8}{'wall s':>9}{'CPU s':>9}{'peak MiB':>9}{'jobs':>7}", flush=True)
    for videos in arguments.videos:
        with tempfile.TemporaryDirectory(prefix="planning-") as name:
            for label, run in measure(Path(name), videos, arguments):
                print(run.row(videos, label), flush=True)


def measure(folder: Path, videos: int, arguments: argparse.Namespace) -> Iterator[tuple[str, Run]]:
    """The runs of one size, with what they are called."""
    # In a process of its own: what one has once taken counts as taken by those that it starts.
    preparing = multiprocessing.get_context("spawn").Process(target=prepare, args=(folder, videos))
    preparing.start()
    preparing.join()
    if preparing.exitcode:
        sys.exit(preparing.exitcode)
    size = "null" if arguments.batch_size is None else str(arguments.batch_size)
    (folder / "over.yaml").write_text(f"batch_size: {size}\n")
    command = snakemake(arguments.cores, "--configfile", "short.yaml", "over.yaml")
    plan = [*command, "--dry-run", "--quiet", "rules"]
    yield "listing", measured([*command, "--until", "list_videos"], folder)
    for _ in range(arguments.repeats):
        yield "first plan", measured(plan, folder)
    if arguments.finished:
        yield "all of it", measured(command, folder)
        for _ in range(arguments.repeats):
            yield "plan of nothing", measured(plan, folder)
    elif arguments.laid:
        lay_results(folder, measured([*command, "--summary"], folder).text)
        yield "touching", measured([*command, "--touch", "--quiet", "all"], folder)
        for _ in range(arguments.repeats):
            yield "plan of nothing", measured(plan, folder)


def prepare(folder: Path, videos: int) -> None:
    """The project, its videos and settings."""
    copy_project(folder)
    make_videos(folder, videos, 1, _SIZE)
    make_settings(folder, 1, _SIZE, pictures=False)


def lay_results(folder: Path, summary: str) -> None:
    """Lay a file for whatever `snakemake --summary` says is missing, and each video's artefacts."""
    from betrayed.engine.records import Made, Record

    rows = csv.DictReader(summary[summary.index("output_file\t") :].splitlines(), delimiter="\t")
    missing = [Path(row["output_file"]) for row in rows if row["status"] == "missing"]
    batches: dict[str, list[str]] = {}
    with next(folder.glob("results/*/videos.csv")).open(newline="") as file:
        for row in csv.DictReader(file):
            batches.setdefault(row["batch"], []).append(row["video"])
    for path in missing:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if "records" not in path.parts and path.name != "record.json":
            target.touch()
            continue
        videos = batches.get(path.stem, ["block"])
        artefacts = {video: path.parent / "laid" / f"{video}.h5" for video in videos}
        for artefact in artefacts.values():
            (folder / artefact).parent.mkdir(exist_ok=True)
            (folder / artefact).touch()
        made = {video: Made(str(one), 0, "0" * 64) for video, one in artefacts.items()}
        Record("laid", made).write(target)


def measured(command: list[str], folder: Path) -> Run:
    """Run a command to its end; processor time and peak memory with all that it started."""
    said = folder / "said.txt"
    began = time.perf_counter()
    with said.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=output, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    text = said.read_text()
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{text[-3000:]}")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text)


if __name__ == "__main__":
    main()
