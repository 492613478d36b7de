"""One workflow at a time in a folder, and nothing to clear away after a crash."""

import fcntl
import os
import sys
from pathlib import Path
from typing import IO

from betrayed.engine.sole_maker import NO_LOCKS
from betrayed.errors import UserError


def claim_folder(folder: Path) -> IO[str]:
    """Claim ``folder`` for this process until it ends, however it ends.

    Snakemake's own lock outlives a killed process and then refuses every further run; this one is
    held by the operating system, which lets go of it together with the process. The profiles
    therefore run Snakemake with ``nolock``. Where the file system has no locks it goes on without
    one, and standard error says that.

    Returns:
        The open file that holds the claim; keep it.

    Raises:
        UserError: another process holds it, or nothing can be written there.
    """
    check_writable(folder)
    try:
        file = open(folder / "claim", "w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise UserError(_unwritable(folder / "claim", error.strerror)) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UserError(
            "Another snakemake is at work in this folder. Wait until it has finished, "
            "or work in another clone."
        ) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        print(
            f"{folder} is on a file system without locks ({error.strerror}): make sure that no "
            "other snakemake is at work here.",
            file=sys.stderr,
        )
    return file


def check_writable(folder: Path) -> None:
    """Check that files can be made in a folder, which is made where there is none.

    Raises:
        UserError: they cannot.
    """
    reason = "it is read only, or another user's"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(_unwritable(folder, reason))


def _unwritable(path: Path, reason: str | None) -> str:
    return (
        f"Nothing can be written into {path} ({reason}). Make it writable, with all that is in it, "
        "or work in another clone."
    )
