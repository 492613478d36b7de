"""Which GPUs of the machine this process may see, found before torch is imported here."""

import os
import re
import subprocess
import sys
from pathlib import Path

from betrayed.errors import UserError

VISIBLE = "CUDA_VISIBLE_DEVICES"
#: One of these is there where the driver of NVIDIA's GPUs is (the last one: in Windows' Linux).
DRIVER = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidiactl"), Path("/dev/dxg"))
# What hides all GPUs, as CUDA and SLURM have it.
_NONE = ("", "-1", "NoDevFiles")
_PATIENCE = 120  # seconds for another program to answer
# Asked of another process: CUDA reads which GPUs are visible once, when it starts.
_ASK_TORCH = """
import torch
for number in range(torch.cuda.device_count()):
    device = torch.cuda.get_device_properties(number)
    print("MIG" if " MIG " in device.name else "GPU", device.uuid)
"""


def usable_gpus() -> dict[str, str]:
    """The GPUs that this process may use: name → how ``CUDA_VISIBLE_DEVICES`` is to name it.

    Names are the UUIDs of GPUs, or of the parts of GPUs divided by MIG. nvidia-smi is asked;
    where there is none, as in many containers, or where it fails, torch is. Standard error says
    so, and why there is none although the machine has a driver, or the variable names some.
    """
    setting = os.environ.get(VISIBLE)
    if setting is not None and setting.strip() in _NONE:
        return {}
    try:
        installed = installed_gpus()
        found = visible_gpus(installed, setting)
        seen = "nvidia-smi lists"
        if found and (unknown := _first_unknown(installed, setting)):
            _tell(
                f"{VISIBLE} is {setting!r}, but {seen} no {unknown!r}: as CUDA reads it, nothing "
                "from there on is used."
            )
    except _NotListed as reason:
        driver = any(path.exists() for path in DRIVER)
        if not driver and not reason.failed:
            return {}  # a machine without GPUs
        found = _seen_by_torch() if driver else {}
        _tell(f"{reason}; torch was asked instead." if driver else f"{reason}: no GPU is used.")
        seen = "torch sees"
    if not found and setting is not None:
        _tell(f"{VISIBLE} is {setting!r}, but {seen} no such GPU: none is used.")
    return found


def what_is_used(usable: int, granted: int | None, cores: int, threads: int) -> str:
    """What a run computes on, and what to add to its command where that is not all there is.

    Args:
        usable: GPUs that this process may use, see :func:`usable_gpus`.
        granted: N of ``--resources gpu=N``; None: it was not given.
        cores: of the run, ``--cores``.
        threads: the most that a job on one GPU takes.
    """
    gpus = "1 GPU" if usable == 1 else f"{usable} GPUs"
    if not usable:
        return "No GPU can be used here: everything is computed on the CPU."
    if granted is None:
        return (
            f"{gpus} can be used here, but the command does not say so: jobs that find none free "
            f"wait, and batches are made as for a CPU. Add --resources gpu={usable}."
        )
    if not granted:
        return f"{gpus} can be used here, but everything is computed on the CPU, as gpu=0 asks."
    if granted > usable:
        return (
            f"{gpus} can be used here, not {granted}: others wait. Give --resources gpu={usable}."
        )
    used = f"{granted} of {gpus} used at a time, at most."
    side_by_side = max(1, cores // threads)
    if granted > side_by_side:
        used += (
            f" But a job takes up to {threads} cores, of which the run has {cores}: {side_by_side} "
            f"at a time. Give --cores {threads * granted}, or all, if there are more."
        )
    return used


def require_gpu(device: str) -> None:
    """Refuse ``cuda`` where this process may use no GPU; ``auto`` and ``cpu`` need none.

    Raises:
        UserError: there is none.
    """
    if device == "cuda" and not usable_gpus():
        raise UserError(
            "device: 'cuda', but this machine has no GPU that can be used. Set it to 'auto' or "
            "'cpu'."
        )


def installed_gpus() -> list[list[str]]:
    """The UUIDs of this machine's GPUs in order; a GPU divided by MIG has those of its parts.

    Raises:
        _NotListed: there is no nvidia-smi, or it fails.
    """
    try:
        listing = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=_PATIENCE, check=True
        ).stdout
    except FileNotFoundError:
        raise _NotListed("There is no nvidia-smi", failed=False) from None
    except subprocess.CalledProcessError as error:
        said = (error.stdout + error.stderr).strip().splitlines()
        raise _NotListed(f"nvidia-smi failed ({' '.join(said) or error})", failed=True) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise _NotListed(f"nvidia-smi failed ({error})", failed=True) from None
    devices: list[list[str]] = []
    for kind, name in re.findall(r"^\s*(GPU|MIG) .*\(UUID: (\S+)\)", listing, flags=re.MULTILINE):
        if kind == "GPU":
            devices.append([name])
        elif devices:
            whole = devices[-1][0].startswith("GPU-")
            devices[-1] = [name] if whole else [*devices[-1], name]
    if "UUID" in listing and not devices:
        raise _NotListed("nvidia-smi lists GPUs in an unknown form", failed=True)
    return devices


def visible_gpus(devices: list[list[str]], setting: str | None) -> dict[str, str]:
    """The devices that ``CUDA_VISIBLE_DEVICES`` lets through: UUID → how the variable names it.

    As CUDA reads it: numbers and (beginnings of) UUIDs, up to the first that names no device.
    Numbers are in the order of nvidia-smi, see :func:`betrayed.engine.leasing.lease_gpus`. A part
    of a GPU in the older form MIG-GPU-<UUID>/<instance>/<instance>, which newer drivers take but do
    not list, stands for itself.

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
            if not names and re.fullmatch(r"MIG-GPU-[^/]+/\d+/\d+", entry):
                names = [entry]
        if len(names) != 1:
            break
        names_by_uuid.setdefault(names[0], entry)
    return names_by_uuid


def _first_unknown(devices: list[list[str]], setting: str | None) -> str | None:
    """The first entry that names no device, unless -1, which ends a list, comes before; or None."""
    for entry in map(str.strip, (setting or "").strip(" ,").split(",")):
        if entry == "-1":
            return None
        if entry and not visible_gpus(devices, entry):
            return entry
    return None


class _NotListed(Exception):
    """nvidia-smi gives no list; ``failed``: although there is one."""

    def __init__(self, reason: str, failed: bool) -> None:
        super().__init__(reason)
        self.failed = failed


def _seen_by_torch() -> dict[str, str]:
    """The GPUs that torch sees in another process, by their UUIDs."""
    try:
        told = subprocess.run(
            [sys.executable, "-c", _ASK_TORCH],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=True,
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **os.environ},
        ).stdout
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()
        _tell(f"torch cannot list the GPUs either ({said[-1] if said else error}): none is used.")
        return {}
    except (OSError, subprocess.SubprocessError) as error:
        _tell(f"torch cannot list the GPUs either ({error}): none is used.")
        return {}
    names = {}
    for line in told.splitlines():
        kind, uuid = line.split()
        name = uuid if uuid.startswith(kind) else f"{kind}-{uuid}"
        names[name] = name
    return names


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
