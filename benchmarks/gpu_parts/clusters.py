"""Clustering against the plain algorithm, against a CPU, and at the largest size."""

import statistics

import torch
from plain_clustering import plain_clustering

from betrayed.clustering.clustering import hierarchical_clusterings
from betrayed.engine.precision import exact_float32
from clustering import agreement, made_attention
from gpu_parts.bench import Bench, Rows, ratio

TAUS = (0.02, 0.05, 0.1, 0.3, 1.0, 3.0)
WINDOW = 3


def clustering(bench: Bench) -> Rows:
    """The library against the plain algorithm on the same device."""
    frames, key_frames, grid = bench.size.clustering
    queries, keys = attention_factors(bench, frames, key_frames, grid)
    tau, labels = 0.05, {}

    def library() -> None:
        found = hierarchical_clusterings(queries, keys, taus=[tau], window=WINDOW)
        labels["library"] = found[0].labels

    def plain() -> None:
        with exact_float32(bench.device):
            labels["plain"] = plain_clustering(queries.float(), keys.float(), tau, WINDOW)

    steps = {"plain": plain, "library": library}
    times = bench.turns(steps)
    rows = [
        {
            "clustering": name,
            "case": case(frames, key_frames, grid),
            "s": statistics.median(times[name]),
            "times faster": ratio(times, "plain", name),
            "peak GB": bench.peak(step),
            "ARI": agreement(labels["plain"].ravel().tolist(), labels[name].ravel().tolist()),
        }
        for name, step in steps.items()
    ]
    return rows, {
        "clustering 60 × 2,400 over the plain algorithm": ratio(times, "plain", "library")
    }


def partition(bench: Bench) -> Rows:
    """The same labels on the device as on the CPU, at six thresholds."""
    frames, key_frames, grid = bench.size.partition
    queries, keys = attention_factors(bench, frames, key_frames, grid)
    given = {"taus": TAUS, "window": WINDOW}
    found = hierarchical_clusterings(queries, keys, **given)
    expected = hierarchical_clusterings(queries.cpu(), keys.cpu(), **given)
    rows = [
        {
            "tau": tau,
            "case": case(frames, key_frames, grid),
            "tracks": len(other.centres),
            "same labels": float((one.labels == other.labels).mean()),
        }
        for tau, one, other in zip(TAUS, found, expected, strict=True)
    ]
    same = sum(row["same labels"] == 1 for row in rows)
    return rows, {"thresholds of six with the same partition as on the CPU": same}


def largest(bench: Bench) -> Rows:
    """As many frames as DAVIS' longest clip, with the paper's tokens."""
    frames, key_frames, grid = bench.size.largest
    queries, keys = attention_factors(bench, frames, key_frames, grid, on_device=False)

    def cluster() -> None:
        hierarchical_clusterings(queries, keys, taus=[0.05], window=WINDOW, device=bench.device)

    peak = bench.peak(cluster)
    seconds, busy = bench.busy(cluster)
    row = {
        "case": case(frames, key_frames, grid),
        "s": seconds,
        "peak GB": peak,
        "GPU busy": busy,
    }
    return [row], {"largest DAVIS clip, memory": peak, "largest DAVIS clip, time": seconds}


def case(frames: int, key_frames: int, grid: tuple[int, int]) -> str:
    """A clustering, in words."""
    return f"{frames} frames of {grid[0] * grid[1]} tokens, {key_frames} key frames"


def attention_factors(
    bench: Bench, frames: int, key_frames: int, grid: tuple[int, int], on_device: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Made queries (T, heads, N, d) and keys of the key frames, float16 as files have them."""
    queries = made_attention(frames, grid, noise=0.01, slope=0.1).half()
    if on_device:
        queries = queries.to(bench.device)
    step = -(-frames // key_frames)
    return queries, queries[::step][:key_frames]
