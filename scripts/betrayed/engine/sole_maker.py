"""One process at a time makes an output, on whatever machine of a cluster it runs.

On a cluster jobs outlive the main process that submitted them, and the next run submits the same
work once more. A lock on a file beside the output parts them. The operating system holds it, over
network file systems as well, and lets go of it when its process ends, however that ends: nothing
is stale but on NFS 3, whose server knows of no death of a machine. There, deleting the file helps.
"""

import errno
import fcntl
import os
import random
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from betrayed.io.files import room

#: What file systems without locks say.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_SECONDS = (1.0, 2.0)  # between two looks


@contextmanager
def sole_maker(path: str | Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` inside the block, and remove it afterwards.

    While another process holds it this waits, and standard error says for whom. Where the file
    system has no locks it goes on without one, and says that, too.

    What was to be made may be there by then.

    Args:
        path: of the lock file; its folder is made.
        what: the output, for the messages.

    Raises:
        ShortageError: there is no room for the file.
    """
    path = Path(path)
    waited = False
    with room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            while (file := _locked(path)) is None:
                if not waited:
                    _tell(
                        f"{what} is being made by {_holder(path)}: waiting. If that is gone for "
                        f"good, delete {path}."
                    )
                waited = True
                time.sleep(random.uniform(*_SECONDS))
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            _tell(
                f"{path.parent} is on a file system without locks ({error.strerror}): make sure "
                f"that no other job makes {what}."
            )
            path.unlink(missing_ok=True)
            file = None
    if file is None:
        yield
        return
    try:
        with suppress(OSError):  # it is for people
            os.write(file, _own_name().encode())
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(file)


def _locked(path: Path) -> int | None:
    """The open and locked file; None: another process holds it."""
    while True:
        # Opened anew at each look: its holder removes it, and so may whoever knows better.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            own, there = os.fstat(file), path.stat()
            if own.st_nlink and (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino):
                os.ftruncate(file, 0)
                return file
        except BlockingIOError:
            os.close(file)
            return None
        except FileNotFoundError:  # removed between the two
            pass
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _own_name() -> str:
    job = os.environ.get("SLURM_JOB_ID")
    of_job = f", SLURM job {job}" if job else ""
    return f"process {os.getpid()} on {socket.gethostname()}{of_job}"


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except (OSError, UnicodeDecodeError):
        return "another process"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
