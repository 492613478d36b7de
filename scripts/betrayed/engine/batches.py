"""A job does many videos: which of them have to be computed, and what it says of them afterwards.

A job computes those of its videos whose stamp (``betrayed.engine.stamps``) is missing or tells of
something else, one after another, so that a killed job loses the video at hand and nothing more:
where a GPU computes, also the two before it, whose files may not have reached the disk. There the
next one is read meanwhile (:class:`ReadsAhead`). A video whose data are bad is left out, with the
reason, and the others go on. What the job leaves behind is its record
(``betrayed.engine.records``), the input of the next stage.
"""

import shutil
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from betrayed.engine.parallel import in_parallel, overlapped
from betrayed.engine.programs import check_interrupted
from betrayed.engine.records import Failure, Made, Record, entries_of
from betrayed.engine.sources import source_digest
from betrayed.engine.stamps import (
    STAMPS,
    check_digests,
    is_current,
    key_of,
    stamping,
    time_of,
)
from betrayed.errors import ShortageError, UserError
from betrayed.io.files import remove_abandoned
from betrayed.io.status import report


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


@dataclass(frozen=True)
class ReadsAhead:
    """What computes a video of which the beginning and the end may overlap with other videos.

    Attributes:
        read: given a :class:`Task`, in another thread, reads data, writes nothing, and gives a
            function without arguments, which then computes the video in the job's own thread, or
            never, if another job has made it meanwhile. What that returns may be a function again,
            which does the rest of it in another thread.
    """

    read: Callable[[Task], Callable[[], Any]]


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
        prepare: Callable[[], Callable[[Task], Any] | ReadsAhead],
        processes: int = 1,
        keys: Callable[[Task], tuple[str, str]] | None = None,
    ) -> None:
        """Compute what has to be, and write the record.

        Args:
            prepare: called once, if there is anything to compute; it loads what serves all videos,
                and returns what computes one of them: a function of a task, or for one process
                :class:`ReadsAhead`. With several processes that has to be a function of a module.
                If it returns a function, that goes on with the video, and so on.
            processes: videos at a time.
            keys: gives ``key`` and ``images`` of a video that is made, see :class:`Made`; by
                default the key stands for the recipe.

        Raises:
            UserError: no video is to blame: see ``prepare``.
            ShortageError: memory, or room on a disk, ran out.
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
                made[video] = Made(
                    str(task.output),
                    task.output.stat().st_size,
                    *key,
                    others=entries_of(task.outputs[1:]),
                )
        Record(self.stage, made, self.failures).write(self.record)

    def _compute(
        self, work: Callable[[Task], Any] | ReadsAhead, jobs: list["_Job"], processes: int
    ) -> Iterable[tuple[str, Failure]]:
        if processes > 1 and len(jobs) > 1:
            attempt = partial(_attempt, work)
            reasons = in_parallel(attempt, jobs, processes, self.stage, "video")
        else:
            report("video", 0, len(jobs))
            reasons = _in_turn(work, jobs)
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


def _in_turn(work: Callable[[Task], Any] | ReadsAhead, jobs: list[_Job]) -> Iterator[str | None]:
    """Compute one video after another; of each the reason why it is bad, or None."""
    if isinstance(work, ReadsAhead):
        yield from overlapped(lambda job: _checked(work.read, job)(), _begin, jobs)
    else:
        yield from (_attempt(work, job) for job in jobs)


def _attempt(work: Callable[[Task], Any], job: _Job) -> str | None:
    """Compute a video; the reason why it is bad, or None."""
    reason = _begin(job, partial(_checked, work, job))
    while callable(reason):
        reason = reason()
    return reason


def _checked(work: Callable[[Task], Any], job: _Job) -> Callable[[], Any]:
    """What does a video, after its inputs are checked."""
    for artefact, stamp in job.given.items():
        check_digests(stamp, artefact)
    return partial(work, job.task)


def _begin(
    job: _Job, given: Callable[[], Callable[[], Any]]
) -> str | Callable[[], str | None] | None:
    """Compute a video; the reason why it is bad, or None.

    If the work leaves a rest to be done it is a function that does it, and gives the same.
    """
    return _go_on(_steps(job, given))


def _go_on(steps: Generator[None, None, str | None]) -> Any:
    """Do the next step: what does the one after it, or what the last one gives."""
    try:
        next(steps)
    except StopIteration as ended:
        return ended.value
    return partial(_go_on, steps)


def _steps(job: _Job, given: Callable[[], Callable[[], Any]]) -> Generator[None, None, str | None]:
    """Compute a video, stopping where the rest may be done in another thread.

    Args:
        job: the video.
        given: checks its inputs, and gives what computes it; not asked if it is made meanwhile.
    """
    for path in job.task.outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with stamping(job.stamp, job.recipe, job.task.outputs, job.stale) as wanted:
            if wanted:
                try:
                    compute = given()
                    del given
                    rest = compute()
                    del compute  # and with it what was read
                    while callable(rest):
                        yield
                        rest = rest()
                except UserError:
                    check_interrupted()
                    _remove(job.task)
                    raise
    except ShortageError:
        raise
    except UserError as error:
        check_interrupted()
        return str(error)
    return None


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
