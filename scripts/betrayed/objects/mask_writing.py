"""Masks at the video's own size, from tracks and objects on grids of tokens."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from betrayed.io.files import whole_folder
from betrayed.io.palette import save_palette_png
from betrayed.io.progress import progress
from betrayed.objects.objects import Objects
from betrayed.objects.outlines import Outlines
from betrayed.objects.painting import paint
from betrayed.objects.presence import Presence


def upsample_labels(labels: np.ndarray, tracks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring one frame's labels to the size of the frame.

    Each track's mask of zeros and ones is upsampled bilinearly, and every pixel goes to the
    track that has most of it; of two with as much to the first in ``tracks``. A pixel that none of
    them reaches goes to the first that occurs.

    Args:
        labels: (h, w), the track of every token.
        tracks: (K,) labels in order of precedence, of which at least one occurs.
        size: height and width wanted, in pixels.

    Returns:
        (H, W) with the labels' type.
    """
    present = tracks[np.isin(tracks, labels)]
    result = np.full(size, present[0], labels.dtype)
    most, soft = np.empty(size, np.float32), np.empty(size, np.float32)
    for track in present:
        mask = labels == track
        cv2.resize(mask.astype(np.float32), size[::-1], dst=soft, interpolation=cv2.INTER_LINEAR)
        if track == present[0]:
            most, soft = soft, most
            continue
        place = _reach(mask, size)
        np.copyto(result[place], track, where=soft[place] > most[place], casting="same_kind")
        np.maximum(soft[place], most[place], out=most[place])
    return result


def _reach(mask: np.ndarray, size: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of an enlarged mask beyond which it is zero."""
    slices = []
    for axis in (0, 1):
        there = np.flatnonzero(mask.any(axis=1 - axis))
        scale = size[axis] / mask.shape[axis]
        # Half a token further it has faded out; a pixel more for the rounding.
        begin, end = (there[0] - 0.5) * scale, (there[-1] + 1.5) * scale
        slices.append(slice(max(0, int(begin) - 1), int(end) + 2))
    return slices[0], slices[1]


def write_masks(
    folder: str | Path,
    labels: np.ndarray,
    objects: Objects,
    size: tuple[int, int],
    frame: Callable[[int], np.ndarray] | None = None,
    video: str = "",
) -> None:
    """Write the folder of masks of a video; what was there before is replaced.

    - ``proposals/00000.png`` …: palette PNGs, ids 1, 2, … in order of rank, 0 for what was cut
    - ``parts/00000.png`` …: palette PNGs of the parts that objects consist of, where the
      foreground was divided
    - ``foreground/00000.png`` …: grey PNGs, 255 where an object is, cut or not
    - ``objects.csv``: the table of ``objects``, of which size, frames and persistence are those of
      the masks

    Args:
        folder: where to write.
        labels: (T, h, w), the track of every token.
        objects: see :class:`betrayed.objects.objects.Objects`.
        size: height and width of the video's frames, in pixels.
        frame: gives a frame (H, W, 3) uint8 RGB by its number, to whose edges outlines are moved;
            None leaves them.
        video: its name, for the progress bar.
    """
    kinds = ["proposals", "foreground", *(["parts"] if objects.division is not None else [])]
    numbers = objects.table["proposal"].to_numpy(np.uint8)  # objects come first
    with whole_folder(folder) as temporary:
        for kind in kinds:
            (temporary / kind).mkdir()
        outlines = objects.outlines
        if outlines is None and objects.foreground is not None:
            outlines = Outlines(objects.foreground, size, frame)
        proposal_of, chosen = _tracks_of(objects)
        seen, seen_parts = Presence(len(labels)), Presence(len(labels))
        for index in progress(range(len(labels)), f"masks {video}", "frame"):
            tracks = upsample_labels(labels[index], objects.tracks, size)
            proposals, foreground = proposal_of[tracks], chosen[tracks]
            if outlines is not None:
                foreground = outlines.mask(index)
            name = f"{index:05d}.png"
            if objects.division is not None:
                division = objects.division
                whose, part = paint(division.painter.shares(index), division.object_of, size)
                proposals = np.where(foreground, numbers[whose], proposals)
                parts = np.where(foreground, part + 1, 0).astype(np.uint8)
                save_palette_png(temporary / "parts" / name, parts)
                seen_parts.add(index, parts)
            save_palette_png(temporary / "proposals" / name, proposals)
            seen.add(index, proposals)
            Image.fromarray(foreground.astype(np.uint8) * 255).save(temporary / "foreground" / name)
        table = seen_parts.measured(seen.measured(objects.table, "proposal"), "part")
        table.to_csv(temporary / "objects.csv", index=False, float_format="%.6f")


def _tracks_of(objects: Objects) -> tuple[np.ndarray, np.ndarray]:
    """The proposal, uint8, that each track is, and whether it is an object, bool."""
    table = objects.table[objects.table["track"].notna()]
    tracks = table["track"].to_numpy(int)
    proposal = np.zeros(max(objects.tracks) + 1, np.uint8)
    proposal[tracks] = table["proposal"]
    chosen = np.zeros(len(proposal), bool)
    chosen[tracks] = table["foreground"]
    return proposal, chosen
