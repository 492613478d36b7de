"""The landscapes of the synthetic videos: wide still pictures that a camera then moves over."""

from collections.abc import Callable

import cv2
import numpy as np

from betrayed.synthetic.drawing import TILE, Paint, Part, capsule, fractal_noise, smooth
from betrayed.synthetic.places import forest, hall, park, snow, wall
from betrayed.synthetic.scenery import (
    Canvas,
    Colour,
    blades,
    ground,
    lay,
    mix,
    polygon,
    ridge,
    sample,
    sky,
    soften,
    trees,
    water,
)


def landscape(kind: str, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """Paint one landscape: (H, W, 3) float32 within 0…1."""
    return _PAINTERS[kind](canvas, rng)


def _meadow(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    horizon = -0.10
    view = sky(canvas, rng, (0.28, 0.50, 0.80), (0.78, 0.86, 0.92), horizon, 0.42)
    view = ridge(view, canvas, rng, -0.19, 0.035, (0.38, 0.47, 0.55), (0.72, 0.79, 0.84))
    view = ridge(view, canvas, rng, -0.13, 0.018, (0.25, 0.36, 0.24), (0.5, 0.6, 0.5), 1.8)
    view = trees(view, canvas, rng, -0.075, (0.10, 0.19), 26, (0.20, 0.33, 0.12))
    grass = ground(canvas, rng, horizon, (0.30, 0.42, 0.13), (0.50, 0.57, 0.28), 0.20)
    top = lay(view, grass, canvas, -0.08)
    blades(top, canvas, rng, -0.06, ((0.34, 0.48, 0.14), (0.24, 0.38, 0.10), (0.5, 0.55, 0.22)),
            9000)  # fmt: skip
    blades(top, canvas, rng, 0.0, ((0.95, 0.9, 0.5), (0.9, 0.9, 0.9)), 220, 0.012)
    return soften(top, canvas, 0.05, 0.25)


def _street(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    view = sky(canvas, rng, (0.42, 0.56, 0.74), (0.82, 0.86, 0.88), -0.1, 0.5)
    px = canvas.to_pixels()
    view = np.ascontiguousarray(view, np.float32)

    def box(x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        polygon(view, corners @ px[:, :2].T + px[:, 2], colour)

    walls = ((0.62, 0.38, 0.29), (0.76, 0.69, 0.56), (0.60, 0.62, 0.62), (0.80, 0.60, 0.42))
    x = -canvas.half_width
    while x < canvas.half_width:
        wide, roof = rng.uniform(0.38, 0.62), rng.uniform(-0.62, -0.40)
        wall = np.float32(walls[rng.integers(len(walls))]) * rng.uniform(0.85, 1.08)
        box(x, roof, x + wide, 0.06, tuple(map(float, wall)))
        box(x, roof - 0.02, x + wide, roof + 0.015, tuple(map(float, wall * 0.65)))
        columns = int(wide / 0.13)
        for floor, y in enumerate(np.arange(-0.055, roof + 0.12, -0.155)):
            for column in range(columns):
                left = x + wide * (column + 0.5) / columns - 0.034
                glow = rng.uniform(0.7, 1.5)
                high = 0.10 if floor else 0.12
                box(left - 0.007, y - high - 0.007, left + 0.075, y + 0.012, (0.86, 0.84, 0.79))
                box(left, y - high, left + 0.068, y, (0.15 * glow, 0.19 * glow, 0.23 * glow))
                box(
                    left, y - high, left + 0.03, y - high / 2, (0.3 * glow, 0.36 * glow, 0.4 * glow)
                )
        x += wide
    gx, gy = canvas.grid()
    grime = sample(fractal_noise(rng, 512, 1.3), gx, gy, 1.6)
    brick = 0.03 * np.sin(gy * 2 * np.pi / 0.014) + 0 * gx
    view = view * np.where(gy < 0.06, 1 + 0.07 * grime + brick, 1.0)[..., None].astype(np.float32)
    view = trees(np.clip(view, 0, 1), canvas, rng, 0.075, (0.34, 0.48), 5, (0.24, 0.36, 0.13))
    paving = ground(canvas, rng, -0.05, (0.62, 0.60, 0.57), (0.66, 0.64, 0.61), 0.10)
    view = lay(view, paving, canvas, 0.06)
    road = ground(canvas, rng, -0.10, (0.30, 0.30, 0.31), (0.40, 0.40, 0.41), 0.16)
    view = lay(view, np.full_like(view, 0.72) * (1 + 0.05 * grime)[..., None], canvas, 0.10)
    view = lay(view, road, canvas, 0.112)
    for left in np.arange(-canvas.half_width, canvas.half_width, 0.42):
        dash = np.array([[left, 0.235], [left + 0.22, 0.235], [left + 0.215, 0.25], [left, 0.25]])
        polygon(view, dash @ px[:, :2].T + px[:, 2], (0.82, 0.81, 0.76))
    near = ground(canvas, rng, -0.05, (0.56, 0.54, 0.51), (0.6, 0.58, 0.55), 0.12)
    view = lay(view, np.full_like(view, 0.70) * (1 + 0.05 * grime)[..., None], canvas, 0.40)
    view = lay(view, near, canvas, 0.42)
    return soften(view, canvas, 0.07, 0.12)


def _beach(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    view = sky(canvas, rng, (0.22, 0.48, 0.82), (0.80, 0.88, 0.93), -0.16, 0.33)
    view = ridge(view, canvas, rng, -0.155, 0.02, (0.42, 0.50, 0.52), (0.7, 0.77, 0.8), 1.6)
    view = lay(
        view, water(canvas, rng, -0.14, (0.10, 0.38, 0.50), (0.42, 0.64, 0.74)), canvas, -0.14
    )
    sand = ground(canvas, rng, -0.12, (0.80, 0.68, 0.48), (0.84, 0.76, 0.60), 0.09, 2.0)
    x, y = canvas.grid()
    wave = fractal_noise(rng, 512, 1.8)[0]
    shore = 0.01 + 0.016 * np.interp((x / 4 * 512) % 512, np.arange(512), wave, period=512)
    foam = sample(fractal_noise(rng, 512, 1.1, 0.5), x, y * 3, 1.2)
    wet = np.clip((y - shore) * 60 + 0.5, 0, 1)
    shade = np.clip(0.72 + (y - shore) * 5, 0.72, 1.0)
    view = mix(view, (0.95, 0.96, 0.95), np.clip(1.3 - np.abs(y - shore + 0.012) * 70, 0, 1)
                * np.clip(0.7 + 0.5 * foam, 0, 1))  # fmt: skip
    view = view + (sand * shade[..., None] - view) * wet[..., None]
    view = np.ascontiguousarray(view, np.float32)
    for _ in range(260):
        spot = np.array([rng.uniform(-1, 1) * canvas.half_width, rng.uniform(0.1, 0.7)])
        centre = tuple(
            int(v) for v in spot @ canvas.to_pixels()[:, :2].T + canvas.to_pixels()[:, 2]
        )
        shade = float(rng.uniform(0.4, 0.95))
        radius = max(1, round(canvas.scale * 0.004 * (0.4 + spot[1] * 2)))
        cv2.circle(view, centre, radius, (shade, shade * 0.92, shade * 0.8), -1)
    return soften(view, canvas, 0.05, 0.25)


def _lake(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    horizon = -0.10
    view = sky(canvas, rng, (0.30, 0.47, 0.72), (0.88, 0.85, 0.80), horizon, 0.45)
    view = ridge(view, canvas, rng, -0.27, 0.06, (0.44, 0.50, 0.60), (0.74, 0.77, 0.80), 1.35)
    view = ridge(view, canvas, rng, -0.16, 0.025, (0.24, 0.33, 0.30), (0.45, 0.53, 0.52), 1.6)
    view = trees(view, canvas, rng, -0.09, (0.05, 0.11), 60, (0.14, 0.25, 0.13))
    lake = water(canvas, rng, horizon, (0.10, 0.24, 0.32), (0.50, 0.60, 0.66))
    x, y = canvas.grid()
    ripple = sample(fractal_noise(rng, 512, 1.0, 0.3), x, 1 / (y + 0.3), 1.5) * 0.006
    rows = (2 * horizon - y + canvas.half_height + ripple) * canvas.scale
    columns = (x + canvas.half_width + ripple) * canvas.scale + 0 * rows
    mirror = cv2.remap(np.ascontiguousarray(view), columns.astype(np.float32),
                       rows.astype(np.float32), cv2.INTER_LINEAR,
                       borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    strength = np.clip(0.5 - (y - horizon) * 0.9, 0.08, 0.5) + 0 * x
    lake = lake + (mirror - lake) * strength[..., None]
    return soften(lay(view, lake, canvas, horizon), canvas, 0.0, 0.25)


def _savanna(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    horizon = -0.08
    view = sky(canvas, rng, (0.40, 0.56, 0.74), (0.95, 0.87, 0.74), horizon, 0.30)
    view = ridge(view, canvas, rng, -0.13, 0.028, (0.50, 0.47, 0.48), (0.82, 0.76, 0.68))
    view = trees(view, canvas, rng, -0.055, (0.06, 0.15), 18, (0.30, 0.33, 0.15))
    grass = ground(canvas, rng, horizon, (0.66, 0.52, 0.27), (0.80, 0.69, 0.44), 0.17)
    view = lay(view, grass, canvas, -0.06)
    blades(view, canvas, rng, -0.05, ((0.78, 0.64, 0.34), (0.58, 0.46, 0.22), (0.86, 0.75, 0.48)),
            8000, 0.06)  # fmt: skip
    return soften(view, canvas, 0.05, 0.25)


def _road(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    horizon = -0.10
    view = sky(canvas, rng, (0.35, 0.52, 0.78), (0.86, 0.87, 0.86), horizon, 0.38)
    view = ridge(view, canvas, rng, -0.24, 0.05, (0.47, 0.44, 0.46), (0.76, 0.74, 0.72), 1.3)
    view = ridge(view, canvas, rng, -0.13, 0.02, (0.36, 0.38, 0.24), (0.6, 0.6, 0.46), 1.6)
    dry = ground(canvas, rng, horizon, (0.52, 0.46, 0.27), (0.64, 0.58, 0.40), 0.20)
    view = lay(view, dry, canvas, -0.09)
    straw = ((0.5, 0.5, 0.22), (0.42, 0.42, 0.18), (0.66, 0.58, 0.34))
    blades(view, canvas, rng, -0.07, straw, 6000, 0.04)
    view = trees(view, canvas, rng, -0.03, (0.07, 0.16), 16, (0.24, 0.32, 0.13))
    tar = ground(canvas, rng, horizon, (0.33, 0.33, 0.34), (0.45, 0.45, 0.46), 0.13)
    x, y = canvas.grid()
    for top, colour in ((0.055, None), (0.07, (0.85, 0.84, 0.8)), (0.078, None)):
        view = lay(view, tar if colour is None else np.full_like(view, colour), canvas, top)
    px = canvas.to_pixels()
    for left in np.arange(-canvas.half_width, canvas.half_width, 0.5):
        dash = np.array([[left, 0.2], [left + 0.28, 0.2], [left + 0.28, 0.217], [left, 0.217]])
        polygon(view, dash @ px[:, :2].T + px[:, 2], (0.84, 0.82, 0.74))
    edge = 0.43 + 0.012 * np.interp((x * 130) % 512, np.arange(512), fractal_noise(rng, 512)[0])
    view = view + (dry - view) * np.clip((y - edge) * canvas.scale, 0, 1)[..., None]
    view = np.ascontiguousarray(view, np.float32)
    blades(view, canvas, rng, 0.45, ((0.5, 0.5, 0.22), (0.38, 0.40, 0.16)), 2500, 0.08)
    return soften(view, canvas, 0.04, 0.25)


_PAINTERS: dict[str, Callable[[Canvas, np.random.Generator], np.ndarray]] = {
    "meadow": _meadow,
    "street": _street,
    "beach": _beach,
    "lake": _lake,
    "savanna": _savanna,
    "road": _road,
    "forest": forest,
    "snow": snow,
    "park": park,
    "hall": hall,
    "wall": wall,
}


def tree_trunk(rng: np.random.Generator) -> list[Part]:
    """A thick trunk, 1 high: part of the scene, to stand before the objects."""
    bark = 1 + 0.34 * fractal_noise(rng, TILE, 1.0, 0.16) + 0.10 * fractal_noise(rng, TILE, 1.8)
    tile = np.repeat(np.clip(bark, 0.3, 1.8)[..., None], 3, 2).astype(np.float32)
    paint = Paint((0.36, 0.27, 0.20), tile, 0.7)
    bole = smooth(
        [(-0.105, -1.3), (0.10, -1.3), (0.095, -0.6), (0.11, -0.2), (0.19, 0.02), (0.05, -0.005),
         (-0.04, 0.02), (-0.19, 0.01), (-0.12, -0.2), (-0.10, -0.6)]
    )  # fmt: skip
    bough = capsule((0.03, -0.72), (0.30, -1.05), 0.05, 0.03)
    return [Part([bole, bough], paint, relief=0.9)]
