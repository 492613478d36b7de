"""GPUs for this process alone, since Snakemake starts local jobs without giving them one.

A lease is a lock on a file that stands for a device, held until the process ends, however it ends.
Nothing here imports torch: which devices it sees has to be settled before.
"""

import fcntl
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_INHERITED = "BETRAYED_LEASED_DEVICES"  # tells processes started from here what is theirs already
_GIVEN = ("SLURM_JOB_ID", "TORCHELASTIC_RUN_ID")
_held: list[IO[str]] = []


def lease_gpus(device: str = "auto", count: int = 1) -> int:
    """Take up to ``count`` GPUs that no other process has leased, and hide all others from torch.

    Call it before torch is imported. Devices are chosen among those that ``CUDA_VISIBLE_DEVICES``
    lists, or all; where too many are taken, this waits. In a SLURM job and under torchrun nothing
    is done: who started those gave them their devices. Leases are seen by the processes of one
    user on one machine.

    Args:
        device: what ``--device`` says; only ``auto`` and ``cuda`` lease.
        count: how many at most; all at once or none, so that two that wait never block each other.

    Returns:
        How many GPUs this process may use, 0 where there are none or none is wanted.
    """
    if device not in ("auto", "cuda") or count < 1:
        return 0
    devices = visible_gpus(installed_gpus(), os.environ.get(_VISIBLE))
    count = min(count, len(devices))
    if any(name.startswith("MIG-") for name in devices):
        count = min(count, 1)  # CUDA gives a process no second part of a divided GPU
    if not count or any(name in os.environ for name in _GIVEN):
        return count
    if os.environ.get(_INHERITED, "") == os.environ.get(_VISIBLE):
        return count
    taken = _wait(devices, count)
    os.environ[_VISIBLE] = os.environ[_INHERITED] = ",".join(devices[name] for name in taken)
    return count


def release_gpus() -> None:
    """Give the leased devices back early: torch turns out to be unable to use them."""
    while _held:
        _held.pop().close()


def installed_gpus() -> list[list[str]]:
    """The UUIDs of this machine's GPUs in order; a GPU divided by MIG has those of its parts."""
    try:
        listing = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    devices: list[list[str]] = []
    for kind, name in re.findall(r"^\s*(GPU|MIG) .*\(UUID: (\S+)\)", listing, flags=re.MULTILINE):
        if kind == "GPU":
            devices.append([name])
        elif devices:
            whole = devices[-1][0].startswith("GPU-")
            devices[-1] = [name] if whole else [*devices[-1], name]
    return devices


def visible_gpus(devices: list[list[str]], setting: str | None) -> dict[str, str]:
    """The devices that ``CUDA_VISIBLE_DEVICES`` lets through: UUID → how the variable names it.

    As CUDA reads it: numbers and (beginnings of) UUIDs, up to the first that names no device.
    Numbers are taken in the order of nvidia-smi, which is CUDA's where all GPUs are alike.

    Args:
        devices: see :func:`installed_gpus`.
        setting: the variable's value; None: it is not set.
    """
    every = [name for parts in devices for name in parts]
    if setting is None:
        return {name: name for name in every}
    names_by_uuid: dict[str, str] = {}
    for entry in setting.split(","):
        entry = entry.strip()
        if entry.isdecimal():
            names = devices[int(entry)][:1] if int(entry) < len(devices) else []
        else:
            names = [name for name in every if entry and name.startswith(entry)]
        if len(names) != 1:
            break
        names_by_uuid.setdefault(names[0], entry)
    return names_by_uuid


def _wait(devices: dict[str, str], count: int) -> list[str]:
    """Lock ``count`` of the devices, as soon as so many are free."""
    folder = Path(tempfile.gettempdir()) / f"betrayed-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    began = None
    while True:
        # One process at a time looks, so that two never each take half of what both want.
        with open(folder / "choosing", "w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if taken := _try(folder, devices, count):
                break
        if began is None:
            began = time.monotonic()
            print(
                f"{count} of {len(devices)} GPUs wanted, but other jobs have them: waiting.",
                file=sys.stderr,
                flush=True,
            )
        time.sleep(random.uniform(0.3, 0.7))
    if began is not None:
        print(f"Waited {time.monotonic() - began:.0f} s for a GPU.", file=sys.stderr, flush=True)
    return taken


def _try(folder: Path, devices: dict[str, str], count: int) -> list[str]:
    """Lock ``count`` of the devices and name them, or lock none."""
    files: dict[str, IO[str]] = {}
    for name in devices:
        if len(files) == count:
            break
        file = open(folder / name.replace("/", "_"), "w")  # noqa: SIM115
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
        else:
            files[name] = file
    if len(files) < count:
        for file in files.values():
            file.close()
        return []
    _held.extend(files.values())
    return list(files)
