"""Programs forked from a warm process behave as those that are started; crashes stay in them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from betrayed.engine import warm_client
from betrayed.engine.sources import libraries
from betrayed.engine.usage import FILE
from support.paths import ROOT, SCRIPTS

pytestmark = pytest.mark.slow

START = SCRIPTS / "start.py"
SHOW = """
import os, sys
print(os.getpid(), os.getppid(), sys.argv[1:], os.getcwd(), os.environ.get("COLOUR"), __name__)
print("to stderr", file=sys.stderr)
sys.stdout.write(sys.stdin.read())
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder as Snakemake's, which this process stands for; its warm process is ended after."""
    (tmp_path / ".snakemake").mkdir()
    (tmp_path / "sockets").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "sockets"))
    monkeypatch.setenv(warm_client.SERVED, str(os.getpid()))
    yield tmp_path
    for server in servers():
        os.kill(server, signal.SIGKILL)


def servers():
    """The warm processes of this test."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            here = (process / "cwd").resolve() == Path.cwd()
            parent = warm_client.status(int(process.name))[1]
        except (OSError, IndexError):
            continue
        mine = b"--serve" in words and here
        if mine and not is_server(int(parent)):
            found.append(int(process.name))
    return found


def is_server(process):
    try:
        return b"--serve" in Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def command(code, *arguments, options=()):
    Path("program.py").write_text(code)
    return [sys.executable, str(START), *options, "program.py", *arguments]


def run(code, *arguments, options=(), **kinds):
    return subprocess.run(
        command(code, *arguments, options=options), capture_output=True, text=True, **kinds
    )


def wait_for(condition):
    until = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)
    return found


def parent_of(done):
    return int(done.stdout.split()[1])


def test_a_fork_is_given_what_its_starter_has(folder):
    environment = {**os.environ, "COLOUR": "grün"}
    done = run(SHOW, "--tau", "0.3", "ü b", input="from stdin\n", env=environment)
    [server] = servers()
    assert parent_of(done) == server
    said, passed = done.stdout.splitlines()
    assert said.endswith(f"['--tau', '0.3', 'ü b'] {folder} grün __main__")
    assert passed == "from stdin"
    assert done.stderr == "to stderr\n"
    assert done.returncode == 0
    again = run(SHOW, input="")
    assert parent_of(again) == server
    assert "[] " in again.stdout and " None " in again.stdout


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("raise SystemExit(7)", 7),
        ("raise SystemExit('so it is')", 1),
        ("1 / 0", 1),
        ("import os; os._exit(3)", 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("import atexit; atexit.register(print, 'last')", 0),
    ],
)
def test_a_starter_ends_as_its_fork_does_and_the_next_job_runs(folder, code, status):
    server = parent_of(run(SHOW, input=""))
    done = run("open('runs', 'a').write('once ')\n" + code)
    assert done.returncode == status
    assert Path("runs").read_text() == "once "
    assert ("so it is" in done.stderr) == ("so it is" in code)
    assert ("ZeroDivisionError" in done.stderr) == ("1 / 0" in code)
    assert ("last" in done.stdout) == ("last" in code)
    assert parent_of(run(SHOW, input="")) == server


LONG = """
import os, pathlib, time
pathlib.Path("begun").write_text(str(os.getpid()))
try:
    while True:
        time.sleep(0.01)
finally:
    pathlib.Path("tidied").touch()
"""


def begin(code=LONG, **kinds):
    """A job that has begun, and the number of its fork."""
    Path("begun").unlink(missing_ok=True)
    job = subprocess.Popen(command(code), stderr=subprocess.DEVNULL, **kinds)
    return job, int(wait_for(lambda: Path("begun").is_file() and Path("begun").read_text()))


def gone(process):
    """Whether a process has ended, be it that nobody has asked for its end yet."""
    try:
        return warm_client.status(process)[0] in "ZX"
    except OSError:
        return True


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_fork_ends_with_its_starter_even_when_the_server_is_busy(folder, how):
    server = parent_of(run(SHOW, input=""))
    job, fork = begin()
    assert not gone(fork)
    os.kill(server, signal.SIGSTOP)
    job.send_signal(how)
    assert job.wait() == -how
    wait_for(lambda: gone(fork))
    os.kill(server, signal.SIGCONT)
    assert not Path("tidied").exists()
    assert parent_of(run(SHOW, input="")) == server


def test_an_interrupted_job_tidies_up(folder):
    job, fork = begin()
    job.send_signal(signal.SIGINT)
    assert job.wait() == -signal.SIGINT
    assert gone(fork)
    assert Path("tidied").exists()


def test_forks_end_with_their_server(folder):
    job, fork = begin()
    [server] = servers()
    os.kill(server, signal.SIGKILL)
    assert job.wait() == 1
    wait_for(lambda: gone(fork))
    assert parent_of(run(SHOW, input="")) != server


def test_a_killed_process_group_leaves_nothing(folder):
    job, fork = begin(start_new_session=True)
    [server] = servers()
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    wait_for(lambda: gone(fork) and gone(server))


SNAKEMAKE = """
import os, subprocess, sys
os.environ[{served!r}] = str(os.getpid())
subprocess.run([sys.executable, {start!r}, "long.py"])
"""


def test_a_server_ends_with_the_snakemake_it_serves(folder):
    Path("long.py").write_text(LONG)
    code = SNAKEMAKE.format(served=warm_client.SERVED, start=str(START))
    snakemake = subprocess.Popen([sys.executable, "-c", code])
    fork = int(wait_for(lambda: Path("begun").is_file() and Path("begun").read_text()))
    [server] = servers()
    # Another Snakemake's jobs are sent away, and start plainly.
    assert parent_of(run(SHOW, input="")) == os.getpid()
    snakemake.kill()
    snakemake.wait()
    wait_for(lambda: gone(server) and gone(fork))
    assert not [path for path in (folder / "sockets").rglob("*") if path.is_socket()]


def test_an_idle_server_ends(folder):
    served = warm_client.identity(os.getpid())
    code = (
        f"import sys; sys.path.insert(0, {str(START.parent)!r})\n"
        "from betrayed.engine import warm_server; warm_server.IDLE = 0.01\n"
        "import socket; s = socket.socket(socket.AF_UNIX); s.bind('s'); s.listen()\n"
        f"warm_server.serve(s.detach(), 's', {served!r})"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert not Path("s").exists()


def test_jobs_that_come_together_share_one_server(folder):
    jobs = [
        subprocess.Popen(command(SHOW), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    parents = {int(job.communicate()[0].split()[1]) for job in jobs}
    assert parents == set(servers())
    assert len(parents) == 1


@pytest.mark.parametrize("trouble", ["off", "nonsense", "unset", "elsewhere", "open", "no log"])
def test_with_any_trouble_the_program_starts_plainly(folder, monkeypatch, trouble):
    if trouble in ("off", "nonsense"):
        monkeypatch.setenv(warm_client.SERVED, {"off": "0"}.get(trouble, trouble))
    elif trouble == "unset":
        monkeypatch.delenv(warm_client.SERVED)
    elif trouble == "elsewhere":  # a process that the job does not come from
        other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        monkeypatch.setenv(warm_client.SERVED, str(other.pid))
    elif trouble == "open":
        (folder / "sockets" / f"betrayed-warm-{os.getuid()}").mkdir(mode=0o755)
    else:
        (folder / ".snakemake").rmdir()
    done = run(SHOW, "x", input="in\n")
    assert parent_of(done) == os.getpid()
    assert done.stdout.endswith("__main__\nin\n")
    assert servers() == []
    if trouble == "elsewhere":
        other.communicate()


def test_a_server_that_dies_before_it_forks_is_done_without(folder, monkeypatch):
    server = parent_of(run(SHOW, input=""))
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: gone(server))
    [path] = (folder / "sockets").rglob("*-*-*/*")
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(path.parent)  # a socket's path has to be short
        listener.bind(path.name)
        monkeypatch.chdir(folder)
        listener.listen()
        job = subprocess.Popen(
            command(SHOW), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        listener.accept()[0].close()
        assert int(job.communicate()[0].split()[1]) == os.getpid()


def test_sockets_lie_where_no_one_else_can_look(folder):
    run(SHOW, input="")
    [path] = (folder / "sockets").iterdir()
    assert path.stat().st_mode & 0o777 == 0o700


def test_a_long_path_of_sockets_is_no_trouble(folder, monkeypatch):
    far = folder / ("a" * 60) / ("b" * 60)
    far.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(far))
    assert [parent_of(run(SHOW, input=""))] == servers()


@pytest.mark.parametrize(
    ("program", "library", "threads"),
    [
        ("cache_features", "torch", "torch.get_num_threads()"),
        ("select_objects", "cv2", "cv2.getNumThreads()"),
    ],
)
def test_a_fork_has_the_threads_of_its_job_and_its_server_one(folder, program, library, threads):
    code = f"import sys; print({library!r} in sys.modules); import {library}; print({threads})"
    Path(f"{program}.py").write_text(code)  # its libraries are imported for it
    for number in ("2", "1", "3"):
        environment = {**os.environ, "OMP_NUM_THREADS": number}
        job = [sys.executable, str(START), f"{program}.py"]
        told = subprocess.run(job, env=environment, stdout=subprocess.PIPE, text=True).stdout
        assert told.split() == ["True", number]
    [server] = servers()
    assert len(list(Path(f"/proc/{server}/task").iterdir())) == 1


def test_no_gpu_is_looked_for_before_a_fork_has_its_own(folder):
    code = "import torch; print(torch.cuda.is_initialized(), torch.cuda._is_in_bad_fork())"
    Path("cache_features.py").write_text(code)
    job = [sys.executable, str(START), "cache_features.py"]
    told = subprocess.run(job, stdout=subprocess.PIPE, text=True).stdout
    assert told.split() == ["False", "False"]


def test_edited_modules_are_never_stale(folder):
    code = "import betrayed.errors, sys; print(betrayed.errors.__file__); import sibling"
    Path("betrayed").mkdir()
    for number in (1, 2):
        Path("betrayed/errors.py").write_text(f"print('errors', {number})")
        Path("sibling.py").write_text(f"print('sibling', {'0' * number})")
        told = run(code).stdout.split()
        assert told == ["errors", str(number), f"{Path.cwd()}/betrayed/errors.py", "sibling", "0"]


def test_random_numbers_differ_between_forks(folder):
    code = "import numpy, random; print(numpy.random.random(), random.random())"
    Path("measure_motion.py").write_text(code)
    job = [sys.executable, str(START), "measure_motion.py"]
    told = [subprocess.run(job, stdout=subprocess.PIPE, text=True).stdout.split() for _ in range(2)]
    assert not set(told[0]) & set(told[1])


def test_programs_start_with_what_they_always_import():
    light, heavy = libraries("select_objects"), libraries("cache_features")
    assert {"cv2", "numpy", "h5py"} <= light
    assert "torch" not in light  # a library module imports it, but only in a function
    assert {"torch", "timm", "h5py"} <= heavy
    assert not [name for name in light | heavy if name.startswith("betrayed")]


def test_every_job_says_where_its_usage_goes_and_which_programs_are_its_like():
    """A pool is a conda environment: its programs need the same libraries."""
    text = "".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    rules = [rule for rule in re.split(r"(?m)^(?:rule|checkpoint) ", text) if "shell:" in rule]
    assert len(rules) >= 13
    for rule in rules:
        [environment] = re.findall(r"envs/(\w+)\.yaml", rule)
        assert f'"python scripts/start.py --usage {{log.usage:q}} --pool {environment}"' in rule


def test_usage_is_written_by_forks_and_by_programs_that_start_plainly(folder, monkeypatch):
    code = (
        f"import os, sys; sys.path.insert(0, {str(START.parent)!r})\n"
        "from betrayed.engine.programs import run\n"
        "from betrayed.engine.usage import note\n"
        f"run(lambda: note(frames=3, tokens=os.environ.get({FILE!r}, 'none')))\n"
    )
    for name, served in (("warm.tsv", str(os.getpid())), ("plain.tsv", "0")):
        monkeypatch.setenv(warm_client.SERVED, served)
        assert run(code, options=["--usage", name, "--pool", "light"]).returncode == 0
        columns, figures = (line.split("\t") for line in Path(name).read_text().splitlines())
        row = dict(zip(columns, figures, strict=True))
        assert 0 < float(row["start_up"]) <= float(row["seconds"]) < 60
        assert 5 < float(row["mb"]) < 500
        assert (row["frames"], row["tokens"], row["gpu_mb"]) == ("3", "none", "")
