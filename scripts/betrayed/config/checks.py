"""The checks before a run: all that can be known of a configuration, every fault at once."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import ValidationError

from betrayed.config.datasets import DatasetSettings
from betrayed.config.faults import faults_of, unknown_key
from betrayed.config.run_checks import (
    absent,
    faults_of_run,
    swept_in_vain,
    trains,
    unknown_data_set,
)
from betrayed.config.runs import RUN_SECTIONS, run_settings
from betrayed.config.sections import RESERVED, SECTIONS, DatasetSection, fitted
from betrayed.config.sweep_checks import checkable, faults_of_sweep
from betrayed.config.sweeps import PLAIN, Variant, variants
from betrayed.errors import UserError

#: Finds what of a data set is missing on the disk, by its name and its settings.
Missing = Callable[[str, Mapping[str, Any]], Iterable[str]]
Sections = Mapping[str, Any]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MOST_NAMED = 4
#: What of a data set's settings is needed to look for it on the disk.
_PLACE = {field.name for field in fields(DatasetSettings)} | {"root_variable", "make"}


def check(
    config: Mapping[str, Any], missing: Missing | None = None, known: Iterable[str] = ()
) -> dict[str, Any]:
    """Check a configuration and the settings of each of its runs.

    Args:
        config: as it was read from YAML.
        missing: looks on the disk for a data set that is used; None: no file is looked for, such
            as a checkpoint.
        known: faults that were found before, to be named with the others.

    Returns:
        The configuration with every setting, also those that were left out, in plain types.

    Raises:
        UserError: a key is unknown or missing, a value has the wrong type or is out of range, two
            settings contradict each other, or a file is missing; every fault is named, with what
            is allowed.
    """
    faults = list(known)
    sound = _sound({name: value for name, value in config.items() if name != "datasets"}, faults)
    faults += [f"{name}: must be given" for name in SECTIONS if name not in config]
    sound["datasets"] = _sound_data_sets(config.get("datasets"), faults)
    faults += _of_names("runs", config.get("runs"))
    described = _names(config.get("datasets"))
    used = dict.fromkeys(sound.get("evaluate", ()))
    if sound.get("evaluate") == []:
        faults.append("evaluate: must name at least one data set")
    faults += [f"evaluate: {unknown_data_set(name, described)}" for name in absent(used, described)]

    disk = missing is not None
    base, _ = _of_run(config, sound, {}, disk)
    found: dict[str, list[str]] = {}
    for one in _variants(sound, faults):
        problems, own = _of_run(config, sound, one.changes, disk)
        problems += swept_in_vain(one, own)
        for problem in problems:
            place = f"sweep ({one.name})" if one.swept else f"runs.{one.name}"
            found.setdefault(problem, []).append(place)
        if trains(own):
            used.setdefault(own["training"].get("dataset"))
    for problem, runs in found.items():
        # What is wrong without a run's changes is no matter of that run.
        faults.append(problem if problem in base else f"{_listed(runs)}: {problem}")
    for name in used:
        if disk and name in sound["datasets"] and not _PLACE - set(sound["datasets"][name]):
            faults += missing(name, sound["datasets"][name])
    if faults:
        lines = "\n".join(f"  - {fault}" for fault in dict.fromkeys(faults))
        raise UserError(f"The configuration cannot be used:\n{lines}")
    return sound


def _sound(values: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    """What fits of a configuration; what is wrong with the rest is added to ``faults``."""
    sound = {}
    for name, value in values.items():
        if name in SECTIONS:
            _add_sound(sound, name, SECTIONS[name], value, name, faults)
        else:
            faults.append(_unknown(str(name), SECTIONS))
    return sound


def _add_sound(
    sound: dict[str, Any], name: str, kind: Any, value: Any, where: str, faults: list[str]
) -> None:
    """Put what fits of a section, or of a single setting, under its name.

    Of a section with faults the settings that have none are kept, so that these are compared with
    those of other sections all the same.
    """
    try:
        sound[name] = fitted(kind, value)
    except ValidationError as error:
        faults += faults_of(error, kind, f"{where}.")
        wrong = {one["loc"][0] for one in error.errors(include_url=False) if one["loc"]}
        if isinstance(value, Mapping) and wrong:
            rest = {key: one for key, one in value.items() if str(key) not in wrong}
            with suppress(ValidationError):
                fit = fitted(kind, rest)
                sound[name] = {key: one for key, one in fit.items() if key not in wrong}


def _sound_data_sets(datasets: Any, faults: list[str]) -> dict[str, Any]:
    """The data sets whose settings are sound, likewise."""
    faults += _of_names("datasets", datasets)
    sound: dict[str, Any] = {}
    for name in _names(datasets):
        where = f"datasets.{name}"
        _add_sound(sound, name, DatasetSection, datasets[name], where, faults)
        own = sound.get(name, {})
        if name in RESERVED:
            faults.append(f"{where}: results/{name} is taken; call the data set something else")
        if own.get("make"):
            faults += _of_made(name, own)
    return sound


def _of_made(name: str, own: Sections) -> Iterator[str]:
    """Where a data set that is made does not lie."""
    truth = f"resources/{name}/annotations"
    wanted = {"layout": ("folder",), "root": (f"resources/{name}/videos",)}
    wanted |= {"annotations": (truth, None), "instances": (truth, None)}
    for setting, values in wanted.items():
        if own.get(setting, values[0]) not in values:
            said = " or ".join("null" if value is None else value for value in values)
            yield (
                f"datasets.{name}.{setting}: of a data set that is made it must be {said}, "
                f"not {own[setting]!r}"
            )


def _of_names(section: str, values: Any) -> Iterator[str]:
    """What is wrong with the names of data sets or runs."""
    if not isinstance(values, Mapping):
        yield f"{section}: must be a section of settings, not {values!r}"
    elif not values:
        yield f"{section}: must have at least one entry"
    for name in _names(values):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            yield (
                f"{section}: the name {name!r} becomes part of paths: it may hold letters A-Z a-z, "
                "digits, '.', '_' and '-', and begins with a letter or a digit"
            )


def _of_run(
    config: Mapping[str, Any], sound: Sections, changes: Mapping[str, Any], disk: bool
) -> tuple[list[str], dict[str, Any]]:
    """What is wrong with a run, and those of its sections that are sound."""
    faults = [_unknown(name, RUN_SECTIONS) for name in changes if name not in RUN_SECTIONS]
    base = {name: config[name] for name in RUN_SECTIONS if name in config}
    changes = {name: value for name, value in changes.items() if name in RUN_SECTIONS}
    own = _sound(run_settings(base, changes), faults)
    faults += faults_of_run(own, sound, _names(config.get("datasets")), disk)
    return faults, own


def _variants(sound: Sections, faults: list[str]) -> list[Variant]:
    """The runs, as far as they are sound, with what of the sweep can be checked."""
    # Where no run is sound, the sweep is checked on what all runs start from.
    config = {"runs": sound.get("runs") or {PLAIN: {}}}
    config |= {name: sound[name] for name in ("sweep", "sweep_mode") if name in sound}
    if not config.get("sweep"):
        return variants({"runs": config["runs"]})
    if "sweep_mode" in config:
        faults += faults_of_sweep(config)
    return variants(checkable(config))


def _unknown(name: str, known: Iterable[str]) -> str:
    """An unknown key at the top; a setting of a section is often meant."""
    for section in known:
        kind = SECTIONS[section]
        if is_dataclass(kind) and name in [field.name for field in fields(kind)]:
            return f"unknown key {name!r}; did you mean {f'{section}.{name}'!r}?"
    parts = name.split(".")
    if len(parts) > 1 and parts[0] in known:
        nested = ": {".join(parts) + ": …" + "}" * (len(parts) - 1)
        return f"unknown key {name!r}; write {nested}"
    return unknown_key(name, known)


def _names(section: Any) -> list[Any]:
    return list(section) if isinstance(section, Mapping) else []


def _listed(runs: list[str]) -> str:
    more = len(runs) - _MOST_NAMED
    text = ", ".join(runs[:_MOST_NAMED])
    return f"{text} and {more} more" if more > 0 else text
