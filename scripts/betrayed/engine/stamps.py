"""What a video's files were made from, and whether they still are: a small file beside the records.

A *stamp* says the settings, the program's sources, the files that serve all videos, and the keys of
what earlier stages made of the video. Two jobs that want the same video do not both compute it, nor
write its files at once: the second one waits, and finds it made.
"""

import hashlib
import json
import resource
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from betrayed.engine.gpu_usage import most_gpu_mb
from betrayed.engine.sole_maker import sole_maker
from betrayed.errors import UserError
from betrayed.io.files import sha256, whole_file

#: The folder beside the records that holds the stamps, a file for each video.
STAMPS = "videos"
#: Files above this size, in bytes, have no checksum in a stamp, nor do those that have their own.
#: Of these it says what made them, so that one that was put in another's place is known.
MOST_HASHED = 20_000_000
_CHECKED_BY_THEMSELVES = (".h5",)


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
    """Call ``work``, unless it is done meanwhile, and stamp what it wrote: see :func:`stamping`."""
    with stamping(stamp, recipe, outputs, stale) as wanted:
        if wanted:
            work()


@contextmanager
def stamping(
    stamp: Path, recipe: Mapping[str, Any], outputs: Sequence[Path], stale: int | None = None
) -> Iterator[bool]:
    """Stamp what the block makes, if it ends well; inside it the old stamp is gone.

    One process at a time is in there. Another one waits, and has nothing to make if the first one
    has made the same from ``recipe`` meanwhile.

    What the stamp says of the processor is of the whole process: where one video ends, or is read,
    while another is computed, what they take together is in the stamps of both. Its seconds are
    those of the block.

    Args:
        stamp: the file to write; the lock lies beside it.
        recipe: what the outputs are made from.
        outputs: the files and folders that the block writes.
        stale: see :func:`time_of`; a stamp of this time does not count, whatever it says.

    Yields:
        Whether the outputs are to be made.
    """
    with sole_maker(stamp.with_suffix(".lock"), str(outputs[0])):
        if is_current(stamp, recipe) and time_of(stamp) != stale:
            yield False
            return
        stamp.unlink(missing_ok=True)
        began, computed = time.monotonic(), _cpu_seconds()
        yield True
        files = {str(path): path.stat().st_size for path in _files(outputs)}
        values = {
            "recipe": recipe,
            "files": files,
            "sha256": {
                name: sha256(name)
                for name, size in files.items()
                if size <= MOST_HASHED and not name.endswith(_CHECKED_BY_THEMSELVES)
            },
            "made_by": {
                name: _made_by(name) for name in files if name.endswith(_CHECKED_BY_THEMSELVES)
            },
            "seconds": round(time.monotonic() - began, 3),
            "cpu_seconds": round(_cpu_seconds() - computed, 3),
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
        makers = dict(values.get("made_by", {}))  # stamps of earlier versions have none
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
    for name in makers if files is None else set(files) & set(makers):
        found, wanted = _made_by(name), makers[name]
        if found is None or wanted is None or found == wanted:  # its reader knows what is damaged
            continue
        other = next(one for one in {**wanted, **found} if wanted.get(one) != found.get(one))
        raise UserError(
            f"{name} is not what {stage} wrote: it was made with {other} = {found.get(other)!r}, "
            f"and not with {wanted.get(other)!r}. {remedy}"
        )


def check_stamped(path: str | Path) -> None:
    """Check a file against the stamp of its name beside it; one from elsewhere has none: it passes.

    Raises:
        UserError: it has other content than what was stamped.
    """
    check_digests(Path(path).parent / STAMPS / f"{Path(path).stem}.json", path, [str(path)])


def _cpu_seconds() -> float:
    """Of this process and of the programs that it ran, on all cores together."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _made_by(path: str) -> dict[str, Any] | None:
    """What an HDF5 artefact says that made it; None where it is damaged."""
    from betrayed.io.made_by import made_by  # with h5py, which rules do without

    return made_by(path)


def _files(outputs: Iterable[Path]) -> list[Path]:
    found = []
    for path in outputs:
        found += (
            [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
        )
    return list(dict.fromkeys(found))
