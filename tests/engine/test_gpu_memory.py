"""What counts as free memory, and batches that are halved where it runs out."""

import os

import pytest
import torch

from betrayed.engine import gpu_memory
from betrayed.engine.gpu_memory import Batches, free_memory, out_of_memory, ran_out
from betrayed.errors import UserError

CUDA = torch.device("cuda", 0)


class Device:
    """Has room for so many frames at a time."""

    def __init__(self, room, error=torch.OutOfMemoryError):
        self.room, self.error, self.tried, self.done = room, error, [], []

    def __call__(self, frames):
        self.tried.append(len(frames))
        if len(frames) > self.room:
            raise self.error("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.done += frames


@pytest.mark.parametrize("room", range(1, 12))
def test_every_frame_is_done_once_and_in_order(room, capsys):
    batches, device = Batches(8, "features of bear", "Set less."), Device(room)
    for frames in (range(3, 20), range(20, 31)):
        batches.over(frames, device)
    assert device.done == list(range(3, 31))
    assert batches.size <= room or room >= 8
    told = capsys.readouterr().err.splitlines()
    assert len(told) == {1: 3, 2: 2, 3: 2}.get(room, 0 if room >= 8 else 1)
    if told:
        assert told[0] == (
            "Memory ran out at 8 frames at a time (features of bear): going on with 4."
        )


def test_what_fits_once_is_not_tried_again():
    batches, device = Batches(16, "features", ""), Device(5)
    for _ in range(3):
        batches.over(range(16), device)
    assert device.tried == [16, 8, *[4] * 12]


def test_one_frame_that_does_not_fit_is_told_with_what_to_set():
    with pytest.raises(UserError, match=r"one frame \(features of bear\)\. Lower features\.height"):
        Batches(4, "features of bear", "Lower features.height.").over(range(4), Device(0))


def test_other_errors_are_left_alone():
    def work(frames):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Batches(4, "", "").over(range(4), work)
    with pytest.raises(ZeroDivisionError), out_of_memory("", ""):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("whatever"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_is_told_by_others_counts(error, expected):
    assert ran_out(error) is expected


def test_a_cpu_that_runs_out_is_known():
    with pytest.raises(Exception) as caught:
        torch.empty(2**55)
    assert ran_out(caught.value)


def test_free_memory_of_a_gpu_by_hand(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (70e9, 80e9))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 5e9)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 2e9)
    assert free_memory(CUDA) == 73e9


def test_jobs_side_by_side_share_the_memory_of_a_cpu(monkeypatch):
    monkeypatch.setattr(gpu_memory, "_available", lambda path: 64e9)
    monkeypatch.setattr(gpu_memory, "_allowed", lambda path: 40e9)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(16))
    for threads, expected in ((4, 10e9), (16, 40e9), (99, 40e9)):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert free_memory(torch.device("cpu")) == expected


def test_this_machine_has_memory():
    assert 1e6 < free_memory(torch.device("cpu")) < 1e14


@pytest.fixture
def groups(tmp_path):
    """A folder like /sys/fs/cgroup, and a function that writes files in it."""

    def write(folder, **files):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (tmp_path / folder / name.replace("memory_", "memory.", 1)).write_text(f"{content}\n")

    return tmp_path, write


def test_the_narrowest_group_counts(groups):
    root, write = groups
    (root / "own").write_text("0::/slurm/job_7/step\n")
    write("", memory_max="max", memory_current=9)
    write("slurm", memory_max=900, memory_current=500)
    write("slurm/job_7", memory_max=300, memory_current=100, memory_stat="anon 1\ninactive_file 40")
    write("slurm/job_7/step", memory_max="max", memory_current=100)
    assert gpu_memory._allowed(root, root / "own") == 240
    write("slurm", memory_max=300, memory_current=500)
    assert gpu_memory._allowed(root, root / "own") == 0


def test_groups_of_the_first_version(groups):
    root, write = groups
    (root / "own").write_text("9:cpu:/x\n4:memory:/docker/a\n")
    write("memory", memory_limit_in_bytes=9223372036854771712, memory_usage_in_bytes=5)
    write("memory/docker/a", memory_limit_in_bytes=700, memory_usage_in_bytes=200)
    assert gpu_memory._allowed(root, root / "own") == 500


def test_without_groups_there_is_no_limit(groups):
    root, _ = groups
    assert gpu_memory._allowed(root, root / "none") == float("inf")
    (root / "own").write_text("0::/a/b\n")
    assert gpu_memory._allowed(root, root / "own") == float("inf")
