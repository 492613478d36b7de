"""Frames of a film by number, read out of the file: decoded frames need not be stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from betrayed.errors import UserError
from betrayed.io.films import choose_film, films_of, open_film, rgb, upright

#: Frames that are rather decoded on the way than leapt over.
_NEAR = 64
#: Seconds before the frame wanted that are sought, one after another, until a frame before it is
#: met; then the film is read from its beginning.
_BACK = (0.0, 1.0, 5.0, 30.0)


@dataclass(frozen=True)
class FilmFrames:
    """Which frames of a film are meant, and how they are to be seen.

    Attributes:
        path: the film.
        stamps: the timestamps of frames by their number in the film, in the stream's ticks. A frame
            that has one can be sought; all others are reached by decoding on from one before.
        rotation: see :func:`betrayed.io.films.upright`.
        mirrored: likewise.
        white: see :func:`betrayed.io.films.rgb`.
    """

    path: Path
    stamps: Mapping[int, int]
    rotation: int = 0
    mirrored: bool = False
    white: float | None = None


class FilmReader:
    """Gives the frames of a film by number: fast in rising order, by seeking otherwise.

    What it gives is what decoding the film from its beginning gives: after a leap it is the frame's
    own timestamp that is looked for, and where that is not met the film is read from its beginning.
    """

    def __init__(self, film: FilmFrames) -> None:
        self._film = film
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._next: int | None = None  # number of the frame that the iterator gives next
        self._container: av.container.InputContainer | None = None

    def frame(self, index: int) -> np.ndarray:
        """Frame ``index`` of the film, from 0: (H, W, 3) uint8 RGB, upright.

        Raises:
            UserError: the file is gone, has changed or is damaged.
        """
        try:
            found = self._find(index)
        except (av.error.FFmpegError, OSError, ValueError, StopIteration) as error:
            self.close()
            raise UserError(
                f"Frame {index} of the video {self._film.path} cannot be read any more "
                f"({getattr(error, 'strerror', None) or str(error) or 'it ends before'}). If the "
                "file has changed, run the workflow again."
            ) from error
        return upright(rgb(found, self._film.white), self._film.rotation, self._film.mirrored)

    def close(self) -> None:
        """Let go of the file."""
        if self._container is not None:
            self._container.close()
        self._container, self._next, self._frames = None, None, iter(())

    def _find(self, index: int) -> av.VideoFrame:
        far = self._next is None or not self._next <= index < self._next + _NEAR
        if far and (frame := self._leap(index)) is not None:
            return frame
        if self._next is None or index < self._next:
            self._open()
            self._next = 0
        while True:
            frame = next(self._frames)
            self._next += 1
            if self._next == index + 1:
                return frame

    def _leap(self, index: int) -> av.VideoFrame | None:
        """The frame by its timestamp; None: it has none, or is not to be found so."""
        stamp = self._film.stamps.get(index)
        if stamp is None or index == 0:
            return None
        for back in _BACK:
            stream = self._open()
            ticks = round(back / stream.time_base) if stream.time_base else 0
            try:
                self._container.seek(stamp - ticks, stream=stream, backward=True)
                first = frame = next(self._frames)
                if frame.pts is None:
                    break
                while frame.pts is not None and frame.pts < stamp:
                    frame = next(self._frames)
            except (av.error.FFmpegError, StopIteration):
                continue
            # A frame from before must have been met, or it is the one itself: otherwise the leap
            # ended behind it.
            if frame.pts == stamp and first.pts <= stamp and not frame.is_corrupt:
                self._next = index + 1
                return frame
        self.close()
        return None

    def _open(self) -> av.VideoStream:
        self.close()
        self._container = open_film(self._film.path)
        films = films_of(self._container)
        if not films:
            raise ValueError("it holds no film")
        stream = choose_film(self._film.path, films)
        stream.thread_type = "AUTO"
        self._frames = self._container.decode(stream)
        return stream
