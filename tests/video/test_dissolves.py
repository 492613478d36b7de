"""Dissolves and fades: found on made films, and none on films of a single shot."""

import os
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from betrayed.io.images import read_image
from betrayed.video.cuts import CutFinder
from betrayed.video.dissolves import DissolveFinder
from support.paths import ROOT

SHARED = Path(os.environ.get("BETRAYED_SHARED", ROOT.parent / "shared"))
LENGTHS = (12, 15, 24, 30, 45, 60)


def shot(count, seed, pan=1.0, zoom=0.0):
    """A camera that pans over ground of its own, with a bright square that goes its own way."""
    generator = np.random.default_rng(seed)
    ground = np.zeros((140, 480, 3), np.float32)
    for rows, amount in ((4, 0.4), (14, 0.35), (47, 0.25)):
        layer = generator.integers(0, 256, (rows, 3 * rows, 3)).astype(np.float32)
        ground += amount * cv2.resize(layer, (480, 140), interpolation=cv2.INTER_CUBIC)
    ground = (2 * ground - 128).clip(0, 255)
    frames = []
    for t in range(count):
        scale = 1 + zoom * t
        left = (pan * t) % 300
        move = np.array([[1 / scale, 0, left], [0, 1 / scale, 10]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        frame = cv2.warpAffine(ground, move, (160, 90), flags=flags)
        place = int(20 + 100 * abs(np.sin(t / 25 + seed)))
        frame[30:50, place : place + 20] = (250, 220, 30)
        frames.append(frame)
    return np.stack(frames)


def dissolved(first, second, length):
    """Two shots that run into one another for so many frames."""
    share = (np.arange(1, length + 1) / (length + 1))[:, None, None, None]
    mixed = (1 - share) * first[-length:] + share * second[:length]
    return np.concatenate([first[:-length], mixed, second[length:]])


def faded(first, second, length, colour):
    """Two shots with a colour between them, each as long on its way to it."""
    share = np.linspace(1, 0, length)[:, None, None, None]
    ends = share * first[-length:] + (1 - share) * colour
    begins = share[::-1] * second[:length] + (1 - share[::-1]) * colour
    return np.concatenate([first[:-length], ends, begins, second[length:]])


def found(frames):
    finder = CutFinder()
    for frame in frames:
        finder.show(np.clip(frame, 0, 255).astype(np.uint8))
    return finder.cuts


@pytest.mark.parametrize("length", LENGTHS)
def test_a_dissolve_is_found_in_its_middle(length):
    first, second = shot(80 + length, length, 0.5), shot(80 + length, length + 1, -0.3)
    (cut,) = found(dissolved(first, second, length))
    assert abs(cut - (80 + length / 2)) <= length / 4


@pytest.mark.parametrize("length", (8, 15, 30, 60))
@pytest.mark.parametrize("colour", (0, 255, 90), ids=("black", "white", "grey"))
def test_a_fade_is_found_in_its_middle(length, colour):
    frames = faded(shot(100, 1), shot(100, 11), length, colour)
    (cut,) = found(frames)
    assert abs(cut - 100) <= 2


def test_a_shot_that_begins_or_ends_in_black_is_one_shot():
    share = np.linspace(0, 1, 40)[:, None, None, None]
    frames = shot(160, 2)
    frames[:40] *= share
    frames[-40:] *= share[::-1]
    assert found(frames) == []


def test_the_same_picture_behind_black_is_the_same_shot():
    """A flash, a shutter: the light goes, and nothing else has changed."""
    for colour in (0, 255):
        frames = shot(120, 3, pan=0.1)
        frames[60:63] = colour
        finder = DissolveFinder()
        for frame in frames:
            finder.show(frame)
        assert finder.changes == []


def test_what_a_camera_and_light_do_is_no_dissolve():
    for pan, zoom in ((0, 0), (0.5, 0), (1, 0.01), (1.9, 0)):
        assert found(shot(150, 4, pan, zoom)) == [], (pan, zoom)
    dimmed = shot(150, 5, pan=0.3)
    dimmed[50:] *= np.r_[np.linspace(1, 0.35, 30), np.full(70, 0.35)][:, None, None, None]
    assert found(dimmed) == []


def test_something_large_that_crosses_is_no_dissolve():
    frames, (other,) = shot(150, 6, pan=0.2), shot(1, 7)
    for t in range(40, 120):
        left = 4 * (t - 40) - 160
        inside = np.arange(max(0, left), min(160, left + 160))
        frames[t][:, inside] = other[:, inside - left]
    assert found(frames) == []


def test_cuts_and_dissolves_of_one_film_in_order():
    one, two, three, four = (shot(120, seed, 0.3) for seed in (20, 21, 22, 23))
    frames = np.concatenate([dissolved(one, two, 30), faded(three, four, 20, 0)])
    cuts = found(frames)
    assert len(cuts) == 3 and cuts == sorted(cuts)
    assert all(abs(cut - at) <= 8 for cut, at in zip(cuts, (105, 210, 330), strict=True))


def test_cuts_are_those_of_pyscenedetect():
    """Its adaptive detector on the same frames; dissolves it does not find."""
    shots = [shot(40 + 7 * seed, seed, 0.3) for seed in range(6)]
    frames = np.concatenate([*shots[:4], dissolved(shots[4], shots[5], 20)])
    detector, expected = AdaptiveDetector(), []
    for number, frame in enumerate(frames):
        picture = np.ascontiguousarray(np.clip(frame, 0, 255).astype(np.uint8)[..., ::-1])
        cuts = detector.process_frame(FrameTimecode(number, 25.0), picture)
        expected += [one.frame_num for one in cuts]
    own = found(frames)
    assert len(expected) == 4 and own[:4] == expected and len(own) == 5


def _pictures(path):
    if path.is_dir():
        yield from (read_image(file) for file in sorted(path.glob("*.jpg")))
        return
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            yield frame.to_ndarray(format="rgb24", width=320, height=180)


@pytest.mark.slow
def test_false_alarms_on_real_single_shots():
    """Of 22 shots one has one: the page docs/videos.md says so."""
    films = sorted((SHARED / "films").glob("*.mp4"))
    films += sorted((SHARED / "davis2016/JPEGImages/480p").glob("*"))
    if len(films) < 22:
        pytest.skip(f"the real films are not in {SHARED}")
    alarms = {film.name: cuts for film in films if (cuts := found(_pictures(film)))}
    assert set(alarms) <= {"motocross-jump"} and sum(map(len, alarms.values())) <= 1
