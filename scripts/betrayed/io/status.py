"""How far a program is, for whoever watches the run: a small file that is written as it goes."""

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

#: The environment variable with the folder that the files go into; without it nothing is written.
FOLDER = "BETRAYED_STATUS"
_EVERY = 0.3  # seconds, at least, from one writing to the next
_counts: dict[str, tuple[int, int | None]] = {}
_written = 0.0


def report(unit: str, done: int, total: int | None) -> None:
    """Say how many of how many units (``"video"``, ``"frame"``, …) are done.

    Once a video is done what was said of smaller units is over.
    """
    global _written
    if not os.environ.get(FOLDER):
        return
    if unit == "video":
        _counts.clear()
    _counts[unit] = done, total
    if time.monotonic() - _written < _EVERY and done != total:
        return
    _written = time.monotonic()
    path = Path(os.environ[FOLDER], f"{Path(sys.argv[0]).stem}-{os.getpid()}.json")
    temporary = path.with_suffix(".new")
    with suppress(OSError):  # whoever watched may have gone, and the folder with it
        temporary.write_text(json.dumps({"program": Path(sys.argv[0]).stem, "counts": _counts}))
        temporary.replace(path)


def read_status(folder: str | Path) -> dict[str, list[dict[str, tuple[int, int | None]]]]:
    """What the living processes of each program have said last: counts by unit."""
    found: dict[str, list[dict[str, tuple[int, int | None]]]] = {}
    for path in sorted(Path(folder).glob("*.json")):
        try:
            said = json.loads(path.read_text())
            process = int(path.stem.rpartition("-")[2])
        except (OSError, ValueError):
            continue
        if Path("/proc", str(process)).exists() or not Path("/proc").exists():
            counts = {unit: tuple(values) for unit, values in said["counts"].items()}
            found.setdefault(said["program"], []).append(counts)
    return found
