"""How CSV is quoted, so that every text comes back as it was written."""

import csv
from collections.abc import Iterable


def quoting(texts: Iterable[object]) -> int:
    """What to give to ``csv`` and pandas as ``quoting`` for a table with these texts.

    Before Python 3.13 ``csv`` leaves a carriage return without quotes unless lines end with one,
    and whoever reads the table takes it for the end of a line.
    """
    returns = any("\r" in text for text in texts if isinstance(text, str))
    return csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
