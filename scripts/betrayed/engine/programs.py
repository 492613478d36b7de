"""What every command-line program of the workflow shares."""

import argparse
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from types import FrameType

from betrayed.errors import UserError

_interrupted = threading.Event()


def run(main: Callable[[], None]) -> None:
    """Call ``main``; print a :class:`UserError` for people and exit with status 1.

    What may not be read or written is one of these, wherever it turns up. After Ctrl-C none is one,
    see :func:`check_interrupted`.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        main()
    except UserError as error:
        check_interrupted()
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


def check_interrupted() -> None:
    """Call it where an error is taken for a fault of data, of which something would be left out.

    A library, such as torch where it reads weights, may make an error of its own of the
    KeyboardInterrupt that comes while it is at work, and the file would be called damaged.

    Raises:
        KeyboardInterrupt: Ctrl-C has been heard in a program under :func:`run`.
    """
    if _interrupted.is_set():
        raise KeyboardInterrupt from None


def _interrupt(number: int, frame: FrameType | None) -> None:
    """What Ctrl-C does."""
    _interrupted.set()
    signal.default_int_handler(number, frame)


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
