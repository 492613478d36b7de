"""What is listed of a folder, and files that may not be read."""

import os
from pathlib import Path

import pytest

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import list_videos
from betrayed.datasets.manifest import PLACES, read_manifest


def listing(root: Path, **more) -> list[dict[str, str]]:
    """The rows of a data set's videos."""
    return list_videos(DatasetSettings(root=str(root), **more))


def names(root: Path, **more) -> list[str]:
    """The names of a data set's videos."""
    return [row["video"] for row in listing(root, **more)]


def places(manifest: Path) -> list[dict[str, str]]:
    """What a manifest says of where its videos lie."""
    return [{name: row[name] for name in PLACES} for row in read_manifest(manifest)]


def denied(path, mode=0):
    """A path that may not be read any more; the test is skipped where somebody reads everything."""
    before = path.stat().st_mode
    path.chmod(mode)
    if os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        path.chmod(before)
        pytest.skip("this user reads everything")
    return path
