"""Decode a video file to frames, and notice when a part of it is missing."""

import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from betrayed.errors import UserError

_REMEDY = "Replace it with a whole copy, or take this video out."


class Decoder:
    """One video file, to be read once from the front.

    Args:
        path: the video file.

    Raises:
        UserError: the file is missing, empty, no video, or visibly cut short.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise UserError(f"The video {path} does not exist.")
        if self.path.stat().st_size == 0:
            raise UserError(f"The video {path} is empty. {_REMEDY}")
        _check_boxes(self.path)
        try:
            self._container = av.open(str(path))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise UserError(f"The video {path} cannot be opened ({error}). {_REMEDY}") from error
        if not self._container.streams.video:
            self._container.close()
            raise UserError(f"{path} holds no pictures, only sound or data. {_REMEDY}")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"

    @property
    def fps(self) -> float | None:
        """Frames a second, where the file says so."""
        return float(self._stream.average_rate) if self._stream.average_rate else None

    @property
    def declared(self) -> int:
        """How many frames the file says it has; 0 where it does not say."""
        return self._stream.frames

    def frames(self) -> Iterator[np.ndarray]:
        """All frames in order, (H, W, 3) uint8 RGB, turned upright as the file's metadata ask.

        Raises:
            UserError: a frame is damaged or of another size, or frames are missing.
        """
        count, size, last = 0, None, None
        with self._container:
            try:
                for packet in self._container.demux(self._stream):
                    if packet.is_corrupt:
                        raise UserError(
                            f"The video {self.path} is cut short or damaged after frame {count}. "
                            f"{_REMEDY}"
                        )
                    for frame in packet.decode():
                        if frame.is_corrupt:
                            raise UserError(
                                f"Frame {count} of the video {self.path} is damaged. {_REMEDY}"
                            )
                        picture = _upright(frame)
                        size = size or picture.shape
                        if picture.shape != size:
                            raise UserError(
                                f"Frame {count} of the video {self.path} is "
                                f"{_size(picture.shape)}, but the first one is {_size(size)}. "
                                f"Cut the video where its size changes."
                            )
                        last = frame.time if frame.time is not None else last
                        count += 1
                        yield picture
            except av.error.FFmpegError as error:
                raise UserError(
                    f"The video {self.path} cannot be decoded after frame {count} ({error}). "
                    f"{_REMEDY}"
                ) from error
            self._check_end(count, last)

    def _check_end(self, count: int, last: float | None) -> None:
        """Refuse a video whose data end before what its head declares."""
        if count == 0:
            raise UserError(f"The video {self.path} holds no frame that can be decoded. {_REMEDY}")
        # Edit lists may hide a frame or two of those declared.
        if self.declared and count < self.declared - 2:
            raise UserError(
                f"The video {self.path} declares {self.declared} frames, but only {count} can be "
                f"decoded: it is cut short. {_REMEDY}"
            )
        seconds = self._declared_seconds()
        if not self.declared and seconds and last is not None and self.fps:
            missing = (seconds - last) * self.fps - 1
            if missing > 2:
                raise UserError(
                    f"The video {self.path} declares {seconds:.2f} s, but its last frame is at "
                    f"{last:.2f} s: it is cut short. {_REMEDY}"
                )

    def _declared_seconds(self) -> float | None:
        """The length of the pictures as the file's head tells it, where it does."""
        stream = self._stream
        if stream.duration and stream.time_base:
            return float((stream.start_time or 0) * stream.time_base) + float(
                stream.duration * stream.time_base
            )
        words = stream.metadata.get("DURATION", "").split(":")  # Matroska: hours:minutes:seconds
        if len(words) == 3:
            return sum(float(word) * unit for word, unit in zip(words, (3600, 60, 1), strict=True))
        # The whole file's length is that of its longest stream: it tells only when there is one.
        if len(self._container.streams) == 1 and self._container.duration:
            return self._container.duration / av.time_base
        return None


def _upright(frame: av.VideoFrame) -> np.ndarray:
    picture = frame.to_ndarray(format="rgb24")  # (H, W, 3)
    # Display matrices turn counter-clockwise, as numpy does.
    return np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90) % 4))


def _check_boxes(path: Path) -> None:
    """Refuse an MP4 or QuickTime file whose last top-level box runs past the file's end.

    Each box begins with its size (32 bits, big-endian, itself included; 1: 64 bits follow the
    kind; 0: up to the end) and its kind (4 letters), ISO/IEC 14496-12.
    """
    if path.suffix.lower() not in (".mp4", ".m4v", ".mov"):
        return
    end = path.stat().st_size
    position = 0
    with open(path, "rb") as file:
        while position < end:
            file.seek(position)
            head = file.read(16)
            if len(head) < 8:
                break  # a few bytes after the last box harm nobody
            size, kind = struct.unpack(">I4s", head[:8])
            if position == 0 and kind not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
                return  # another container under this name: its own reader will judge
            if size == 1 and len(head) == 16:
                size = struct.unpack(">Q", head[8:])[0]
            if size == 0:
                return
            if size < 8:
                break
            position += size
    if position > end:
        raise UserError(
            f"The video {path} is cut short: it should have {position} bytes or more, but has "
            f"{end}. {_REMEDY}"
        )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
