"""Tiny clips, folders and video files for tests."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from betrayed.io.palette import save_palette_png


def moving_square(
    count: int = 6, height: int = 48, width: int = 64, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A bright square that moves right over soft noise.

    Returns the frames (T, H, W, 3) uint8 and the ids (T, H, W) uint8, 1 on the square.
    """
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 120, (height // 8 + 1, width // 8 + 1, 3))
    ground = coarse.repeat(8, 0).repeat(8, 1)[:height, :width].astype(np.uint8)
    frames = np.repeat(ground[None], count, 0)
    ids = np.zeros((count, height, width), np.uint8)
    side = min(height, width) // 3
    for index in range(count):
        left = round((width - side) * index / max(count - 1, 1))
        place = (index, slice(side, 2 * side), slice(left, left + side))
        frames[place] = (220, 180, 60)
        ids[place] = 1
    return frames, ids


def write_frames(folder: Path, frames: np.ndarray, start: int = 0, suffix: str = ".jpg") -> Path:
    """Write frames (T, H, W, 3) as 00000.jpg, … into ``folder``, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(frames, start):
        Image.fromarray(frame).save(folder / f"{index:05d}{suffix}", quality=95)
    return folder


def write_annotations(folder: Path, ids: np.ndarray, start: int = 0) -> Path:
    """Write ids (T, H, W) as palette PNGs 00000.png, … into ``folder``, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(ids, start):
        save_palette_png(folder / f"{index:05d}.png", image)
    return folder


def write_clip(
    path: Path,
    frames: np.ndarray,
    fps: int = 10,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Encode frames (T, H, W, 3) of even size into the container that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=Fraction(fps))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = options or ({"crf": "10"} if codec == "libx264" else {})
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def cut(path: Path, share: float) -> Path:
    """Keep only the first ``share`` of a file's bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def ask_quarter_turn(path: Path) -> None:
    """Let an MP4's track header ask players to turn the picture clockwise by a quarter."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # version 0: 40 bytes stand before the matrix
    one = 1 << 16
    data[matrix : matrix + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def video_folder(root: Path, name: str, count: int = 6, height: int = 48, width: int = 64) -> Path:
    """Make ``root/videos/name`` and ``root/annotations/name``; return the first."""
    frames, ids = moving_square(count, height, width)
    write_annotations(root / "annotations" / name, ids)
    return write_frames(root / "videos" / name, frames)
