"""Masks at the video's own size, from tracks on the grid of tokens."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from betrayed.files import whole_folder
from betrayed.palette import save_palette_png
from betrayed.programs import progress


def upsample(labels: np.ndarray, tracks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring one frame's labels to the size of the frame.

    Each track's mask of zeros and ones is upsampled bilinearly, and every pixel goes to the
    track that has most of it; of two with as much to the first in ``tracks``.

    Args:
        labels: (h, w), the track of every token.
        tracks: (K,) labels in order of precedence; all that occur must be among them.
        size: height and width wanted, in pixels.

    Returns:
        (H, W) with the labels' type.
    """
    height, width = size
    most = np.zeros(size, np.float32)
    result = np.empty(size, labels.dtype)
    for track in tracks[np.isin(tracks, labels)]:
        mask = (labels == track).astype(np.float32)
        soft = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
        more = soft > most
        most[more] = soft[more]
        result[more] = track
    return result


def write_masks(
    folder: str | Path,
    labels: np.ndarray,
    objects: pd.DataFrame,
    size: tuple[int, int],
    video: str = "",
) -> None:
    """Write the folder of masks of a video; what was there before is replaced.

    - ``proposals/00000.png`` …: palette PNGs, ids 1, 2, … in order of rank, 0 for tracks that
      were cut
    - ``foreground/00000.png`` …: grey PNGs, 255 where a foreground track is, cut or not
    - ``objects.csv``: the table ``objects``

    Args:
        folder: where to write.
        labels: (T, h, w), the track of every token.
        objects: the ranked tracks, as :func:`betrayed.objects.select_objects` gives them.
        size: height and width of the video's frames, in pixels.
        video: its name, for the progress bar.
    """
    tracks = objects["track"].to_numpy()
    proposal = np.zeros(tracks.max() + 1, np.uint8)
    proposal[tracks] = objects["proposal"]
    foreground = np.zeros(tracks.max() + 1, np.uint8)
    foreground[tracks] = objects["foreground"].to_numpy() * 255
    with whole_folder(folder) as temporary:
        for name in ("proposals", "foreground"):
            (temporary / name).mkdir()
        for index, frame in enumerate(progress(labels, f"masks {video}", "frame")):
            large = upsample(frame, tracks, size)  # (H, W)
            name = f"{index:05d}.png"
            save_palette_png(temporary / "proposals" / name, proposal[large])
            Image.fromarray(foreground[large]).save(temporary / "foreground" / name)
        objects.to_csv(temporary / "objects.csv", index=False, float_format="%.6f")
