"""Films of 10 to 16 bits: scaled by what the coding says, else by the film's largest value."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from betrayed.video.decoding import Decoder

FILMS = Path(__file__).with_name("films")
RAMP = np.linspace(0, 1, 64)[None].repeat(48, 0)


def write(path, frames, codec, pixels):
    """A film of frames, each as the format has them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, pixels
        for index, values in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(values, format=pixels)
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def grey(most):
    return (RAMP * most).round().astype(np.uint16)


def read(path):
    return [frame[..., 1] for frame in Decoder(path).frames()]


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_a_coding_that_says_its_bits_is_believed(tmp_path, bits, capsys):
    most = (1 << bits) - 1
    path = write(tmp_path / "a.nut", [grey(most // 5), grey(most)], "ffv1", f"gray{bits}le")
    dark, bright = read(path)
    assert abs(dark.max() - 51) <= 1 and bright.max() == 255
    assert "white" not in capsys.readouterr().err


def check_colour(path):
    dark, bright = read(path)
    assert abs(int(dark.max()) - 51) <= 6 and bright.max() >= 248


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv420p12le"])
def test_colour_of_10_and_12_bits(tmp_path, pixels):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, pixels
        for index, most in enumerate((51, 255)):
            values = np.repeat((RAMP * most).astype(np.uint8)[..., None], 3, -1)
            frame = av.VideoFrame.from_ndarray(values, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    check_colour(path)


@pytest.mark.parametrize("bits", [10, 12])
def test_colour_of_a_telephone(bits):
    """Films of the frames above, encoded once: libx265 writes a broken stream now and then."""
    check_colour(FILMS / f"hevc_{bits}_bits.mp4")


@pytest.mark.parametrize("pixels", ["gray16le", "rgb48le"])
@pytest.mark.parametrize("bits", [12, 14, 16])
def test_numbers_of_12_bits_in_16_are_not_dark(tmp_path, bits, pixels, capsys):
    most = (1 << bits) - 1
    frames = [grey(most // 5), grey(most)]
    if pixels == "rgb48le":
        frames = [np.repeat(one[..., None], 3, -1) for one in frames]
    dark, bright = read(write(tmp_path / "a.nut", frames, "rawvideo", pixels))
    assert (dark.max(), bright.max()) == (51, 255)
    said = capsys.readouterr().err
    assert said.count(f"read as {bits} bits, {most} being white") == (bits < 16)
