"""Measure what share of the jobs' time is spent outside of videos: starting, loading, finding out.

The workflow runs from nothing to tables and pictures in a folder of its own. By default its videos,
its backbone and its training are so small that hardly anything but starting is left to do: the
share is far larger than with real ones. `--demo` runs the demo instead, `--stories 300` the demo's
settings on so many random stories of its kind.

All seconds are the processor's, which other work on the machine disturbs least: a job's are those
of all its processes, as bash counts them, a video's those of its stamp
(scripts/betrayed/engine/stamps.py); to `train_block` the block is what a video is to the others.
Every job has one thread. Stages that do no videos, such as the tables, are all outside of them.
What draws the films and fetches the weights is no part of finding objects, and stands apart.
"""

import argparse
import json
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import yaml
from tiny_project import (
    ROOT,
    copy_project,
    environment,
    make_settings,
    make_videos,
    size_of,
    snakemake,
)

from betrayed.engine.records import Record
from betrayed.engine.stamps import STAMPS

#: What draws the films and fetches the weights: shown, and not counted.
APART = ("make_dataset", "fetch_weights")
_STORIES = "stories"
_FOLDER = "CPU_SECONDS"  # the variable that names the folder of what jobs took
# What a job's shell says when it ends: the command, its own seconds, those of its programs.
_PREFIX = (
    """trap 'printf "%s\\n" "$BASH_EXECUTION_STRING" >>"$CPU_SECONDS/$$"; """
    """times >>"$CPU_SECONDS/$$"' EXIT; set -euo pipefail; """
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=12, help="how many; default 12")
    parser.add_argument("--frames", type=int, default=8, help="in each; default 8")
    parser.add_argument("--size", default="64x96", metavar="HxW", help="in pixels; default 64x96")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--demo", action="store_true", help="the demo's videos and settings")
    kind.add_argument(
        "--stories", type=int, metavar="N", help="the demo's settings, and N random stories"
    )
    parser.add_argument("--configfile", type=Path, help="settings over these")
    parser.add_argument("--cores", default="1", help="jobs at a time; default 1")
    parser.add_argument(
        "--output", type=Path, help="folder to work in, which stays; a run that ended goes on"
    )
    parser.add_argument("--read", action="store_true", help="only tell what --output took so far")
    arguments = parser.parse_args()
    if arguments.read:
        if not arguments.output or not (arguments.output / "cpu").is_dir():
            parser.error("--read needs the --output of a run")
        return tell(arguments.output)
    if arguments.output:
        return measure(arguments.output, arguments)
    with tempfile.TemporaryDirectory(prefix="start-up-") as name:
        measure(Path(name), arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    """Run the workflow in a folder, and tell."""
    files = prepare(folder, arguments)
    count = 6 if arguments.demo else arguments.stories or arguments.videos
    kind = f"videos of {arguments.frames} frames of {arguments.size}"
    if arguments.demo or arguments.stories:
        kind = "videos of the demo's kind"
    print(f"{count} {kind}, jobs of one thread.\n", flush=True)
    run(folder, files, arguments.cores)
    tell(folder)


def prepare(folder: Path, arguments: argparse.Namespace) -> list[str]:
    """A copy of the project to run, unless it is there; the files of its settings."""
    tiny = not (arguments.demo or arguments.stories)
    files = ["short.yaml"] if tiny else ["stories.yaml"] if arguments.stories else []
    files += ["over.yaml"] if arguments.configfile else []
    if (folder / "Snakefile").exists():
        return files
    copy_project(folder)
    (folder / "cpu").mkdir()
    with (folder / "Snakefile").open("a", encoding="utf-8") as snakefile:
        snakefile.write(f"\n\nshell.prefix({_PREFIX!r})\n")
    if tiny:
        size = size_of(arguments.size)
        make_videos(folder, arguments.videos, arguments.frames, size)
        make_settings(folder, arguments.frames, size, pictures=True)
    elif (weights := ROOT / "resources" / "weights").is_dir():
        shutil.copytree(weights, folder / "resources" / "weights")
    if arguments.stories:
        text = yaml.safe_dump(stories(arguments.stories))
        (folder / "stories.yaml").write_text(text, encoding="utf-8")
    if arguments.configfile:
        shutil.copy2(arguments.configfile, folder / "over.yaml")
    return files


def stories(count: int) -> dict:
    """The demo's settings with random stories in the place of its own."""
    own = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    dataset = own["datasets"][own["evaluate"][0]]
    places = {
        "root": f"resources/{_STORIES}/videos",
        "annotations": f"resources/{_STORIES}/annotations",
    }
    make = {**dataset["make"], "stories": "random", "seed": 3, "clips": count}
    return {
        "evaluate": [_STORIES],
        "datasets": {_STORIES: {**dataset, **places, "make": make}},
        "training": {"dataset": _STORIES},
    }


def run(folder: Path, files: list[str], cores: str) -> None:
    """The workflow, and the processor's seconds of Snakemake itself."""
    options = ["--max-threads", "1", "--rerun-incomplete", "--quiet", "rules", "progress"]
    done = subprocess.run(
        [*snakemake(cores, *options), *(["--configfile", *files] if files else [])],
        cwd=folder,
        env={**environment(), _FOLDER: str((folder / "cpu").resolve())},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        sys.exit(f"The workflow failed:\n{done.stdout[-3000:]}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    jobs = sum(seconds for _, _, seconds in jobs_of(folder))
    print(f"Snakemake itself: {used.ru_utime + used.ru_stime - jobs:.1f} s\n")


def tell(folder: Path) -> None:
    """Print the table of what jobs took."""
    table = stage_table(folder)
    forms = {"seconds": "{:.1f}", "in videos": "{:.1f}", "outside": "{:.1%}"}
    formats = {name: form.format for name, form in forms.items()}
    print(table.to_string(index=False, formatters=formats))


def stage_table(folder: Path) -> pd.DataFrame:
    """Stage, jobs, videos, seconds, those of them in videos, and the share outside; all last.

    Jobs that did not end leave no record, and do not count.
    """
    rows = []
    for stage, record, seconds in jobs_of(folder):
        stamps = stamps_of(folder, record) if record else []
        if stamps is not None:
            rows.append((stage, 1, len(stamps), seconds, sum(stamps)))
    table = pd.DataFrame(rows, columns=["stage", "jobs", "videos", "seconds", "in videos"])
    table = table.groupby("stage").sum().sort_values("seconds", ascending=False)
    apart = table.index.isin(APART)
    ours, others = table[~apart], table[apart]
    table = ours.copy()
    table.loc["stages of videos"] = ours[ours["videos"] > 0].sum()
    table.loc["all"] = ours.sum()
    table = pd.concat([table, others])
    table["outside"] = 1 - table["in videos"] / table["seconds"]
    return table.astype({"jobs": int, "videos": int}).rename_axis("stage").reset_index()


def jobs_of(folder: Path) -> list[tuple[str, str | None, float]]:
    """Program, record that it writes or None, and the processor's seconds of each job."""
    jobs = []
    for path in sorted((folder / "cpu").iterdir()):
        # One file for each shell; should the system give a number again, several jobs in one.
        said = re.split(r"^(\d+m\S+s \d+m\S+s\n\d+m\S+s \d+m\S+s)\n", path.read_text(), flags=re.M)
        for command, times in zip(said[::2], said[1::2], strict=False):
            found = re.search(r"\bpython scripts/(\w+)\.py (.*)", command, re.S)
            if found:
                words = shlex.split(found[2])
                record = words[words.index("--record") + 1] if "--record" in words else None
                jobs.append((found[1], record, sum(map(_seconds, times.split()))))
    return jobs


def stamps_of(folder: Path, record: str) -> list[float] | None:
    """The processor's seconds of each video of a job; None: it did not end."""
    path = folder / record
    if not path.exists():
        return None
    folder_of_stamps = path.parent / STAMPS
    stamps = [folder_of_stamps / f"{video}.json" for video in Record.read(path).videos]
    return [json.loads(one.read_text(encoding="utf-8"))["cpu_seconds"] for one in stamps]


def _seconds(text: str) -> float:
    """``0m1.234s``, as bash has it."""
    minutes, seconds = text.rstrip("s").split("m")
    return 60 * int(minutes) + float(seconds)


if __name__ == "__main__":
    main()
