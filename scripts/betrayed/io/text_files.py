"""Texts and JSON that people made, in the encodings that their editors write."""

import codecs
import json
import re
from pathlib import Path
from typing import Any

from betrayed.errors import UserError

#: Marks at the beginning by which an encoding is known; all other files are UTF-8. UTF-32's begins
#: like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(path: str | Path) -> str:
    """A text file without its mark; UTF-8, or what the mark at its beginning says.

    Raises:
        FileNotFoundError: it is missing.
        UserError: it cannot be read, or is in another encoding.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from error
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is no text in UTF-8 (byte {error.start}: {error.reason}). Save it as UTF-8."
        ) from error


def read_lines(path: str | Path) -> list[str]:
    """The lines of a text file, without the blank ones and those that begin with #.

    Raises:
        FileNotFoundError: it is missing.
        UserError: see :func:`read_text`.
    """
    lines = [line.strip() for line in re.split(r"[\r\n]+", read_text(path))]
    return [line for line in lines if line and not line.startswith("#")]


def load_json(path: str | Path) -> Any:
    """What a JSON file holds.

    Raises:
        FileNotFoundError: it is missing.
        UserError: it is no text, see :func:`read_text`.
        ValueError: it is not whole JSON, or nested deeper than can be meant.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("lists within lists without end") from error
