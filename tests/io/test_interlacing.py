"""Lines of two moments: combs go, and what rests stays."""

import av
import numpy as np
import pytest

from betrayed.io.films import is_transparent, rgb
from betrayed.io.interlacing import of_one_moment


def column(*values):
    """A picture of a pixel's width."""
    return np.repeat(np.array(values, np.uint8)[:, None, None], 3, -1)


def test_a_comb_by_hand():
    assert of_one_moment(column(10, 200, 20, 190, 30))[:, 0, 0].tolist() == [10, 15, 20, 25, 30]
    # The last line has its neighbour above alone.
    assert of_one_moment(column(10, 200, 20, 190))[:, 0, 0].tolist() == [10, 15, 20, 20]


@pytest.mark.parametrize("values", [(10, 20, 30, 40, 50), (10, 10, 200, 200, 10), (50, 55, 50, 45)])
def test_edges_and_noise_are_no_combs(values):
    assert of_one_moment(column(*values))[:, 0, 0].tolist() == list(values)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 1), (3, 2), (5, 64)])
def test_small_pictures_keep_their_size(size):
    picture = np.full((*size, 3), 7, np.uint8)
    assert (of_one_moment(picture) == picture).all()


def moving(left):
    picture = np.full((48, 96, 3), 60, np.uint8)
    picture[12:36, left : left + 20] = 220
    picture[40:44, ::4] = 200  # rests
    return picture


def test_what_moved_between_two_fields_is_where_it_was_in_the_first():
    first, second = moving(20), moving(28)
    woven = first.copy()
    woven[1::2] = second[1::2]
    found = of_one_moment(woven)
    assert (found[0::2] == first[0::2]).all() and (found[40:] == first[40:]).all()
    wrong = (found != first).any(axis=2)
    assert (woven != first).any(axis=2).sum() > 150 and wrong.sum() <= 16  # the lowest line of it


@pytest.mark.parametrize("interlaced", [False, True])
def test_frames_that_say_so_are_read_so(tmp_path, interlaced):
    woven = moving(20)
    woven[1::2] = moving(28)[1::2]
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 96, "yuv420p"
        stream.options = {"qmin": "1", "qmax": "2"}
        if interlaced:
            stream.options |= {"flags": "+ildct+ilme"}
        container.mux(stream.encode(av.VideoFrame.from_ndarray(woven, format="rgb24")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        found = rgb(next(container.decode(video=0))).astype(int)
    teeth = np.abs(found[14:34:2, 42:46] - found[15:35:2, 42:46]).mean()
    assert teeth < 20 if interlaced else teeth > 100


ALPHA = [("rgba", None), ("rgba64le", 65535), ("yuva444p", None), ("yuva420p", None)]


@pytest.mark.parametrize("pixels, white", ALPHA)
@pytest.mark.parametrize("width", [16, 20])
def test_what_is_transparent_is_black(pixels, white, width):
    values = np.full((16, width, 4), 200, np.uint8)
    values[..., 3] = 255
    values[:8, :, 3], values[8:12, :, 3] = 0, 128
    frame = av.VideoFrame.from_ndarray(values, format="rgba").reformat(format=pixels)
    found = rgb(frame, white).astype(int)
    assert is_transparent(frame)
    assert (found[:8] == 0).all()
    assert np.abs(found[8:12] - 100).max() <= 3 and np.abs(found[12:] - 200).max() <= 3


@pytest.mark.parametrize("width", [16, 17, 18, 19, 20, 21, 33])
def test_what_is_opaque_is_so_at_any_width(width):
    """swscale alone writes nonsense into the last columns of some widths."""
    grey = np.random.default_rng(0).integers(60, 200, (16, 1, 1), np.uint8)
    values = np.broadcast_to(grey, (16, width, 3)).copy()
    frame = av.VideoFrame.from_ndarray(values, format="rgb24").reformat(format="yuva420p")
    assert not is_transparent(frame)
    assert np.abs(rgb(frame).astype(int) - values).max() <= 3
