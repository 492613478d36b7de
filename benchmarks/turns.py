"""Versions of one computation that take turns, each in a process of its own."""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any


class Version:
    """A process of the running program that computes one version whenever it is asked to."""

    def __init__(self, name: str, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *sys.argv, *options, "--measure", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        ready = self._read()
        self.facts: str = ready["facts"]
        self._base = self._peak = ready["peak"]

    def step(self) -> dict[str, Any]:
        """Compute once; returns ``seconds`` and whatever else the version tells."""
        self._process.stdin.write("step\n")
        self._process.stdin.flush()
        done = self._read()
        self._peak = done["peak"]
        return done

    def finish(self) -> float:
        """End the process; returns what its steps added to its peak memory, in MB."""
        self._process.stdin.close()
        self._process.wait()
        return self._peak - self._base

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:  # it has said why
            sys.exit(self._process.wait() or 1)
        return json.loads(line)


def answer(
    compute: Callable[[], dict[str, Any] | None], facts: str, peak: Callable[[], float]
) -> None:
    """In the process of a version: compute for each line of standard input, and tell how it went.

    Args:
        compute: computes once, and may return more to tell.
        facts: what is computed and where, for the head of the table.
        peak: peak memory so far in MB.
    """
    print(json.dumps({"facts": facts, "peak": peak()}), flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        told = compute() or {}
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds, **told, "peak": peak()}), flush=True)


def process_peak() -> float:
    """Peak memory of this process in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def spread(values: list[float], digits: int) -> str:
    """Median (least to most)."""
    median, least, most = (
        f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    )
    return f"{median} ({least} to {most})"
