"""Tracks of a video, made by clustering; :mod:`betrayed.clustering.tracks` reads them."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from betrayed.clustering.clustering import Clustering, hierarchical_clustering, key_frames
from betrayed.clustering.divergence import symmetric_kl
from betrayed.clustering.memory import REMEDY, allowed_memory, less_memory
from betrayed.clustering.merge_tree import merge_tree
from betrayed.clustering.row_parts import StoredRows
from betrayed.config.clustering import ClusterSettings
from betrayed.engine.gpu_memory import ran_out, release
from betrayed.engine.precision import exact_float32
from betrayed.errors import UserError
from betrayed.io.artefacts import check_finite, create, open_checked, provenance
from betrayed.io.progress import progress
from betrayed.io.row_reading import read_rows


def cluster_video(
    attention_path: str | Path,
    output: str | Path,
    settings: ClusterSettings,
    device: torch.device | str = "cpu",
    memory: float | None = None,
) -> None:
    """Cluster the attention of a video and write its tracks.

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

    Raises:
        UserError: unusable attention or settings out of range, or memory does not do; the file is
            named in the error.
    """
    with open_checked(attention_path, "attention") as attention:
        made_by = provenance(attention)
        attributes = {name: attention.attrs[name] for name in ("grid", "frame_size", "count")}
        grid = tuple(int(side) for side in attributes["grid"])
        queries = read_rows(attention["queries"])  # (T, heads, N, d)
        chosen = list(key_frames(len(queries), settings.key_frame_ratio))
        keys = read_rows(attention["keys"], chosen)  # (Tk, heads, N, d)
    check_finite(attention_path, "queries", queries)
    check_finite(attention_path, "keys", keys)
    keys = keys[:, :, columns(grid, settings.approximate)]
    device = torch.device(device)
    memory = allowed_memory(memory, device)
    try:
        while (found := _clustered(queries, keys, settings, device, memory, made_by)) is None:
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
        raise UserError(f"{attention_path}: {error}") from error
    clustering, distances = found
    labels = clustering.labels
    with create(output, "tracks", made_by | dataclasses.asdict(settings)) as file:
        file["labels"] = labels.reshape(-1, *grid).astype(np.int32)
        file["fragments"] = clustering.fragments.reshape(-1, *grid).astype(np.int32)
        for number, merged in enumerate(clustering.rounds):
            file[f"rounds/{number}"] = merged
        file["centres"] = clustering.centres
        file["merges"] = merge_tree(distances)
        file["sizes"] = np.bincount(labels.ravel(), minlength=len(clustering.centres))
        file["key_frames"] = np.array(chosen)
        file.attrs.update(attributes)


def _clustered(
    queries: np.ndarray,
    keys: np.ndarray,
    settings: ClusterSettings,
    device: torch.device,
    memory: float,
    made_by: Mapping[str, Any],
) -> tuple[Clustering, np.ndarray] | None:
    """The clustering and the divergences of its centres (K, K); None: memory ran out."""
    video = made_by.get("video", "")
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
        with exact_float32(device):
            centres = torch.from_numpy(clustering.centres).to(device)
            return clustering, symmetric_kl(StoredRows(centres)).cpu().numpy()
    except Exception as error:
        if not ran_out(error):
            raise
        return None


def columns(grid: tuple[int, int], step: int) -> np.ndarray:
    """Every ``step``-th token of a grid (h, w), each row shifted against the one above it.

    Raises:
        UserError: the step is below 1.
    """
    if step < 1:
        raise UserError(f"approximate must be at least 1, not {step}.")
    rows, places = np.indices(grid)
    return np.flatnonzero((places + step // 2 * rows) % step == 0)
