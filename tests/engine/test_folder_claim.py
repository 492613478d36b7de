import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from betrayed.engine.folder_claim import check_writable, claim_folder
from betrayed.errors import UserError
from support.paths import SCRIPTS


def test_a_folder_is_claimed_once_and_freed_by_death(tmp_path):
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from betrayed.engine.folder_claim import claim_folder\n"
        "kept = claim_folder(Path(sys.argv[2])); print('now', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(SCRIPTS), str(tmp_path)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "now\n"
    with pytest.raises(UserError, match="Another snakemake is at work"):
        claim_folder(tmp_path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    claim_folder(tmp_path).close()


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    check_writable(tmp_path / "results")
    assert list((tmp_path / "results").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"Nothing can be written into .*file/results \(Not a dir"):
        check_writable(tmp_path / "file" / "results")


def test_a_folder_that_cannot_be_claimed_is_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"Nothing can be written into .*\.snakemake \(Not a dir"):
        claim_folder(tmp_path / "file" / ".snakemake")
    (tmp_path / "claim").mkdir()  # as what another user made is closed to this one
    with pytest.raises(UserError, match=r"Nothing can be written into .*claim \(Is a directory"):
        claim_folder(tmp_path)
    (tmp_path / "claim").rmdir()

    def no_locks(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    claim_folder(tmp_path).close()
    assert "on a file system without locks" in capsys.readouterr().err
