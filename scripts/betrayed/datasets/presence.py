"""Whether the data sets of a configuration lie where it says, before anything runs."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from betrayed.config.datasets import DatasetSettings
from betrayed.config.reading import read_settings
from betrayed.config.runs import dataset_root
from betrayed.datasets.listing import missing_paths
from betrayed.datasets.name_lists import path_list
from betrayed.datasets.video_search import real
from betrayed.errors import UserError


def resolve_root(dataset: Mapping[str, Any]) -> DatasetSettings:
    """A data set of the configuration; an environment variable that is set overrides its root."""
    names = {field.name for field in fields(DatasetSettings)}
    values = {name: dataset[name] for name in dataset if name in names}
    return read_settings(DatasetSettings, json.dumps({**values, "root": dataset_root(dataset)}))


def missing_data(
    name: str, dataset: Mapping[str, Any], results: str | Path = "results"
) -> Iterator[str]:
    """What a data set that is used lacks on the disk, for :func:`betrayed.config.checks.check`.

    One that is made is left out, and one listed under ``results`` already: what has been computed
    stays of use when the data have moved on. No file is opened but lists of names, and no folder
    walked; frames are checked when videos are listed and extracted.

    Args:
        name: the data set's.
        dataset: its settings.
        results: the folder of results.

    Yields:
        One fault at most: what is missing, and the setting or variable that says where it lies; or
        that it lies among the results.
    """
    if dataset["make"]:
        return
    settings = resolve_root(dataset)
    if settings.root and _lies_in(Path(settings.root).expanduser(), Path(results)):
        # Frames in results/videos/frames would be replaced by what is made of them.
        yield (
            f"{name}: {settings.root} lies in {results}, the folder of what is computed: a run may "
            f"replace the videos there, and make clean deletes them. Move them to another folder."
        )
        return
    if Path(results, name, "videos.csv").exists():
        return
    try:
        missing = missing_paths(settings)
    except UserError as error:
        yield f"{name}: {error}"
        return
    if missing:
        variable = dataset["root_variable"]
        where = f"datasets.{name}.root"
        if variable:
            now = "set" if os.environ.get(variable) else "not set"
            where = f"the environment variable {variable} (now {now})"
        yield (
            f"{name}: missing: {path_list(missing)}. Its root is {settings.root}: set {where} to "
            f"the folder that has {'all of them' if len(missing) > 1 else 'it'}."
        )


def _lies_in(path: Path, folder: Path) -> bool:
    """Whether a path leads to a folder or to what is in it."""
    return real(path).is_relative_to(real(folder))
