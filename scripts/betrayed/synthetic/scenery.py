"""What landscapes are painted from: sky, hills, trees, grounds in perspective, grass, water.

World units: the frame at zoom 1 is 1 high; x goes right, y down; the middle is (0, 0).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from betrayed.synthetic.drawing import affine, fractal_noise

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Canvas:
    """The rectangle of the world that a picture shows: half extents, and pixels per unit."""

    half_width: float
    half_height: float
    scale: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return round(2 * self.half_height * self.scale), round(2 * self.half_width * self.scale)

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """World x (1, W) and y (H, 1) of the pixels' centres, float32."""
        rows, columns = self.shape
        x = (np.arange(columns, dtype=np.float32) + 0.5) / self.scale - self.half_width
        y = (np.arange(rows, dtype=np.float32) + 0.5) / self.scale - self.half_height
        return x[None, :], y[:, None]

    def to_pixels(self) -> np.ndarray:
        """The map (2, 3) from the world to this picture's pixels."""
        return affine(self.scale, self.half_width * self.scale, self.half_height * self.scale)


def sample(noise: np.ndarray, u: np.ndarray, v: np.ndarray, per_tile: float = 1.0) -> np.ndarray:
    """Look tileable noise up at coordinates in units of ``per_tile``."""
    u, v = np.broadcast_arrays(u, v)
    size = noise.shape[0]
    return cv2.remap(
        noise,
        (u / per_tile * size % size).astype(np.float32),
        (v / per_tile * size % size).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )


def mix(one: np.ndarray, other: np.ndarray | Colour, weight: np.ndarray) -> np.ndarray:
    """From one picture to another picture or colour, by a weight (H, W) for each pixel."""
    weight = np.asarray(weight, np.float32)[..., None]
    return one + (np.asarray(other, np.float32) - one) * weight


def sky(
    canvas: Canvas, rng: np.random.Generator, top: Colour, low: Colour, horizon: float, cloud: float
) -> np.ndarray:
    """A gradient with clouds that flatten towards the horizon; ``cloud`` is their share."""
    x, y = canvas.grid()
    rise = np.clip((horizon - y) / (horizon + canvas.half_height), 0, 1)
    sky = mix(np.broadcast_to(np.float32(low), (*canvas.shape, 3)), top, rise**0.7 + 0 * x)
    noise = fractal_noise(rng, 512, 1.9)
    far = 1 / (0.25 + np.maximum(horizon - y, 0))
    density = sample(noise, x * far * 0.55, far * 1.3, 3.4)
    above = sample(noise, x * far * 0.55 - 0.03, far * 1.3 + 0.07, 3.4)
    cover = np.clip((density - (1 - 2.2 * cloud)) * 1.1, 0, 1) * np.clip(rise * 5, 0, 1)
    lit = np.clip(0.88 + 0.10 * (density - above), 0.66, 1.0)
    cloud_colour = lit[..., None] * np.float32((1.0, 0.99, 0.97))
    return sky + (cloud_colour - sky) * (0.92 * cover)[..., None]


def ridge(
    picture: np.ndarray,
    canvas: Canvas,
    rng: np.random.Generator,
    level: float,
    amplitude: float,
    colour: Colour,
    haze: Colour,
    rough: float = 1.5,
) -> np.ndarray:
    """A range of hills whose crest lies about ``level``, fading into haze at its foot."""
    x, y = canvas.grid()
    line = fractal_noise(rng, 512, rough)[0]
    spot = (x / 4.5 * 512) % 512
    crest = level - amplitude * np.interp(spot, np.arange(512), line, period=512)
    grain = fractal_noise(rng, 512, 1.2, 0.6)
    rock = sample(grain, x, y * 2.0 + 0.8 * (x - np.roll(crest, 3)), 1.4)
    body = np.float32(colour) * (1 + 0.20 * rock)[..., None]
    body = mix(body, haze, np.clip((y - crest) * 4.0, 0, 0.7))
    return mix(picture, body, np.clip((y - crest) * canvas.scale * 0.6 + 0.5, 0, 1))


def trees(
    picture: np.ndarray,
    canvas: Canvas,
    rng: np.random.Generator,
    level: float,
    size: tuple[float, float],
    count: int,
    colour: Colour,
) -> np.ndarray:
    """A row of leafy crowns that stand on ``level``: blobs of leaves, lit from above."""
    picture = np.ascontiguousarray(picture)
    px = canvas.to_pixels()
    leaf = np.float32(colour)
    for x in np.sort(rng.uniform(-canvas.half_width, canvas.half_width, count)):
        tall = rng.uniform(*size)
        tint = leaf * rng.uniform(0.75, 1.25) * np.float32([rng.uniform(0.85, 1.3), 1, 0.95])
        foot = level + rng.uniform(0, 0.01)
        trunk = [[x - 0.03 * tall, foot], [x + 0.03 * tall, foot], [x, foot - 0.6 * tall]]
        polygon(picture, np.array(trunk) @ px[:, :2].T + px[:, 2], (0.20, 0.15, 0.11))
        for blob in range(90):
            turn, out = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1))
            height = 0.62 + 0.36 * out * np.sin(turn)
            side = 0.33 * out * np.cos(turn)
            spot = np.array([x + side * tall, foot - height * tall]) @ px[:, :2].T + px[:, 2]
            # Later leaves are nearer and brighter; the top and the left look into the light.
            glow = 0.45 + 0.55 * blob / 90 + 0.5 * (height - 0.62) - 0.25 * side
            glow += rng.uniform(-0.12, 0.12)
            radius = max(1, round(tall * canvas.scale * rng.uniform(0.025, 0.075)))
            centre = tuple(int(v) for v in np.round(spot))
            shade = tuple(float(v) for v in np.clip(tint * glow, 0, 1))
            cv2.circle(picture, centre, radius, shade, -1, cv2.LINE_8)
    return picture


def polygon(picture: np.ndarray, pixels: np.ndarray, colour: Colour) -> None:
    """Fill a polygon (P, 2) of pixels, in place."""
    cv2.fillPoly(picture, [np.round(pixels * 16).astype(np.int32)], colour, cv2.LINE_8, 4)


def ground(
    canvas: Canvas,
    rng: np.random.Generator,
    horizon: float,
    near: Colour,
    far: Colour,
    contrast: float,
    stretch: float = 1.0,
) -> np.ndarray:
    """A plane in perspective: noise whose grain shrinks towards the horizon."""
    x, y = canvas.grid()
    below = np.maximum(y - horizon, 0.004)
    u, v = x / (below + 0.10), 0.9 / (below + 0.10)
    coarse = sample(fractal_noise(rng, 512, 1.7), u, v * stretch, 5.0)
    fine = sample(fractal_noise(rng, 512, 0.9), u, v * stretch, 1.7)
    depth = np.clip((y - horizon) / (canvas.half_height - horizon), 0, 1) + 0 * x
    plane = mix(np.broadcast_to(np.float32(far), (*canvas.shape, 3)), near, depth**0.6)
    fade = 0.3 + 0.7 * depth
    return plane * (1 + contrast * fade * (0.6 * coarse + 0.55 * fine))[..., None]


def lay(picture: np.ndarray, ground: np.ndarray, canvas: Canvas, horizon: float) -> np.ndarray:
    """Cover what lies below a level with another picture."""
    _, y = canvas.grid()
    weight = np.clip((y - horizon) * canvas.scale + 0.5, 0, 1)
    return np.ascontiguousarray(
        mix(picture, ground, np.broadcast_to(weight, canvas.shape)), np.float32
    )


def blades(
    picture: np.ndarray,
    canvas: Canvas,
    rng: np.random.Generator,
    top: float,
    colours: tuple[Colour, ...],
    count: int,
    length: float = 0.05,
) -> None:
    """Blades of grass in place, longer towards the viewer."""
    columns = canvas.shape[1]
    depth = np.sort(rng.uniform(0, 1, count) ** 0.8)
    ys = (top + depth * (canvas.half_height - top) + canvas.half_height) * canvas.scale
    xs = rng.uniform(0, columns, count)
    for x, y, near in zip(xs, ys, depth, strict=True):
        tall = length * canvas.scale * (0.15 + near) * rng.uniform(0.5, 1.2)
        lean = tall * rng.uniform(-0.45, 0.45)
        colour = np.float32(colours[rng.integers(len(colours))]) * rng.uniform(0.6, 1.25)
        ends = np.round(np.array([[x, y], [x + lean, y - tall]]) * 8).astype(int)
        shade = tuple(float(v) for v in np.clip(colour, 0, 1))
        cv2.line(picture, tuple(ends[0]), tuple(ends[1]), shade, 1, cv2.LINE_8, 3)


def soften(picture: np.ndarray, canvas: Canvas, focus: float, reach: float) -> np.ndarray:
    """Depth of field: sharp below ``focus``, ever softer above it over ``reach``."""
    _, y = canvas.grid()
    soft = cv2.GaussianBlur(picture, (0, 0), 0.006 * canvas.scale)
    weight = np.clip((focus - y) / reach, 0, 1)
    return np.clip(mix(picture, soft, np.broadcast_to(weight, canvas.shape)), 0, 1)


def water(
    canvas: Canvas, rng: np.random.Generator, horizon: float, near: Colour, far: Colour
) -> np.ndarray:
    """Water with waves in perspective and glints where they face the sky."""
    x, y = canvas.grid()
    below = np.maximum(y - horizon, 0.004)
    u, v = x / (below + 0.12), 1.6 / (below + 0.12)
    swell = sample(fractal_noise(rng, 512, 1.3, 0.28), u, v, 3.0)
    ripple = sample(fractal_noise(rng, 512, 0.8, 0.35), u, v, 1.1)
    depth = np.clip((y - horizon) / 0.6, 0, 1) + 0 * x
    plane = mix(np.broadcast_to(np.float32(far), (*canvas.shape, 3)), near, depth**0.5)
    plane = plane * (1 + 0.14 * swell + 0.08 * ripple)[..., None]
    return mix(plane, (0.9, 0.95, 0.97), np.clip((swell + 0.6 * ripple - 1.9) * 0.5, 0, 0.6))
