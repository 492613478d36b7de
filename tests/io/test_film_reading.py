"""Frames read out of a film by number are those that decoding it from its beginning gives."""

from dataclasses import replace

import numpy as np
import pytest

from betrayed.errors import UserError
from betrayed.io.film_reading import FilmFrames, FilmReader
from betrayed.video.decoding import Decoder
from support.made_films import KINDS, Film, make_film
from support.videos_for_tests import moving_square, write_clip

COUNT = 90
#: Container, codec, and options that put key frames far apart, with frames between coded from both.
CODINGS = [
    (".mp4", "libx264", {"g": "20", "bf": "3"}),
    (".mp4", "libx264", {"g": "20", "bf": "3", "x264-params": "open-gop=1"}),
    (".mkv", "libx264", {"g": "20", "bf": "2"}),
    (".webm", "libvpx-vp9", {"g": "20"}),
    (".avi", "mpeg4", {"g": "20"}),
    (".mpg", "mpeg2video", {"g": "12"}),
    (".m2ts", "mpeg2video", {"g": "12"}),
    (".gif", "gif", {}),
]
ORDERS = {
    "rising": range(COUNT),
    "every third": range(1, COUNT, 3),
    "falling": range(COUNT - 1, -1, -7),
    "to and fro": (70, 2, 71, 40, 41, 3, 89, 0, 88),
}


def film_of(path, limit=None):
    decoder = Decoder(path)
    pictures = list(decoder.frames())
    stamps = {
        index: stamp
        for index, stamp in enumerate(decoder.stamps)
        if stamp is not None and decoder.seekable and (limit is None or index in limit)
    }
    return pictures, FilmFrames(path, stamps, decoder.rotation, decoder.mirrored)


@pytest.fixture(scope="module")
def frames():
    return moving_square(COUNT)[0]


@pytest.mark.parametrize("coding", CODINGS, ids=lambda one: one[0] + one[1] + str(len(one[2])))
def test_any_frame_in_any_order(tmp_path, frames, coding):
    suffix, codec, options = coding
    if codec == "gif":
        path = make_film(tmp_path, Film(KINDS[8], count=15))
    else:
        path = write_clip(tmp_path / f"film{suffix}", frames, codec=codec, options=options)
    pictures, film = film_of(path)
    for order in ORDERS.values():
        reader = FilmReader(film)
        for index in order:
            if index < len(pictures):
                assert np.array_equal(reader.frame(index), pictures[index]), (order, index)


def test_a_frame_whose_stamp_alone_is_known_is_found_and_those_after_it(tmp_path, frames):
    options = {"g": "20", "bf": "3"}
    path = write_clip(tmp_path / "film.mp4", frames, codec="libx264", options=options)
    pictures, film = film_of(path, limit={70})
    reader = FilmReader(film)
    for index in (70, 71, 75, 80):
        assert np.array_equal(reader.frame(index), pictures[index])


def test_a_leap_does_not_decode_what_lies_before(tmp_path, frames, monkeypatch):
    path = write_clip(tmp_path / "film.mp4", frames, codec="libx264", options={"g": "10"})
    _, film = film_of(path)
    reader, seen = FilmReader(film), []
    opened = FilmReader._open

    def counting(self):
        stream = opened(self)
        inner = self._frames
        self._frames = (seen.append(frame.pts) or frame for frame in inner)
        return stream

    monkeypatch.setattr(FilmReader, "_open", counting)
    reader.frame(85)
    assert 0 < len(seen) <= 10


def test_a_turned_film_of_uneven_frames(tmp_path):
    stamps = (0, 10, 20, 500, 510, 520, 1200, 1210, 2000, 4000)
    film = replace(Film(KINDS[0], count=10, rotation=90, mirrored=True), stamps=stamps)
    pictures, read = film_of(make_film(tmp_path, film))
    reader = FilmReader(read)
    for index in (9, 3, 0, 8, 4):
        assert np.array_equal(reader.frame(index), pictures[index])


def test_wrong_stamps_are_no_harm(tmp_path, frames):
    """As of another file under the same name: then the film is read from its beginning."""
    path = write_clip(tmp_path / "film.mp4", frames, codec="libx264", options={"g": "20"})
    pictures, film = film_of(path)
    wrong = {index: stamp + 1 for index, stamp in film.stamps.items()}
    assert np.array_equal(FilmReader(replace(film, stamps=wrong)).frame(70), pictures[70])


def test_a_film_that_has_become_shorter_is_named(tmp_path, frames):
    path = write_clip(tmp_path / "film.mp4", frames)
    _, film = film_of(path)
    write_clip(path, frames[:30])
    with pytest.raises(UserError, match=r"Frame 80 of the video .*film\.mp4 cannot be read"):
        FilmReader(film).frame(80)
    path.unlink()
    with pytest.raises(UserError, match=r"Frame 3 of the video"):
        FilmReader(film).frame(3)
