"""Measure clustering against the plain version, side by side.

Each version runs in a process of its own; they take turns, so that what else the machine does meets
all of them. "times faster" is the median over the rounds of plain seconds over seconds. Peak memory
is what the clustering added to its process, or took on the GPU. "ARI" is the adjusted Rand index
of the labels against the plain version's.

Work is counted in floating-point operations of matrix products, as torch counts them. What an
exact answer needs at least, when nothing is ruled out, with D numbers a query, M columns:
- every row's scores once: 2·D·M for each token;
- every pair of rows of a window once, p·log p' and p'·log p: 4·M for each pair;
- every row's mean over its neighbours: 2·M for each neighbour, as a product has it;
- every row of a window against at least one leader: 4·M for each token;
- every token against at least one centre: 4·M for each token.
The library can do with less, since bounds decide pairs and centres without their columns.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turns import Version, answer, process_peak, spread

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

# Torch is imported only where it measures: a process starts with the peak of its parent.
if TYPE_CHECKING:
    from torch import Tensor

VERSIONS = {
    "plain": "plain: whole maps, five products",
    "library": "library, exact",
    "five": "library, exact, five thresholds",
    "approximate-2": "library, approximate: 2",
    "approximate-4": "library, approximate: 4",
}
FIVE = (0.5, 1, 2, 6, 20)  # times the threshold
WINDOW = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--attention", metavar="H5", help="a video's attention; default: made")
    parser.add_argument(
        "--cases",
        nargs="+",
        default=["20x4", "60x6"],
        help="frames x key frames, default 20x4 60x6",
    )
    parser.add_argument("--grid", default="23x40", help="tokens a frame of made attention")
    parser.add_argument("--tau", type=float, default=0.05, help="threshold; default 0.05")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, help="processor cores to use; default: torch's own")
    parser.add_argument("--repeats", type=int, default=3, help="rounds; default 3")
    parser.add_argument("--growth", metavar="PNG", help="measure how time grows, and draw it here")
    parser.add_argument("--memory-mb", type=int, default=0, help="as in cluster_tracks.py")
    parser.add_argument("--measure", choices=[*VERSIONS, "work"], help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments)
    elif arguments.growth:
        growth(arguments)
    else:
        for case in arguments.cases:
            compare(case, arguments.repeats)


def compare(case: str, repeats: int) -> None:
    """Let the versions take turns on one case, and print the table."""
    load = os.getloadavg()[0]
    versions = {name: Version(name, "--case", case) for name in VERSIONS}
    rounds = [{name: one.step() for name, one in versions.items()} for _ in range(repeats)]
    peaks = {name: one.finish() for name, one in versions.items()}
    work = Version("work", "--case", case).step()

    print(f"{versions['plain'].facts}.")
    print(f"Load average {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end.\n")
    print(f"{'':34}{'seconds':>22}{'times faster':>24}{'peak MB':>9}{'of plain':>9}{'ARI':>8}")
    plain = [one["plain"]["seconds"] for one in rounds]
    for name, title in VERSIONS.items():
        seconds = [one[name]["seconds"] for one in rounds]
        faster = spread([a / b for a, b in zip(plain, seconds, strict=True)], 2)
        part = f"{peaks[name] / peaks['plain']:.2f}"
        alike = f"{agreement(rounds[0]['plain']['labels'], rounds[0][name]['labels']):.4f}"
        print(
            f"{title:34}{spread(seconds, 2):>22}{faster:>24}{peaks[name]:>9.0f}{part:>9}{alike:>8}"
        )
    seconds = sorted(one["library"]["seconds"] for one in rounds)[len(rounds) // 2]
    print(
        f"\nMedian (least to most) of {repeats} rounds. Work of the library {work['done']:.2e}, "
        f"{work['done'] / work['least']:.2f} of what is needed at least when nothing is ruled "
        f"out, {work['done'] / work['plain']:.3f} of the plain version's.\n"
        f"Its products alone are {work['done'] / seconds / work['rate']:.2f} of what the machine "
        f"does in its time ({work['rate'] / 1e9:.0f} GFLOP/s in a large product).\n"
    )


def measure(arguments: argparse.Namespace) -> None:
    """In the process of a version: cluster whenever asked."""
    import torch

    from betrayed.engine.devices import choose_device

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = choose_device(arguments.device)
    frames, key_frames = (int(count) for count in arguments.case.split("x"))
    queries, keys, grid, source = attention(arguments, frames, key_frames)
    queries, keys = queries.to(device), keys.to(device)
    facts = (
        f"{frames} frames of {queries.shape[2]} tokens, {key_frames} key frames ({source}), tau "
        f"{arguments.tau}; torch {torch.__version__}, {torch.get_num_threads()} threads, {device}"
    )
    if arguments.measure == "work":
        answer(lambda: work(queries, keys, arguments.tau), facts, process_peak)
        return
    # What is loaded at the first use is not memory that clustering takes.
    small = torch.randn(2, 2, 32, 8, device=device)
    clusterer(arguments, small, small, (4, 8))()
    cluster = clusterer(arguments, queries, keys, grid)

    def compute() -> dict[str, Any]:
        labels = cluster()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return {"labels": labels.ravel().tolist()}

    def gpu_peak() -> float:
        return torch.cuda.max_memory_allocated() / 1e6

    answer(compute, facts, gpu_peak if device.type == "cuda" else process_peak)


def clusterer(
    arguments: argparse.Namespace, queries: "Tensor", keys: "Tensor", grid: tuple[int, int]
) -> Callable[[], Any]:
    """A function that clusters as the version asked for does, and returns labels (T, N)."""
    from plain_clustering import plain_clustering

    from betrayed.clustering.clustering import hierarchical_clusterings
    from betrayed.clustering.tracking import columns

    if arguments.measure == "plain":
        return lambda: plain_clustering(queries, keys, arguments.tau, WINDOW)
    taus = [arguments.tau]
    if arguments.measure == "five":
        taus = [arguments.tau * factor for factor in FIVE]
    step = int(arguments.measure.partition("-")[2] or 1)
    some = keys[:, :, columns(grid, step)]
    return lambda: (
        hierarchical_clusterings(
            queries, some, taus=taus, window=WINDOW, memory=1e6 * arguments.memory_mb or None
        )[taus.index(arguments.tau)].labels
    )


def work(queries: "Tensor", keys: "Tensor", tau: float) -> dict[str, float]:
    """Operations that the library and the plain version do, the least there are, and the rate."""
    import torch
    from plain_clustering import neighbour_pairs, plain_clustering
    from torch.utils.flop_counter import FlopCounterMode

    from betrayed.clustering.clustering import hierarchical_clustering

    done = {}
    for name, cluster in {
        "done": lambda: hierarchical_clustering(queries, keys, tau=tau, window=WINDOW),
        "plain": lambda: plain_clustering(queries, keys, tau, WINDOW),
    }.items():
        with FlopCounterMode(display=False) as counter:
            cluster()
        done[name] = counter.get_total_flops()
    frames, heads, patches, width = queries.shape
    tokens, columns = frames * patches, keys.shape[0] * keys.shape[2]
    sizes = [min(WINDOW, frames - start) * patches for start in range(0, frames, WINDOW)]
    pairs = sum(size * (size - 1) // 2 for size in sizes)
    means = 2 * neighbour_pairs(queries, keys, tau, WINDOW)
    least = columns * (2 * heads * width * tokens + 4 * pairs + means + 8 * tokens)
    square = torch.rand(4096, 4096, device=queries.device)
    rates = []
    for _ in range(5):
        began = time.perf_counter()
        (square @ square)[0, 0].item()
        rates.append(2 * 4096**3 / (time.perf_counter() - began))
    return {**done, "least": least, "rate": max(rates)}


def attention(
    arguments: argparse.Namespace, frames: int, key_frames: int
) -> tuple["Tensor", "Tensor", tuple[int, int], str]:
    """Queries (T, heads, N, d), keys (Tk, heads, N, d), the grid (h, w), and their source."""
    import h5py
    import torch

    if arguments.attention:
        with h5py.File(arguments.attention) as file:
            if len(file["queries"]) < frames:
                sys.exit(f"{arguments.attention} has {len(file['queries'])} frames, not {frames}.")
            queries, keys = (torch.from_numpy(file[name][:frames]) for name in ("queries", "keys"))
            grid = tuple(int(side) for side in file.attrs["grid"])
    else:
        grid = tuple(int(side) for side in arguments.grid.split("x"))
        queries = keys = made_attention(frames, grid)
    chosen = list(range(0, frames, -(-frames // key_frames)))[:key_frames]
    source = Path(arguments.attention).stem if arguments.attention else "made"
    return queries.float(), keys[chosen].float(), grid, source


def made_attention(
    frames: int, grid: tuple[int, int], noise: float = 0.15, slope: float = 0.0
) -> "Tensor":
    """Factors (T, 8, N, 48) of things that drift over a background, with what each frame adds.

    Tokens of a thing differ by noise and by slopes across the picture. With a noise of 0.01, a
    slope of 0.1 and a threshold of 0.05 it is as on real video: a dozen clusters in a window, two
    thirds of the rows with neighbours of their own, a few pairs of a thousand that bounds leave
    open. With the noise of 0.15 nearly each token is a cluster.
    """
    import torch
    import torch.nn.functional as F

    draw = torch.Generator().manual_seed(0)
    height, width = grid
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    kinds = 1.6 * torch.randn(9, 8, 48, generator=draw)
    spread_over = torch.randn(12, 8, 48, generator=draw)  # how tokens of one kind differ
    slopes = torch.zeros(height * width, 12)
    if slope:
        coarse = slope * torch.randn(1, 12, 4, 4, generator=draw)
        fine = F.interpolate(coarse, size=grid, mode="bicubic", align_corners=True)
        slopes = fine[0].flatten(1).T
    tokens = []
    for frame in range(frames):
        kind = (2 * y).long() + 2 * (2 * x).long()  # four parts of the background
        for number in range(5):
            centre = (
                0.5 + 0.35 * torch.tensor([number + frame / 40, 1.7 * number - frame / 30]).sin()
            )
            kind[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 < 0.015] = 4 + number
        own = slopes + noise * torch.randn(height * width, 12, generator=draw)
        tokens.append(kinds[kind.flatten()] + torch.einsum("nk,khd->nhd", own, spread_over))
    return torch.stack(tokens).transpose(1, 2)


def growth(arguments: argparse.Namespace) -> None:
    """Print and draw how the library's time grows with frames, tokens and key frames."""
    import matplotlib.pyplot as plt
    import torch

    from betrayed.clustering.clustering import hierarchical_clustering

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    frames, key_frames = (int(count) for count in arguments.cases[-1].split("x"))
    queries, keys, _, source = attention(arguments, frames, key_frames)
    patches = queries.shape[2]

    def seconds(frames: int, patches: int, key_frames: int) -> float:
        some = queries[:frames, :, :patches], keys[:key_frames, :, :patches]
        times = []
        for _ in range(arguments.repeats):
            began = time.perf_counter()
            hierarchical_clustering(*some, tau=arguments.tau, window=WINDOW)
            times.append(time.perf_counter() - began)
        return min(times)

    eighths = (1, 2, 4, 6, 8)
    grown = {
        "frames": ([frames * part // 8 for part in eighths], (1, 0, 0)),
        "tokens a frame": ([patches * part // 8 for part in eighths], (0, 1, 0)),
        "key frames": (list(range(1, key_frames + 1)), (0, 0, 1)),
    }
    print(
        f"Clustering {source}, up to {frames} frames of {patches} tokens, {key_frames} key frames"
    )
    print(f"{'':16}{'value':>8}{'seconds':>10}   least of {arguments.repeats} rounds")
    figure, places = plt.subplots(1, 3, figsize=(9, 2.8), sharey=True, layout="constrained")
    for (name, (values, grows)), place in zip(grown.items(), places, strict=True):
        most = (frames, patches, key_frames)
        cases = [
            [value if grow else rest for grow, rest in zip(grows, most, strict=True)]
            for value in values
        ]
        found = [seconds(*case) for case in cases]
        for value, took in zip(values, found, strict=True):
            print(f"{name:16}{value:>8}{took:>10.2f}")
        place.plot(values, found, "o-")
        place.set_xlabel(name)
        place.set_ylim(bottom=0)
        place.set_xlim(left=0)
    places[0].set_ylabel("seconds")
    figure.savefig(arguments.growth, dpi=110)


def agreement(first: list[int], second: list[int]) -> float:
    """Adjusted Rand index of two partitions."""
    import numpy as np

    from betrayed.scoring.video_objects import adjusted_rand

    counts = np.zeros((max(first) + 1, max(second) + 1), np.int64)
    np.add.at(counts, (first, second), 1)
    return adjusted_rand(counts)


if __name__ == "__main__":
    main()
