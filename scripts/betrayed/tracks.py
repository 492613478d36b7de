"""Tracks of a video: made by clustering, read by the stages after it."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from betrayed.artefacts import create, open_checked, provenance
from betrayed.errors import UserError
from betrayed.merge_tree import merge_tree
from betrayed.programs import progress


@dataclass(frozen=True)
class ClusterSettings:
    """How attention rows become tracks.

    Attributes:
        tau: symmetric KL divergence in nats up to which rows are one; more gives fewer tracks.
        window: frames clustered together in the first step.
        key_frame_ratio: every so many frames one whose tokens are the columns of the rows;
            less is slower and needs more memory.
    """

    tau: float = 0.3
    window: int = 3
    key_frame_ratio: int = 10


@dataclass(frozen=True)
class Tracks:
    """Tracks of a video.

    Attributes:
        labels: (T, h, w) int32, the track of every token, 0 … K−1.
        merges: (K−1, 4), the tree in which they merge, see :mod:`betrayed.merge_tree`.
        frame_size: height and width of the video's own frames, in pixels.
        made_by: what made them.
    """

    labels: np.ndarray
    merges: np.ndarray
    frame_size: tuple[int, int]
    made_by: dict[str, Any]


def cluster_video(
    attention_path: str | Path, output: str | Path, settings: ClusterSettings, device: Any = None
) -> None:
    """Cluster the attention of a video and write its tracks.

    Args:
        attention_path: attention artefact.
        output: tracks artefact to write: ``labels`` (T, h, w) int32, ``centres`` (K, Tk·N)
            float32, ``sizes`` (K,) in tokens, ``key_frames`` (Tk,), ``merges`` (K−1, 4).
        settings: see :class:`ClusterSettings`.
        device: a torch device, or None for the CPU.

    Raises:
        UserError: unusable attention or settings out of range; names the file.
    """
    # Here, not above: the stages that only read tracks then start without torch.
    import torch

    from betrayed.clustering import hierarchical_clustering, key_frames
    from betrayed.divergence import symmetric_kl

    with open_checked(attention_path, "attention") as attention:
        queries, keys = attention["queries"][:], attention["keys"][:]  # (T, heads, N, d)
        made_by = provenance(attention)
        attributes = {name: attention.attrs[name] for name in ("grid", "frame_size", "count")}
    video = made_by.get("video", "")
    try:
        chosen = key_frames(len(queries), settings.key_frame_ratio)
        clustering = hierarchical_clustering(
            queries,
            keys[list(chosen)],  # (Tk, heads, N, d)
            tau=settings.tau,
            window=settings.window,
            device=device,
            watch=lambda items, name, unit: progress(items, f"{name} {video}", unit),
        )
    except UserError as error:
        raise UserError(f"{attention_path}: {error}") from error
    labels = clustering.labels
    with create(output, "tracks", made_by | dataclasses.asdict(settings)) as file:
        grid = tuple(int(side) for side in attributes["grid"])
        file["labels"] = labels.reshape(-1, *grid).astype(np.int32)
        file["centres"] = clustering.centres
        distances = symmetric_kl(torch.from_numpy(clustering.centres)).numpy()
        file["merges"] = merge_tree(distances)
        file["sizes"] = np.bincount(labels.ravel(), minlength=len(clustering.centres))
        file["key_frames"] = np.array(chosen)
        file.attrs.update(attributes)


def read_tracks(path: str | Path) -> Tracks:
    """Read a tracks artefact.

    Raises:
        UserError: the file is not whole, or from before tracks had a tree.
    """
    with open_checked(path, "tracks") as file:
        if "merges" not in file:
            raise UserError(f"{path} has no tree of merges. Delete it and run the workflow again.")
        height, width = (int(side) for side in file.attrs["frame_size"])
        labels, merges = file["labels"][:], file["merges"][:]
        return Tracks(labels, merges, (height, width), provenance(file))
