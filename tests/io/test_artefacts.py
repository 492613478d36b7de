import os
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from betrayed.errors import UserError
from betrayed.io import artefacts
from support.paths import SCRIPTS


def make(path, kind="features", **made_by):
    with artefacts.create(path, kind, made_by) as file:
        file["values"] = np.arange(100_000)


def test_what_was_written_is_read_back(tmp_path):
    make(tmp_path / "a.h5", backbone="vit", size=[2, 3])
    with artefacts.open_checked(tmp_path / "a.h5", "features", {"backbone": "vit"}) as file:
        assert artefacts.provenance(file) == {"backbone": "vit", "size": [2, 3]}
        assert file["values"][-1] == 99_999


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.h5 does not exist"):
        artefacts.open_checked(tmp_path / "gone.h5", "features").__enter__()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused_by_name(tmp_path, share):
    path = tmp_path / "cut.h5"
    make(path)
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(UserError, match=r"cut\.h5 is not a whole HDF5 file"):
        artefacts.open_checked(path, "features").__enter__()


def test_a_file_without_its_mark_is_refused(tmp_path):
    make(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file.attrs["complete"]
    with pytest.raises(UserError, match="was never finished"):
        artefacts.open_checked(tmp_path / "a.h5", "features").__enter__()


def test_another_kind_or_another_maker_is_refused(tmp_path):
    make(tmp_path / "a.h5", backbone="vit")
    with pytest.raises(UserError, match="holds features, but tracks are needed"):
        artefacts.open_checked(tmp_path / "a.h5", "tracks").__enter__()
    with pytest.raises(UserError, match="backbone = 'vit', but 'other' is wanted"):
        artefacts.open_checked(tmp_path / "a.h5", "features", {"backbone": "other"}).__enter__()


def test_a_killed_writer_leaves_nothing_that_looks_whole(tmp_path):
    path = tmp_path / "a.h5"
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from betrayed.io import artefacts\n"
        "with artefacts.create(sys.argv[2], 'features', {}) as file:\n"
        "    file['values'] = list(range(1000)); file.flush(); print('now', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(SCRIPTS), str(path)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "now\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert not path.exists()
