"""What every command-line program of the workflow shares."""

import sys
from collections.abc import Callable

from betrayed.engine.usage import recorded
from betrayed.errors import UserError


def run(main: Callable[[], None]) -> None:
    """Call ``main``; print a :class:`UserError` for people and exit with status 1.

    What it took is written down where the workflow wants it, see :mod:`betrayed.engine.usage`.
    """
    try:
        with recorded():
            main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
