"""Sweeps: the runs that a configuration's lists of values stand for."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: The run that gives a sweep's runs no part of their names.
PLAIN = "default"
# What no name of a run may hold; "=" and "," are between the parts of a sweep's names.
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


@dataclass(frozen=True)
class Variant:
    """A run as the configuration asks for it.

    Attributes:
        name: of the run, part of paths.
        base: the name under ``runs`` that it comes from.
        changes: what it changes, section by section.
        swept: the values of the swept settings by dotted name; empty without a sweep.
    """

    name: str
    base: str
    changes: Mapping[str, Any]
    swept: Mapping[str, Any]


def variants(config: Mapping[str, Any]) -> list[Variant]:
    """The runs of a configuration: those under ``runs``, each once for every step of the sweep.

    In the order of ``runs``, then of the sweep; in a grid the last setting changes fastest.
    """
    sweep = config.get("sweep")
    steps = list(swept_values(sweep, config["sweep_mode"])) if sweep else [{}]
    return [
        Variant(_name(base, swept), base, _changed(changes or {}, swept), swept)
        for base, changes in config["runs"].items()
        for swept in steps
    ]


def swept_values(sweep: Mapping[str, Sequence[Any]], mode: str) -> Iterator[dict[str, Any]]:
    """The steps of a sweep, each with a value for every setting.

    Args:
        sweep: the values of each setting; at least one has some.
        mode: ``grid``, every value with every other; ``zip``, the first ones, the second ones, ….
    """
    steps = (
        zip(*sweep.values(), strict=True) if mode == "zip" else itertools.product(*sweep.values())
    )
    for values in steps:
        yield dict(zip(sweep, values, strict=True))


def label(swept: Mapping[str, Any]) -> str:
    """``tau=0.05,seed=1``: settings by the last part of their names where these differ.

    Holds letters, digits and ``._+-=,`` alone, so that it may be part of a path.
    """
    last = [setting.rpartition(".")[2] for setting in swept]
    short = len(set(last)) == len(last)
    names = last if short else list(swept)
    return ",".join(
        f"{name}={_text(value)}" for name, value in zip(names, swept.values(), strict=True)
    )


def _name(base: str, swept: Mapping[str, Any]) -> str:
    if not swept:
        return base
    return label(swept) if base == PLAIN else f"{base},{label(swept)}"


def _text(value: Any) -> str:
    """A value in characters that a path may hold."""
    if isinstance(value, list | tuple):
        return "+".join(map(_text, value)) or "none"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)  # 1 and 1.0 are one value
    text = value if isinstance(value, str) else json.dumps(value)
    return _UNSAFE.sub("-", text).strip("-" if isinstance(value, str) else "") or "-"


def _changed(changes: Mapping[str, Any], swept: Mapping[str, Any]) -> dict[str, Any]:
    """A run's changes with those of a step of the sweep."""
    result = dict(changes)
    for setting, value in swept.items():
        section, _, name = setting.partition(".")
        own = result.get(section, {})
        if not name:
            result[section] = value
        elif isinstance(own, Mapping):  # or else the checks say what is wrong with it
            result[section] = {**own, name: value}
    return result
