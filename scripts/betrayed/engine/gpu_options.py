"""The options of the programs that compute on a GPU where there is one."""

import argparse

from betrayed.config.device import USUAL_DEVICE


def add_gpu_options(parser: argparse.ArgumentParser) -> None:
    """The options of a program that computes on a GPU where there is one."""
    parser.add_argument("--device", default=USUAL_DEVICE, help="auto, cpu or cuda")
    parser.add_argument("--gpus", type=int, default=1, help="GPUs granted; 0: compute on the CPU")
    parser.add_argument("--threads", type=int, help="CPU threads; torch's choice by default")
