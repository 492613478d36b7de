"""Whether the data sets of a configuration lie where it says, before anything runs."""

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from betrayed.config.reading import read_settings
from betrayed.config.settings import dataset_root, runs
from betrayed.datasets.layouts.common import DatasetSettings, path_list
from betrayed.datasets.listing import missing_paths
from betrayed.errors import UserError


def resolve_root(dataset: Mapping[str, Any]) -> DatasetSettings:
    """A data set of the configuration; an environment variable that is set overrides its root."""
    names = {field.name for field in fields(DatasetSettings)}
    values = {name: dataset[name] for name in dataset if name in names}
    return read_settings(DatasetSettings, json.dumps({**values, "root": dataset_root(dataset)}))


def check_presence(config: Mapping[str, Any], results: str | Path = "results") -> None:
    """Check that the data sets which a checked configuration uses lie where it says.

    Those that are made are left out, and those listed under ``results`` already: what has been
    computed stays of use when the data have moved on. No file is opened but lists of names, and
    no folder walked; frames are checked when videos are listed and extracted.

    Raises:
        UserError: what is missing, of all data sets, with the variable that says where it lies.
    """
    problems = []
    used = [*config["evaluate"], *(name for run in runs(config) for name in run.datasets)]
    for name in dict.fromkeys(used):
        dataset = config["datasets"][name]
        if dataset["make"] or Path(results, name, "videos.csv").exists():
            continue
        settings = resolve_root(dataset)
        try:
            missing = missing_paths(settings)
        except UserError as error:
            problems.append(f"  - {name}: {error}")
            continue
        if missing:
            variable = dataset["root_variable"]
            where = f"datasets.{name}.root"
            if variable:
                now = "set" if os.environ.get(variable) else "not set"
                where = f"the environment variable {variable} (now {now})"
            problems.append(
                f"  - {name}: missing: {path_list(missing)}. Its root is {settings.root}: set "
                f"{where} to the folder that has {'all of them' if len(missing) > 1 else 'it'}."
            )
    if problems:
        raise UserError(
            "Data sets are missing or incomplete (evaluate and training.dataset say which are "
            "used):\n" + "\n".join(problems)
        )
