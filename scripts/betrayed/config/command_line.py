"""Settings that are typed behind ``--config``: Snakemake hands over as text all that is nested."""

import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from betrayed.config.sections import SECTIONS

_NOTHING = ("null", "~")
#: As YAML 1.1 has them, which reads the files of settings.
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


def understood(typed: Mapping[str, Any]) -> dict[str, Any]:
    """What is typed, each text made into what its setting takes.

    A text stays one where the setting takes text, and where it is nothing that the setting takes:
    the checks say so.

    Args:
        typed: a part of a configuration, as Snakemake makes it of ``--config``.
    """
    result: dict[str, Any] = {}
    for name, value in typed.items():
        if name == "runs" and isinstance(value, Mapping):
            result[name] = {run: _changes(changes) for run, changes in value.items()}
        elif name == "sweep" and isinstance(value, Mapping):
            result[name] = {key: _each(values, _kind_of(key)) for key, values in value.items()}
        else:
            result[name] = _meant(value, SECTIONS.get(name, Any))
    return result


def _changes(changes: Any) -> Any:
    """What a run changes."""
    return understood(changes) if isinstance(changes, Mapping) else _meant(changes, Any | None)


def _kind_of(setting: str) -> Any:
    """The type of a setting, by its dotted name."""
    section, *names = setting.split(".")
    kind = SECTIONS.get(section, Any)
    for name in names:
        kind = next((_fields(one).get(name, Any) for one in _kinds(kind) if _fields(one)), Any)
    return kind


def _meant(value: Any, kind: Any) -> Any:
    kinds = _kinds(kind)
    if isinstance(value, Mapping):
        fields = next(filter(None, map(_fields, kinds)), {})
        other = next((get_args(one)[1] for one in kinds if get_origin(one) is dict), Any)
        return {name: _meant(one, fields.get(name, other)) for name, one in value.items()}
    if isinstance(value, list):
        return _each(value, next((get_args(one)[0] for one in kinds if _is_list(one)), Any))
    return _word(value, kinds) if isinstance(value, str) else value


def _each(values: Any, kind: Any) -> Any:
    return [_meant(one, kind) for one in values] if isinstance(values, list) else values


def _word(text: str, kinds: list[Any]) -> Any:
    if NoneType in kinds and text.lower() in _NOTHING:
        return None
    if str in kinds or any(text in get_args(one) for one in kinds if get_origin(one) is Literal):
        return text
    if bool in kinds and text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if int in kinds and _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if float in kinds and _NUMBER.fullmatch(text) else text


def _kinds(kind: Any) -> list[Any]:
    """The types that a value may have."""
    if get_origin(kind) is Annotated:
        return _kinds(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [one for part in get_args(kind) for one in _kinds(part)]
    return [kind]


def _fields(kind: Any) -> dict[str, Any]:
    """The settings of a section with their types; none of what is no section."""
    fields = getattr(kind, "__pydantic_fields__", {})
    return {name: field.annotation for name, field in fields.items()}


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is tuple
