"""Settings as programs are handed them: JSON objects made into dataclasses, and checked."""

import dataclasses
import json
import typing
from typing import Any, TypeVar

from betrayed.errors import UserError

Settings = TypeVar("Settings")


def read_settings(kind: type[Settings], text: str) -> Settings:
    """Make the dataclass ``kind`` from a JSON object, as the workflow hands it to a program.

    Fields that the text leaves out keep their defaults; JSON lists become tuples.

    Raises:
        UserError: the text is no JSON object, or a key or a type does not fit.
    """
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"--settings is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise UserError("--settings must be a JSON object such as '{\"tau\": 0.3}'.")
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    for name, value in values.items():
        if name not in names:
            raise UserError(
                f"--settings: there is no setting {name!r}. There are: {', '.join(names)}."
            )
        values[name] = _fit(name, value, hints[name])
    needed = [
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing := [name for name in needed if name not in values]:
        raise UserError(f"--settings: {', '.join(missing)} must be given.")
    return kind(**values)


def _fit(name: str, value: Any, hint: Any) -> Any:
    """``value`` as the type of a dataclass field, or a UserError."""
    choices = typing.get_args(hint) if typing.get_origin(hint) is not tuple else (hint,)
    plain = {typing.get_origin(choice) or choice for choice in choices or (hint,)}
    if typing.Literal in {typing.get_origin(hint)}:
        if value in choices:
            return value
        raise UserError(f"--settings: {name} must be one of {choices}, not {value!r}.")
    if isinstance(value, list) and tuple in plain:
        return tuple(value)
    if isinstance(value, int) and not isinstance(value, bool) and float in plain:
        return float(value)
    if any(type(value) is one for one in plain):
        return value
    wanted = " or ".join(sorted(one.__name__ for one in plain))
    raise UserError(f"--settings: {name} must be {wanted}, not {value!r}.")
