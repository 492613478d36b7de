"""What every command-line program of the workflow shares."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path

from betrayed.errors import UserError


def run(main: Callable[[], None]) -> None:
    """Call ``main``; print a :class:`UserError` for people and exit with status 1.

    What may not be read or written is one of these, wherever it turns up.
    """
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except PermissionError as error:
        if error.filename is None:
            raise
        # Of a file that is not there, a temporary one mostly, its folder is what lets none be made.
        path = Path(os.fsdecode(error.filename))
        where = path if os.path.lexists(path) else path.parent
        print(
            f"error: {where} cannot be read or written ({error.strerror}). Change its "
            f"permissions, or who runs this.",
            file=sys.stderr,
        )
        sys.exit(1)


def run_in_rule(main: Callable[[], None], log: str) -> None:
    """The same for what Snakemake runs as a rule's ``script:``; all that it says is in the log."""
    with open(log, "w", encoding="utf-8") as file, redirect_stderr(file):
        try:
            run(main)
        except Exception:
            traceback.print_exc()
            sys.exit(1)


def add_batch_options(parser: argparse.ArgumentParser) -> None:
    """The options of a program that works on a batch, see :mod:`betrayed.engine.batches`."""
    parser.add_argument("--record", required=True, help="record of the batch to write (JSON)")
    parser.add_argument("--output-folder", required=True, help="folder of the videos' artefacts")
    parser.add_argument(
        "--redo",
        type=int,
        default=0,
        help="1: compute all videos of the batch; 0: those that are missing or out of date",
    )


def started_by_torchrun() -> bool:
    """Whether torchrun has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ
