"""Make a long film of real shots: 1080p at 30 frames a second, with sound.

The sequences of DAVIS-2016 (and films beside them) are its shots: each is played to and fro while
the camera walks over it, for two to sixteen seconds, and comes back later in the film, so that its
objects do. Between shots are cuts, every fifth time a dissolve, every seventh a fade to black.
A shorter film is the beginning of a longer one. docs/videos.md has what was measured with it.
"""

import argparse
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

FPS = 30
SIZE = 1920, 1080
_LONGEST = 16  # seconds of a shot
_SHORTEST = 2
_BETWEEN = 20  # frames of a dissolve or a fade
_RATE = 48_000  # of the sound, samples a second
_DAVIS = Path(__file__).parents[1] / "data" / "davis2016"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", help="the folder for the films, <seconds>.mp4 each")
    parser.add_argument(
        "--seconds", type=int, nargs="+", default=[600], help="how long each is; default 600"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the shots; default 0")
    parser.add_argument(
        "--frames",
        nargs="+",
        default=[os.environ.get("DAVIS2016_ROOT", str(_DAVIS))],
        help="copies of DAVIS-2016, or films; default DAVIS2016_ROOT, or data/davis2016",
    )
    arguments = parser.parse_args()
    sources = list_sources(arguments.frames)
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    longest = max(arguments.seconds)
    pictures = film(sources, longest * FPS, arguments.seed)
    write(folder / f"{longest}.mp4", pictures)
    for seconds in sorted(set(arguments.seconds) - {longest}):
        copy_beginning(folder / f"{longest}.mp4", folder / f"{seconds}.mp4", seconds)


def list_sources(places: list[str]) -> list[Path]:
    """The folders of images of a copy of DAVIS, and films as they are given."""
    sources = []
    for place in map(Path, places):
        inside = sorted((place / "JPEGImages/480p").glob("*/")) if place.is_dir() else [place]
        sources += [one for one in inside if one.exists()]
    if not sources:
        raise SystemExit(f"error: no sequences in {', '.join(places)}; set DAVIS2016_ROOT")
    return sources


def film(sources: list[Path], count: int, seed: int) -> Iterator[np.ndarray]:
    """Its pictures, (1080, 1920, 3) uint8 RGB."""
    random = np.random.default_rng(seed)
    made, number, last = 0, 0, -1
    tail: list[np.ndarray] = []
    while True:
        number += 1
        last = int(random.choice([one for one in range(len(sources)) if one != last] or [0]))
        length = int(random.uniform(_SHORTEST, _LONGEST) * FPS) + _BETWEEN
        ending = "dissolve" if number % 5 == 0 else "fade" if number % 7 == 0 else "cut"
        new_tail = []
        for index, picture in enumerate(shot(sources[last], length, random)):
            if index < len(tail):
                share = (index + 1) / (len(tail) + 1)
                picture = cv2.addWeighted(picture, share, tail[index], 1 - share, 0)
            if ending == "fade" and index >= length - _BETWEEN:
                picture = (picture * ((length - 1 - index) / _BETWEEN)).astype(np.uint8)
            if ending == "dissolve" and index >= length - _BETWEEN:
                new_tail.append(picture)
                continue
            yield picture
            made += 1
            if made == count:
                return
        tail = new_tail


def shot(source: Path, length: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """``length`` pictures of a sequence, to and fro, in a window that walks over it."""
    pictures = list(read(source))
    height, width = pictures[0].shape[:2]
    scale = random.uniform(0.7, 0.95, 2)  # of the window, at both ends
    corners = random.uniform(0, 1, (2, 2))  # of the room that is left, where it lies
    for index in range(length):
        part = index / (length - 1)
        side = scale[0] + (scale[1] - scale[0]) * part
        window = np.array([min(width, height * SIZE[0] / SIZE[1]) * side] * 2)
        window[1] *= SIZE[1] / SIZE[0]
        left, top = (np.array([width, height]) - window) * (
            corners[0] + (corners[1] - corners[0]) * part
        )
        turn = index % max(1, 2 * len(pictures) - 2)
        picture = pictures[min(turn, 2 * len(pictures) - 2 - turn)]
        matrix = np.array([[window[0] / SIZE[0], 0, left], [0, window[1] / SIZE[1], top]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        yield cv2.warpAffine(picture, matrix, SIZE, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def read(source: Path) -> Iterator[np.ndarray]:
    """The pictures of a folder of images, or the first three seconds of a film."""
    if source.is_dir():
        for path in sorted(source.glob("*.jpg")):
            yield cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        return
    with av.open(str(source)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index == 3 * FPS:
                return
            yield frame.to_ndarray(format="rgb24")


def write(path: Path, pictures: Iterator[np.ndarray]) -> None:
    """The film: H.264 as cameras leave it, and a tone that rises and falls, AAC."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.options = {"preset": "ultrafast", "crf": "26", "g": "60"}
        video.codec_context.thread_count = 1
        sound = container.add_stream("aac", rate=_RATE, layout="mono")
        per_picture = _RATE // FPS
        for index, picture in enumerate(pictures):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            times = (index * per_picture + np.arange(per_picture)) / _RATE
            wave = 0.2 * np.sin(2 * np.pi * (330 * times + 20 * np.sin(times)))
            samples = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
            samples.sample_rate, samples.pts = _RATE, index * per_picture
            samples.time_base = Fraction(1, _RATE)
            container.mux(sound.encode(samples))
        container.mux(video.encode())
        container.mux(sound.encode())


def copy_beginning(path: Path, to: Path, seconds: int) -> None:
    """The packets of the first seconds, as they are: there are no frames that need later ones."""
    with av.open(str(path)) as film, av.open(str(to), "w") as container:
        streams = {one.index: container.add_stream_from_template(one) for one in film.streams}
        for packet in film.demux():
            if packet.dts is not None and packet.pts * packet.time_base < seconds:
                packet.stream = streams[packet.stream.index]
                container.mux(packet)


if __name__ == "__main__":
    main()
