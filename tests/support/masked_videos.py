"""Videos with masks of every level, small enough to compare pixel for pixel."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from betrayed.exports.videos import MaskedVideo
from support.videos_for_tests import write_annotations, write_frames

SIZE = (33, 47)  # height and width, both odd, so that none is taken for the other
LEVELS = ("objects", "parts", "foreground", "proposals")


@dataclass(frozen=True)
class Masks:
    """What was written, as arrays (T, H, W) by level, and the frames (T, H, W, 3)."""

    video: MaskedVideo
    frames: np.ndarray
    levels: dict[str, np.ndarray]


def at(made: list[Masks], level: str, most: int | None = None) -> list[MaskedVideo]:
    """The videos with the masks of one level."""
    return [one.video.at(level, most) for one in made]


def masked_video(
    folder: Path, name: str, count: int = 4, seed: int = 0, source: str | None = None
) -> Masks:
    """Two objects of two parts each in front of a track; the second is absent from frame 1.

    Object 2 lies in two pieces, and object 1 over one of them. Frames are noise, without loss.
    """
    height, width = SIZE
    rng = np.random.default_rng(seed)
    frames = rng.integers(256, size=(count, *SIZE, 3), dtype=np.uint8)
    proposals = np.full((count, *SIZE), 3, np.uint8)  # a track around the objects,
    proposals[:, :, :5] = 0  # which is not everywhere
    parts = np.zeros_like(proposals)
    for t in range(count):
        if t != 1:
            for left in (20, 35):
                proposals[t, 4:14, left : left + 8] = 2
                parts[t, 4:14, left : left + 8] = 3
                parts[t, 9:14, left : left + 8] = 4
        proposals[t, 10 : 26 + seed, 6 + t : 24 + t] = 1
        parts[t, 10 : 26 + seed, 6 + t : 24 + t] = 1
        parts[t, 10 : 26 + seed, 15 + t : 24 + t] = 2
    foreground = np.isin(proposals, (1, 2))
    parts[~foreground] = 0

    write_frames(folder / "frames" / name, frames, suffix=".png")
    files = [f"{index:05d}.png" for index in range(count)]
    record = {"video": name, "count": count, "height": height, "width": width, "fps": 12.5}
    record |= {"source": source or str(folder / "frames" / name), "frames": files}
    record |= {"annotations": None, "instances": None, "annotation_kind": "ids"}
    record |= {"annotated_frames": 0, "objects": None}
    (folder / "frames" / name / "frames.json").write_text(json.dumps(record))

    own = folder / "masks" / name
    write_annotations(own / "proposals", proposals)
    write_annotations(own / "parts", parts)
    (own / "foreground").mkdir()
    for index, mask in enumerate(foreground):
        Image.fromarray(mask.astype(np.uint8) * 255).save(own / "foreground" / f"{index:05d}.png")
    table = {
        "proposal": [1, 2, 3, 0, 0, 0, 0],
        "part": [None, None, None, 1, 2, 3, 4],
        "part_of": [None, None, None, 1, 1, 2, 2],
        "track": [None, None, 7, None, None, None, None],
        "foreground": [True, True, False, True, True, True, True],
        "score": [0.9, 0.5, 0.1, 0.8, 0.7, 0.6, 0.4],
    }
    pd.DataFrame(table).astype({"part": "Int64"}).to_csv(own / "objects.csv", index=False)
    levels = {
        "proposals": proposals,
        "objects": np.where(foreground, proposals, 0).astype(np.uint8),
        "parts": parts,
        "foreground": foreground.astype(np.uint8),
    }
    video = MaskedVideo(folder / "frames" / name / "frames.json", own, level="objects")
    return Masks(video, frames, levels)


def cut_to(made: Masks, height: int, width: int) -> Masks:
    """The same video with no more than its middle, where both objects meet."""
    place = (slice(None), slice(11, 11 + height), slice(19, 19 + width))
    video = made.video
    levels = {name: masks[place] for name, masks in made.levels.items()}
    for name in ("proposals", "parts", "foreground"):
        for index, mask in enumerate(levels[name]):
            values = mask * np.uint8(255) if name == "foreground" else mask
            Image.fromarray(values).save(video.masks / name / f"{index:05d}.png")
    frames = made.frames[place]
    write_frames(video.frames.parent, frames, suffix=".png")
    record = json.loads(video.frames.read_text()) | {"height": height, "width": width}
    video.frames.write_text(json.dumps(record))
    return Masks(video, frames, levels)
