"""Leases between real processes, on GPUs that only a false nvidia-smi has."""

import os
import subprocess
import sys

import pytest

from betrayed.engine.leasing import installed_gpus, visible_gpus
from support.paths import SCRIPTS
from support.records import record_of

GPUS = [["GPU-aa01"], ["GPU-ab02"], ["MIG-c1", "MIG-c2"], ["GPU-dd04"]]
LISTING = """\
GPU 0: NVIDIA H200 (UUID: GPU-aa01)
GPU 1: NVIDIA H200 (UUID: GPU-ab02)
GPU 2: NVIDIA A100-SXM4-80GB (UUID: GPU-cc03)
  MIG 3g.40gb     Device  0: (UUID: MIG-c1)
  MIG 3g.40gb     Device  1: (UUID: MIG-c2)
GPU 3: NVIDIA H200 (UUID: GPU-dd04)
"""
PROGRAM = (
    "import os, sys; from betrayed.engine.leasing import lease_gpus\n"
    "count = lease_gpus(sys.argv[1], int(sys.argv[2]))\n"
    "print(count, os.environ.get('CUDA_VISIBLE_DEVICES'), flush=True)\n"
    "assert 'torch' not in sys.modules\n"
    "sys.stdin.read()\n"
)


class Machine:
    """Starts programs on a machine with the GPUs of ``listing``, and ends them."""

    def __init__(self, folder, listing):
        self.listing = folder / "listing"
        self.list(listing)
        program = folder / "nvidia-smi"
        program.write_text(f'#!/bin/sh\n[ "$1" = -L ] && cat "{self.listing}"\n')
        program.chmod(0o755)
        read = ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "BETRAYED_LEASED_DEVICES")
        self.environment = {name: os.environ[name] for name in os.environ if name not in read}
        self.environment |= {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "TMPDIR": str(folder),
            "PYTHONPATH": str(SCRIPTS),
        }
        self.jobs = []

    def list(self, listing):
        self.listing.write_text(listing)

    def start(self, device="auto", count=1, **environment):
        job = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, device, str(count)],
            env=self.environment | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.jobs.append(job)
        return job

    def told(self, *arguments, **environment):
        return self.start(*arguments, **environment).stdout.readline().strip()

    def end(self):
        for job in self.jobs:
            with job:
                job.kill()


@pytest.fixture
def machine(tmp_path):
    listing = "".join(f"GPU {i}: NVIDIA H200 (UUID: GPU-{i})\n" for i in range(2))
    machine = Machine(tmp_path, listing)
    yield machine
    machine.end()


def test_two_jobs_get_two_gpus_and_a_third_waits_for_a_death(machine):
    first = machine.start()
    assert first.stdout.readline() == "1 GPU-0\n"
    assert machine.told() == "1 GPU-1"
    third = machine.start()
    assert "1 of 2 GPUs wanted, but other jobs have them: waiting." in third.stderr.readline()
    first.kill()
    first.wait()
    assert third.stdout.readline() == "1 GPU-0\n"
    assert "Waited" in third.stderr.readline()


def test_several_gpus_come_together_or_not_at_all(machine):
    first = machine.start()
    assert first.stdout.readline() == "1 GPU-0\n"
    both = machine.start(count=8)
    assert "2 of 2 GPUs wanted" in both.stderr.readline()
    # What is free is not kept from others by the one that waits for more.
    second = machine.start()
    assert second.stdout.readline() == "1 GPU-1\n"
    for job in (first, second):
        job.stdin.close()
        job.wait()
    assert both.stdout.readline() == "2 GPU-0,GPU-1\n"


def test_a_given_choice_is_respected(machine):
    machine.list("".join(f"GPU {i}: NVIDIA H200 (UUID: GPU-{i}f)\n" for i in range(8)))
    assert machine.told(CUDA_VISIBLE_DEVICES="3,5") == "1 3"
    assert machine.told(CUDA_VISIBLE_DEVICES="3,5") == "1 5"
    third = machine.start(CUDA_VISIBLE_DEVICES="3,5")
    assert "1 of 2 GPUs wanted" in third.stderr.readline()
    # The same devices under their other names.
    assert machine.told(CUDA_VISIBLE_DEVICES="GPU-3f,GPU-5,GPU-7") == "1 GPU-7"
    assert machine.told(CUDA_VISIBLE_DEVICES="7,1") == "1 1"
    assert machine.told(CUDA_VISIBLE_DEVICES="") == "0"


def test_what_needs_no_lease_gets_none(machine):
    for _ in range(3):
        assert machine.told("cpu") == "0 None"
        assert machine.told("cuda:1") == "0 None"
        assert machine.told("auto", 0) == "0 None"
        assert machine.told(SLURM_JOB_ID="7") == "1 None"
        assert machine.told(TORCHELASTIC_RUN_ID="7") == "1 None"
        assert machine.told("auto", 4, SLURM_JOB_ID="7", CUDA_VISIBLE_DEVICES="1") == "1 1"
    assert machine.told() == "1 GPU-0"
    machine.list("")
    assert machine.told() == "0 None"


def test_a_process_shares_the_lease_of_the_one_that_started_it(machine):
    assert machine.told() == "1 GPU-0"
    inherited = {"CUDA_VISIBLE_DEVICES": "GPU-0", "BETRAYED_LEASED_DEVICES": "GPU-0"}
    assert machine.told(**inherited) == "1 GPU-0"


def test_a_divided_gpu_has_parts(machine, monkeypatch):
    machine.list(LISTING)
    monkeypatch.setenv("PATH", machine.environment["PATH"])
    assert installed_gpus() == GPUS
    assert machine.told("auto", 3) == "1 GPU-aa01"
    monkeypatch.setenv("PATH", "")
    assert installed_gpus() == []


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, {name: name for parts in GPUS for name in parts}),
        ("", {}),
        ("-1", {}),
        ("NoDevFiles", {}),
        ("3, 0", {"GPU-dd04": "3", "GPU-aa01": "0"}),
        ("0,9,1", {"GPU-aa01": "0"}),
        ("2", {"MIG-c1": "2"}),
        ("GPU-dd04,GPU-aa", {"GPU-dd04": "GPU-dd04", "GPU-aa01": "GPU-aa"}),
        ("GPU-a", {}),  # two begin so
        ("MIG-c2", {"MIG-c2": "MIG-c2"}),
        ("0,GPU-aa01", {"GPU-aa01": "0"}),
    ],
)
def test_the_variable_is_read_as_cuda_reads_it(setting, expected):
    assert visible_gpus(GPUS, setting) == expected


@pytest.mark.parametrize(
    "program", ["cache_features", "export_attention", "cluster_tracks", "train_block"]
)
def test_the_programs_lease_before_torch_is_imported(program, tmp_path):
    code = (
        f"import sys, {program} as program\n"
        "def leased(*given): sys.exit(7 + ('torch' in sys.modules))\n"
        "program.lease_gpus = leased\n"
        "program.main()\n"
    )
    (tmp_path / "file").write_bytes(b"weights, a block, or what an earlier stage made")
    record = record_of(tmp_path / "record", {"bear": tmp_path / "file"})
    given = {"frames": record, "features": record, "attention": record}
    given |= {"weights": tmp_path / "file", "block": tmp_path / "file", "settings": "{}"}
    given |= {"output": tmp_path / "block.pt", "record": tmp_path / "made.json"}
    given |= {"output-folder": tmp_path / "made"}
    known = (SCRIPTS / f"{program}.py").read_text()
    if "add_batch_options(" in known:
        known += '"--output-folder"' + '"--record"'
    told = [str(part) for name, one in given.items() if f'"--{name}"' in known
            for part in (f"--{name}", one)]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run([sys.executable, "-c", code, *told], env=environment, cwd=tmp_path)
    assert done.returncode == 7  # 8: torch came first; 1, 2: no lease at all
