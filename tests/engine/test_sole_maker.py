"""Who holds the lock of an output keeps others from it, on any machine, and loses it by death."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from betrayed.engine import sole_maker as module
from betrayed.engine.sole_maker import sole_maker
from support.paths import SCRIPTS

HOLD = (
    "import sys, time; sys.path.insert(0, sys.argv[1])\n"
    "from betrayed.engine.sole_maker import sole_maker\n"
    "with sole_maker(sys.argv[2], 'bear'): print('now', flush=True); time.sleep(60)\n"
)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(module, "_SECONDS", (0.01, 0.02))


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock, as a job of SLURM."""
    command = [sys.executable, "-c", HOLD, str(SCRIPTS), str(tmp_path / "a" / "bear.lock")]
    environment = {**os.environ, "SLURM_JOB_ID": "42"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout.readline() == "now\n"
    yield process
    process.kill()
    process.wait()


def wait_for_it(path, entered):
    with sole_maker(path, "bear"):
        entered.append("in")


def test_nobody_waits_for_nobody_and_nothing_stays(tmp_path):
    path = tmp_path / "new" / "bear.lock"
    with sole_maker(path, "bear"):
        assert path.read_text().startswith(f"process {os.getpid()} on ")
    assert not path.exists()
    with pytest.raises(ZeroDivisionError), sole_maker(path, "bear"):
        raise ZeroDivisionError
    assert not path.exists()


@pytest.mark.parametrize("end", ["killed", "deleted"])
def test_a_second_one_waits_until_the_first_is_killed_or_its_lock_deleted(
    tmp_path, holder, end, capfd
):
    path, entered = tmp_path / "a" / "bear.lock", []
    waiting = threading.Thread(target=wait_for_it, args=(path, entered))
    waiting.start()
    time.sleep(0.3)
    assert entered == []
    if end == "killed":
        holder.send_signal(signal.SIGKILL)
    else:
        path.unlink()
    waiting.join(10)
    assert entered == ["in"]
    assert not path.exists()
    told = capfd.readouterr().err
    assert f"bear is being made by process {holder.pid} on " in told
    assert "SLURM job 42: waiting" in told
    assert told.count("waiting") == 1


def test_a_file_left_by_a_killed_process_is_no_lock(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    path = tmp_path / "a" / "bear.lock"
    assert path.exists()
    with sole_maker(path, "bear"):
        assert path.read_text().startswith(f"process {os.getpid()} on ")


def test_many_come_in_one_by_one(tmp_path):
    """In processes of their own, each of which finds what the one before it left."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from betrayed.engine import sole_maker as m\n"
        "m._SECONDS = (0.001, 0.002); count = Path(sys.argv[2])\n"
        "for _ in range(25):\n"
        "    with m.sole_maker(count.with_suffix('.lock'), 'count'):\n"
        "        number = int(count.read_text()); count.write_text(str(number + 1))\n"
    )
    count = tmp_path / "count.txt"
    count.write_text("0")
    command = [sys.executable, "-c", program, str(SCRIPTS), str(count)]
    processes = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert count.read_text() == "100"
    assert [path.name for path in tmp_path.iterdir()] == ["count.txt"]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, number, capfd):
    def refuse(file, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with sole_maker(tmp_path / "bear.lock", "bear"):
        pass
    assert "on a file system without locks" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_no_right_to_write_is_an_error(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError), sole_maker(Path(tmp_path, "bear.lock"), "bear"):
        pass
