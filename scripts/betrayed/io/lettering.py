"""The font that names are drawn in: it has the letters of many languages, unlike Pillow's own."""

from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font
from PIL import ImageFont

_FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


def font(size: float) -> ImageFont.FreeTypeFont:
    """The font, so many pixels high."""
    return ImageFont.truetype(str(_FONT), size)


def has_letters(text: str) -> bool:
    """Whether the font has all of a text, so that nothing is drawn as a box."""
    return all(ord(letter) in _letters() for letter in text)


@cache
def _letters() -> frozenset[int]:
    return frozenset(FT2Font(str(_FONT)).get_charmap())
