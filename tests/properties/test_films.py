"""Any film: its own frames, at their own times, or a message that names it."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from betrayed.io.video_writing import write_video
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.made_films import BOXES, KINDS, STATED, TIMED, Film, make_film, shown
from support.properties import FEW, MANY, outcome
from support.videos_for_tests import cut

RATES = [Fraction(one) for one in (24, 25, 30, 50, 60)] + [Fraction(30000, 1001)]
ANY_RATES = [*RATES, Fraction(1), Fraction(5), Fraction(10), Fraction(12)]


@st.composite
def films(draw) -> Film:
    kind = draw(st.sampled_from(KINDS))
    suffix, codec, _ = kind
    film = Film(
        kind,
        height=draw(st.integers(1, 600)),
        width=draw(st.integers(1, 600)),
        count=draw(st.integers(1, 12)),
        rate=draw(st.sampled_from(RATES if codec == "mpeg2video" else ANY_RATES)),
    )
    if suffix in BOXES:
        film = replace(
            film,
            rotation=draw(st.sampled_from((0, 90, 180, 270))),
            mirrored=draw(st.booleans()),
            # Of a few pixels MP4 cannot state what they are like.
            aspect=draw(st.sampled_from((Fraction(1), Fraction(2), Fraction(16, 15))))
            if min(film.height, film.width) >= 16
            else Fraction(1),
            sound=draw(st.booleans()),
            cover=suffix in (".mp4", ".mov") and draw(st.booleans()),
            second=draw(st.booleans()) and film.height * film.width > 256 and film.count > 1,
        )
        if codec == "libx264" and not film.second and not film.cover:
            film = replace(film, hidden=draw(st.integers(0, film.count - 1)))
    if suffix in TIMED and not film.hidden and not film.second and draw(st.booleans()):
        steps = draw(st.lists(st.integers(2, 90), min_size=film.count - 1, max_size=film.count - 1))
        stamps = np.cumsum([0, *steps]) * 10
        film = replace(film, stamps=tuple(stamps.tolist()), rate=Fraction(50))
    return film


def extracted(film: Film, share: float | None, folder) -> tuple[Video, list[np.ndarray]]:
    path = make_film(folder, film)
    if share is not None:
        cut(path, share)
    extract("film", path, folder / "out")
    video = Video.load(folder / "out" / "frames.json")
    return video, [video.frame(index) for index in range(video.count)]


def check(film: Film, share: float | None) -> None:
    kind, result = outcome(lambda folder: extracted(film, share, folder), f"film{film.kind[0]}")
    if share is not None and kind == "refused":
        return
    assert kind == "done", result
    video, frames = result
    wanted = range(film.hidden, film.count)
    if share is None or film.kind[0] in STATED:
        assert len(frames) == len(wanted)
    for place, index in zip(range(len(frames)), wanted, strict=False):
        right = shown(film, index)
        assert frames[place].shape == right.shape
        # Colour is coarse where codecs have a pixel or two of it alone.
        allowed = 6 if min(right.shape[:2]) >= 16 else 30
        assert np.abs(frames[place].astype(int) - right).mean() < allowed
    if share is None:
        check_display(film, video)


def check_display(film: Film, video: Video) -> None:
    assert (video.rotation, video.mirrored) == (film.rotation, film.mirrored)
    assert video.pixel_aspect == (1 / film.aspect if film.rotation in (90, 270) else film.aspect)
    if film.stamps and film.count > 1:
        times = np.array(film.stamps) / 1000
        found = video.times or np.arange(film.count) / video.fps
        np.testing.assert_allclose(found, times, atol=0.021)
        assert times[-1] < video.seconds < times[-1] + 1
    elif video.count > 1:
        # A GIF counts hundredths of a second.
        tick = 0.01 if film.kind[0] == ".gif" else 0.0
        assert 1 / video.fps == pytest.approx(float(1 / film.rate), rel=0.02, abs=tick)
        assert video.times is None


CUTS = st.one_of(st.none(), st.floats(0, 0.999))


@pytest.mark.slow
@FEW
@given(films(), CUTS)
def test_some_films(film, share):
    check(film, share)


@pytest.mark.property
@MANY
@given(films(), CUTS)
def test_many_films(film, share):
    check(film, share)


@st.composite
def overlays(draw):
    count = draw(st.integers(1, 8))
    steps = draw(st.lists(st.integers(1, 2000), min_size=count, max_size=count))
    size = draw(st.integers(1, 200)), draw(st.integers(1, 200))
    # Of a few pixels MP4 cannot state what they are like.
    wide = min(size) >= 16
    aspect = draw(st.fractions(Fraction(1, 4), 4, max_denominator=100)) if wide else Fraction(1)
    return size, [float(time) / 1000 for time in np.cumsum([0, *steps])], aspect


def check_overlay(size, times, aspect) -> None:
    def written(folder):
        *starts, end = times
        pictures = [np.full((*size, 3), 20 * index, np.uint8) for index in range(len(starts))]
        write_video(folder / "overlay.mp4", pictures, 10, starts, end, aspect)
        with av.open(str(folder / "overlay.mp4")) as container:
            stream = container.streams.video[0]
            shown_at = [frame.time for frame in container.decode(stream)]
            ratio = stream.sample_aspect_ratio or Fraction(1)
            return shown_at, container.duration / 1e6, ratio

    kind, (starts, seconds, ratio) = outcome(written, "overlay")
    assert kind == "done"
    np.testing.assert_allclose(starts, times[:-1], atol=1e-3)
    assert seconds == pytest.approx(times[-1], abs=2e-3)
    assert ratio == aspect


@FEW
@given(overlays())
def test_some_overlays_last_as_long_as_their_film(made):
    check_overlay(*made)


@pytest.mark.property
@MANY
@given(overlays())
def test_many_overlays_last_as_long_as_their_film(made):
    check_overlay(*made)
