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


def tone(seconds: float, rate: int = 44100, pitch: float = 440.0) -> np.ndarray:
    """A tone that grows louder, (1, samples) float32."""
    time = np.arange(round(seconds * rate)) / rate
    return (np.sin(2 * np.pi * pitch * time) * time / seconds * 0.8)[None].astype(np.float32)


def write_sounding_clip(
    path: Path,
    frames: np.ndarray,
    stamps: list[int] | None = None,
    base: Fraction = Fraction(1, 10),
    sound: np.ndarray | None = None,
    codec: str = "aac",
    begins: float = 0.0,
    late: float = 0.0,
) -> Path:
    """A film with sound of 44,100 samples a second, and pictures at times of one's own.

    Args:
        path: its suffix names the container.
        frames: (T, H, W, 3) of even size.
        stamps: when each picture begins, in units; None: at 0, 1, 2, ….
        base: seconds of a unit.
        sound: (1, samples) float32; None: silent.
        codec: of the sound.
        begins: seconds on the film's clock at which pictures begin.
        late: seconds after which the sound begins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(1, 1) / base)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "10"}
        stream.codec_context.time_base = base
        heard = (
            container.add_stream(codec, rate=44100, layout="mono") if sound is not None else None
        )
        packets = []
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = (stamps[index] if stamps else index) + round(begins / base)
            picture.time_base = base
            packets += stream.encode(picture)
        packets += stream.encode()
        if heard is not None:
            whole = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
            whole.sample_rate, whole.time_base = 44100, Fraction(1, 44100)
            whole.pts = round((begins + late) * 44100)
            packets += [*heard.encode(whole), *heard.encode()]
        container.mux(packets)
    return path


def read_clip(path: Path) -> tuple[np.ndarray, list[float], np.ndarray, float | None]:
    """Pictures (T, H, W, 3), their times, samples (channels, n), and when the first is heard."""
    with av.open(str(path)) as container:
        pictures = list(container.decode(video=0))
    sound, begins = np.zeros((1, 0)), None
    with av.open(str(path)) as container:
        if container.streams.audio:
            heard = list(container.decode(audio=0))
            sound = np.concatenate([one.to_ndarray() for one in heard], axis=1)
            begins = heard[0].time
    frames = np.stack([one.to_ndarray(format="rgb24") for one in pictures])
    return frames, [one.time for one in pictures], sound, begins
