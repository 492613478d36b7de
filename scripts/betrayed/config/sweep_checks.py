"""What is wrong with a sweep, as far as it can be told before its runs are."""

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from betrayed.config.runs import RUN_SECTIONS
from betrayed.config.sections import SECTIONS
from betrayed.config.sweeps import variants

#: Settings that a run may change, by dotted name.
SWEEPABLE = tuple(
    f"{section}.{field.name}" if is_dataclass(SECTIONS[section]) else section
    for section in RUN_SECTIONS
    for field in (fields(SECTIONS[section]) if is_dataclass(SECTIONS[section]) else [None])
)
#: Of a run's name: file systems take 255, and identifiers come behind it.
LONGEST_NAME = 150


def faults_of_sweep(config: Mapping[str, Any]) -> Iterator[str]:
    """Each fault of the lists, of how they are put together, and of the names of the runs.

    Args:
        config: ``sweep``, ``sweep_mode`` and ``runs``, of the right types.
    """
    sweep = config["sweep"]
    known = _known(sweep)
    for setting in sweep:
        if setting not in known:
            yield f"sweep: {_unknown(setting)}"
    yield from _of_runs(config["runs"], known)
    if config["sweep_mode"] == "zip" and len({len(values) for values in sweep.values()}) > 1:
        lengths = ", ".join(f"{setting} has {len(values)}" for setting, values in sweep.items())
        yield f"sweep: sweep_mode 'zip' takes lists of one length: {lengths}"
        return
    if len(known) < len(sweep):
        return  # names of runs have a part for every setting
    names = Counter(variant.name for variant in variants(config))
    if twice := [name for name, count in names.items() if count > 1]:
        yield (
            f"sweep: {names[twice[0]]} runs would be called {twice[0]!r}; give each value once, "
            "and values that differ in more than characters that paths cannot hold"
        )
    if long := [name for name in names if len(name) > LONGEST_NAME]:
        yield (
            f"sweep: the name {long[0]!r} has {len(long[0])} characters and becomes part of paths, "
            f"which take {LONGEST_NAME}; sweep over shorter values, or give such runs names of "
            "their own under runs"
        )


def checkable(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a sweep with faults can be checked like one without: every value of a known setting.

    Lists that cannot be put together, of unequal length in a zip or in a mode there is not, stand
    side by side, and each value that lacks others is beside the last ones.

    Args:
        config: ``sweep`` and ``runs`` of the right types, and ``sweep_mode`` where it has it.
    """
    sweep = _known(config["sweep"])
    if config.get("sweep_mode") != "grid":
        most = max(map(len, sweep.values()), default=0)
        sweep = {
            setting: [*values, *[values[-1]] * (most - len(values))]
            for setting, values in sweep.items()
        }
    return {"sweep_mode": "zip", **config, "sweep": sweep}


def _known(sweep: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    return {setting: values for setting, values in sweep.items() if setting in SWEEPABLE}


def _of_runs(
    runs: Mapping[str, Mapping[str, Any] | None], sweep: Mapping[str, Sequence[Any]]
) -> Iterator[str]:
    """Runs that set what is swept: the sweep would undo it, and two runs would be one."""
    for run, changes in runs.items():
        for setting in sweep:
            section, _, name = setting.partition(".")
            own = (changes or {}).get(section, {})
            if section in (changes or {}) if not name else isinstance(own, Mapping) and name in own:
                yield (
                    f"runs.{run}.{setting}: sweep sets it in every run; leave it out in one of both"
                )


def _unknown(setting: str) -> str:
    """An unknown setting, the likeliest one that was meant, and what can be swept."""
    inside = [one for one in SWEEPABLE if one.startswith(f"{setting}.")]
    if inside:
        return f"{setting!r} is a section; name a setting of it, such as {inside[0]!r}: [...]"
    if setting.partition(".")[0] in SECTIONS and setting.partition(".")[0] not in RUN_SECTIONS:
        return f"{setting!r} is the same in all runs; a run may change {', '.join(RUN_SECTIONS)}"
    named = [one for one in SWEEPABLE if one.rpartition(".")[2] == setting]
    close = named or difflib.get_close_matches(setting, SWEEPABLE, n=1)
    meant = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"unknown setting {setting!r}; {meant}settings are named as in 'clustering.tau'"
