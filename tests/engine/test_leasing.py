"""Leases between real processes, on GPUs that only a false nvidia-smi, or a false torch, has."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from betrayed.datasets.manifest import COLUMNS, write_manifest
from betrayed.engine import leasing
from betrayed.engine.gpus import installed_gpus, visible_gpus
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
OLD_LISTING = """\
GPU 0: A100-SXM4-40GB (UUID: GPU-5d5ba0d6)
  MIG 3g.20gb Device 0: (UUID: MIG-GPU-5d5ba0d6/1/0)
  MIG 3g.20gb Device 1: (UUID: MIG-GPU-5d5ba0d6/2/0)
"""
OWN_FOLDER = (
    "import os, sys; from pathlib import Path\n"
    "from betrayed.engine import gpus, leasing\n"
    "from betrayed.engine.leasing import lease_gpus\n"
    "leasing.FOLDER = Path(os.environ['LEASES'])\n"
    "gpus.DRIVER = (Path(os.environ['DRIVER']),)\n"
)
PROGRAM = OWN_FOLDER + (
    "if 'USER_NUMBER' in os.environ:\n"
    "    os.umask(0o077); os.setgroups([]); os.setuid(int(os.environ['USER_NUMBER']))\n"
    "    leasing.usable_gpus = lambda: {'GPU-0': 'GPU-0', 'GPU-1': 'GPU-1'}\n"
    "try:\n"
    "    count = lease_gpus(sys.argv[1], int(sys.argv[2]))\n"
    "except Exception as error:\n"
    "    print(type(error).__name__, error, flush=True); raise\n"
    "print(count, os.environ.get('CUDA_VISIBLE_DEVICES'), flush=True)\n"
    "assert 'torch' not in sys.modules\n"
    "sys.stdin.read()\n"
)
# Forks jobs as they are read, each of them a count of GPUs and the seconds that it holds them, and
# writes a line of what each had from when to when.
JOBS = OWN_FOLDER + (
    "import json, time\n"
    "log = os.open(os.environ['LOG'], os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
    "for line in sys.stdin:\n"
    "    count, seconds = line.split()\n"
    "    if os.fork():\n"
    "        continue\n"
    "    lease_gpus('cuda', int(count)); began = time.monotonic()\n"
    "    time.sleep(float(seconds)); had = os.environ['CUDA_VISIBLE_DEVICES'].split(',')\n"
    "    os.write(log, (json.dumps([had, began, time.monotonic()]) + '\\n').encode())\n"
    "    os._exit(0)\n"
    "while True:\n"
    "    try: os.wait()\n"
    "    except ChildProcessError: break\n"
)


class Machine:
    """Starts programs on a machine with the GPUs of ``listing``, and ends them."""

    def __init__(self, folder, listing):
        self.listing = folder / "listing"
        self.list(listing)
        program = folder / "nvidia-smi"
        program.write_text(f'#!/bin/sh\n[ "$1" = -L ] && cat "{self.listing}"\n')
        program.chmod(0o755)
        self.folder = folder
        read = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "BETRAYED_LEASED_DEVICES")
        self.environment = {name: os.environ[name] for name in os.environ if name not in read}
        self.environment |= {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "LEASES": str(folder / "leases"),
            "DRIVER": str(folder / "driver"),
            "PYTHONPATH": str(SCRIPTS),
            "LOG": str(folder / "log"),
        }
        self.jobs = []

    def list(self, listing):
        self.listing.write_text(listing)

    def smi(self, script=None):
        """Let nvidia-smi do something else; None: there is none."""
        (self.folder / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        if script is None:
            (self.folder / "nvidia-smi").unlink()

    def torch(self, program):
        """Give the machine a driver, and Python another torch."""
        (self.folder / "driver").touch()
        (self.folder / "python").mkdir()
        (self.folder / "python" / "torch.py").write_text(program)
        self.environment["PYTHONPATH"] += f"{os.pathsep}{self.folder / 'python'}"

    def queue(self):
        """Start what forks jobs; and what they had."""
        jobs = subprocess.Popen(
            [sys.executable, "-c", JOBS], env=self.environment, stdin=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.jobs.append(jobs)
        return jobs

    def had(self):
        log = self.folder / "log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

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
    # What is free is kept for the one that has waited longer, but not where others died waiting.
    second = machine.start()
    assert "1 of 2 GPUs wanted" in second.stderr.readline()
    first.stdin.close()
    first.wait()
    assert both.stdout.readline() == "2 GPU-1,GPU-0\n"
    both.kill()
    both.wait()
    assert second.stdout.readline() in ("1 GPU-0\n", "1 GPU-1\n")


def test_one_that_dies_waiting_keeps_nothing_from_others(machine):
    assert machine.told() == "1 GPU-0"
    both = machine.start(count=2)
    assert "2 of 2 GPUs wanted" in both.stderr.readline()
    both.kill()
    both.wait()
    assert machine.told() == "1 GPU-1"
    assert not list((machine.folder / "leases").glob("waiting-*"))


def test_others_are_not_kept_waiting_for_devices_that_they_do_not_share(machine):
    machine.list("".join(f"GPU {i}: NVIDIA H200 (UUID: GPU-{i})\n" for i in range(4)))
    assert machine.told(CUDA_VISIBLE_DEVICES="0,1") == "1 0"
    both = machine.start(count=2, CUDA_VISIBLE_DEVICES="0,1")
    assert "2 of 2 GPUs wanted" in both.stderr.readline()
    assert machine.told(CUDA_VISIBLE_DEVICES="2,3") == "1 2"


def overlaps(had):
    """Pairs of jobs that had a device at the same time."""
    found = []
    for device in {name for names, *_ in had for name in names}:
        times = sorted((began, ended) for names, began, ended in had if device in names)
        found += [(one, other) for one, other in pairwise(times) if other[0] < one[1]]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("count", [12, 48])
def test_jobs_are_spread_evenly_over_eight_devices(machine, count, at_once):
    """Whether more come than there are devices, or few enough that many are always free."""
    machine.list("".join(f"GPU {i}: NVIDIA H200 (UUID: GPU-{i})\n" for i in range(8)))
    jobs = machine.queue()
    for _ in range(count):
        jobs.stdin.write("1 0.4\n" if at_once else "1 0.1\n")
        jobs.stdin.flush()
        time.sleep(0 if at_once else 0.08)
    jobs.communicate()
    had = machine.had()
    assert len(had) == count and not overlaps(had)
    leases = Counter(name for names, *_ in had for name in names)
    assert len(leases) == 8
    assert max(leases.values()) - min(leases.values()) <= (1 if count == 12 else 2), leases


@pytest.mark.slow
def test_two_at_once_do_not_starve_while_single_ones_come_and_go(machine):
    machine.list("".join(f"GPU {i}: NVIDIA H200 (UUID: GPU-{i})\n" for i in range(8)))
    jobs = machine.queue()
    # More single ones than there are devices for, and among them some that want two and five.
    wanted, served, until = ["2 0.2\n5 0.2\n"], [], time.monotonic() + 20
    while served != [2, 5] and time.monotonic() < until:
        jobs.stdin.write("1 0.4\n" * 4)
        if wanted and len(machine.had()) >= 8:
            jobs.stdin.write(wanted.pop())
        jobs.stdin.flush()
        time.sleep(0.2)
        served = sorted(len(names) for names, *_ in machine.had() if len(names) > 1)
    assert served == [2, 5], "they were not served while others came"
    jobs.communicate()
    assert not overlaps(machine.had())


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
        assert machine.told(TORCHELASTIC_RUN_ID="7") == "1 None"
    assert machine.told() == "1 GPU-0"
    machine.list("")
    assert machine.told() == "0 None"


def test_jobs_within_an_allocation_of_slurm_share_it(machine):
    machine.list("".join(f"GPU {i}: NVIDIA H200 (UUID: GPU-{i})\n" for i in range(8)))
    given = {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "2,3,6"}
    assert [machine.told("auto", 1, **given) for _ in range(3)] == ["1 2", "1 3", "1 6"]
    assert "1 of 3 GPUs wanted" in machine.start(**given).stderr.readline()
    assert machine.told("auto", 8, SLURM_JOB_ID="8", CUDA_VISIBLE_DEVICES="4") == "1 4"


def test_a_process_shares_the_lease_of_the_one_that_started_it(machine):
    assert machine.told() == "1 GPU-0"
    inherited = {"CUDA_VISIBLE_DEVICES": "GPU-0", "BETRAYED_LEASED_DEVICES": "GPU-0"}
    assert machine.told(**inherited) == "1 GPU-0"


def test_a_divided_gpu_has_parts(machine, monkeypatch):
    machine.list(LISTING)
    monkeypatch.setenv("PATH", machine.environment["PATH"])
    assert installed_gpus() == GPUS
    job = machine.start("auto", 3)
    assert job.stdout.readline() == "1 GPU-aa01\n"
    assert "one part of a GPU divided by MIG: one is used" in job.stderr.readline()
    machine.list(OLD_LISTING)
    assert installed_gpus() == [["MIG-GPU-5d5ba0d6/1/0", "MIG-GPU-5d5ba0d6/2/0"]]
    assert machine.told() == "1 MIG-GPU-5d5ba0d6/1/0"
    assert machine.told() == "1 MIG-GPU-5d5ba0d6/2/0"
    assert "1 of 2 GPUs wanted" in machine.start().stderr.readline()


def test_a_part_in_the_older_form_is_leased_by_its_name(machine):
    machine.list(LISTING)
    given = {"CUDA_VISIBLE_DEVICES": "MIG-GPU-cc03/1/0,MIG-GPU-cc03/2/0"}
    assert machine.told(**given) == "1 MIG-GPU-cc03/1/0"
    assert machine.told(**given) == "1 MIG-GPU-cc03/2/0"


# As torch.cuda has them; what is visible is CUDA's to say.
TORCH = """
import os
class cuda:
    def device_count():
        return len(os.environ.get("CUDA_VISIBLE_DEVICES", "0,1").split(","))
    def get_device_properties(number):
        class Device:
            name, uuid = "NVIDIA H100 NAME", f"7f-{number}"
        return Device
"""


@pytest.mark.parametrize("broken", [False, True])
def test_without_an_nvidia_smi_that_works_torch_is_asked(machine, broken):
    machine.smi("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18"
                if broken else None)  # fmt: skip
    machine.torch(TORCH)
    for number in range(2):
        job = machine.start()
        assert job.stdout.readline() == f"1 GPU-7f-{number}\n"
        told = job.stderr.readline()
        reason = "nvidia-smi failed (Failed to initialize NVML" if broken else "no nvidia-smi"
        assert reason in told and told.endswith("torch was asked instead.\n")
    waiting = machine.start()
    assert [waiting.stderr.readline() for _ in range(2)][1].startswith("1 of 2 GPUs wanted")


def test_parts_that_torch_sees_are_named_as_nvidia_smi_names_them(machine):
    machine.smi(None)
    machine.torch(TORCH.replace("NAME", "80GB HBM3 MIG 1g.10gb"))
    assert machine.told() == "1 MIG-7f-0"


def test_a_driver_whose_gpus_nobody_can_list_is_told(machine):
    machine.smi(None)
    machine.torch("raise ImportError('libcudart is missing')")
    job = machine.start()
    assert job.stdout.readline() == "0 None\n"
    assert "torch cannot list the GPUs either (ImportError: libcudart" in job.stderr.readline()


def test_a_machine_without_gpus_says_nothing_unless_nvidia_smi_is_there(machine):
    machine.smi("echo 'NVIDIA-SMI has failed'; exit 9")
    job = machine.start()
    assert job.stdout.readline() == "0 None\n"
    assert job.stderr.readline() == "nvidia-smi failed (NVIDIA-SMI has failed): no GPU is used.\n"
    machine.smi("echo 'GPU 0: new form, UUID GPU-1'")
    assert "in an unknown form: no GPU is used" in machine.start().stderr.readline()
    machine.smi(None)
    job = machine.start()
    assert job.communicate("")[0] == "0 None\n"
    assert job.returncode == 0


def test_a_variable_that_names_no_gpu_is_told(machine):
    job = machine.start(CUDA_VISIBLE_DEVICES="5")
    assert job.stdout.readline() == "0 5\n"
    assert job.stderr.readline() == (
        "CUDA_VISIBLE_DEVICES is '5', but nvidia-smi lists no such GPU: none is used.\n"
    )


@pytest.mark.parametrize(
    ("setting", "unknown"),
    [("0,9,1", "9"), ("GPU-1, GPU-x", "GPU-x"), ("1,1,", None), ("0,-1,9", None)],
)
def test_a_variable_that_names_a_gpu_too_many_is_told(machine, setting, unknown):
    job = machine.start(CUDA_VISIBLE_DEVICES=setting)
    lines = job.communicate("")[1]
    told = f"but nvidia-smi lists no {unknown!r}: as CUDA reads it, nothing from there on is used."
    assert lines == (f"CUDA_VISIBLE_DEVICES is {setting!r}, {told}\n" if unknown else "")


def test_leases_are_seen_from_any_temporary_folder_and_by_any_user(machine, tmp_path_factory):
    assert leasing.FOLDER.is_absolute() and "TMPDIR" not in str(leasing.FOLDER)
    assert machine.told(TMPDIR="/nonexistent") == "1 GPU-0"
    assert machine.told(TMPDIR=str(tmp_path_factory.mktemp("other"))) == "1 GPU-1"
    leases = Path(machine.environment["LEASES"])
    assert stat.S_IMODE(leases.stat().st_mode) == 0o1777
    assert {stat.S_IMODE(path.stat().st_mode) for path in leases.iterdir()} == {0o666}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
def test_two_users_share_the_leases(machine):
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        folder.chmod(0o755)
        (folder / "open").mkdir()
        (folder / "open").chmod(0o1777)
        users = {"LEASES": str(folder / "open" / "leases")}
        assert machine.told(USER_NUMBER="65533", **users) == "1 GPU-0"
        second = machine.start(USER_NUMBER="65534", **users)
        assert second.stdout.readline() == "1 GPU-1\n"
        third = machine.start(USER_NUMBER="65532", **users)
        assert "1 of 2 GPUs wanted" in third.stderr.readline()
        second.kill()
        assert third.stdout.readline() == "1 GPU-1\n"
        # A folder that one of them has closed.
        (folder / "closed").mkdir(mode=0o700)
        job = machine.start(USER_NUMBER="65534", LEASES=str(folder / "closed"))
        told = job.stdout.readline()
        assert told.startswith("UserError ") and "closed to others" in told
        assert f"{folder / 'closed'} of user root cannot be used" in told
    finally:
        machine.end()
        shutil.rmtree(folder)


def test_a_file_in_place_of_the_folder_is_told(machine):
    Path(machine.environment["LEASES"]).touch(mode=0o777)
    told = machine.told()
    assert "it is no folder" in told and "(chmod 1777)" in told


def test_a_link_in_place_of_a_device_is_not_followed(machine, tmp_path):
    leases = Path(machine.environment["LEASES"])
    leases.mkdir(mode=0o777)
    (tmp_path / "precious").write_text("kept")
    (leases / "device-GPU-0").symlink_to(tmp_path / "precious")
    assert "device-GPU-0" in machine.told()
    assert (tmp_path / "precious").read_text() == "kept"


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
    "program",
    ["cache_features", "export_attention", "cluster_tracks", "segment_pieces", "train_block"],
)
def test_the_programs_lease_before_torch_is_imported(program, tmp_path):
    code = (
        f"import sys, {program} as program\n"
        "from betrayed.engine import gpu_options\n"
        "def leased(*given): sys.exit(7 + ('torch' in sys.modules))\n"
        "for place in (program, gpu_options):\n"
        "    if hasattr(place, 'lease_gpus'): place.lease_gpus = leased\n"
        "program.main()\n"
    )
    (tmp_path / "file").write_bytes(b"weights, a block, or what an earlier stage made")
    record = record_of(tmp_path / "record", {"bear": tmp_path / "file"})
    given = {"frames": record, "features": record, "attention": record}
    given |= {"weights": tmp_path / "file", "block": tmp_path / "file", "settings": "{}"}
    given |= {"output": tmp_path / "block.pt", "record": tmp_path / "made.json"}
    given |= {"output-folder": tmp_path / "made", "manifest": tmp_path / "videos.csv", "batch": "0"}
    row = dict.fromkeys(COLUMNS, "") | {"video": "bear", "batch": "0"}
    write_manifest(tmp_path / "videos.csv", [row])
    known = (SCRIPTS / f"{program}.py").read_text()
    if "add_batch_options(" in known:
        known += '"--output-folder"' + '"--record"'
    told = [str(part) for name, one in given.items() if f'"--{name}"' in known
            for part in (f"--{name}", one)]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run([sys.executable, "-c", code, *told], env=environment, cwd=tmp_path)
    assert done.returncode == 7  # 8: torch came first; 1, 2: no lease at all
