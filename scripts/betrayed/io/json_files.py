"""JSON files that the workflow writes for its programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from betrayed.errors import UserError
from betrayed.io.files import whole_file


def write_json(path: str | Path, value: Any) -> None:
    """Write what JSON can hold, objects in their order.

    Raises:
        ShortageError: there is no room for it.
    """
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(value), encoding="utf-8")


def read_json(path: str | Path, kind: type) -> Any:
    """Read a JSON file that must hold a ``list`` or a ``dict``.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, kind):
        raise UserError(f"{path} must hold a JSON {'list' if kind is list else 'object'}.")
    return value


def read_json_list(path: str | Path, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Read a list of objects that have the ``keys``.

    Raises:
        UserError: as :func:`read_json`, or an entry lacks a key.
    """
    entries = read_json(path, list)
    for entry in entries:
        if not isinstance(entry, dict) or not set(keys) <= set(entry):
            raise UserError(f"{path}: every entry needs {', '.join(keys)}, unlike {entry!r}.")
    return entries
