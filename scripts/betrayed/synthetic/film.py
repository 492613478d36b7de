"""A small data set that the project makes itself: six clips with exact masks, from a seed.

The clips are cut to what the method must cope with: camera motion in each, animals whose legs
move, a full occlusion, an object that leaves and returns, a clip delivered as a video file, and
one whose size is no multiple of a patch. The same seed gives the same bytes on one machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from betrayed.errors import UserError
from betrayed.io.files import whole_folder
from betrayed.io.palette import save_palette_png
from betrayed.io.progress import progress
from betrayed.synthetic.drawing import affine, chain, draw
from betrayed.synthetic.landscapes import landscape
from betrayed.synthetic.scenery import Canvas
from betrayed.synthetic.stories import STORIES
from betrayed.synthetic.story import Actor, Story

README = """\
Synthetic videos with exact masks, drawn by this project's make_dataset.py (seed {seed}).

videos/       one folder of JPEG frames, or one .mp4, for each clip
annotations/  one folder for each clip: a palette PNG for each frame at the frame's size;
              0 is the background, 1, 2, … the objects, the same number through the whole clip

{lines}
"""


@dataclass(frozen=True)
class SyntheticSettings:
    """Knobs of the synthetic data set."""

    seed: int = 0  # another seed: other landscapes, coats, colours, noise
    clips: int = 6  # the first so many of the six
    frames: int = 24  # in each clip; its events keep their share of the time
    height: int = 240  # pixels; the odd-size clip is a little smaller
    width: int = 432  # pixels
    fps: int = 12  # of the clip that is a video file

    def __post_init__(self) -> None:
        for name, low, high in (
            ("seed", 0, 2**63 - 1),
            ("clips", 1, len(STORIES)),
            ("frames", 1, 10_000),
            ("height", 32, 4096),
            ("width", 32, 4096),
            ("fps", 1, 240),
        ):
            if not low <= getattr(self, name) <= high:
                raise UserError(
                    f"synthetic data: {name} must lie within {low}…{high}, "
                    f"not {getattr(self, name)}."
                )


def clip_names(settings: SyntheticSettings) -> list[str]:
    """The names of the clips that :func:`make_dataset` makes, in its order."""
    return [story.name for story in STORIES[: settings.clips]]


def make_dataset(folder: str | Path, settings: SyntheticSettings) -> None:
    """Draw the data set into ``folder``, which appears only when it is whole."""
    with whole_folder(folder) as temporary:
        lines = []
        for number in progress(range(settings.clips), "drawing clips", "clip"):
            story = STORIES[number]
            height, width = frame_size(story, settings)
            annotations = temporary / "annotations" / story.name
            annotations.mkdir(parents=True)
            frames = []
            for index, (frame, ids) in enumerate(render_clip(number, settings)):
                save_palette_png(annotations / f"{index:05d}.png", ids)
                frames.append(frame)
            videos = temporary / "videos"
            if story.container:
                videos.mkdir(exist_ok=True)
                write_video(videos / f"{story.name}.{story.container}", frames, settings.fps)
            else:
                (videos / story.name).mkdir(parents=True)
                for index, frame in enumerate(frames):
                    Image.fromarray(frame).save(
                        videos / story.name / f"{index:05d}.jpg", quality=95, subsampling=0
                    )
            lines.append(f"{story.name} ({width}x{height}): {story.about}")
        text = README.format(seed=settings.seed, lines="\n".join(lines))
        (temporary / "README.txt").write_text(text, encoding="utf-8")


def frame_size(story: Story, settings: SyntheticSettings) -> tuple[int, int]:
    """Height and width of a clip's frames, pixels."""
    height, width = settings.height, settings.width
    if story.odd_size:
        height, width = height * 23 // 24, width * 199 // 216
        while height % 14 == 0 or height % 16 == 0:
            height -= 1
        while width % 14 == 0 or width % 16 == 0:
            width -= 1
    if story.container:  # H.264 with halved colour needs even sizes
        height, width = height - height % 2, width - width % 2
    return height, width


def render_clip(
    number: int, settings: SyntheticSettings
) -> Sequence[tuple[np.ndarray, np.ndarray]]:
    """Draw one clip: for each frame its picture (H, W, 3) uint8 and its ids (H, W) uint8."""
    story = STORIES[number]
    height, width = frame_size(story, settings)
    aspect = width / height
    scene_rng, cast_rng, shake_rng, noise_rng = (
        np.random.default_rng([settings.seed, number, part]) for part in range(4)
    )
    canvas = Canvas(aspect / 2 * 1.15 + 0.62, 0.72, 1.25 * height)
    ground = landscape(story.scene, canvas, scene_rng)
    actors = story.cast(cast_rng, aspect)
    times = np.linspace(0, 1, settings.frames) if settings.frames > 1 else np.zeros(1)
    # A hand-held camera: a smooth random walk of a few thousandths of the frame's height.
    shake = np.cumsum(shake_rng.normal(0, 0.0022, (settings.frames, 2)), 0)
    shake = np.clip(shake - shake.mean(0), -0.03, 0.03)
    result = []
    for time, jolt in zip(times, shake, strict=True):
        x, y, zoom = story.camera(float(time))
        centre = np.array([x, y]) + jolt
        scale = height * zoom
        to_pixels = affine(scale, width / 2 - scale * centre[0], height / 2 - scale * centre[1])
        picture, ids = _compose(ground, canvas, actors, float(time), to_pixels, (height, width),
                                story.light, aspect / zoom / 2, x)  # fmt: skip
        result.append((_expose(picture, noise_rng), ids))
    return result


def _compose(
    ground: np.ndarray,
    canvas: Canvas,
    actors: Sequence[Actor],
    time: float,
    to_pixels: np.ndarray,
    size: tuple[int, int],
    light: tuple[float, float, float],
    half_width: float,
    camera_x: float,
) -> tuple[np.ndarray, np.ndarray]:
    """One frame without the camera's flaws: colours (H, W, 3) float32, ids (H, W) uint8."""
    height, width = size
    unscale = cv2.invertAffineTransform(canvas.to_pixels())
    picture = cv2.warpAffine(
        ground, chain(to_pixels, unscale), (width, height), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    # What share of each pixel each object owns; the truth is who owns more than half of it.
    shares = np.zeros((1 + max(actor.id for actor in actors), height, width), np.float32)
    shares[0] = 1
    for actor in actors:
        u, y = actor.path(time)
        x = u if actor.id == 0 else camera_x + u * half_width
        mirror = actor.mirror(time)
        placed = chain(to_pixels, affine(actor.size, x, y, actor.turn(time), mirror))
        colour, cover = draw(actor.parts(time), placed, height, width, light)
        if not cover.any():
            continue
        if actor.shadow:
            foot = to_pixels[1, 0] * x + to_pixels[1, 1] * y + to_pixels[1, 2]
            picture *= (1 - actor.shadow * _shadow(cover, foot, light[0]))[..., None]
        picture = picture * (1 - cover[..., None]) + colour
        shares *= 1 - cover
        shares[actor.id] += cover
    ids = np.zeros(size, np.uint8)
    for number in range(1, len(shares)):
        ids[shares[number] > 0.5] = number
    return picture, ids


def _shadow(cover: np.ndarray, foot: float, light_x: float) -> np.ndarray:
    """The shape laid down flat on the ground away from the light, and blurred: (H, W)."""
    height, width = cover.shape
    flat, slant = 0.20, 0.55 * light_x
    # A point (x, y) falls on (x + slant·(y - foot), foot - flat·(foot - y)), farther back.
    lay = np.array([[1, slant, -slant * foot], [0, flat, foot * (1 - flat)]])
    laid = cv2.warpAffine(cover, lay, (width, height), flags=cv2.INTER_AREA)
    contact = cv2.warpAffine(cover, np.array([[1, 0, 0], [0, -0.10, foot * 1.10]]), (width, height))
    return cv2.GaussianBlur(np.maximum(laid, contact), (0, 0), max(0.012 * height, 0.6))


def _expose(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The camera's part: lens blur, vignette, a tone curve, shot and read noise; uint8."""
    height, width = picture.shape[:2]
    picture = cv2.GaussianBlur(picture, (0, 0), 0.55)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    picture = picture * (1 - 0.10 * (x**2 + y**2) / 2)[..., None]
    picture = np.clip(picture, 0, 1)
    picture = picture + 0.10 * (picture * picture * (3 - 2 * picture) - picture)
    grain = rng.standard_normal(picture.shape, np.float32)
    noisy = picture + grain * np.sqrt(0.00003 + 0.00012 * picture)
    return np.round(np.clip(noisy, 0, 1) * 255).astype(np.uint8)


def write_video(path: str | Path, frames: Sequence[np.ndarray], fps: int) -> None:
    """Encode frames (H, W, 3) uint8 of even size as H.264, in bytes that repeat."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps))
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.codec_context.thread_count = 1
        # x264's vectorised macroblock tree does not repeat from process to process: 1 run in 10
        # or so gave other bytes. Without either, all did the same.
        stream.options = {
            "crf": "15",
            "preset": "medium",
            "threads": "1",
            "x264-params": "asm=0:mbtree=0",
        }
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
