"""Identifiers for videos: what paths, rules and tables can hold, whatever people call a video."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable

_FIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESERVED = ("all",)  # what tables call a whole data set
_LONGEST = 100  # of the 255 bytes that a file's name may have; suffixes and marks come behind it
_HASH = 6


def identifier(name: str) -> str:
    """What stands for a video in paths: its name, if that fits, else what fits of it and a mark.

    A name fits if it holds letters A-Z a-z, digits, '.', '_' and '-' alone, begins with a letter or
    a digit, is not 'all', and is not too long. The mark is of the name alone, so that a video keeps
    its identifier whatever others come or go: "my clip (1)" is my_clip_1-f8678c.
    """
    if _FIT.fullmatch(name) and name not in _RESERVED and len(name) <= _LONGEST:
        return name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9.-]+", "_", plain).strip("._-")[:_LONGEST]
    mark = hashlib.sha256(os.fsencode(name)).hexdigest()[:_HASH]
    return f"{words or 'video'}-{mark}"


def display_name(name: str) -> str:
    """A file's name as it can be shown and written: bytes that are no UTF-8 are replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def look_alike(name: str, names: Iterable[str]) -> str:
    """What is to be said of a name that is missing, where another looks the same; or nothing.

    Systems write é as one character or as two, and some do not tell capitals from small letters.
    """
    alike = (other for other in names if other != name and _as_seen(other) == _as_seen(name))
    other = next(alike, None)
    if other is None:
        return ""
    return (
        f" There is {display_name(other)}, which looks alike, but is written with other capitals "
        f"or another coding of its letters: rename one of them."
    )


def _as_seen(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
