import os
import signal
import subprocess
import sys
import time

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


def everything(path):
    """All that an artefact holds."""
    with artefacts.open_checked(path, "features") as file:
        held = [artefacts.provenance(file), {name: value.tolist() for name, value in GRID.items()}]
        assert {name: file.attrs[name].tolist() for name in GRID} == held[1]
        for name in ("large", "rounds/0", "empty", "view0/small", "grown"):
            values = file[name][()]
            held.append((values.shape, values.dtype, values.tobytes()))
        return held


GRID = {"grid": np.array([3, 4]), "count": np.int64(5)}


def every_kind(path):
    """An artefact with data sets of every form: by frames, small, without values, growing."""
    rng = np.random.default_rng(0)
    with artefacts.create(path, "features", {"backbone": "vit", "views": 2}) as file:
        large = file.create_dataset("large", (6, 100, 120), np.float16, chunks=(1, 100, 120))
        for index in range(6):
            large[index] = rng.normal(size=(100, 120))
        file["rounds/0"], file["empty"] = np.arange(9), np.empty((0, 4))
        file.require_group("view0")["small"] = np.arange(6).reshape(2, 3)
        file.create_group("deep/in/groups").create_dataset("below/it", data=np.arange(3))
        grown = file.create_dataset("grown", (0,), "i4", maxshape=(None,), chunks=(2**14,))
        for index in range(3):
            grown.resize((len(grown) + 100,))
            grown[-100:] = index
        file.attrs.update(GRID)
    return path


def test_the_same_values_are_the_same_bytes_whenever_they_are_written(tmp_path):
    first = every_kind(tmp_path / "a.h5").read_bytes()
    time.sleep(1.1)  # HDF5 counts times in seconds
    assert every_kind(tmp_path / "b.h5").read_bytes() == first


def test_whatever_is_written_has_a_checksum_and_chunks_larger_than_a_page(tmp_path):
    with h5py.File(every_kind(tmp_path / "a.h5")) as file:
        names = []
        file.visit(names.append)
        sets = [file[name] for name in names if isinstance(file[name], h5py.Dataset)]
        assert len(sets) == 6
        for one in sets:
            in_header = one.id.get_create_plist().get_layout() == h5py.h5d.COMPACT
            assert in_header or one.fletcher32
            assert in_header or np.prod(one.chunks) * one.dtype.itemsize >= 2**16
        assert file["large"].chunks == (3, 100, 120)
    with (
        pytest.raises(ValueError, match="make it an attribute"),
        artefacts.create(tmp_path / "b.h5", "features", {}) as file,
    ):
        file["scalar"] = 3.5


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["flipped", "zeroed"])
def test_no_fault_of_the_disk_changes_a_value(tmp_path, fault):
    """Either the file is refused by name, or what is read is what was written."""
    whole = every_kind(tmp_path / "whole.h5").read_bytes()
    expected = everything(tmp_path / "whole.h5")
    path, refused = tmp_path / "hurt.h5", 0
    step = 397 if fault == "flipped" else 2048
    # A sample: every byte of the headers and the end, tried once with others between, took 83 s.
    for place in [*range(0, 600, 3), *range(600, len(whole), step)]:
        hurt = bytearray(whole)
        if fault == "flipped":
            hurt[place] ^= 1 << place % 8
        else:
            hurt[place : place + 4096] = bytes(len(hurt[place : place + 4096]))
        path.write_bytes(hurt)
        try:
            assert everything(path) == expected, place
        except UserError as error:
            refused += 1
            assert str(path) in str(error) and "Delete it and run the workflow again" in str(error)
    assert refused > 100


def test_errors_of_others_stay_as_they_are(tmp_path):
    path = every_kind(tmp_path / "a.h5")
    for error in (OSError("no such device"), KeyError("bear"), RuntimeError("no")):
        with pytest.raises(type(error)), artefacts.open_checked(path, "features"):
            raise error
    with (
        pytest.raises(UserError, match=r"a\.h5 is damaged .*absent"),
        artefacts.open_checked(path, "features") as file,
    ):
        file["absent"]


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_no_finite_numbers_are_found(kind):
    largest = np.finfo(kind).max
    assert artefacts.all_finite(np.array([0, -largest, largest, 1e-6], kind))
    for bad in (np.nan, np.inf, -np.inf):
        assert not artefacts.all_finite(np.array([0, bad], kind))
        assert not artefacts.all_finite(np.array([[0, 1], [bad, 1]], kind)[:, 0])
    with pytest.raises(UserError, match=r"a\.h5 cannot be used: keys holds .* no finite numbers"):
        artefacts.check_finite("a.h5", "keys", np.array([np.nan], kind))


def test_every_number_of_float16_is_finite_or_is_not():
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    assert artefacts.all_finite(finite) and artefacts.all_finite(finite[::-3])
    assert artefacts.all_finite(finite[:0])
    for bad in every[~np.isfinite(every)]:
        assert not artefacts.all_finite(np.append(finite[:9], bad))


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
