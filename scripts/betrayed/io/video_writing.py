"""Pictures written as a video file: for players, with sound, or for editors, with alpha."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from betrayed.io.display import Display
from betrayed.io.files import whole_file
from betrayed.io.films import open_film
from betrayed.io.sound import COPIED, Sound, sound_packets

#: Of an aspect, as numerator and denominator: what H.264 can state.
_HIGHEST_ASPECT = 65_535
_BT709 = 1  # ISO/IEC 23091-2: primaries, transfer and matrix of BT.709
#: As good as the preset fast at crf 20, in half its time and a tenth larger: benchmarks/overlay.py.
_H264 = {"crf": "19.5", "preset": "veryfast"}
#: Of alpha, by the file's suffix: codec, pixels, options. ProRes 4444 keeps alpha without loss;
#: VP9 loses little.
ALPHA = {
    ".mov": ("prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "16"}),
    ".webm": (
        "libvpx-vp9",
        "yuva420p",
        # Without frames that are never shown: those cannot have alpha.
        {"crf": "20", "b": "0", "auto-alt-ref": "0", "deadline": "good", "cpu-used": "4"},
    ),
}


def write_video(
    path: str | Path,
    pictures: Iterable[np.ndarray],
    fps: float,
    times: Sequence[float] | None = None,
    seconds: float | None = None,
    pixel_aspect: Fraction = Fraction(1),
    sound: Sound | None = None,
) -> None:
    """Write pictures (H, W, 3) uint8 as an H.264 video; odd sizes get their last line doubled.

    Args:
        path: the .mp4 file.
        pictures: all of one size.
        fps: pictures a second.
        times: when each is shown, in seconds, rising from 0; None: evenly, by ``fps``.
        seconds: how long the video is, the last picture's own time included; goes with ``times``.
        pixel_aspect: width of a pixel by its height, for players.
        sound: goes with them: copied where MP4 files may hold it, else encoded as AAC.
    """
    display = Display(fps, times, seconds, pixel_aspect)
    with whole_file(path) as temporary, av.open(str(temporary), "w") as container:
        # What every player shows; it wants even sizes.
        stream = _video_stream(container, "libx264", "yuv420p", display)
        stream.options = dict(_H264)
        if display.times:
            # Coded in the order shown, so that the last one coded is the last one shown.
            stream.options |= {"bf": "0"}
        with _sound_of(container, sound) as heard:
            encoder = _Encoder(stream, "rgb24", display)
            for picture in pictures:
                packets = encoder.encode(_even(picture))
                # In step with the pictures, so that few packets wait for their neighbours.
                heard.mux_until(packets)
                container.mux(packets)
            container.mux(encoder.end())
            heard.mux_until(None)


class AlphaVideo:
    """A film of pictures (H, W, 4) uint8 with straight alpha, written one by one, whole or not.

    Args:
        path: .mov writes ProRes 4444, .webm VP9.
        display: when they are shown, and how.
    """

    def __init__(self, path: str | Path, display: Display) -> None:
        self._path, self._display = Path(path), display

    def __enter__(self) -> "AlphaVideo":
        with ExitStack() as stack:
            temporary = stack.enter_context(whole_file(self._path))
            self._container = stack.enter_context(av.open(str(temporary), "w"))
            # No identifiers drawn at random.
            self._container.flags |= av.container.Flags.bitexact.value
            codec, pixels, options = ALPHA[self._path.suffix]
            stream = _video_stream(self._container, codec, pixels, self._display)
            stream.options = dict(options)
            self._encoder = _Encoder(stream, "rgba", self._display)
            # On the stack, so that the file is closed and let go of where this fails, too.
            stack.push(self._end)
            self._stack = stack.pop_all()
        return self

    def write(self, picture: np.ndarray) -> None:
        """Add the next picture (H, W, 4) uint8, of the size of those before."""
        self._container.mux(self._encoder.encode(picture))

    def __exit__(self, *error: object) -> bool | None:
        return self._stack.__exit__(*error)

    def _end(self, *error: object) -> None:
        if error == (None, None, None):
            self._container.mux(self._encoder.end())


def _video_stream(
    container: av.container.OutputContainer, codec: str, pixels: str, display: Display
) -> av.VideoStream:
    stream = container.add_stream(codec, rate=display.rate)
    stream.pix_fmt = pixels
    context = stream.codec_context
    context.thread_count = 1  # the same bytes every time
    context.time_base = display.tick
    context.sample_aspect_ratio = display.pixel_aspect.limit_denominator(_HIGHEST_ASPECT)
    # Named, since players guess by size: these are the colours of HD.
    context.color_range = ColorRange.MPEG
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    return stream


class _Encoder:
    """Pictures to packets, each with its time and duration."""

    def __init__(self, stream: av.VideoStream, kind: str, display: Display) -> None:
        self._stream, self._kind, self._tick = stream, kind, display.tick
        self._lengths = display.lengths()
        self._stamps = list(self._lengths)
        self._count = 0

    def encode(self, picture: np.ndarray) -> list[av.Packet]:
        """The packets that are ready after another picture."""
        if self._count == 0:
            self._stream.height, self._stream.width = picture.shape[:2]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=self._kind)
        frame = frame.reformat(
            format=self._stream.pix_fmt,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        frame.pts = self._stamps[self._count] if self._stamps else self._count
        frame.time_base = self._tick
        self._count += 1
        return self._timed(self._stream.encode(frame))

    def end(self) -> list[av.Packet]:
        """What is left."""
        return self._timed(self._stream.encode())

    def _timed(self, packets: list[av.Packet]) -> list[av.Packet]:
        for packet in packets:
            packet.duration = self._lengths.get(packet.pts, packet.duration)
        return packets


def _even(picture: np.ndarray) -> np.ndarray:
    height, width, _ = picture.shape
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


class _Silence:
    def mux_until(self, packets: list[av.Packet] | None) -> None:
        """Nothing is heard."""


class _Heard:
    """A sound whose packets go into a container as they are, or encoded anew as AAC."""

    def __init__(
        self,
        source: av.container.InputContainer,
        container: av.container.OutputContainer,
        sound: Sound,
    ) -> None:
        stream = source.streams[sound.stream]
        self._container = container
        if sound.codec in COPIED:
            self._out = container.add_stream_from_template(stream)
            packets = sound_packets(source, sound)
        else:
            self._out = container.add_stream("aac", rate=stream.codec_context.sample_rate)
            self._out.layout = stream.codec_context.layout
            packets = _as_aac(self._out, sound_packets(source, sound))
        self._packets = packets
        self._next = next(self._packets, None)

    def mux_until(self, packets: list[av.Packet] | None) -> None:
        """Put into the container what begins before pictures do; None: all that is left."""
        ends = None if packets is None else [one.dts * one.time_base for one in packets]
        while self._next is not None:
            at = self._next.pts * self._next.time_base
            if ends is not None and (not ends or at > ends[-1]):
                return
            self._next.stream = self._out
            self._container.mux(self._next)
            self._next = next(self._packets, None)


@contextmanager
def _sound_of(
    container: av.container.OutputContainer, sound: Sound | None
) -> Iterator[_Silence | _Heard]:
    with open_film(sound.path) if sound else nullcontext() as source:
        yield _Heard(source, container, sound) if sound else _Silence()


def _as_aac(out: av.AudioStream, packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
    for packet in packets:
        for frame in packet.decode():
            yield from out.encode(frame)
    yield from out.encode()
