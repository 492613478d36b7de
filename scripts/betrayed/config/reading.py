"""Settings as programs are handed them: JSON objects made into their classes, and checked."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from betrayed.config.faults import faults_of
from betrayed.errors import UserError

Settings = TypeVar("Settings")


def read_settings(kind: type[Settings], text: str | bytes, where: str = "--settings") -> Settings:
    """Make settings of the class ``kind`` from a JSON object, as the workflow hands it to programs.

    Fields that the text leaves out keep their defaults; JSON lists become tuples.

    Args:
        kind: a class made by :func:`betrayed.config.knobs.settings`.
        text: the JSON object.
        where: where it comes from, for messages.

    Raises:
        UserError: the text is no JSON object, or something in it does not fit; all faults are
            named.
    """
    try:
        return adapter(kind).validate_json(text)
    except ValidationError as error:
        faults = [f"{where}: {fault}" for fault in faults_of(error, kind)]
        raise UserError("\n".join(faults)) from error


def checked(kind: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """The same from values at hand, such as those of a program's options."""
    return read_settings(kind, json.dumps(values), where)


@cache
def adapter(kind: Any) -> TypeAdapter:
    """What makes values of a type out of JSON."""
    return TypeAdapter(kind)
