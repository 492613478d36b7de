"""Videos, tokens and blocks that are made for measuring."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from betrayed.config.synthetic import SyntheticSettings
from betrayed.config.training import TrainSettings
from betrayed.io.artefacts import create
from betrayed.synthetic.film import render_clip
from betrayed.training.loop import new_block
from betrayed.video.extraction import extract
from betrayed.video.video import Video


def made_video(folder: Path, frames: int, frame_size: tuple[int, int]) -> Video:
    """A drawn video, whose few frames come again and again."""
    rendered((0, folder / "images"), frames, frame_size)
    extract("made", folder / "images", folder / "video")
    return Video.load(folder / "video" / "frames.json")


def rendered(given: tuple[int, Path], frames: int, frame_size: tuple[int, int]) -> None:
    """Images of a story, drawn at a dozen moments."""
    number, folder = given
    folder.mkdir(parents=True)
    height, width = frame_size
    drawn = SyntheticSettings(frames=min(12, frames), height=height, width=width)
    pictures = [Image.fromarray(frame) for frame, _ in render_clip(number, drawn)]
    for index in range(frames):  # there and back
        place = index % (2 * len(pictures))
        picture = pictures[min(place, 2 * len(pictures) - 1 - place)]
        picture.save(folder / f"{index:05d}.jpg", quality=95, subsampling=0)


def tokens_file(path: Path, frames: int, grid: tuple[int, int], dim: int = 384) -> Path:
    """A features file of random tokens."""
    draw = np.random.default_rng(0)
    made_by = {"video": path.stem, "backbone": "random", "weights_sha256": "0", "views": 0}
    made_by |= {"facet": "key", "layer": -1}
    tokens = grid[0] * grid[1]
    with create(path, "features", made_by) as file:
        shape = (frames, tokens, dim)
        patches = file.create_dataset("patch_tokens", shape, np.float16, chunks=(1, tokens, dim))
        for frame in range(frames):
            patches[frame] = draw.standard_normal((tokens, dim), np.float32)
        file["class_tokens"] = draw.standard_normal((frames, dim)).astype(np.float16)
        file.attrs.update(grid=grid, frame_size=(8 * grid[0], 8 * grid[1]), count=frames)
    return path


def block_file(path: Path, dim: int) -> Path:
    """An untrained block."""
    block = new_block(dim, TrainSettings())
    facts = {"settings": {}, "features": {}, "step": 0, "dim": dim, "heads": block.heads}
    torch.save({"model_state_dict": block.state_dict(), **facts}, path)
    return path
