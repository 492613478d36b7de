"""One workflow at a time in a folder, and nothing to clear away after a crash."""

import fcntl
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
