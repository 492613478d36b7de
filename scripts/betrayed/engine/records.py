"""What a job leaves behind of its videos: the file that Snakemake knows, and the next stage reads.

A job's declared output is its *record*: the videos of the batch with their artefacts and keys, and
the videos that were left out, here or in an earlier stage.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from betrayed.engine.stamps import STAMPS, check_digests
from betrayed.errors import UserError
from betrayed.io.files import whole_file


@dataclass(frozen=True)
class Made:
    """What a stage made of a video.

    Attributes:
        artefact: the path of its main file.
        size: of that file, in bytes.
        key: stands for all that it was made from: equal keys, equal content.
        images: the same without the ground truth, where an artefact (frames.json) holds both.
        others: what else it wrote: files (0), and folders with how many entries each has.
    """

    artefact: str
    size: int
    key: str
    images: str | None = None
    others: Mapping[str, int] = field(default_factory=dict)

    def is_there(self) -> bool:
        """Whether the main file has its size, and of the others none is gone."""
        try:
            return Path(self.artefact).stat().st_size == self.size and all(
                len(list(Path(path).iterdir())) >= entries if entries else Path(path).exists()
                for path, entries in self.others.items()
            )
        except OSError:
            return False


def entries_of(paths: Iterable[Path]) -> dict[str, int]:
    """Files, and folders with all below them, as :attr:`Made.others` has them."""
    found = {}
    for path in filter(Path.exists, paths):
        found |= {str(path): 0} if path.is_file() else {}
        found |= {folder: len(names) + len(files) for folder, names, files in os.walk(path)}
    return found


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

    @classmethod
    def joined(cls, records: Iterable["Record"]) -> "Record":
        """Those of several batches of a stage, at least one, as one."""
        records = list(records)
        return cls(
            records[0].stage,
            {video: made for one in records for video, made in one.videos.items()},
            {video: why for one in records for video, why in one.failures.items()},
        )

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


def drop_untrue(results: str | Path, failures: bool) -> list[Path]:
    """Remove the records that are not true: a main file has another size, or a file is gone.

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
            true = all(made.is_there() for made in record.videos.values())
        except UserError:
            true = False
        if true and failures:
            true = all(one.stage != record.stage for one in record.failures.values())
        if not true:
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed
