"""One workflow at a time in a folder, and nothing to clear away after a crash."""

import fcntl
import os
from pathlib import Path
from typing import IO

from betrayed.errors import UserError


def claim_folder(folder: Path) -> IO[str]:
    """Claim ``folder`` for this process until it ends, however it ends.

    Snakemake's own lock outlives a killed process and then refuses every further run; this one is
    held by the operating system, which lets go of it together with the process. The profiles
    therefore run Snakemake with ``nolock``.

    Returns:
        The open file that holds the claim; keep it.

    Raises:
        UserError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = open(folder / "claim", "w", encoding="utf-8")  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UserError(
            "Another snakemake is at work in this folder. Wait until it has finished, "
            "or work in another clone."
        ) from None
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
        raise UserError(
            f"Nothing can be written into {folder} ({reason}). Make it writable, with all that is "
            "in it, or work in another clone."
        )
