"""Decode a video file to frames, and notice when a part of it is missing."""

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.sidedata.sidedata import Type

from betrayed.errors import UserError
from betrayed.io.films import (
    choose_film,
    film_streams,
    films_of,
    is_transparent,
    open_film,
    rgb,
    upright,
)
from betrayed.io.notes import note
from betrayed.video.containers import REMEDY, check_whole
from betrayed.video.decoder_errors import errors_of
from betrayed.video.deep_films import is_deep, white_of_film
from betrayed.video.jpeg_damage import damage_in_film
from betrayed.video.timing import Timing, timing

#: Share of the declared length, and frames, that may be missing at the end: heads are rounded, and
#: the last frame's own time is often not told.
_MISSING_SHARE, _MISSING_FRAMES = 0.1, 2
#: Frames a second: a picture in a quarter of an hour, and beyond what cameras do.
_SLOWEST, _FASTEST = 0.001, 1e5
#: What films with more light than screens have state as their transfer (ISO/IEC 23091-2).
_HDR = {16: "PQ", 18: "HLG"}
_ONE = 1 << 16  # of a display matrix, whose numbers have 16 bits after the point


class Decoder:
    """One video file, to be read once from the front.

    What the head declares is believed of nothing but the film's length: what the decoder yields
    without an error is the video. :attr:`timing`, :attr:`pixel_aspect`, :attr:`rotation` and
    :attr:`mirrored` are known once :meth:`frames` has ended.

    Args:
        path: the video file.

    Attributes:
        declared: how many frames the file says it has, 0 where it does not: for progress alone.
        timing: when frames are shown.
        seekable: whether frames can be found by their stamps.
        stamps: of each frame so far, in the stream's ticks; None where the file has none.
        pixel_aspect: width by height of a pixel of the upright frames.
        rotation: degrees clockwise by which frames were turned upright: 0, 90, 180 or 270.
        mirrored: whether they were mirrored, left to right, before they were turned.

    Raises:
        UserError: the file is missing, empty, no film, or visibly cut short.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise UserError(f"The video {path} does not exist.")
        try:
            if self.path.stat().st_size == 0:
                raise UserError(f"The video {path} is empty. {REMEDY}")
            check_whole(self.path)
            self._container = open_film(path)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            denied = isinstance(error, PermissionError)
            remedy = "Make it readable, or take this video out." if denied else REMEDY
            raise UserError(
                f"The video {path} cannot be opened ({_reason(error)}). {remedy}"
            ) from error
        try:
            self._stream = self._film()
        except UserError:
            self._container.close()
            raise
        self._stream.thread_type = "AUTO"
        self.declared = self._stream.frames
        # Asked now: of slow films FFmpeg finds another beginning while it reads them.
        self._seconds = self._declared_seconds()
        self.seekable = self._container.format.name != "mpeg"  # see the end of frames()
        self.timing = Timing(None, None, None)
        self.stamps: list[int | None] = []
        self.pixel_aspect = Fraction(1)
        self.rotation = 0
        self.mirrored = False
        self.white: float | None = None  # where that is not said by the coding

    def _film(self) -> av.VideoStream:
        """The best video stream that is no attached picture."""
        films = film_streams(self._container)
        if not self._container.streams.video:
            raise UserError(f"{self.path} holds no pictures, only sound or data. {REMEDY}")
        if not films:
            raise UserError(f"{self.path} holds a cover picture, but no film. {REMEDY}")
        readable = films_of(self._container)
        if not readable:
            raise UserError(
                f"The video {self.path} is in a coding that cannot be read here. Convert it, for "
                f"example to H.264 in MP4."
            )
        film = choose_film(self.path, readable)
        for one in readable:
            if one is not film:
                note(
                    f"{self.path} holds several films or pictures: stream {film.index} is taken, "
                    f"stream {one.index} left out."
                )
        return film

    def frames(self) -> Iterator[np.ndarray]:
        """All frames in order, (H, W, 3) uint8 RGB, turned upright as the file's metadata ask.

        Raises:
            UserError: a frame is damaged or of another size, or the film ends too early.
        """
        stream, count, size = self._stream, 0, None
        stamps: list[float | None] = []
        last = end = None
        # FFmpeg patches most damage of them over without a word.
        of_jpegs = stream.codec_context.name == "mjpeg"
        with self._container, errors_of(stream) as said:
            try:
                for packet in self._container.demux(stream):
                    if packet.is_corrupt:
                        raise UserError(
                            f"The video {self.path} is cut short or damaged after frame {count}, "
                            f"or is several recordings one behind the other. {REMEDY}"
                        )
                    if packet.pts is not None and packet.time_base:
                        until = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                        end = until if end is None else max(end, until)
                    unsaid = damage_in_film(bytes(packet)) if of_jpegs else ""
                    for frame in packet.decode():
                        if frame.is_corrupt or said() or unsaid:
                            why = f" ({said() or unsaid})" if said() or unsaid else ""
                            raise UserError(
                                f"Frame {count} of the video {self.path} is damaged{why}. {REMEDY}"
                            )
                        if count == 0:
                            self._note_display(frame)
                            self._note_white(frame)
                            self._note_looks(frame)
                        picture = upright(rgb(frame, self.white), self.rotation, self.mirrored)
                        size = size or picture.shape
                        if picture.shape != size:
                            raise UserError(
                                f"Frame {count} of the video {self.path} is "
                                f"{_size(picture.shape)}, but the first one is {_size(size)}. "
                                f"Cut the video where its size changes."
                            )
                        stamps.append(frame.time)
                        self.stamps.append(frame.pts)
                        last = float(frame.duration * frame.time_base) if frame.duration else None
                        count += 1
                        yield picture
            except (av.error.FFmpegError, ValueError, MemoryError) as error:
                raise UserError(
                    f"The video {self.path} cannot be decoded after frame {count} "
                    f"({_reason(error)}). {REMEDY}"
                ) from error
            # What is asked of the stream is asked here: once the container is closed, its memory
            # is another's.
            if count == 0:
                raise UserError(
                    f"The video {self.path} holds no frame that can be decoded. {REMEDY}"
                )
            if self._container.format.name == "gif" and self.declared > count:
                # FFmpeg counts the pictures of a GIF, and gives those without a time in one packet.
                raise UserError(
                    f"The video {self.path} holds {self.declared} pictures, but some have no time "
                    f"of their own and are shown as one with the next, which leaves {count}. "
                    f"Save it with a time for each (Pillow: duration=100), or save its pictures as "
                    f"images in a folder of their own."
                )
            of_parts = self._container.format.name == "mpeg"
            # Of one or two pictures FFmpeg guesses twice the rate that their own head states.
            stated = stream.codec_context.framerate if of_parts else None
            rate = stream.average_rate or stated or stream.guessed_rate
            tick = float(stream.time_base) if stream.time_base else 0.0
            # A program stream (MPEG, VOB) has a stamp here and there; those between are guessed.
            told = [None] * count if of_parts else stamps
            self.timing = timing(told, float(rate) if rate else None, tick, last)
            if self.timing.fps and not _SLOWEST <= self.timing.fps <= _FASTEST:
                note(
                    f"{self.path} states {self.timing.fps:.3g} frames a second, which cannot be "
                    f"meant: its rate is taken as not known."
                )
                self.timing = Timing(None, None, None)
            self._check_end(end)

    def _check_end(self, end: float | None) -> None:
        """Refuse a film whose pictures end long before what its head declares."""
        seconds = self._seconds
        # Of an AVI chunks that are empty, and repeat the last picture, are not even handed out.
        if seconds is None or end is None or self._container.format.name == "avi":
            return
        times, fps = self.timing.times, self.timing.fps
        step = max(np.diff(times)) if times else 1 / fps if fps else 0.0
        if fps and seconds * fps > self.path.stat().st_size:
            return  # less than a byte a frame: the head says what cannot be
        if seconds - end > max(_MISSING_SHARE * seconds, _MISSING_FRAMES * step):
            raise UserError(
                f"The video {self.path} declares {seconds:.2f} s, but its pictures end at "
                f"{end:.2f} s: it is cut short. {REMEDY}"
            )

    def _declared_seconds(self) -> float | None:
        """The length of the pictures as the file's head tells it, where it does."""
        stream = self._stream
        if stream.duration and stream.time_base:
            return float((stream.start_time or 0) * stream.time_base) + float(
                stream.duration * stream.time_base
            )
        words = stream.metadata.get("DURATION", "").split(":")  # Matroska: hours:minutes:seconds
        try:
            if len(words) == 3:
                values = zip(words, (3600, 60, 1), strict=True)
                return sum(float(word) * unit for word, unit in values)
        except ValueError:
            pass  # another's word under the same name
        # The whole file's length is that of its longest stream: it tells only when there is one.
        if len(self._container.streams) == 1 and self._container.duration:
            return self._container.duration / av.time_base
        return None

    def _note_display(self, frame: av.VideoFrame) -> None:
        """How the file wants its frames shown: turned, mirrored, with pixels that are not square.

        A display matrix (a b u, c d v, x y w; 16.16, but u, v and w) takes a place (x, y) to
        (a·x + c·y, b·x + d·y), y downwards (ISO/IEC 14496-12, 8.3.2).
        """
        try:
            side = frame.side_data.get(Type.DISPLAYMATRIX)
        except ValueError:
            # PyAV 18 lists none where one is of a kind that it does not know, such as the Exif of
            # a camera's JPEGs, or the views of a film for two eyes. It tells the turn all the
            # same, but not whether the picture is mirrored.
            side, turn = None, -frame.rotation % 360
            if turn % 90 == 0:
                self.rotation = turn
        if side is not None:
            a, b, _, c, d = struct.unpack("<9i", bytes(side)[:36])[:5]
            quarters = {
                (1, 0, 0, 1): (0, False),
                (0, 1, -1, 0): (90, False),
                (-1, 0, 0, -1): (180, False),
                (0, -1, 1, 0): (270, False),
                (-1, 0, 0, 1): (0, True),
                (0, -1, -1, 0): (90, True),
                (1, 0, 0, -1): (180, True),
                (0, 1, 1, 0): (270, True),
            }
            signs = tuple(round(one / _ONE) for one in (a, b, c, d))
            if signs in quarters:
                self.rotation, self.mirrored = quarters[signs]
            else:
                note(f"{self.path} asks to be shown aslant; its frames are taken as they lie.")
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self.pixel_aspect = 1 / aspect if self.rotation in (90, 270) else aspect

    def _note_white(self, frame: av.VideoFrame) -> None:
        if is_deep(frame):
            self.white, said = white_of_film(self.path, self._stream.index)
            if said:
                note(said)

    def _note_looks(self, frame: av.VideoFrame) -> None:
        """Say of what is not as it is coded, or not as players show it."""
        if frame.interlaced_frame:
            note(
                f"{self.path} is interlaced: where lines of two moments differ, those of one are "
                "taken."
            )
        if is_transparent(frame):
            note(f"{self.path} has alpha: what is transparent is black.")
        if frame.color_trc in _HDR:
            note(
                f"{self.path} is HDR ({_HDR[frame.color_trc]}): its colours are taken as they are "
                "coded, so that the overlay looks flat. Convert it to SDR first if that matters."
            )


def _reason(error: BaseException) -> str:
    """What went wrong in words, without numbers and paths of the library's own."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
