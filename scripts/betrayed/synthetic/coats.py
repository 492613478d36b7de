"""Tiles of fur, patches and stripes for the synthetic animals."""

import numpy as np

from betrayed.synthetic.drawing import TILE, fractal_noise


def fur(rng: np.random.Generator, contrast: float = 0.10) -> np.ndarray:
    """A tile (TILE, TILE, 3) of hair: fine grain along x over soft patches."""
    grain = fractal_noise(rng, TILE, 0.8, 2.5) * contrast + fractal_noise(rng, TILE, 1.8) * 0.09
    return np.repeat(np.clip(1 + grain, 0.3, 1.7)[..., None], 3, 2).astype(np.float32)


def patches(rng: np.random.Generator, other: tuple[float, float, float]) -> np.ndarray:
    """Fur with large soft-edged patches whose colour is multiplied by ``other``."""
    field = np.clip(fractal_noise(rng, TILE, 2.2) * 6, -3, 3)
    mix = (1 / (1 + np.exp(-3 * field)))[..., None]
    return (fur(rng, 0.08) * (1 + mix * (np.asarray(other) - 1))).astype(np.float32)


def stripes(rng: np.random.Generator) -> np.ndarray:
    """A zebra's coat: upright bands that waver."""
    xs = np.arange(TILE) / TILE
    wave = np.sin(2 * np.pi * (13 * xs[None, :] + 0.22 * fractal_noise(rng, TILE, 2.2)))
    band = 1 / (1 + np.exp(-7 * wave))
    return (fur(rng, 0.07) * (0.13 + 0.87 * band)[..., None]).astype(np.float32)
