"""What is wrong with settings, in words for people."""

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from pydantic import ValidationError

_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a section of settings",
    "dataclass_type": "a section of settings",
    "dataclass_exact_type": "a section of settings",
}
_LIMITS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
# Such as 1.5e-4: whole, fraction and exponent.
_NUMBER = re.compile(r"([-+]?[0-9]+)(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_SIZES = {"too_short": "at least {min_length} of them", "too_long": "at most {max_length} of them"}


def faults_of(error: ValidationError, kind: Any, prefix: str = "") -> Iterator[str]:
    """Each fault that pydantic found: the dotted key, what it must be, and what it is.

    Args:
        error: pydantic's.
        kind: the class that was to be made, whose fields are known keys.
        prefix: before the keys, such as ``training.``.
    """
    for one in error.errors(include_url=False):
        *path, last = one["loc"] or ("",)
        if one["type"] == "unexpected_keyword_argument":
            known = [field.name for field in fields(_class_at(kind, path))]
            where = ".".join(map(str, [*filter(None, [prefix.rstrip(".")]), *path]))
            yield (f"{where}: " if where else "") + unknown_key(str(last), known)
        else:
            key = (prefix + ".".join(map(str, one["loc"]))).rstrip(".")
            yield (f"{key} " if not key else f"{key}: ").lstrip() + _reason(one)


def unknown_key(name: str, known: Iterable[str]) -> str:
    """That there is no such key, the likeliest one that was meant, and all there are."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ";"
    return f"unknown key {name!r}{meant} known: {', '.join(known)}"


def _class_at(kind: Any, path: Iterable[str | int]) -> Any:
    """The class of settings that lies at a path of fields below another."""
    for name in path:
        hint = next(field.type for field in fields(kind) if field.name == name)
        kind = next(one for one in getattr(hint, "__args__", (hint,)) if one is not type(None))
    return kind


def _reason(fault: dict[str, Any]) -> str:
    """One fault, without its key."""
    kind, value, context = fault["type"], fault["input"], fault.get("ctx", {})
    if kind == "missing":
        return "must be given"
    if kind == "json_invalid":
        return f"this is not JSON ({context['error']})"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", context["expected"])
        close = difflib.get_close_matches(str(value), allowed, n=1)
        meant = f"; did you mean {close[0]!r}?" if close else ""
        return f"must be one of {', '.join(map(repr, allowed))}, not {_shown(value)}{meant}"
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}, not {_shown(value)}{_hint(kind, value)}"
    if kind in _LIMITS:
        words, name = _LIMITS[kind]
        return f"must be {words} {context[name]:g}, not {_shown(value)}"
    if kind in _SIZES:
        return f"must hold {_SIZES[kind].format(**context)}, not {context['actual_length']}"
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "string_pattern_mismatch":
        return f"must be of the form {context['pattern']}, not {value!r}"
    return f"{fault['msg']}, not {value!r}"


def _shown(value: Any) -> str:
    """A value as it stands in a file of settings."""
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else repr(value)


def _hint(kind: str, value: Any) -> str:
    """What to write in place of what was meant to be something else."""
    if kind in ("int_type", "int_from_float") and isinstance(value, int | float | str):
        return _whole(value)
    if not isinstance(value, str):
        return ""
    if kind == "tuple_type":
        return f": write [{value}]"
    if kind == "bool_type" and value.lower() in ("true", "false", "yes", "no", "on", "off"):
        return " (it is text: take off the quotes)"
    if kind == "float_type" and ":" in value:
        return ": times are in seconds; behind make START= and END= take 1:30 and 1:02:03, too"
    number = _NUMBER.fullmatch(value) if kind == "float_type" else None
    if number is None or not math.isfinite(float(value)):
        return ""
    whole, fraction, exponent = number.groups()
    if not exponent or (fraction and exponent[1] in "+-"):
        return " (it is text: take off the quotes)"
    sign = "" if exponent[1] in "+-" else "+"
    meant = f"{whole}{fraction or '.0'}{exponent[0]}{sign}{exponent[1:]}"
    return f" (YAML reads {value} as text: write {meant})"


def _whole(value: float | str) -> str:
    """What to write in place of a number that is whole, but not written as such: 1e5, 3.0, "3"."""
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        return ""
    if not math.isfinite(number := float(value)) or not number.is_integer():
        return ""
    if isinstance(value, str) and value.lstrip("+-").isdigit():
        return " (it is text: take off the quotes)"
    return f": write {int(number)}"
