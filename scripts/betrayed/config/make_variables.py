"""What is typed behind `make segment`, such as START=1:30, as settings."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from betrayed.errors import UserError

#: The names, and the setting that each gives.
VARIABLES = {
    "QUALITY": "quality",
    "START": "films.start",
    "END": "films.end",
    "STEP": "films.step",
    "HEIGHT": "films.height",
    "BLOCK": "training.checkpoint",
}
_TIMES, _COUNTS = ("START", "END"), ("STEP", "HEIGHT")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
#: Minutes and seconds, or hours before them; not a timecode, which counts frames at its end.
_TIME = re.compile(r"[0-9]+(:[0-5]?[0-9]){1,2}(\.[0-9]+)?")


def typed_settings(typed: Mapping[str, str]) -> dict[str, Any]:
    """A configuration of what was typed, to be laid over others.

    Args:
        typed: names of :data:`VARIABLES`, and the text behind each. A time may have minutes: 1:30
            is 90 seconds. What is no number where one is meant, or none that can be meant, stays
            text, which the checks refuse.

    Raises:
        UserError: a text is none: it has bytes, as of an old file's name, that are no UTF-8.
    """
    settings: dict[str, Any] = {}
    for name, text in typed.items():
        section, _, key = VARIABLES[name].rpartition(".")
        if any("\ud800" <= one <= "\udfff" for one in text):
            raise UserError(
                f"{name}= holds bytes that are no text in UTF-8 ({text!a}). Rename the file, "
                "or correct what was typed."
            )
        value = _meant(name, text)
        if section:
            settings.setdefault(section, {})[key] = value
        else:
            settings[key] = value
    return settings


def _meant(name: str, text: str) -> str | int | float:
    if name in _TIMES and _TIME.fullmatch(text):
        seconds = Decimal(0)
        for part in text.split(":"):
            seconds = 60 * seconds + Decimal(part)
        return _plain(seconds, text)
    if name in (*_TIMES, *_COUNTS) and _NUMBER.fullmatch(text):
        return _plain(Decimal(text), text)
    return text


def _plain(number: Decimal, text: str) -> str | int | float:
    """A number as YAML has it; the text where it is too large for one."""
    if not math.isfinite(float(number)):
        return text
    whole = number == number.to_integral_value()
    return int(number) if whole else float(number)
