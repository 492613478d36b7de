"""The options of the programs that compute on a GPU where there is one, and what they ask for."""

import argparse
from typing import TYPE_CHECKING

from betrayed.config.device import USUAL_DEVICE
from betrayed.engine.leasing import lease_gpus

if TYPE_CHECKING:
    import torch


def add_gpu_options(parser: argparse.ArgumentParser) -> None:
    """The options of a program that computes on a GPU where there is one."""
    parser.add_argument("--device", default=USUAL_DEVICE, help="auto, cpu or cuda")
    parser.add_argument("--gpus", type=int, default=1, help="GPUs granted; 0: compute on the CPU")
    parser.add_argument("--threads", type=int, help="CPU threads; torch's choice by default")


def wanted_device(arguments: argparse.Namespace) -> str:
    """What ``--device`` says, where a GPU is granted; else ``cpu``."""
    return arguments.device if arguments.gpus > 0 else "cpu"


def take_device(arguments: argparse.Namespace) -> "torch.device":
    """Lease a GPU if one is granted and wanted, set torch's threads, and say where to compute.

    To be called before anything imports torch, see :func:`betrayed.engine.leasing.lease_gpus`.

    Raises:
        UserError: the leases cannot be used, or a GPU is asked for by name and none is there.
    """
    wanted = wanted_device(arguments)
    lease_gpus(wanted)
    import torch

    from betrayed.engine.devices import choose_device

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    return choose_device(wanted)
