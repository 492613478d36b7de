"""A job does many videos: which of them have to be computed, and what it says of them afterwards.

Each video's artefact has a *stamp*, a small file that says what it was made from: the settings, the
program's sources, the files that serve all videos, and the keys of what earlier stages made. A job
computes those of its videos whose stamp is missing or says something else, one after another, so
that a killed job loses the video at hand and nothing more. A video whose data are bad is left out,
with the reason, and the others go on. Two jobs that want the same video do not both compute it, nor
write its files at once: the second one waits, and finds it made.

A job's declared output is its *record*: the videos of the batch with their artefacts and keys, and
the videos that were left out, here or in an earlier stage. The record of a stage is the input of
the next one.
"""

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from betrayed.engine.gpu_usage import most_gpu_mb
from betrayed.engine.parallel import in_parallel
from betrayed.engine.sole_maker import sole_maker
from betrayed.engine.sources import source_digest
from betrayed.errors import UserError
from betrayed.io.files import remove_abandoned, sha256, whole_file
from betrayed.io.status import report

#: The folder beside the records that holds the stamps, a file for each video.
STAMPS = "videos"
#: Files above this size, in bytes, have no checksum in a stamp, nor do those that have their own.
MOST_HASHED = 20_000_000
_CHECKED_BY_THEMSELVES = (".h5",)


@dataclass(frozen=True)
class Made:
    """What a stage made of a video.

    Attributes:
        artefact: the path of its main file.
        size: of that file, in bytes.
        key: stands for all that it was made from: equal keys, equal content.
        images: the same without the ground truth, where an artefact (frames.json) holds both.
    """

    artefact: str
    size: int
    key: str
    images: str | None = None


@dataclass(frozen=True)
class Failure:
    """Why a video was left out, and the stage that found it."""

    stage: str
    reason: str


@dataclass(frozen=True)
class Record:
    """What a job leaves behind: its videos, and those that it or an earlier stage left out."""

    stage: str
    videos: dict[str, Made] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)

    def write(self, path: str | Path) -> None:
        """Write it as JSON; equal records give equal bytes."""
        text = json.dumps(asdict(self), indent=1, sort_keys=True)
        with whole_file(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | Path) -> "Record":
        """Read what :meth:`write` wrote.

        Raises:
            UserError: the file is missing or is no record.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(
                values["stage"],
                {video: Made(**made) for video, made in values["videos"].items()},
                {video: Failure(**one) for video, one in values["failures"].items()},
            )
        except FileNotFoundError as error:
            raise UserError(f"{path} does not exist. Run the workflow to make it.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{path} is no record of a batch ({error!r}). Delete it and run the workflow "
                "again; what it speaks of is not computed anew."
            ) from error


def read_checked(path: str | Path, everything: bool = False) -> Record:
    """Read a record, and check that its artefacts are what was written.

    Args:
        path: the record.
        everything: check all files that a video has, not its artefact alone.

    Raises:
        UserError: the file is no record, or one of an artefact's files has changed; it is named.
    """
    record = Record.read(path)
    for video, made in record.videos.items():
        stamp = Path(path).parent / STAMPS / f"{video}.json"
        check_digests(stamp, made.artefact, None if everything else [made.artefact])
    return record


@dataclass(frozen=True)
class Task:
    """One video of a batch.

    Attributes:
        video: its name.
        inputs: the artefact of each earlier stage, by the names given to :class:`Batch`.
        outputs: the files or folders to write; the first is the artefact.
    """

    video: str
    inputs: Mapping[str, Path]
    outputs: tuple[Path, ...]

    @property
    def output(self) -> Path:
        """The artefact to write."""
        return self.outputs[0]


class Batch:
    """The videos of a job, and what each of them is made from."""

    def __init__(
        self,
        stage: str,
        record: str | Path,
        outputs: Callable[[str], Sequence[str | Path]],
        *,
        inputs: Mapping[str, str | Path] | None = None,
        sources: Mapping[str, Any] | None = None,
        settings: Any = None,
        files: Mapping[str, str] | None = None,
        images_only: Iterable[str] = (),
        wanted: Callable[[Task], bool] | None = None,
        redo: bool = False,
    ) -> None:
        """Read the records of the earlier stages.

        Args:
            stage: the program's name, ``scripts/<stage>.py``.
            record: the file to write in the end, see :class:`Record`.
            outputs: what the stage writes for a video, the artefact first. A folder counts with
                all that is in it.
            inputs: the records of earlier stages by name; a video is computed when all have it.
            sources: for the first stage, which has no inputs: the videos, and what stands for the
                data that each of them is made from.
            settings: what decides the result beside the inputs; JSON can hold it.
            files: SHA-256 of files that serve all videos, by name.
            images_only: those of the inputs whose ground truth does not matter here.
            wanted: whether the stage does a video at all; the others are neither made nor failed.
            redo: compute all videos, whatever their stamps say.

        Raises:
            UserError: an input is no record.
        """
        self.stage, self.record, self.redo = stage, Path(record), redo
        self._outputs, self._images_only = outputs, frozenset(images_only)
        self._recipe = {
            "stage": stage,
            "code": source_digest(stage),
            "settings": settings,
            "files": dict(files or {}),
        }
        self._inputs = {name: Record.read(path) for name, path in (inputs or {}).items()}
        self._stamp_folders = {
            name: Path(path).parent / STAMPS for name, path in (inputs or {}).items()
        }
        self.failures: dict[str, Failure] = {}
        for one in self._inputs.values():
            self.failures |= one.failures
        self._sources = dict(sources or {})
        first = next((one.videos for one in self._inputs.values()), self._sources)
        self.videos = [
            video for video in first if all(video in one.videos for one in self._inputs.values())
        ]
        if wanted is not None:
            self.videos = [video for video in self.videos if wanted(self.task(video))]

    def task(self, video: str) -> Task:
        """What one video needs and gives."""
        given = {name: Path(one.videos[video].artefact) for name, one in self._inputs.items()}
        return Task(video, given, tuple(Path(path) for path in self._outputs(video)))

    def recipe(self, video: str) -> dict[str, Any]:
        """All that the video's artefact is made from."""
        keys = {}
        for name, one in self._inputs.items():
            made = one.videos[video]
            keys[name] = made.images if name in self._images_only and made.images else made.key
        own = {"source": self._sources[video]} if video in self._sources else {}
        return {**self._recipe, "inputs": keys, **own}

    def waiting(self) -> list[str]:
        """The videos that have to be computed."""
        return [
            video
            for video in self.videos
            if self.redo or not is_current(self._stamp(video), self.recipe(video))
        ]

    def run(
        self,
        prepare: Callable[[], Callable[[Task], Any]],
        processes: int = 1,
        keys: Callable[[Task], tuple[str, str]] | None = None,
    ) -> None:
        """Compute what has to be, and write the record.

        Args:
            prepare: called once, if there is anything to compute; it loads what serves all videos,
                and returns what computes one of them. With several processes that has to be a
                function of a module.
            processes: videos at a time.
            keys: gives ``key`` and ``images`` of a video that is made, see :class:`Made`; by
                default the key stands for the recipe.

        Raises:
            UserError: no video is to blame: see ``prepare``.
        """
        outputs = [path for video in self.videos for path in self.task(video).outputs]
        remove_abandoned([*outputs, *map(self._stamp, self.videos), self.record])
        waiting = self.waiting()
        # To be made anew is what is there now, and not what another job makes meanwhile.
        stale = {one: time_of(self._stamp(one)) for one in waiting} if self.redo else {}
        current = len(self.videos) - len(waiting)
        print(f"{self.stage}: {len(waiting)} to compute, {current} up to date", file=sys.stderr)
        if waiting:
            work = prepare()
            jobs = [self._job(video, stale.get(video)) for video in waiting]
            self.failures |= dict(self._compute(work, jobs, processes))
        made = {}
        for video in self.videos:
            if video not in self.failures:
                task = self.task(video)
                key = keys(task) if keys else (key_of(self.recipe(video)),)
                made[video] = Made(str(task.output), task.output.stat().st_size, *key)
        Record(self.stage, made, self.failures).write(self.record)

    def _compute(
        self, work: Callable[[Task], Any], jobs: list["_Job"], processes: int
    ) -> Iterable[tuple[str, Failure]]:
        attempt = partial(_attempt, work)
        if processes > 1 and len(jobs) > 1:
            reasons = in_parallel(attempt, jobs, processes, self.stage, "video")
        else:
            report("video", 0, len(jobs))
            reasons = map(attempt, jobs)
        for number, (job, reason) in enumerate(zip(jobs, reasons, strict=True), 1):
            if not (processes > 1 and len(jobs) > 1):
                report("video", number, len(jobs))
            if len(jobs) > 1 and processes == 1:
                print(f"{self.stage}: {number} of {len(jobs)} videos", file=sys.stderr)
            if reason is not None:
                print(f"error: {job.task.video} is left out: {reason}", file=sys.stderr)
                yield job.task.video, Failure(self.stage, reason)

    def _job(self, video: str, stale: int | None = None) -> "_Job":
        task = self.task(video)
        given = {
            str(artefact): self._stamp_folders[name] / f"{video}.json"
            for name, artefact in task.inputs.items()
        }
        return _Job(task, self.recipe(video), self._stamp(video), given, stale)

    def _stamp(self, video: str) -> Path:
        return self.record.parent / STAMPS / f"{video}.json"


@dataclass(frozen=True)
class _Job:
    """What another process needs to compute a video."""

    task: Task
    recipe: Mapping[str, Any]
    stamp: Path
    given: Mapping[str, Path]  # the stamp of each artefact that is read
    stale: int | None


def key_of(recipe: Mapping[str, Any]) -> str:
    """The SHA-256 that stands for a recipe."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def is_current(stamp: str | Path, recipe: Mapping[str, Any]) -> bool:
    """Whether a stamp says that its files were made from ``recipe``, and they are there."""
    try:
        values = json.loads(Path(stamp).read_text(encoding="utf-8"))
        if values["recipe"] != json.loads(json.dumps(recipe)):
            return False
        return all(Path(name).stat().st_size == size for name, size in values["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def time_of(stamp: Path) -> int | None:
    """When a stamp was written, in ns; None: there is none."""
    try:
        return stamp.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def make_stamped(
    stamp: Path,
    recipe: Mapping[str, Any],
    outputs: Sequence[Path],
    work: Callable[[], Any],
    stale: int | None = None,
) -> None:
    """Call ``work``, and stamp what it wrote; while it works the old stamp is gone.

    One process at a time does this. Another one waits, and does nothing if the first one has made
    the same from ``recipe`` meanwhile.

    Args:
        stamp: the file to write; the lock lies beside it.
        recipe: what the outputs are made from.
        outputs: the files and folders that ``work`` writes.
        work: what makes them.
        stale: see :func:`time_of`; a stamp of this time does not count, whatever it says.
    """
    with sole_maker(stamp.with_suffix(".lock"), str(outputs[0])):
        if is_current(stamp, recipe) and time_of(stamp) != stale:
            return
        stamp.unlink(missing_ok=True)
        began = time.monotonic()
        work()
        files = {str(path): path.stat().st_size for path in _files(outputs)}
        values = {
            "recipe": recipe,
            "files": files,
            "sha256": {
                name: sha256(name)
                for name, size in files.items()
                if size <= MOST_HASHED and not name.endswith(_CHECKED_BY_THEMSELVES)
            },
            "seconds": round(time.monotonic() - began, 3),
            "gpu_mb": most_gpu_mb(),
        }
        with whole_file(stamp) as temporary:
            temporary.write_text(json.dumps(values, indent=1), encoding="utf-8")


def check_digests(
    stamp: str | Path, artefact: str | Path, files: Iterable[str] | None = None
) -> None:
    """Check that the files of a video are those that its stamp was written for.

    Args:
        stamp: of the stage that wrote them. Artefacts that no batch made have none, and pass.
        artefact: the file to delete for all of them to be made anew.
        files: those to check; None: all.

    Raises:
        UserError: one is gone or has other content, or the stamp is damaged; it is named.
    """
    remedy = f"Delete {artefact} and run the workflow again; it will be made anew."
    try:
        values = json.loads(Path(stamp).read_text(encoding="utf-8"))
        stage, digests = values["recipe"]["stage"], dict(values["sha256"])
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{stamp} is no stamp of a video ({error!r}). {remedy}") from error
    for name in digests if files is None else set(files) & set(digests):
        try:
            changed = sha256(name) != digests[name]
        except FileNotFoundError as error:
            raise UserError(f"{name} is gone, which {stage} wrote. {remedy}") from error
        if changed:
            raise UserError(
                f"{name} is not what {stage} wrote: it has another checksum now. {remedy}"
            )


def drop_untrue(results: str | Path, failures: bool) -> list[Path]:
    """Remove the records that name an artefact which is gone or has another size.

    Snakemake knows records alone. Without this, whoever deletes an artefact to have it made anew
    would wait in vain.

    Args:
        results: the folder of results.
        failures: whether those with failures of their own stage go too, so that they are tried
            again.

    Returns:
        What was removed.
    """
    removed = []
    places = ("*/records/**/*.json", "blocks/*/record.json")
    for path in sorted(path for place in places for path in Path(results).glob(place)):
        if path.parent.name == STAMPS:
            continue
        try:
            record = Record.read(path)
            true = all(
                Path(made.artefact).stat().st_size == made.size for made in record.videos.values()
            )
        except (UserError, OSError):
            true = False
        if true and failures:
            true = all(one.stage != record.stage for one in record.failures.values())
        if not true:
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def _attempt(work: Callable[[Task], Any], job: _Job) -> str | None:
    """Compute a video; the reason why it is bad, or None."""
    for path in job.task.outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
    whole = partial(_whole, work, job.task)
    try:
        for artefact, stamp in job.given.items():
            check_digests(stamp, artefact)
        make_stamped(job.stamp, job.recipe, job.task.outputs, whole, job.stale)
    except UserError as error:
        return str(error)
    return None


def _whole(work: Callable[[Task], Any], task: Task) -> None:
    """All of a video's files, or nothing of it."""
    try:
        work(task)
    except UserError:
        _remove(task)
        raise


def _remove(task: Task) -> None:
    """Leave nothing of a video that is left out, be it what was once made of it."""
    for path in task.outputs:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        folder = path.parent
        if folder.name == task.video and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _files(outputs: Iterable[Path]) -> list[Path]:
    found = []
    for path in outputs:
        found += (
            [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
        )
    return list(dict.fromkeys(found))
