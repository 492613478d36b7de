"""More landscapes, for random stories: forest, snow, park, hall, wall."""

import numpy as np

from betrayed.synthetic.drawing import fractal_noise
from betrayed.synthetic.scenery import (
    Canvas,
    Colour,
    blades,
    ground,
    lay,
    polygon,
    ridge,
    sample,
    sky,
    soften,
    trees,
)


def _fill(view: np.ndarray, canvas: Canvas, corners: list, colour: Colour) -> None:
    """A polygon of world points, in place."""
    px = canvas.to_pixels()
    polygon(view, np.array(corners) @ px[:, :2].T + px[:, 2], tuple(map(float, colour)))


def _boxes(view: np.ndarray, canvas: Canvas, x0: float, y0: float, x1: float, y1: float,
           colour: Colour) -> None:  # fmt: skip
    _fill(view, canvas, [[x0, y0], [x1, y0], [x1, y1], [x0, y1]], colour)


def forest(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """A path before a wood: trunks behind trunks, leaves above, litter below."""
    x, y = canvas.grid()
    leaves = sample(fractal_noise(rng, 512, 1.1), x, y, 1.3)
    large = sample(fractal_noise(rng, 512, 1.8), x, y, 2.6)
    deep = np.float32((0.20, 0.28, 0.14)) * (1 + 0.26 * leaves + 0.20 * large)[..., None]
    glow = np.clip(large - 1.0, 0, 0.7)[..., None] * np.float32((0.8, 0.85, 0.6))
    view = np.ascontiguousarray(np.clip(deep + 0.5 * glow, 0, 1), np.float32)
    bark = np.float32((0.26, 0.20, 0.15))
    count = int(canvas.half_width * 13)
    for depth in np.sort(rng.uniform(0, 1, count)):
        at = rng.uniform(-1, 1) * canvas.half_width
        wide, foot = 0.008 + 0.03 * depth**2, -0.06 + 0.15 * depth
        lean = rng.normal() * 0.03
        shade = bark * (0.45 + 0.75 * depth) * rng.uniform(0.8, 1.2)
        _fill(view, canvas, [[at - wide, foot], [at + wide, foot], [at + lean + 0.7 * wide, -0.75],
                             [at + lean - 0.7 * wide, -0.75]], shade)  # fmt: skip
        _fill(view, canvas, [[at - wide, foot], [at - 0.3 * wide, foot],
                             [at + lean - 0.3 * wide, -0.75], [at + lean - 0.7 * wide, -0.75]],
              1.35 * shade)  # fmt: skip
    view = trees(view, canvas, rng, 0.09, (0.06, 0.16), int(canvas.half_width * 9),
                 (0.19, 0.29, 0.10))  # fmt: skip
    litter = ground(canvas, rng, -0.12, (0.40, 0.31, 0.19), (0.30, 0.28, 0.16), 0.24)
    view = lay(view, litter, canvas, 0.08)
    green = ((0.24, 0.36, 0.12), (0.40, 0.30, 0.16), (0.18, 0.28, 0.10))
    blades(view, canvas, rng, 0.08, green, 2500, 0.05)
    return soften(view, canvas, 0.1, 0.25)


def snow(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """A field of snow before mountains and firs."""
    view = sky(canvas, rng, (0.40, 0.56, 0.80), (0.86, 0.89, 0.92), -0.10, 0.4)
    view = ridge(view, canvas, rng, -0.26, 0.07, (0.72, 0.76, 0.84), (0.84, 0.87, 0.91), 1.3)
    view = ridge(view, canvas, rng, -0.15, 0.03, (0.42, 0.47, 0.52), (0.75, 0.79, 0.84), 1.5)
    view = np.ascontiguousarray(view, np.float32)
    for at in np.sort(rng.uniform(-1, 1, int(canvas.half_width * 16)) * canvas.half_width):
        tall = rng.uniform(0.08, 0.24)
        for tier in range(4):
            top, low = -0.07 - tall * (1 - 0.2 * tier), -0.07 - tall * (0.66 - 0.22 * tier)
            wide = tall * (0.09 + 0.06 * tier)
            shade = np.float32((0.12, 0.20, 0.16)) * rng.uniform(0.7, 1.2)
            _fill(view, canvas, [[at, top], [at + wide, low], [at - wide, low]], shade)
            _fill(view, canvas, [[at, top], [at - 0.1 * wide, low - 0.02], [at - wide, low]],
                  (0.80, 0.84, 0.89))  # fmt: skip
    white = ground(canvas, rng, -0.10, (0.86, 0.89, 0.94), (0.80, 0.84, 0.90), 0.05, 0.6)
    return soften(lay(view, white, canvas, -0.07), canvas, 0.05, 0.25)


def park(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """A lawn with a paved way before a hedge and tall trees."""
    view = sky(canvas, rng, (0.36, 0.54, 0.80), (0.84, 0.88, 0.90), -0.1, 0.35)
    many = int(canvas.half_width * 7)
    view = trees(view, canvas, rng, 0.02, (0.30, 0.60), many, (0.22, 0.34, 0.12))
    view = trees(view, canvas, rng, 0.06, (0.25, 0.45), many // 2, (0.28, 0.38, 0.12))
    x, y = canvas.grid()
    leaf = sample(fractal_noise(rng, 512, 0.8), x, y, 0.8)
    hedge = np.float32((0.17, 0.28, 0.10)) * (1 + 0.28 * leaf - 1.6 * (y - 0.0))[..., None]
    view = lay(view, np.clip(hedge, 0, 1), canvas, rng.uniform(-0.02, 0.03))
    lawn = ground(canvas, rng, -0.12, (0.29, 0.42, 0.14), (0.40, 0.52, 0.24), 0.16)
    gravel = ground(canvas, rng, -0.12, (0.66, 0.60, 0.50), (0.70, 0.65, 0.56), 0.10)
    view = lay(view, lawn, canvas, 0.11)
    view = lay(view, gravel, canvas, 0.20)
    view = lay(view, lawn, canvas, 0.43)
    blades(view, canvas, rng, 0.43, ((0.32, 0.46, 0.14), (0.22, 0.36, 0.10)), 3000)
    return soften(view, canvas, 0.12, 0.2)


def hall(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """Indoors: a painted wall with panels and windows over a floor of boards."""
    x, y = canvas.grid()
    stain = sample(fractal_noise(rng, 512, 1.9), x, y, 3.0)
    wall = np.float32(((0.78, 0.74, 0.66), (0.62, 0.68, 0.70), (0.70, 0.60, 0.52))[rng.integers(3)])
    view = np.ascontiguousarray(wall * (1 + 0.05 * stain - 0.10 * y)[..., None], np.float32)
    step = rng.uniform(0.45, 0.7)
    for left in np.arange(-canvas.half_width, canvas.half_width, step):
        if rng.random() < 0.6:
            tone = rng.uniform(0.75, 1.0)
            _boxes(view, canvas, left + 0.06, -0.52, left + 0.34, -0.14, wall * 0.7)
            _boxes(view, canvas, left + 0.08, -0.50, left + 0.32, -0.16,
                   (0.80 * tone, 0.88 * tone, 0.95 * tone))  # fmt: skip
            _boxes(view, canvas, left + 0.195, -0.50, left + 0.205, -0.16, wall * 0.7)
        else:
            paint = rng.uniform(0.2, 0.7, 3)
            _boxes(view, canvas, left + 0.10, -0.44, left + 0.30, -0.20, (0.25, 0.20, 0.15))
            _boxes(view, canvas, left + 0.115, -0.425, left + 0.285, -0.215, paint)
            _boxes(view, canvas, left + 0.14, -0.35, left + 0.22, -0.24, rng.uniform(0.2, 0.9, 3))
    view = lay(view, np.full_like(view, 1) * (wall * 0.8), canvas, 0.03)
    view = lay(view, np.full_like(view, 1) * (wall * 0.45), canvas, 0.095)
    floor = ground(canvas, rng, -0.16, (0.48, 0.34, 0.22), (0.58, 0.45, 0.32), 0.10, 3.0)
    board = np.sin(2 * np.pi * 7 * x / (y + 0.16).clip(0.05))
    seam = np.clip(np.abs(board) * 12, 0.72, 1)
    view = lay(view, floor * seam[..., None], canvas, 0.11)
    return soften(view, canvas, 0.12, 0.2)


def wall(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """A wall of brick or plaster close behind a pavement."""
    x, y = canvas.grid()
    grime = sample(fractal_noise(rng, 512, 1.6), x, y, 2.2)
    fine = sample(fractal_noise(rng, 512, 0.7), x, y, 0.7)
    tone = np.float32(((0.55, 0.30, 0.22), (0.66, 0.62, 0.55), (0.50, 0.52, 0.54))[rng.integers(3)])
    body = tone * (1 + 0.09 * grime + 0.07 * fine)[..., None]
    if rng.random() < 0.7:
        row = np.floor(y / 0.045)
        along = (x + 0.06 * (row % 2)) / 0.12
        joint = ((y / 0.045) % 1 < 0.13) | (along % 1 < 0.05)
        own = sample(fractal_noise(rng, 512, 0.0), np.floor(along) * 0.013, row * 0.017, 1.0)
        body = np.where(joint[..., None], np.float32((0.66, 0.63, 0.58)),
                        body * (1 + 0.09 * own)[..., None])  # fmt: skip
    view = np.ascontiguousarray(np.clip(body, 0, 1), np.float32)
    for left in np.arange(-canvas.half_width, canvas.half_width, 0.9):
        if rng.random() < 0.5:
            at = left + rng.uniform(0, 0.4)
            _boxes(view, canvas, at, -0.34, at + 0.24, 0.15, tone * 0.5)
            _boxes(view, canvas, at + 0.02, -0.32, at + 0.22, 0.15, rng.uniform(0.1, 0.6, 3))
    paving = ground(canvas, rng, -0.30, (0.55, 0.54, 0.52), (0.58, 0.57, 0.55), 0.10)
    slab = np.clip(np.abs(np.sin(np.pi * 3 * x / (y + 0.30).clip(0.05))) * 14, 0.8, 1)
    return soften(lay(view, paving * slab[..., None], canvas, 0.15), canvas, 0.16, 0.2)
