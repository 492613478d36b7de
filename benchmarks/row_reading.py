"""Measure how fast frames of features are read, beside HDF5's own reading and checking.

Clips of some frames are read from a made file, which lies in memory by then, in one thread and in
several, each with the file open for itself. "HDF5" is ``dataset[frame]``, "library" is
``read_rows``. Both take turns in one process.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from betrayed.engine.programs import run
from betrayed.io.artefacts import create, open_checked
from betrayed.io.row_reading import read_rows

Reading = Callable[[h5py.Dataset, Sequence[int]], np.ndarray]


def by_hdf5(dataset: h5py.Dataset, frames: Sequence[int]) -> np.ndarray:
    """Frame by frame, since h5py takes no frame twice."""
    return np.stack([dataset[frame] for frame in frames])


READINGS: dict[str, Reading] = {"HDF5": by_hdf5, "library": read_rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15, help="rounds; default 15")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="default 1 2")
    parser.add_argument("--tokens", type=int, default=920, help="tokens a frame; default 920")
    parser.add_argument("--width", type=int, default=384, help="of a token; default 384")
    parser.add_argument("--frames", type=int, default=3, help="of a clip; default 3")
    parser.add_argument("--count", type=int, default=60, help="frames of the file; default 60")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(arguments, Path(folder) / "features.h5")


def compare(arguments: argparse.Namespace, path: Path) -> None:
    """Let both take turns with each number of threads, and print the table."""
    rng = np.random.default_rng(0)
    shape = (arguments.count, arguments.tokens, arguments.width)
    with create(path, "features", {}) as file:
        tokens = file.create_dataset("patch_tokens", shape, np.float16, chunks=(1, *shape[1:]))
        for frame in range(arguments.count):
            tokens[frame] = rng.normal(size=shape[1:])
    clips = [rng.choice(arguments.count, arguments.frames, replace=False) for _ in range(50)]
    told = f"{arguments.frames} frames of {arguments.tokens} tokens of width {arguments.width}"
    print(f"Clips of {told}, float16.\n{'':10}{'threads':>8}{'MB/s':>8}{'times HDF5':>24}")
    for threads in arguments.threads:
        rates: dict[str, list[float]] = {name: [] for name in READINGS}
        for _ in range(arguments.repeats):
            for name, reading in READINGS.items():
                rates[name].append(rate(path, clips, reading, threads))
        for name, found in rates.items():
            ratios = sorted(a / b for a, b in zip(found, rates["HDF5"], strict=True))
            ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
            print(f"{name:10}{threads:8}{statistics.median(found):8.0f}{ratio:>24}", flush=True)


def rate(path: Path, clips: list[np.ndarray], reading: Reading, threads: int) -> float:
    """Megabytes a second of all threads together; each reads all clips."""

    def work() -> int:
        with open_checked(path, "features") as file:
            return sum(reading(file["patch_tokens"], clip).nbytes for clip in clips)

    with ThreadPoolExecutor(threads) as pool:
        before = time.perf_counter()
        read = sum(one.result() for one in [pool.submit(work) for _ in range(threads)])
        return read / (time.perf_counter() - before) / 1e6


if __name__ == "__main__":
    run(main)
