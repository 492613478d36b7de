"""A small copy of the project in which tests run the whole workflow."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import IO

import yaml

from betrayed.config.runs import runs
from support.paths import ROOT

PARTS = ("Snakefile", "config.yaml", "rules", "scripts", "envs", "presets", "profiles")

# Small enough that the whole chain takes about a minute on two cores.
SMALL = {
    "datasets": {"made": {"make": {"clips": 3, "frames": 10, "height": 84, "width": 154}}},
    "features": {"height": 84, "width": 154},
    "training": {
        "height": 84,
        "width": 154,
        "steps": 12,
        "stride": 2,
        "checkpoint_every": 2,
        "learning_rate": 1.0e-3,
    },
    "clustering": {"key_frame_ratio": 4, "tau": 0.05},
}

#: What the end of every run makes sure of.
LAST = {"collect_failures", "check_failures"}

#: The rules of each stage of the chain, the last one first.
CHAIN = {
    "objects": ["select_objects", "score_video", "draw_pictures"],
    "tracks": ["cluster_tracks"],
    "attention": ["export_attention"],
    "training": ["train_block"],
    "features": ["cache_features"],
}


class Project:
    """A copy of the project in a folder of its own."""

    def __init__(
        self, folder: Path, settings: dict | None = None, package: Path | None = None
    ) -> None:
        """``package``: the weights of the default source, so that they are not fetched again."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            source, target = ROOT / part, folder / part
            if source.is_dir():
                shutil.copytree(source, target)  # what is compiled, too
            else:
                shutil.copy2(source, target)
        if package is not None:
            default = yaml.safe_load((ROOT / "config.yaml").read_text())
            shelf = folder / "resources" / "weights"
            shelf.mkdir(parents=True)
            # Copied without its times: newer than the program that would make it.
            shutil.copyfile(package, shelf / f"{runs(default)[0].weights}.safetensors")
        self.settings = merged(SMALL, settings or {})

    def copy(self, folder: Path) -> "Project":
        """The same project in another folder, results included, times of files kept."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project.at(folder, self.settings)

    @classmethod
    def at(cls, folder: Path, settings: dict) -> "Project":
        """The project that stands in a folder already."""
        project = object.__new__(cls)
        project.folder, project.settings = folder, merged(settings, {})
        return project

    def change(self, settings: dict) -> None:
        self.settings = merged(self.settings, settings)

    def command(self, *options: str) -> list[str]:
        overlay = self.folder / "test.yaml"
        overlay.write_text(yaml.safe_dump(self.settings))
        program = [sys.executable, "-m", "snakemake"]
        if "--workflow-profile" not in options:  # one of a cluster says what may run at a time
            program += ["--cores", "2"]
        # snakemake takes the option once, with all files: the tests' own settings come last.
        files = [after for one, after in pairwise(options) if one == "--configfile"]
        rest = [one for one in options if one != "--configfile" and one not in files]
        return [*program, *rest, "--configfile", *files, "test.yaml"]

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path}

    def run(self, *options: str, check: bool = True) -> str:
        """Run snakemake to its end; return everything it printed."""
        done = subprocess.run(
            self.command(*options),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"snakemake failed:\n{done.stdout[-6000:]}")
        if not check and done.returncode == 0:
            raise AssertionError(f"snakemake should have failed:\n{done.stdout[-3000:]}")
        return done.stdout

    def planned(self, *options: str) -> dict[str, int]:
        """The rules that a run would execute now, with the number of jobs of each."""
        text = self.run(*options, "--dry-run", "--quiet", "rules")
        table = re.findall(r"^([a-z_]+)\s+(\d+)$", text, flags=re.MULTILINE)
        return {rule: int(count) for rule, count in table if rule not in ("total", "all")}

    def run_and_kill(self, program: str, usual: float, whom: str = "all") -> str:
        """Start a run, and SIGKILL some of it in the middle of a program that takes ``usual`` s.

        Args:
            program: of the library, by its name.
            usual: how long it takes.
            whom: "all", the "job" that is the program, or Snakemake, the "main" process.

        Returns:
            What it printed; of a job that was killed, up to the end of the run.
        """
        said = self.folder / "said.txt"
        with said.open("w") as output:
            self._run_and_kill(program, usual, whom, output)
        return said.read_text()

    def _run_and_kill(self, program: str, usual: float, whom: str, output: IO[str]) -> None:
        run = subprocess.Popen(
            self.command(),
            cwd=self.folder,
            env=self.environment(),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        until = time.monotonic() + 300
        first_seen: dict[int, float] = {}
        try:
            while not (caught := self._in_the_middle(program, first_seen, 0.3 * usual)):
                assert time.monotonic() < until, f"{program} never started"
                assert run.poll() is None, f"the run ended before {program} was caught"
                time.sleep(0.005)
            if whom == "job":
                os.kill(caught, signal.SIGKILL)
                assert run.wait(300) != 0
            elif whom == "main":
                run.kill()
                run.wait()
                return  # what it started goes on
        except BaseException:
            whom = "all"
            raise
        finally:
            if whom != "main":
                with suppress(ProcessLookupError):
                    os.killpg(run.pid, signal.SIGKILL)
            run.wait()

    def usual_seconds(self, program: str) -> float:
        """How long a job of this program took when nothing disturbed it."""
        files = (self.folder / "results" / "benchmarks" / program).rglob("*.tsv")
        return min(float(file.read_text().splitlines()[1].split("\t")[0]) for file in files)

    def works(self, program: str) -> dict[int, list[bytes]]:
        """The processes of this folder that run a program, and their command lines."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (process / "cmdline").read_bytes().split(b"\0")
                here = (process / "cwd").resolve() == self.folder.resolve()
                runs = f"scripts/{program}.py".encode() in command and command[0] != b"/bin/bash"
                if here and runs:
                    found[int(process.name)] = command
        return dict(sorted(found.items()))

    def _in_the_middle(self, program: str, first_seen: dict[int, float], late: float) -> int | None:
        """The process of a program that has begun to write, or has run for ``late`` seconds."""
        for process, command in self.works(program).items():
            since = first_seen.setdefault(process, time.monotonic())
            if self._begun(command) or time.monotonic() - since > late:
                return process
        return None

    def _begun(self, command: list[bytes]) -> bool:
        """Whether a temporary file or folder, or a checkpoint, stands where it writes."""
        options = [part.decode() for part in command]
        name = next(name for name in ("--output-folder", "--output") if name in options)
        output = self.folder / options[options.index(name) + 1]
        folder = output.parent if name == "--output" else output
        folders = [folder, *folder.glob("[!.]*")] if folder.is_dir() else []
        inside = {path.name for one in folders if one.is_dir() for path in one.iterdir()}
        if name == "--output":  # one file, or a block, whose checkpoints have temporaries, too
            return "checkpoint.pt" in inside or any(
                one.startswith(f".{output.stem}.") for one in inside
            )
        return any(one.startswith(".") for one in inside)

    def tables(self) -> dict[str, bytes]:
        """Tables by name; hidden files are what a killed job was writing."""
        paths = sorted((self.folder / "results" / "tables").glob("*.csv"))
        return {path.name: path.read_bytes() for path in paths if not path.name.startswith(".")}


def computed(text: str) -> dict[str, int]:
    """How many videos each program says that it computes; those that compute none left out."""
    counts: dict[str, int] = {}
    for stage, count in re.findall(r"^(\w+): (\d+) to compute", text, flags=re.MULTILINE):
        counts[stage] = counts.get(stage, 0) + int(count)
    return {stage: count for stage, count in counts.items() if count}


def merged(base: dict, changes: dict) -> dict:
    result = dict(base)
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else value
    return result


def rows(project: Project, table: str = "summary") -> list[dict[str, str]]:
    """The rows of one of its tables, as text by column."""
    path = project.folder / "results" / "tables" / f"{table}.csv"
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
