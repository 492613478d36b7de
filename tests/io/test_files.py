import errno
import os
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from betrayed.errors import ShortageError, UserError
from betrayed.io.files import (
    check_archive,
    remove_abandoned,
    sha256,
    synced_meanwhile,
    whole_file,
    whole_folder,
)
from support.paths import SCRIPTS


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    target = tmp_path / "made" / "table.csv"
    with whole_file(target) as temporary:
        temporary.write_text("a")
        assert not target.exists()
        assert temporary.suffix == ".csv"
    assert target.read_text() == "a"
    assert names_in(target.parent) == ["table.csv"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), whole_file(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert names_in(tmp_path) == ["table.csv"]


def test_a_file_is_synced_while_it_grows(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.touch()
    done = []
    monkeypatch.setattr(os, "fdatasync", lambda handle: done.append(os.fstat(handle).st_size))
    with open(path, "ab", buffering=0) as file, synced_meanwhile(path, every=100) as written:
        for _ in range(5):
            file.write(bytes(40))
            written(40)
    assert len(done) == 1 and done[0] >= 120  # begun after three of five

    def full(handle):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(OSError, match="Input/output"), synced_meanwhile(path, 100) as written:
        written(100)


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    target = tmp_path / "masks"
    for names in (["a", "b"], ["c"]):
        with whole_folder(target) as temporary:
            for name in names:
                Path(temporary, name).write_text(name)
        assert names_in(target) == names
    with pytest.raises(RuntimeError), whole_folder(target) as temporary:
        Path(temporary, "d").write_text("half")
        raise RuntimeError
    assert names_in(target) == ["c"]
    assert names_in(tmp_path) == ["masks"]


def test_results_are_as_readable_as_the_umask_says(tmp_path):
    with whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("")
    (tmp_path / "b.txt").write_text("")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_threads_that_write_at_once_leave_the_umask_as_it_was(tmp_path, monkeypatch):
    own, before = os.umask, os.umask(0o022)

    def slow(mask):
        time.sleep(0.002)  # other threads have their turn
        return own(mask)

    def write(number):
        for turn in range(5):
            with whole_file(tmp_path / f"{number}-{turn}.txt"):
                pass

    monkeypatch.setattr(os, "umask", slow)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        modes = {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        assert (own(0o022), modes) == (0o022, {0o644})
    finally:
        own(before)


LEAVE = """
import os, signal, sys
from pathlib import Path
from betrayed.io.files import whole_file, whole_folder

with whole_file(sys.argv[1] + "/a.b.h5") as file, whole_folder(sys.argv[1] + "/masks") as folder:
    file.write_text("half")
    Path(folder, "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_leaves_is_removed_and_nothing_else(tmp_path):
    subprocess.run(
        [sys.executable, "-c", LEAVE, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
    )
    left = names_in(tmp_path)
    assert len(left) == 2 and all(name.startswith(".") for name in left)
    paths = [tmp_path / "a.b.h5", tmp_path / "masks", tmp_path / "nowhere" / "c.h5"]
    assert remove_abandoned([tmp_path / "b.h5", tmp_path / "a.b.csv"]) == []
    with whole_file(tmp_path / "a.b.h5") as living:
        living.write_text("whole")
        (tmp_path / ".hidden").write_text("of the user")
        assert names_in(tmp_path) == sorted([*left, living.name, ".hidden"])
        assert sorted(path.name for path in remove_abandoned(paths)) == left
        assert names_in(tmp_path) == sorted([living.name, ".hidden"])
    assert names_in(tmp_path) == [".hidden", "a.b.h5"]


def test_what_another_machine_writes_is_left_for_a_day(tmp_path):
    path = tmp_path / ".a.0123abcd-1.abcdefgh.h5"
    path.write_text("half")
    assert remove_abandoned([tmp_path / "a.h5"]) == []
    then = path.stat().st_mtime - 90_000
    os.utime(path, (then, then))
    assert remove_abandoned([tmp_path / "a.h5"]) == [path]


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_a_damaged_archive_is_named(tmp_path, damage):
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", bytes(1000))
    check_archive(path)
    held = bytearray(path.read_bytes())
    held[500] ^= 16
    path.write_bytes(held if damage == "flipped" else held[:500] + held[600:])
    with pytest.raises(UserError, match=r"a\.pt is damaged"):
        check_archive(path)
    (tmp_path / "b.pt").write_text("no archive")
    check_archive(tmp_path / "b.pt")


def test_sha256_of_a_known_text(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # The example of FIPS 180-2, appendix B.1.
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "abc") == known


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_said_with_the_file_and_leaves_nothing(tmp_path, number):
    target = tmp_path / "table.csv"
    target.write_text("old")
    message = r"There is no room for .*table\.csv .*Free some"
    with pytest.raises(ShortageError, match=message), whole_file(target) as temporary:
        temporary.write_text("half")
        raise OSError(number, os.strerror(number))
    assert target.read_text() == "old"
    folder = tmp_path / "folder"
    with pytest.raises(UserError, match=r"no room for .*folder"), whole_folder(folder) as temporary:
        (temporary / "half").write_text("half")
        raise OSError(number, os.strerror(number))
    assert names_in(tmp_path) == ["table.csv"]


def test_other_errors_of_the_system_stay_as_they_are(tmp_path):
    with pytest.raises(PermissionError), whole_file(tmp_path / "table.csv"):
        raise PermissionError(errno.EACCES, "no")


FULL = """
import os, resource, signal, sys
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from betrayed.errors import UserError
from betrayed.io.artefacts import create
from betrayed.io.files import whole_file
from betrayed.io.video_writing import write_video

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
memory = os.memfd_create
noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)


def room(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))


def unlimited(name):
    room(most)  # a full disk leaves memory alone, which the limit does not
    return memory(name)


def artefact(path):
    with create(path, "kind", {}) as file:
        data = file.create_dataset("rows", (64, 2**14), "u1", chunks=(1, 2**14))
        for index in range(64):
            data[index] = index + 1


def two(path):  # the outer one has not been written yet when the inner one fails
    with create(path + "5", "kind", {}) as file:
        file["rows"] = noise[:, :, 0]
        artefact(path)


def small(path):  # of one chunk, which is written when the data set is closed, unless it is kept
    with create(path, "kind", {}) as file:
        file.create_group("deep")["rows"] = noise[:, :, 0]


def block(path):
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        torch.save({"weights": torch.zeros(10**5)}, file)


def weights(path):
    with whole_file(path) as temporary:
        save_file({"weights": torch.zeros(10**5)}, temporary)


def film(path):
    write_video(path, [np.random.default_rng(one).permuted(noise) for one in range(40)], 25)


def image(path):
    with whole_file(path) as temporary:
        Image.fromarray(noise).save(temporary)


os.memfd_create = unlimited
for make, name in (
    (artefact, "a.h5"), (film, "a.mp4"), (image, "a.png"), (small, "s.h5"), (two, "t.h5"),
    (block, "b.pt"), (weights, "w.safetensors"), (artefact, "b.h5"),
):
    room(2**16)  # as if the disk had so much
    try:
        make(f"{sys.argv[1]}/{name}")
    except UserError as error:
        print(error)
"""


@pytest.mark.slow
def test_on_a_full_disk_every_writer_says_so_and_the_process_lives(tmp_path):
    """HDF5 would end it when it closes what it could not write."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
    )
    assert done.returncode == 0, done.stderr
    assert "Exception ignored" not in done.stderr
    for line, name in zip(
        done.stdout.splitlines(),
        ("a.h5", "a.mp4", "a.png", "s.h5", "t.h5", "b.pt", "w.safetensors", "b.h5"),
        strict=True,
    ):
        assert line.startswith(f"There is no room for {tmp_path / name} (")
    assert list(tmp_path.iterdir()) == []
