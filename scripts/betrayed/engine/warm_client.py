"""Start a program without paying for Python and its libraries: the side of the job.

Importing torch and timm takes longer than most jobs of a short video. So the first job of a
workflow starts a process that imports them, and every job is a fork of it (see
:mod:`betrayed.engine.warm_server`), with the command line, environment, folder, and standard
streams of the process that asked for it, which stays until the fork ends, and ends like it.

This is imported by every job and has to be quick: nothing here but the standard library.
"""

import fcntl
import marshal
import os
import resource
import signal
import socket
import stat
import struct
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from betrayed.engine.usage import FILE, STARTER

SERVED = "BETRAYED_WARM_START"  # Snakemake's process; 0: programs start plainly
HEADER = struct.Struct("!I")  # length of the request, which follows
ANSWER = struct.Struct("!i")  # the fork's process, then its wait status; 0: start plainly
SERVE = "--serve"
_SERVER = Path(__file__).with_name("warm_server.py")
_START = Path(__file__).parents[2] / "start.py"
_LOG = Path(".snakemake", "warm_start.log")


def start(arguments: list[str]) -> NoReturn:
    """Become the program, or stand for it until it ends and end in the same way.

    Where there is no warm process and none can be started, the program starts as it always does.

    Args:
        arguments: ``--usage`` and a path, ``--pool`` and a name, if wanted; the program's path; its
            own arguments.
    """
    pool = ""
    while arguments[0] in ("--usage", "--pool"):
        option, value, *arguments = arguments
        if option == "--usage":
            os.environ[FILE] = value
        else:
            pool = value
    connection = socket.socket(socket.AF_UNIX)
    try:
        _ask(connection, pool, arguments)
        fork = _number(connection)
    except OSError:
        fork = None
    if fork:
        _stand_for(fork, connection)
    os.execv(sys.executable, [sys.executable, *arguments])


def status(process: int) -> list[str]:
    """What ``/proc`` says of a process, from its state on: the second is its parent."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def identity(process: int) -> str:
    """What names a process as long as the machine runs: its number, and when it began."""
    return f"{process}-{status(process)[19]}"


def _ask(connection: socket.socket, pool: str, arguments: list[str]) -> None:
    """Send the request.

    Raises:
        OSError: nobody is there to read it.
    """
    served = identity(_served())
    folder = _private_folder()
    name = _name(folder, pool)
    try:
        connection.connect(name)
    except (FileNotFoundError, ConnectionRefusedError):
        _start_server(folder, name, served)
        connection.connect(name)
    request = {
        "served": served,
        "arguments": arguments,
        "folder": str(Path.cwd()),
        "environment": {**os.environ, STARTER: str(os.getpid())},
    }
    text = marshal.dumps(request)
    # Nothing is ever written to the pipe: its other end stays open here as long as this lives.
    end, _ = os.pipe()
    socket.send_fds(connection, [HEADER.pack(len(text))], [0, 1, 2, end])
    connection.sendall(text)


def _served() -> int:
    """The Snakemake process that this job belongs to.

    Raises:
        ProcessLookupError: there is none, or it is not on this machine (as in a SLURM job).
    """
    process, served = os.getpid(), os.environ.get(SERVED)
    while process and str(process) != served:
        process = int(status(process)[1])
    if not process:
        raise ProcessLookupError
    return process


def _private_folder() -> int:
    """The folder of the sockets, opened; nobody but this user can look into it.

    Raises:
        PermissionError: somebody can.
    """
    path = Path(os.environ.get("TMPDIR") or "/tmp", f"betrayed-warm-{os.getuid()}")
    path.mkdir(mode=0o700, exist_ok=True)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    found = os.fstat(folder)
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise PermissionError(f"{path} is open to others")
    return folder


def _name(folder: int, pool: str) -> str:
    """The socket's name: one for each pool, Python, clone, and version of what is spoken.

    It leads through the open folder, since a socket's path has 108 bytes at most. Should two have
    one name by chance, the process serves one of their Snakemakes, and sends other jobs away.
    """
    settings = sorted(item for item in os.environ.items() if item[0].startswith("PYTHON"))
    parts = [sys.executable, __file__, settings, Path(__file__).read_text(), _SERVER.read_text()]
    return f"/proc/self/fd/{folder}/{pool}-{zlib.crc32(repr(parts).encode()):08x}"


def _start_server(folder: int, name: str, served: str) -> None:
    """Start the warm process, unless another job has just done so."""
    import subprocess

    fcntl.flock(folder, fcntl.LOCK_EX)
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(name) == 0:
            return
    Path(name).unlink(missing_ok=True)
    # Libraries learn how many threads they have when they are loaded. With one they start none,
    # as it has to be in a process that forks; each fork is then given as many as its job has.
    one = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    # The socket is there before the process that listens: jobs wait in its queue until it is warm.
    with socket.socket(socket.AF_UNIX) as listener, _LOG.open("ab") as log:
        listener.bind(name)
        listener.listen(4096)
        subprocess.Popen(
            [sys.executable, _START, SERVE, str(listener.fileno()), os.path.realpath(name), served],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[listener.fileno()],
            env={**os.environ, **one, "JE_ARROW_MALLOC_CONF": "background_thread:false"},
        )
    fcntl.flock(folder, fcntl.LOCK_UN)


def _number(connection: socket.socket) -> int | None:
    """What the warm process answers; None: it is no more."""
    try:
        answer = connection.recv(ANSWER.size, socket.MSG_WAITALL)
    except ConnectionError:
        return None
    return ANSWER.unpack(answer)[0] if len(answer) == ANSWER.size else None


def _stand_for(fork: int, connection: socket.socket) -> NoReturn:
    """Wait for the fork, and end as it does. When this is killed the fork is, see its lifeline."""

    def interrupt(*_: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(fork, signal.SIGINT)

    signal.signal(signal.SIGINT, interrupt)
    ended = _number(connection)
    if ended is None:
        print("error: the process that this job was forked from has ended.", file=sys.stderr)
        os._exit(1)
    if os.WIFSIGNALED(ended):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the fork has left its own
        with suppress(OSError):  # of some signals nothing can be changed
            signal.signal(os.WTERMSIG(ended), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(ended))
    os._exit(os.waitstatus_to_exitcode(ended))
