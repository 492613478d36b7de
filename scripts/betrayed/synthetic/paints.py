"""Random colours, cloths and coats for the casts of random stories."""

import colorsys
from collections.abc import Sequence

import numpy as np

from betrayed.synthetic import coats
from betrayed.synthetic.drawing import TILE, Paint, fractal_noise
from betrayed.synthetic.people import Look

FURS = (
    (0.48, 0.26, 0.13), (0.80, 0.78, 0.75), (0.84, 0.74, 0.58), (0.16, 0.13, 0.12),
    (0.50, 0.28, 0.15), (0.92, 0.90, 0.86), (0.40, 0.25, 0.15), (0.66, 0.50, 0.32),
    (0.55, 0.53, 0.52), (0.72, 0.42, 0.20), (0.30, 0.22, 0.18),
)  # fmt: skip
SKINS = ((0.86, 0.66, 0.54), (0.80, 0.58, 0.46), (0.62, 0.42, 0.30), (0.42, 0.27, 0.19))
HAIRS = ((0.20, 0.13, 0.08), (0.08, 0.07, 0.07), (0.45, 0.28, 0.14), (0.75, 0.60, 0.35),
         (0.60, 0.59, 0.58))  # fmt: skip


def tinted(rng: np.random.Generator, colour: Sequence[float], **more: object) -> Paint:
    """The colour, a little changed."""
    change = rng.uniform(0.85, 1.12) * rng.uniform(0.95, 1.05, 3)
    return Paint(tuple(float(v) for v in np.clip(np.asarray(colour) * change, 0, 1)), **more)


def lively(rng: np.random.Generator, **more: object) -> Paint:
    """Any colour that things are painted in, greys and whites among them."""
    if rng.random() < 0.3:
        colour = (float(rng.uniform(0.06, 0.95)),) * 3
    else:
        colour = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.35, 0.9), rng.uniform(0.25, 0.9))
    return tinted(rng, colour, **more)


def cloth(rng: np.random.Generator) -> Paint:
    """A garment's cloth: plain, striped or checked, always a little worn."""
    fold = 1 + 0.10 * fractal_noise(rng, TILE, 1.6)
    kind = rng.random()
    line = np.arange(TILE) / TILE
    bands = np.sin(2 * np.pi * rng.integers(6, 14) * line) > rng.uniform(-0.4, 0.6)
    tile = np.repeat(fold[..., None], 3, 2)
    other = rng.uniform(0.3, 1.6, 3)
    if kind < 0.18:
        tile = tile * np.where(bands[:, None, None], other, 1.0)
    elif kind < 0.28:
        crossed = (bands[:, None].astype(float) + bands[None, :]) / 2
        tile = tile * (1 + crossed[..., None] * (other - 1))
    return lively(rng, texture=np.clip(tile, 0.2, 1.8).astype(np.float32), tile=0.5)


def coat(rng: np.random.Generator, pattern: str | None = None) -> tuple[Paint, Paint]:
    """An animal's coat and its hair (hooves, mane, tail): plain fur, patches, spots or stripes."""
    pattern = pattern or str(rng.choice(["fur", "fur", "fur", "patches", "patches", "spots"]))
    colour = FURS[rng.integers(len(FURS))]
    tile = float(rng.uniform(0.7, 1.3))
    hair = Paint((0.07, 0.065, 0.07), gloss=0.15)
    if pattern == "stripes":
        return tinted(rng, (0.95, 0.93, 0.88), texture=coats.stripes(rng), tile=tile), hair
    if pattern == "fur":
        paint = tinted(rng, colour, texture=coats.fur(rng, rng.uniform(0.06, 0.14)), tile=tile)
        return paint, paint if rng.random() < 0.5 else hair
    dark = np.asarray(FURS[rng.integers(len(FURS))])
    other = tuple(np.clip(dark / np.maximum(np.asarray(colour), 0.1), 0.12, 1.6))
    texture = spots(rng, other) if pattern == "spots" else coats.patches(rng, other)
    return tinted(rng, colour, texture=texture, tile=tile), hair


def spots(rng: np.random.Generator, other: Sequence[float]) -> np.ndarray:
    """Fur (TILE, TILE, 3) with small round spots whose colour is multiplied by ``other``."""
    field = fractal_noise(rng, TILE, 1.2)
    wide = np.fft.fft2(field)
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(TILE) * TILE,) * 2))
    band = np.fft.ifft2(wide * np.exp(-(((frequency - 11) / 3.0) ** 2))).real
    mix = 1 / (1 + np.exp(-5 * (band / band.std() - 0.9)))
    return (coats.fur(rng, 0.08) * (1 + mix[..., None] * (np.asarray(other) - 1))).astype(
        np.float32
    )


def look(rng: np.random.Generator) -> Look:
    """Somebody."""
    skin = tinted(rng, SKINS[rng.integers(len(SKINS))])
    hat = lively(rng, gloss=0.1) if rng.random() < 0.4 else None
    trousers = cloth(rng) if rng.random() < 0.4 else tinted(rng, (0.22, 0.28, 0.44))
    return Look(
        skin,
        tinted(rng, HAIRS[rng.integers(len(HAIRS))]),
        cloth(rng),
        trousers,
        shoes=tinted(rng, (0.1, 0.09, 0.09)) if rng.random() < 0.6 else lively(rng),
        build=float(rng.uniform(0.85, 1.28)),
        hat=hat,
        brim=bool(rng.random() < 0.5),
        long_hair=bool(rng.random() < 0.4),
        bare_arms=bool(rng.random() < 0.3),
        pack=lively(rng) if rng.random() < 0.15 else None,
    )
