"""What is typed behind `make segment`, such as START=1:30, as settings."""

import re
from collections.abc import Mapping
from typing import Any

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
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
#: Minutes and seconds, or hours before them.
_TIME = re.compile(r"[0-9]+(:[0-9]+)+(\.[0-9]+)?")


def typed_settings(typed: Mapping[str, str]) -> dict[str, Any]:
    """A configuration of what was typed, to be laid over others.

    Args:
        typed: names of :data:`VARIABLES`, and the text behind each. A time may have minutes: 1:30
            is 90 seconds. What is no number where one is meant stays text, which the checks refuse.
    """
    settings: dict[str, Any] = {}
    for name, text in typed.items():
        section, _, key = VARIABLES[name].rpartition(".")
        value = _meant(name, text)
        if section:
            settings.setdefault(section, {})[key] = value
        else:
            settings[key] = value
    return settings


def _meant(name: str, text: str) -> str | int | float:
    if name in _TIMES and _TIME.fullmatch(text):
        seconds = 0.0
        for part in text.split(":"):
            seconds = 60 * seconds + float(part)
        return _plain(seconds)
    if name in (*_TIMES, *_COUNTS) and _NUMBER.fullmatch(text):
        return _plain(float(text))
    return text


def _plain(number: float) -> int | float:
    return int(number) if number.is_integer() else number
