"""What stands before the objects and belongs to the scene: poles, bushes, rocks, fences, trunks."""

import numpy as np

from betrayed.synthetic.drawing import TILE, Part, capsule, ellipse, fractal_noise, smooth
from betrayed.synthetic.landscapes import tree_trunk
from betrayed.synthetic.paints import lively, tinted

Rng = np.random.Generator


def _rough(rng: Rng, slope: float, amount: float) -> np.ndarray:
    """A tile (TILE, TILE, 3) of plain noise."""
    noise = 1 + amount * fractal_noise(rng, TILE, slope)
    return np.repeat(np.clip(noise, 0.25, 1.8)[..., None], 3, 2).astype(np.float32)


def pole(rng: Rng) -> list[Part]:
    """A lamp post or a sign, 1 high."""
    paint = tinted(rng, (0.35, 0.36, 0.38), gloss=0.2)
    stem = [capsule((0, 0), (0, -1.3), 0.022, 0.016), capsule((0, 0), (0, -0.1), 0.03, 0.03)]
    parts = [Part(stem, paint)]
    if rng.random() < 0.6:
        plate = ellipse(0, -0.86, 0.11, 0.11) if rng.random() < 0.5 else np.array(
            [(-0.14, -0.96), (0.14, -0.96), (0.14, -0.78), (-0.14, -0.78)]
        )  # fmt: skip
        inner = (0.8 * plate - np.array([0.0, 0.17]), lively(rng))
        parts.append(Part([plate], lively(rng), relief=0.1, decals=[inner]))
    return parts


def bush(rng: Rng) -> list[Part]:
    """A bush, 1 wide."""
    green = tinted(rng, (0.22, 0.34, 0.13), texture=_rough(rng, 0.7, 0.30), tile=0.5)
    crowns = []
    for _ in range(14):
        x, y = rng.uniform(-0.38, 0.38), rng.uniform(-0.5, -0.08)
        radius = rng.uniform(0.12, 0.22)
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        edge = radius * (1 + 0.12 * rng.normal(size=24))
        leaf = np.stack([x + edge * np.cos(turn), np.minimum(y + edge * np.sin(turn), 0.02)], 1)
        crowns.append(Part([leaf], green, relief=0.6, light=float(rng.uniform(0.7, 1.15))))
    return sorted(crowns, key=lambda part: part.outlines[0][:, 1].max())


def rock(rng: Rng) -> list[Part]:
    """A boulder, 1 wide."""
    turn = np.linspace(np.pi, 2 * np.pi, 8)
    edge = 0.5 * (1 + 0.15 * rng.normal(size=8))
    top = np.stack([edge * np.cos(turn), 0.7 * edge * np.sin(turn)], 1)
    stone = tinted(rng, (0.50, 0.48, 0.45), texture=_rough(rng, 1.2, 0.22), tile=0.8)
    return [Part([smooth([*top, (0.3, 0.03), (-0.3, 0.03)], 4)], stone, relief=0.7)]


def fence(rng: Rng) -> list[Part]:
    """A stretch of fence, 1 high and 5 long."""
    wood = tinted(rng, (0.48, 0.38, 0.28), texture=_rough(rng, 1.0, 0.15), tile=0.6)
    rails = [
        np.array([(-2.5, y), (2.5, y), (2.5, y + 0.10), (-2.5, y + 0.10)])
        for y in ((-0.85, -0.45) if rng.random() < 0.5 else (-0.7,))
    ]
    posts = [capsule((x, 0.02), (x, -1.0), 0.06, 0.055) for x in np.arange(-2.4, 2.5, 1.2)]
    return [Part(rails, wood, relief=0.3, light=0.9), Part(posts, wood)]


def trunk(rng: Rng) -> list[Part]:
    """A tree trunk, 1 high."""
    return tree_trunk(rng)


# Metres a unit of each is long, and half its width in units.
KINDS = {
    "trunk": (trunk, 4.2, 0.12),
    "pole": (pole, 3.2, 0.03),
    "bush": (bush, 1.7, 0.5),
    "rock": (rock, 1.4, 0.5),
    "fence": (fence, 0.95, 2.5),
}
