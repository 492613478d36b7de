"""How far a run of the workflow is: what its jobs have told, stage by stage."""

import csv
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from betrayed.io.notes import MARK

#: What people read of each stage, in the order of the chain; jobs that take no time have no line.
STAGES = {
    "make_dataset": "make videos",
    "list_videos": "list videos",
    "fetch_weights": "fetch weights",
    "extract_frames": "extract frames",
    "cache_features": "cache features",
    "train_block": "train the block",
    "export_attention": "export attention",
    "measure_motion": "measure motion",
    "cluster_tracks": "cluster into tracks",
    "select_objects": "find objects",
    "segment_pieces": "work on long films",
    "join_pieces": "join films",
    "score_video": "score",
    "list_detections": "list detections",
    "pool_detections": "score together",
    "draw_pictures": "draw overlays",
    "draw_training": "draw the training",
    "draw_attention": "draw attention",
    "collect_tables": "collect tables",
    "draw_sweep": "draw the sweep",
    "learn_same_object": "learn",
    "export_for_servers": "export for servers",
    "export_for_tools": "export for other tools",
    "report_html": "write the report",
}
#: Stages that leave out videos without ground truth.
_ANNOTATED = ("score_video", "list_detections")
#: What the batches begin with that a stage does: those of whole videos with nothing, of pieces of
#: films with p, of long films with l, of films with f. Stages that are not named here come before
#: films are joined: they do whole videos and pieces.
_KINDS = {
    "extract_frames": ("", "p", "f"),
    "segment_pieces": ("l",),
    "join_pieces": ("f",),
    "score_video": ("", "f"),
    "list_detections": ("", "f"),
    "draw_pictures": ("", "f"),
}
#: Units of which a stage without videos shows how far it is, and whatever else programs count.
_WHOLE = ("step", "epoch", "clip")
#: The folder of a data set's records: results/{dataset}/records/{stage}/…/{batch}.json.
_RECORDS = "records"

Counts = Mapping[str, tuple[int, int | None]]


@dataclass(frozen=True)
class Row:
    """A line: ``done`` of ``total`` ``unit``\\ s; ``rate`` a second and ``left`` seconds if known.

    ``seconds`` is how long the stage has been at work, ``running`` how many of its jobs are.
    ``kept`` of what is done was up to date, and ``left_out`` given up by this stage or one before;
    both are no part of the rate.
    """

    title: str
    done: float
    total: int
    unit: str
    running: int
    seconds: float
    rate: float | None
    left: float | None
    failed: int
    kept: int = 0
    left_out: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing of it runs or is known to come."""
        return not self.running and (self.done >= self.total or self.failed > 0)


@dataclass
class _Job:
    stage: str
    videos: int
    outputs: tuple[Path, ...]
    state: str = "running"
    kept: int = 0
    left_out: int = 0


@dataclass
class _Stage:
    jobs: dict[int, _Job] = field(default_factory=dict)
    folders: dict[Path, str] = field(default_factory=dict)  # of records, with their data sets
    seconds: float = 0.0
    since: float | None = None

    def in_state(self, state: str) -> list[_Job]:
        return [job for job in self.jobs.values() if job.state == state]


class RunProgress:
    """Takes what happens to jobs and gives a :class:`Row` for each stage that has begun.

    How many videos a stage has to do in all is not known before its jobs are planned. What is
    counted: the videos of its jobs that have begun, and of the batches that are :meth:`awaited`;
    where nobody told of these, of the batches of the same data set whose record is not there yet.
    Where :meth:`planned` told that a stage has more jobs than these, each of the others counts as
    many videos as those do in the mean.

    Args:
        clock: gives seconds.
        results: the folder of results.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, results: str | Path = "results"
    ) -> None:
        self._clock, self._results = clock, Path(results)
        self._began = clock()
        self._stages: dict[str, _Stage] = {}
        self._jobs_planned: dict[str, int] = {}
        self._awaited: dict[tuple[str, ...], set[Path]] = {}
        self._told: list[str] = []
        self.jobs_done, self.jobs_total = 0, 0

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return self._clock() - self._began

    def planned(self, jobs: Mapping[str, int]) -> None:
        """How many jobs the run has of some rules; of those after a checkpoint it is not known."""
        self._jobs_planned = dict(jobs)

    def awaited(self, outputs: Sequence[str]) -> None:
        """An output of every job of the stages, those that are there already among them.

        Which these are is looked up now: what comes later is made by jobs that begin.
        """
        if self._told == list(outputs):
            return
        self._told, self._awaited = list(outputs), {}
        for path in map(Path, outputs):
            missing = self._awaited.setdefault(_kind(path), set())
            if not path.exists():
                missing.add(path)

    def started(
        self, job: int, rule: str, wildcards: Mapping[str, str], outputs: Sequence[str]
    ) -> None:
        """A job begins."""
        if rule not in STAGES:
            return
        stage = self._stages.setdefault(rule, _Stage())
        batch, dataset = wildcards.get("batch", ""), wildcards.get("dataset", "")
        videos = self._batches(dataset, rule).get(batch, 1) if batch else 1
        if batch and outputs:
            stage.folders[Path(outputs[0]).parent] = dataset
        stage.jobs[job] = _Job(rule, videos, tuple(map(Path, outputs)))
        if stage.since is None:
            stage.since = self._clock()

    def finished(self, job: int, failed: bool = False, kept: int = 0, left_out: int = 0) -> None:
        """A job has ended; so many of its videos were up to date, and so many are left out."""
        for stage in self._stages.values():
            if job in stage.jobs:
                stage.jobs[job].state = "failed" if failed else "done"
                stage.jobs[job].kept, stage.jobs[job].left_out = kept, left_out
                if not stage.in_state("running"):
                    stage.seconds += self._clock() - (stage.since or self._clock())
                    stage.since = None

    def rows(self, said: Mapping[str, Sequence[Counts]] | None = None) -> list[Row]:
        """A line for each stage that has begun, in the order of the chain.

        Args:
            said: what the programs that run have told of themselves, see
                :func:`betrayed.io.status.read_status`.
        """
        said = said or {}
        return [
            self._row(name, self._stages[name], said.get(name, ()))
            for name in STAGES
            if name in self._stages
        ]

    def _row(self, name: str, stage: _Stage, said: Sequence[Counts]) -> Row:
        running, failed = stage.in_state("running"), stage.in_state("failed")
        seconds = stage.seconds + (self._clock() - stage.since if stage.since is not None else 0)
        done = float(sum(job.videos for job in stage.jobs.values() if job.state == "done"))
        if stage.folders:
            unit, total = "video", self._videos(name, stage)
            told = sum(_videos_done(counts) for counts in said) if running else 0
            done += min(told, sum(job.videos for job in running))
        else:
            jobs = len(stage.jobs) + len(self._to_come(name, stage))
            unit, total = "job", max(jobs, self._jobs_planned.get(name, 0))
            whole = [(one, *counts[one]) for counts in said for one in _WHOLE if one in counts]
            for kind, steps, of in whole if running else ():
                if of and total == 1:
                    unit, done, total = kind, float(steps), of
                elif of:  # one of several jobs: so much of it is done
                    done = min(done + min(steps / of, 0.99), total)
        # Of the first moments nothing can be told.
        kept = sum(job.kept for job in stage.jobs.values())
        # A job that is counted as a whole, such as a training, goes on with the other videos.
        left_out = sum(job.left_out for job in stage.jobs.values()) if stage.folders else 0
        new = done - kept - left_out
        rate = new / seconds if seconds > 1 and new >= min(1, total / 4) else None
        left = (total - done) / rate if rate and running else None
        return Row(
            STAGES[name],
            done,
            total,
            unit,
            len(running),
            seconds,
            rate,
            left,
            len(failed),
            kept,
            left_out,
        )

    def _videos(self, name: str, stage: _Stage) -> int:
        """The videos of jobs that have begun, and of batches that are missing."""
        total = sum(job.videos for job in stage.jobs.values())
        to_come = self._to_come(name, stage)
        jobs = len(stage.jobs) + len(to_come)
        total += sum(self._batches(dataset, name)[path.stem] for path, dataset in to_come.items())
        others = max(0, self._jobs_planned.get(name, 0) - jobs)
        return total + round(others * total / jobs)

    def _to_come(self, name: str, stage: _Stage) -> dict[Path, str]:
        """What jobs of a stage will make that have not begun, and of which data set it is."""
        begun = {path for job in stage.jobs.values() for path in job.outputs}
        kinds = {_kind(path) for path in begun} & set(self._awaited)
        if kinds:
            paths = {path: _dataset(path) for kind in kinds for path in self._awaited[kind]}
        else:
            paths = {
                folder / f"{batch}.json": dataset
                for folder, dataset in stage.folders.items()
                for batch in self._batches(dataset, name)
            }
        return {
            path: dataset
            for path, dataset in paths.items()
            if path not in begun
            and (kinds or not path.exists())
            and (not stage.folders or path.stem in self._batches(dataset, name))
        }

    def _batches(self, dataset: str, name: str) -> dict[str, int]:
        """How many videos each batch of a data set has that the stage does."""
        path = self._results / dataset / "videos.csv"
        try:
            sizes = _sizes(path, path.stat().st_mtime_ns, name in _ANNOTATED)
        except OSError:
            return {}
        kinds = _KINDS.get(name, ("", "p"))
        return {one: size for one, size in sizes.items() if one.rstrip("0123456789") in kinds}


def _kind(path: Path) -> tuple[str, ...]:
    """What outputs of one stage have in common: the folder of their records, or their name."""
    if _RECORDS in path.parts:
        place = path.parts.index(_RECORDS)
        return path.parts[place : place + 2]
    return path.parts[:-2] + path.parts[-1:]


def _dataset(path: Path) -> str:
    """The data set of a record."""
    return path.parts[path.parts.index(_RECORDS) - 1] if _RECORDS in path.parts else ""


@lru_cache(maxsize=64)
def _sizes(path: Path, written: int, annotated: bool) -> dict[str, int]:
    sizes: dict[str, int] = {}
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        for row in csv.DictReader(file):
            if row["annotations"] or not annotated:
                sizes[row["batch"]] = sizes.get(row["batch"], 0) + 1
    return sizes


def _videos_done(counts: Counts) -> float:
    """How many of its videos a program has done, of the present one a share."""
    done, total = counts.get("video", (0, None))
    inner = [values for unit, values in counts.items() if unit != "video"]
    share = inner[-1][0] / inner[-1][1] if inner and inner[-1][1] else 0.0
    return done + (min(share, 0.99) if total is None or done < total else 0.0)


def time_text(seconds: float) -> str:
    """Seconds as people read them: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def rate_text(row: Row) -> str:
    """The rate as people read it: a minute where it is slow; empty where it is not known."""
    if row.rate is None or row.unit == "job":
        return ""
    if row.rate >= 0.95:
        return f"{row.rate:.1f} {row.unit}s/s"
    return f"{60 * row.rate:.1f} {row.unit}s/min"


def up_to_date(text: str) -> int:
    """How many of its videos a job found up to date, by its log."""
    found = re.search(r"^\w+: \d+ to compute, (\d+) up to date$", text, re.MULTILINE)
    return int(found[1]) if found else 0


def videos_left_out(record: str | Path) -> int:
    """How many videos a job has left out, by the record that it wrote; 0 where it is none."""
    try:
        return len(json.loads(Path(record).read_text(encoding="utf-8"))["failures"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def notes_of(text: str, most: int = 20) -> list[str]:
    """What of a job's log is to be seen by whoever runs it, see :mod:`betrayed.io.notes`."""
    lines = [re.sub(r".*\r", "", line.rstrip()) for line in text.splitlines()]
    notes = list(dict.fromkeys(line for line in lines if line.startswith(MARK)))
    more = len(notes) - most
    return notes[:most] + ([f"{MARK}{more} more of these are in the log"] if more > 0 else [])


def reason_of_failure(text: str, most: int = 30) -> list[str]:
    """What of a job's log says why it failed: from its last ``error:`` on, or else its end."""
    lines = [re.sub(r".*\r", "", line.rstrip()) for line in text.splitlines()]
    starts = [place for place, line in enumerate(lines) if line.startswith("error:")]
    return lines[starts[-1] :][:most] if starts else lines[-8:]
