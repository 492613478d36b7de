"""Where the results lie that a report is made from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from betrayed.engine.records import Made, Record
from betrayed.errors import UserError
from betrayed.io.json_files import read_json
from betrayed.reporting.report.choice import Key

#: What a run leaves of a video, stage by stage.
STAGES = ("frames", "objects", "tracks", "features", "attention")
#: Those that every batch has; films in pieces have no others.
NEEDED = ("frames", "objects")
#: The path of what a video that was left out does not have.
GONE = "-"


@dataclass(frozen=True)
class Result:
    """What a run has left of a video: its run and name, and paths.

    ``frames`` is ``frames.json``, ``objects`` the ``objects.csv`` in the folder of masks; the
    others are artefacts. A file that does not exist is a video that failed.
    """

    run: str
    dataset: str
    video: str
    frames: str
    objects: str
    tracks: str
    features: str
    attention: str

    @property
    def key(self) -> Key:
        """Data set and video: what runs share."""
        return self.dataset, self.video

    @property
    def finished(self) -> bool:
        """Whether it has frames and masks, without which there is nothing to show."""
        return Path(self.frames).is_file() and Path(self.objects).is_file()


@dataclass(frozen=True)
class RunSource:
    """A run: its name, its identifier in paths, its block's, and how its training went.

    ``training`` is the log and ``clusters`` the clusters over the steps; both are None where the
    block was not trained here.
    """

    name: str
    run_id: str
    block: str
    training: str | None
    clusters: str | None = None


@dataclass(frozen=True)
class Sources:
    """All runs, in the configuration's order, and every video of each; the table of the sweep.

    ``sweep`` is its Parquet; None where nothing is swept.
    """

    runs: Sequence[RunSource]
    results: Sequence[Result]
    sweep: str | None = None

    @property
    def videos(self) -> list[Key]:
        """The videos of all runs, each once."""
        return sorted({result.key for result in self.results})

    def by_run(self) -> dict[str, dict[Key, Result]]:
        """What each run has of each video."""
        return {
            run.name: {result.key: result for result in self.results if result.run == run.name}
            for run in self.runs
        }


def read_sources(path: str | Path) -> Sources:
    """Read the list that the workflow writes: ``{"runs": […], "batches": […], "sweep": path}``.

    A batch has ``run``, ``dataset``, and the record of each stage of :data:`STAGES`; of films in
    pieces those of :data:`NEEDED` alone. Videos that an earlier stage left out are
    among the results, without what they lack.

    Raises:
        UserError: the file is missing or no such list, or a record is missing.
    """
    try:
        stored = read_json(path, dict)
        runs = [RunSource(**entry) for entry in stored["runs"]]
        results = [result for entry in stored["batches"] for result in _results(entry)]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is no list of results ({error}). Run the workflow.") from error
    if unknown := {result.run for result in results} - {run.name for run in runs}:
        raise UserError(f"{path}: results of the run {min(unknown)!r}, which is not listed.")
    return Sources(runs, results, stored.get("sweep"))


def finished(by_run: Mapping[str, Mapping[Key, Result]], key: Key) -> Iterator[bool]:
    """For each run that has the video whether it came to its end."""
    return (own[key].finished for own in by_run.values() if key in own)


def first_run(by_run: Mapping[str, Mapping[Key, Result]]) -> str:
    """The first run that has anything, by which videos are sorted and chosen.

    Raises:
        UserError: none has.
    """
    for run, own in by_run.items():
        if any(result.finished for result in own.values()):
            return run
    raise UserError("No video of any run was finished, so there is nothing to report.")


def _results(entry: Mapping[str, str]) -> list[Result]:
    """The results of a batch."""
    records = {stage: Record.read(entry[stage]) for stage in {*NEEDED, *entry} & {*STAGES}}
    videos = sorted({video for one in records.values() for video in (*one.videos, *one.failures)})
    return [
        Result(
            entry["run"],
            entry["dataset"],
            video,
            **{
                stage: made.artefact if made else GONE
                for stage, made in _made(records, video).items()
            },
        )
        for video in videos
    ]


def _made(records: Mapping[str, Record], video: str) -> dict[str, Made | None]:
    """What each stage made of a video, where it did."""
    none = Record("")
    return {stage: records.get(stage, none).videos.get(video) for stage in STAGES}
