"""Where the results come from: versions, commit, weights, and what made the artefacts."""

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from betrayed import __version__
from betrayed.clustering.tracks import read_tracks
from betrayed.errors import UserError
from betrayed.reporting.report.sources import Result

#: Those whose version may change a figure.
PACKAGES = ("torch", "timm", "numpy", "scipy", "opencv-contrib-python-headless", "h5py", "av")
PACKAGES += ("pandas", "pillow", "snakemake", "jinja2", "matplotlib")
#: What artefacts say of themselves, and how a reader calls it.
_MADE_BY = {
    "backbone": "backbone",
    "weights_sha256": "SHA-256 of its weights",
    "block_sha256": "SHA-256 of the block",
    "block_step": "training step of the block",
    "seed": "seed",
}


def software() -> dict[str, str]:
    """Versions of this project and of what it runs on, here and now."""
    versions = {"betrayed": __version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed where the report was made"
    return versions


def machine() -> dict[str, str]:
    """The machine that the report was made on, which may not be the one that computed."""
    return {"system": platform.platform(), "CPU cores": str(os.cpu_count())}


def commit(folder: Path) -> str:
    """The commit of the checkout ``folder``, and whether files were edited since."""
    try:
        name = _git(folder, "rev-parse", "HEAD")
        edited = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "unknown: not a git checkout"
    return f"{name} (with edits that are not committed)" if edited else name


def now() -> str:
    """The time, in UTC, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def written(path: str | Path) -> str:
    """When a file was last written, in UTC, to the minute; empty where there is none."""
    if not Path(path).is_file():
        return ""
    moment = datetime.fromtimestamp(Path(path).stat().st_mtime, UTC)
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def made_by(results: Iterable[Result]) -> dict[str, dict[str, str]]:
    """What the artefacts of each run say they were made by.

    Values that differ among the videos of a run are all named: then its figures are of a mixture.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for result in results:
        try:
            said = read_tracks(result.tracks).made_by
        except UserError:  # of a video that failed
            continue
        own = found.setdefault(result.run, {title: set() for title in _MADE_BY.values()})
        for name, title in _MADE_BY.items():
            if name in said:
                own[title].add(str(said[name]))
    return {run: _joined(values) for run, values in found.items()}


def _joined(values: Mapping[str, set[str]]) -> dict[str, str]:
    return {title: _mixture(sorted(texts)) for title, texts in values.items() if texts}


def _mixture(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else "a mixture: " + ", ".join(texts)


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()
