"""Ctrl-C and SIGTERM in a run that has jobs on a cluster: heard whenever they come, and once."""

import os
import shutil
import signal
import subprocess
import threading
from types import FrameType

_LATER = 0.1  # seconds


def heed_interrupts(*numbers: int) -> None:
    """Let signals end this process as Ctrl-C does, by a KeyboardInterrupt in the main thread.

    Snakemake's log handler drops one that comes while it writes a line, and the run would go on: so
    then the signal is sent again a moment later. After the first that is heard others do nothing:
    a second Ctrl-C would cut short the cancelling of jobs.

    Args:
        numbers: of the signals. One that is ignored stays so: that of Ctrl-C is, in what a shell
            script starts with ``&``.
    """
    heard = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        if heard:
            return
        if _writes_a_line(frame):
            later = threading.Timer(_LATER, os.kill, (os.getpid(), number))
            later.daemon = True
            later.start()
            return
        heard = True
        raise KeyboardInterrupt

    for number in numbers:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)


def _writes_a_line(frame: FrameType | None) -> bool:
    """Whether a log handler was at work where the signal came."""
    while frame is not None:
        if frame.f_code.co_name == "emit":
            return True
        frame = frame.f_back
    return False


def cancel_jobs(name: str) -> None:
    """Cancel the jobs of that name on a SLURM, where there are any.

    Snakemake cancels those that it knows of, and none that were just being submitted.
    """
    if shutil.which("scancel"):
        subprocess.run(["scancel", f"--name={name}"], check=False, timeout=120)
