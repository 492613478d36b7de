"""Start programs without paying for Python and its libraries: the side that has paid.

A process that imports libraries, though never this project's own modules, which may be edited
meanwhile, and that forks itself for each job. What goes wrong in a fork, even a crash, stays there.
It has one thread and looks for no GPU, so that forks can choose theirs
(:mod:`betrayed.engine.leasing`).
"""

import atexit
import ctypes
import fcntl
import gc
import importlib
import marshal
import os
import runpy
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from betrayed.engine.sources import libraries
from betrayed.engine.warm_client import ANSWER, HEADER, identity

IDLE = 60.0  # seconds without a job, after which the process ends
# What libraries import only when they are first used.
_LATE = {
    "PIL": [f"PIL.{kind}ImagePlugin" for kind in ("Bmp", "Gif", "Jpeg", "Png", "Ppm")],
    "pandas": ["pandas.io.formats.csvs", "pyarrow.pandas_compat"],
    "torch": ["torch.utils.serialization.config"],
    "tqdm": ["multiprocessing.synchronize"],
}
_DIE_WITH_PARENT = 1  # Linux, prctl: PR_SET_PDEATHSIG


def serve(listener: int, name: str, served: str) -> None:
    """Fork for each request, until Snakemake has ended, or nothing was asked for a while.

    A fork does not return: it runs its program, and ends.

    Args:
        listener: the number of the open socket that listens.
        name: its path.
        served: the Snakemake process, see :func:`betrayed.engine.warm_client.identity`.
    """
    # Ctrl-C reaches every process of a terminal: the forks end by it in their own time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = int(served.partition("-")[0])
    snakemake = os.pidfd_open(process)
    if identity(process) != served:
        return
    own = os.getpid()
    jobs = socket.socket(fileno=listener)
    forks: dict[int, tuple[int, socket.socket]] = {}  # by a file that is ready when one has ended
    closing = False
    while True:
        wait = None if forks else 0 if closing else IDLE
        ready = _ready([snakemake, listener, *forks], wait)
        if snakemake in ready:
            Path(name).unlink(missing_ok=True)
            os._exit(0)  # and the forks die with this process
        for ended in ready & set(forks):
            os.close(ended)
            fork, connection = forks.pop(ended)
            _answer(connection, os.waitpid(fork, 0)[1])
            connection.close()
        if listener in ready:
            connection, _ = jobs.accept()
            request, files = _receive(connection)
            fork = _fork() if request.get("served") == served and _warm(request) else None
            if fork == 0:
                for file in (snakemake, *forks):
                    os.close(file)
                for other in (jobs, connection, *(one for _, one in forks.values())):
                    other.close()
                _run(request, files, own)
            for file in files:
                os.close(file)
            _answer(connection, fork or 0)
            if fork:
                forks[os.pidfd_open(fork)] = fork, connection
            else:
                connection.close()
        elif not ready and closing:
            return
        elif not ready:
            # Jobs that have connected until now are in the queue; later ones start a new process.
            Path(name).unlink(missing_ok=True)
            closing = True


def _ready(files: list[int], seconds: float | None) -> set[int]:
    """Those of the files that something has happened to, after so many seconds at the latest."""
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    return {file for file, _ in poll.poll(None if seconds is None else 1000 * seconds)}


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """A request, and the files that came with it; empty when something is wrong with it."""
    connection.settimeout(10)
    files: list[int] = []
    try:
        received = socket.recv_fds(connection, HEADER.size, 4, socket.MSG_CMSG_CLOEXEC)
        files = received[1]
        with connection.makefile("rb") as stream:
            return marshal.loads(stream.read(*HEADER.unpack(received[0]))), files
    except (OSError, EOFError, TypeError, ValueError, struct.error):
        return {}, files


def _answer(connection: socket.socket, number: int) -> None:
    with suppress(OSError):  # it has gone, and its fork with it
        connection.sendall(ANSWER.pack(number))


def _warm(request: dict[str, Any]) -> bool:
    """Import what a program imports from elsewhere; whether this process may fork itself then."""
    before = len(sys.modules)
    for name in _libraries(request["arguments"][0]):
        # What is missing, the program will say. Some names are functions, not modules.
        with suppress(Exception):
            importlib.import_module(name)
    if len(sys.modules) > before:
        gc.collect()
        gc.freeze()  # so that forks, collecting, do not copy all of it
    return len(list(Path("/proc/self/task").iterdir())) == 1


@cache
def _libraries(program: str) -> list[str]:
    """What to import for a program."""
    names: list[str] = []
    with suppress(OSError, SyntaxError):
        names = sorted(libraries(Path(program).stem))
    return [*names, *(late for one in _LATE if one in names for late in _LATE[one])]


def _fork() -> int | None:
    """As :func:`os.fork`; None: there is no memory or process left for it."""
    try:
        return os.fork()
    except OSError:
        return None


def _run(request: dict[str, Any], files: list[int], parent: int) -> NoReturn:
    """Run the program in this process, as if it had been started from the command line."""
    *streams, lifeline = files
    _live_with(parent, lifeline)
    for number, file in enumerate(streams):
        os.dup2(file, number)
        os.close(file)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())
    signal.signal(signal.SIGINT, _interrupt)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None
    _set_threads(os.environ.get("OMP_NUM_THREADS", ""))
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # Python's own generator sees to that itself
    for name in [name for name in sys.modules if name.partition(".")[0] == "betrayed"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    sys.argv = request["arguments"]
    program = Path(sys.argv[0]).resolve()
    sys.path[0] = str(program.parent)
    Path("/proc/self/comm").write_text(program.stem)
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    # Done well: all files are closed, and to clear away the libraries would take longer than many
    # a job does. What Python does before that is done.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _live_with(parent: int, lifeline: int) -> None:
    """End this process when its parent ends, however it does, or the one that asked for it.

    Both by the kernel: the parent may be busy importing when the other is killed.
    """
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
    if os.getppid() != parent or _ready([lifeline], 0):  # one of them has ended before
        os._exit(1)


def _interrupt(*_: object) -> NoReturn:
    """Ctrl-C may come twice, from the terminal and passed on: once is enough."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _set_threads(number: str) -> None:
    """Give the libraries the threads of this job.

    They have read the variables when they were loaded, in a process that was to have one thread.
    torch (with OpenMP and MKL) and OpenCV are told by their own functions; so is NumPy's OpenBLAS,
    through threadpoolctl where it is installed. Programs with ``--threads`` have the last word.
    """
    threads = int(number) if number.isdecimal() else len(os.sched_getaffinity(0))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(threads)
    if threads > 1:
        with suppress(ImportError):
            importlib.import_module("threadpoolctl").threadpool_limits(threads)
