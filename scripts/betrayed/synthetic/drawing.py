"""Draw shaded, textured, anti-aliased shapes: the little renderer under the synthetic videos.

Everything is flat shapes with a relief: each part's outline is inflated like a cushion, the
cushion's normals are lit, and the albedo comes from tiles of filtered noise.

Two frames of reference: an object's own (its unit is up to its maker, y down, the ground at
y = 0, facing right), and the frame's pixels. An affine map, (2, 3), leads from one to the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

SUPERSAMPLING = 3
_SHIFT = 4  # cv2 takes outlines in fixed point; 4 fractional bits are 1/16 pixel
TILE = 256  # pixels along the side of a texture tile


@dataclass(frozen=True)
class Paint:
    """What a surface looks like: colour (3,) within 0…1, times a texture tile (TILE, TILE, 3)."""

    colour: Sequence[float]
    texture: np.ndarray | None = None
    tile: float = 1.0  # side of the tile in the object's units
    gloss: float = 0.0


@dataclass(frozen=True)
class Part:
    """Outlines (P, 2) that together make one surface, and decals painted onto it."""

    outlines: Sequence[np.ndarray]
    paint: Paint
    relief: float = 1.0  # 0 is flat, 1 as round as it is wide
    light: float = 1.0  # darker than 1 for what lies in the object's own shadow
    decals: Sequence[tuple[np.ndarray, Paint]] = ()


def fractal_noise(
    rng: np.random.Generator, size: int, slope: float = 1.6, stretch: float = 1.0
) -> np.ndarray:
    """Tileable noise (size, size) whose amplitude falls as frequency ** -slope; mean 0, std 1.

    ``stretch`` above 1 draws the grain out along x.
    """
    frequency = np.fft.fftfreq(size) * size
    radius = np.hypot(frequency[None, :] * stretch, frequency[:, None])
    radius[0, 0] = np.inf
    noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * radius**-slope).real
    return ((noise - noise.mean()) / noise.std()).astype(np.float32)


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0) -> np.ndarray:
    """The outline (40, 2) of an ellipse turned by ``angle`` radians."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    across, along = rx * np.cos(turn), ry * np.sin(turn)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([x + across * cos - along * sin, y + across * sin + along * cos], 1)


def capsule(start: Sequence[float], end: Sequence[float], r1: float, r2: float) -> np.ndarray:
    """The outline of a limb: the hull of two discs."""
    discs = np.concatenate([ellipse(*start, r1, r1), ellipse(*end, r2, r2)])
    return cv2.convexHull(discs.astype(np.float32))[:, 0].astype(float)


def offset(point: Sequence[float], x: float, y: float) -> np.ndarray:
    """The point (2,) moved by x and y."""
    return np.asarray(point, float) + np.array([x, y])


def smooth(points: Sequence[Sequence[float]], steps: int = 8) -> np.ndarray:
    """A closed Catmull-Rom curve through ``points``."""
    p1 = np.asarray(points, float)
    p0, p2, p3 = (np.roll(p1, shift, 0) for shift in (1, -1, -2))
    curve = []
    for t in np.arange(steps) / steps:
        curve.append(
            0.5
            * (
                2 * p1
                + (p2 - p0) * t
                + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                + (3 * p1 - p0 - 3 * p2 + p3) * t**3
            )
        )
    return np.stack(curve, 1).reshape(-1, 2)


def affine(
    scale: float = 1.0, x: float = 0.0, y: float = 0.0, turn: float = 0.0, mirror: bool = False
) -> np.ndarray:
    """The map (2, 3): mirror along x, turn by radians, scale, then move."""
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    sign = -1.0 if mirror else 1.0
    return np.array([[sign * cos, -sin, x], [sign * sin, cos, y]])


def chain(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The map (2, 3) that applies ``inner`` first, then ``outer``."""
    full = [np.vstack([one, [0, 0, 1]]) for one in (outer, inner)]
    return (full[0] @ full[1])[:2]


def draw(
    parts: Sequence[Part], to_pixels: np.ndarray, height: int, width: int, light: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Render one object alone.

    Args:
        parts: from the farthest to the nearest.
        to_pixels: (2, 3) map from the object's units to pixels.
        height: of the frame, pixels.
        width: of the frame, pixels.
        light: (3,) direction towards the light; x right, y down, z towards the viewer.

    Returns:
        colour (height, width, 3), premultiplied by coverage, and coverage (height, width), both
        float32 within 0…1.
    """
    colour = np.zeros((height, width, 3), np.float32)
    cover = np.zeros((height, width), np.float32)
    if not parts:
        return colour, cover
    points = np.concatenate([outline for part in parts for outline in part.outlines])
    pixels = points @ to_pixels[:, :2].T + to_pixels[:, 2]
    # Two pixels of margin hold the anti-aliased rim.
    x0, y0 = np.floor(np.maximum(pixels.min(0) - 2, 0)).astype(int)
    x1, y1 = np.ceil(np.minimum(pixels.max(0) + 2, (width, height))).astype(int)
    if x0 >= x1 or y0 >= y1:
        return colour, cover
    fine = SUPERSAMPLING
    window = chain(affine(fine, -x0 * fine, -y0 * fine), to_pixels)
    h, w = (y1 - y0) * fine, (x1 - x0) * fine
    sheet = np.zeros((h, w, 3), np.float32)
    alpha = np.zeros((h, w), np.float32)
    for part in parts:
        _draw_part(part, window, np.asarray(light, float), sheet, alpha)
    size = (x1 - x0, y1 - y0)
    colour[y0:y1, x0:x1] = cv2.resize(sheet, size, interpolation=cv2.INTER_AREA)
    cover[y0:y1, x0:x1] = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    return colour, cover


def fill(outlines: Sequence[np.ndarray], to_pixels: np.ndarray, h: int, w: int) -> np.ndarray:
    """The anti-aliased coverage (h, w) float32 of the union of outlines."""
    mask = np.zeros((h, w), np.uint8)
    for outline in outlines:
        pixels = outline @ to_pixels[:, :2].T + to_pixels[:, 2]
        fixed = np.round((pixels - 0.5) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, _SHIFT)
    return mask.astype(np.float32) / 255


def _draw_part(
    part: Part, window: np.ndarray, light: np.ndarray, sheet: np.ndarray, alpha: np.ndarray
) -> None:
    """Composite one part over ``sheet`` (h, w, 3) and ``alpha`` (h, w), in place."""
    points = np.concatenate(list(part.outlines)) @ window[:, :2].T + window[:, 2]
    h, w = alpha.shape
    # The relief needs the whole shape, also what lies outside the frame; else it would change
    # as the part slides out. A generous margin keeps that cheap.
    x0, y0 = np.floor(np.maximum(points.min(0) - 3, (-w, -h))).astype(int)
    x1, y1 = np.ceil(np.minimum(points.max(0) + 3, (2 * w, 2 * h))).astype(int)
    if x1 <= max(x0, 0) or y1 <= max(y0, 0) or x0 >= w or y0 >= h:
        return
    local = chain(affine(1, -x0, -y0), window)
    mask = fill(part.outlines, local, y1 - y0, x1 - x0)
    shade, shine = _relief(mask, part.relief, light)
    albedo = _albedo(part.paint, local, mask.shape)
    gloss = np.full(mask.shape, part.paint.gloss, np.float32)
    for outline, paint in part.decals:
        cover = fill([outline], local, *mask.shape)
        albedo += (_albedo(paint, local, mask.shape) - albedo) * cover[..., None]
        gloss += (paint.gloss - gloss) * cover
    lit = albedo * (shade * part.light)[..., None] + (gloss * shine)[..., None]
    inside = (slice(max(-y0, 0), h - y0), slice(max(-x0, 0), w - x0))
    target = (slice(max(y0, 0), min(y1, h)), slice(max(x0, 0), min(x1, w)))
    cover = mask[inside][..., None]
    sheet[target] += cover * (np.clip(lit[inside], 0, 1) - sheet[target])
    alpha[target] += cover[..., 0] * (1 - alpha[target])


def _relief(mask: np.ndarray, relief: float, light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Light on the inflated mask: diffuse shade and mirror-like shine, each (h, w)."""
    depth = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    radius = max(float(depth.max()), 1.0)
    # A half circle's height above the rim, for a cushion as thick as the part is wide.
    height = np.sqrt(np.maximum(depth * (2 * radius - depth), 0)) * relief
    height = cv2.GaussianBlur(height, (0, 0), max(0.12 * radius, 0.8))
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    length = np.sqrt(dx**2 + dy**2 + 1)
    unit = light / np.linalg.norm(light)
    facing = (-dx * unit[0] - dy * unit[1] + unit[2]) / length
    sky = 0.5 + 0.5 * dy / length  # what looks up sees the sky, what looks down the dark ground
    shade = 0.22 + 0.30 * (1 - sky) + 0.85 * np.maximum(facing, 0)
    return shade.astype(np.float32), (np.maximum(facing, 0) ** 12).astype(np.float32)


def _albedo(paint: Paint, to_pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The paint's colours (h, w, 3) under the map to pixels."""
    colour = np.asarray(paint.colour, np.float32)
    if paint.texture is None:
        return np.broadcast_to(colour, (*shape, 3)).copy()
    from_tile = chain(to_pixels, affine(paint.tile / TILE))
    inverse = cv2.invertAffineTransform(from_tile).astype(np.float32)
    xs = np.arange(shape[1], dtype=np.float32)
    ys = np.arange(shape[0], dtype=np.float32)[:, None]
    u = inverse[0, 0] * xs + inverse[0, 1] * ys + inverse[0, 2]
    v = inverse[1, 0] * xs + inverse[1, 1] * ys + inverse[1, 2]
    tiled = cv2.remap(
        paint.texture, u % TILE, v % TILE, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    return tiled * colour
