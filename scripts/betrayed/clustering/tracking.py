"""Tracks of a video, made by clustering; :mod:`betrayed.clustering.tracks` reads them."""

import dataclasses
import math
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from betrayed.clustering.clustering import Clustering, hierarchical_clustering, key_frames
from betrayed.clustering.divergence import symmetric_kl
from betrayed.clustering.memory import REMEDY, allowed_memory, check_tracks, less_memory
from betrayed.clustering.merge_tree import merge_tree
from betrayed.clustering.row_parts import StoredRows
from betrayed.config.clustering import ClusterSettings
from betrayed.engine.gpu_memory import ran_out, release
from betrayed.engine.precision import exact_float32
from betrayed.errors import UserError
from betrayed.io.artefacts import check_finite, create, open_checked, provenance
from betrayed.io.prefetching import MOST_AHEAD, on_device, pinned
from betrayed.io.progress import progress
from betrayed.io.row_reading import read_rows


def cluster_video(
    attention_path: str | Path,
    output: str | Path,
    settings: ClusterSettings,
    device: torch.device | str = "cpu",
    memory: float | None = None,
) -> None:
    """Cluster the attention of a video and write its tracks: see :func:`begin_tracks`."""
    begin_tracks(attention_path, output, settings, device, memory)()()


def begin_tracks(
    attention_path: str | Path,
    output: str | Path,
    settings: ClusterSettings,
    device: torch.device | str = "cpu",
    memory: float | None = None,
    ahead: int = 0,
) -> Callable[[], Callable[[], None]]:
    """Read the attention of a video, which is then clustered.

    Args:
        attention_path: attention artefact.
        output: tracks artefact to write: ``labels`` (T, h, w) int32, ``centres`` (K, Tk·N')
            float32, ``sizes`` (K,) in tokens, ``key_frames`` (Tk,), ``merges`` (K−1, 4), and what
            came before the tracks: ``fragments`` (T, h, w) int32, the cluster of a token within
            its window, and ``rounds/0``, ``rounds/1``, …, what each cluster was merged into.
        settings: see :class:`betrayed.config.clustering.ClusterSettings`.
        device: where to compute.
        memory: bytes that clustering may take; None: a share of what is free on the device. When
            the device has less after all, clustering starts anew with half of it, down to what does
            without keeping any row.
        ahead: what has more bytes of queries is read only when what is returned is called.

    Returns:
        What clusters it: to be called in the thread that computes other videos, while any thread
        may read the attention of the next one. It returns what writes the tracks: to be called
        once, in any thread. Another video may be computed meanwhile.

    Raises:
        UserError: unusable attention or settings out of range, or memory does not do; the file is
            named in the error. Of memory the function that is returned tells.
    """
    attention = _read(attention_path, settings, device, ahead) if ahead else None
    return partial(_computed, attention, attention_path, output, settings, device, memory)


@dataclasses.dataclass(frozen=True)
class _Attention:
    """Attention of a video, as clustering takes it.

    Attributes:
        queries: (T, heads, N, d) float16 of all frames.
        keys: (Tk, heads, N', d) of the key frames, of the tokens that are columns.
        key_frames: which frames these are.
        attributes: what the tracks of the video have in common with its attention.
        made_by: what made it.
    """

    queries: Tensor
    keys: Tensor
    key_frames: list[int]
    attributes: dict[str, Any]
    made_by: dict[str, Any]


def _read(
    path: str | Path,
    settings: ClusterSettings,
    device: torch.device | str,
    most: float = math.inf,
) -> _Attention | None:
    """The attention of a video; None if it has more bytes than that."""
    with open_checked(path, "attention") as file:
        stored = file["queries"]  # (T, heads, N, d)
        if math.prod(stored.shape) * stored.dtype.itemsize > most:
            return None
        attributes = {name: file.attrs[name] for name in ("grid", "frame_size", "count")}
        chosen = list(key_frames(len(stored), settings.key_frame_ratio))
        queries = read_rows(stored)
        keys = read_rows(file["keys"], chosen)  # (Tk, heads, N, d)
        made_by = provenance(file)
    check_finite(path, "queries", queries)
    check_finite(path, "keys", keys)
    keys = keys[:, :, columns(attributes["grid"], settings.approximate)]
    # Of a long video pinned memory, which the process keeps, would be too much.
    device = torch.device(device if queries.nbytes <= MOST_AHEAD else "cpu")
    return _Attention(pinned(queries, device), pinned(keys, device), chosen, attributes, made_by)


def _computed(
    attention: _Attention | None,
    path: str | Path,
    output: str | Path,
    settings: ClusterSettings,
    device: torch.device | str,
    memory: float | None,
) -> Callable[[], None]:
    """The tracks of a video; its attention is read now if it was not before."""
    attention = attention or _read(path, settings, device)
    queries, keys = attention.queries, attention.keys
    device = torch.device(device)
    memory = allowed_memory(memory, device)
    video = attention.made_by.get("video", "")
    try:
        while (found := _clustered(queries, keys, settings, device, memory, video)) is None:
            release()
            less = less_memory(memory, queries, keys, settings.window, device)
            if less is None:
                raise UserError(f"Memory ran out (clustering at {memory / 1e9:.2f} GB). {REMEDY}")
            memory = less
            print(
                f"Memory ran out: clustering starts anew, and may take {memory / 1e9:.2f} GB.",
                file=sys.stderr,
                flush=True,
            )
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    made_by = attention.made_by | dataclasses.asdict(settings)
    return partial(_write, output, made_by, attention.attributes, attention.key_frames, *found)


def _clustered(
    queries: Tensor,
    keys: Tensor,
    settings: ClusterSettings,
    device: torch.device,
    memory: float,
    video: str,
) -> tuple[Clustering, np.ndarray] | None:
    """The clustering and the divergences of its centres (K, K); None: memory ran out."""
    try:
        clustering = hierarchical_clustering(
            queries,
            keys,
            tau=settings.tau,
            window=settings.window,
            device=device,
            memory=memory,
            watch=lambda items, name, unit: progress(items, f"{name} {video}", unit),
        )
        check_tracks(len(clustering.centres), memory, device)
        with exact_float32(device):
            centres = on_device(clustering.centres, device)
            return clustering, symmetric_kl(StoredRows(centres)).cpu().numpy()
    except Exception as error:
        if not ran_out(error):
            raise
        return None


def _write(
    output: str | Path,
    made_by: Mapping[str, Any],
    attributes: Mapping[str, Any],
    chosen: list[int],
    clustering: Clustering,
    distances: np.ndarray,
) -> None:
    """Write tracks: see :func:`begin_tracks`."""
    grid, labels = attributes["grid"], clustering.labels
    with create(output, "tracks", made_by) as file:
        file["labels"] = labels.reshape(-1, *grid).astype(np.int32)
        file["fragments"] = clustering.fragments.reshape(-1, *grid).astype(np.int32)
        for number, merged in enumerate(clustering.rounds):
            file[f"rounds/{number}"] = merged
        file["centres"] = clustering.centres
        file["merges"] = merge_tree(distances)
        file["sizes"] = np.bincount(labels.ravel(), minlength=len(clustering.centres))
        file["key_frames"] = np.array(chosen)
        file.attrs.update(attributes)


def columns(grid: tuple[int, int], step: int) -> np.ndarray:
    """Every ``step``-th token of a grid (h, w), each row shifted against the one above it.

    Raises:
        UserError: the step is below 1.
    """
    if step < 1:
        raise UserError(f"approximate must be at least 1, not {step}.")
    rows, places = np.indices(grid)
    return np.flatnonzero((places + step // 2 * rows) % step == 0)
