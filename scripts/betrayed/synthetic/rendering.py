"""Render a story: for each frame its picture, and the ids of the objects at each pixel."""

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from betrayed.synthetic.drawing import affine, chain, draw
from betrayed.synthetic.landscapes import landscape
from betrayed.synthetic.scenery import Canvas
from betrayed.synthetic.story import Actor, Story


class FilmSettings(Protocol):
    """How long and how large clips are."""

    frames: int
    height: int  # pixels
    width: int  # pixels


def frame_size(story: Story, settings: FilmSettings) -> tuple[int, int]:
    """Height and width of a clip's frames, pixels."""
    height, width = (
        round(side * share)
        for side, share in zip((settings.height, settings.width), story.share, strict=True)
    )
    if story.odd_size:
        height, width = height * 23 // 24, width * 199 // 216
        while height % 14 == 0 or height % 16 == 0:
            height -= 1
        while width % 14 == 0 or width % 16 == 0:
            width -= 1
    if story.container:  # H.264 with halved colour needs even sizes
        height, width = height - height % 2, width - width % 2
    return height, width


def render_story(
    story: Story, settings: FilmSettings, stream: Sequence[int]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw one clip.

    Args:
        story: what happens.
        settings: its number of frames and their size.
        stream: names the stream of random numbers; the same gives the same bytes.

    Returns:
        For each frame its picture (H, W, 3) uint8 and its ids (H, W) uint8.
    """
    height, width = frame_size(story, settings)
    aspect = width / height
    scene_rng, cast_rng, shake_rng, noise_rng = (
        np.random.default_rng([*stream, part]) for part in range(4)
    )
    reach = aspect / 2 * 1.15 + 0.62 if story.reach is None else story.reach
    canvas = Canvas(reach, 0.72, 1.25 * height)
    ground = landscape(story.scene, canvas, scene_rng)
    if story.land:
        ground = story.land.apply(ground)
    actors = story.cast(cast_rng, aspect)
    times = np.linspace(0, 1, settings.frames) if settings.frames > 1 else np.zeros(1)
    # A hand-held camera: a smooth random walk of a few thousandths of the frame's height.
    shake = np.cumsum(shake_rng.normal(0, 0.0022 * story.shake, (settings.frames, 2)), 0)
    shake = np.clip(shake - shake.mean(0), -0.03, 0.03)
    result = []
    for time, jolt in zip(times, shake, strict=True):
        view = _View(story, float(time), (height, width), jolt)
        backdrop = _see(ground, canvas, view)
        picture, ids = _compose(backdrop, actors, view)
        if story.film:
            picture = story.film.apply(picture)
        result.append((_expose(picture, noise_rng), ids))
    return result


def story_ids(story: Story, cast: Sequence[Actor], size: tuple[int, int], count: int) -> np.ndarray:
    """The ids (count, H, W) uint8 at evenly spaced times, at any size and without a picture."""
    blank = np.zeros((*size, 3), np.float32)
    views = (_View(story, float(time), size, np.zeros(2)) for time in np.linspace(0, 1, count))
    return np.stack([_compose(blank, cast, view)[1] for view in views])


class _View:
    """What the camera sees at one moment.

    ``to_pixels`` (2, 3) leads from the world to the frame; ``x`` and ``half_width`` are the middle
    and half the width of what is in the frame, world units.
    """

    def __init__(self, story: Story, time: float, size: tuple[int, int], jolt: np.ndarray) -> None:
        height, width = size
        x, y, zoom = story.camera(time)
        centre = np.array([x, y]) + jolt
        scale = height * zoom
        self.time, self.size, self.x = time, size, x
        self.light, self.by_depth = story.light, story.by_depth
        self.half_width = width / height / zoom / 2
        self.to_pixels = affine(
            scale, width / 2 - scale * centre[0], height / 2 - scale * centre[1]
        )


def _see(ground: np.ndarray, canvas: Canvas, view: _View) -> np.ndarray:
    """The landscape as the camera sees it: (H, W, 3) float32."""
    height, width = view.size
    unscale = cv2.invertAffineTransform(canvas.to_pixels())
    return cv2.warpAffine(
        ground, chain(view.to_pixels, unscale), (width, height), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip


def _compose(
    picture: np.ndarray, actors: Sequence[Actor], view: _View
) -> tuple[np.ndarray, np.ndarray]:
    """One frame without the camera's flaws: colours (H, W, 3) float32, ids (H, W) uint8."""
    height, width = view.size
    if view.by_depth:
        actors = sorted(actors, key=lambda actor: _foot(actor, view.time))
    drawn = []
    for actor in actors:
        u, y = actor.path(view.time)
        x = u if actor.id == 0 or actor.in_world else view.x + u * view.half_width
        turn, mirror = actor.turn(view.time), actor.mirror(view.time)
        size = actor.size * actor.grow(view.time)
        placed = chain(view.to_pixels, affine(size, x, y, turn, mirror))
        colour, cover = draw(actor.parts(view.time), placed, height, width, view.light)
        if cover.any():
            foot = view.to_pixels[1] @ (x, _foot(actor, view.time), 1)
            drawn.append((actor, colour, cover, foot))
    if view.by_depth:
        for actor, _, cover, foot in drawn:
            picture = _shade(picture, actor, cover, foot, view)
    # What share of each pixel each object owns; the truth is who owns more than half of it.
    shares = np.zeros((1 + max(actor.id for actor in actors), height, width), np.float32)
    shares[0] = 1
    for actor, colour, cover, foot in drawn:
        if not view.by_depth:
            picture = _shade(picture, actor, cover, foot, view)
        picture = picture * (1 - cover[..., None]) + colour
        shares *= 1 - cover
        shares[actor.id] += cover
    ids = np.zeros(view.size, np.uint8)
    for number in range(1, len(shares)):
        ids[shares[number] > 0.5] = number
    return picture, ids


def _foot(actor: Actor, time: float) -> float:
    """World y of the ground below an actor."""
    return actor.ground(time) if actor.ground else actor.path(time)[1]


def _shade(
    picture: np.ndarray, actor: Actor, cover: np.ndarray, foot: float, view: _View
) -> np.ndarray:
    """The picture under an actor's shadow."""
    if not actor.shadow:
        return picture
    return picture * (1 - actor.shadow * _shadow(cover, foot, view.light[0]))[..., None]


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
