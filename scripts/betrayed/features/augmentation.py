"""Augmented views: colour jitter, greyscale and blur, drawn once for a whole video."""

import hashlib
import math
import random
from dataclasses import dataclass

from torch import Tensor
from torchvision.transforms.v2 import functional as images_to

# Chances and strengths of the release: jitter (.4, .4, .4, .1), as torchvision's ColorJitter.
JITTER_CHANCE, GREY_CHANCE, BLUR_CHANCE = 0.8, 0.2, 0.5
BRIGHTNESS = CONTRAST = SATURATION = 0.4
HUE = 0.1
# Blur as in DINO's and SimCLR's recipes.
SIGMA = (0.1, 2.0)

_ADJUST = {
    "brightness": images_to.adjust_brightness,
    "contrast": images_to.adjust_contrast,
    "saturation": images_to.adjust_saturation,
    "hue": images_to.adjust_hue,
}


@dataclass(frozen=True)
class View:
    """One random draw."""

    #: (what, factor) in the order they are applied; empty: no colour jitter.
    jitter: tuple[tuple[str, float], ...]
    grey: bool
    #: Standard deviation of the blur in pixels of the resized image; None: no blur.
    sigma: float | None


def draw_view(seed: int, video: str, view: int) -> View:
    """The draw that belongs to a seed, a video and the number of a view: always the same.

    Brightness, contrast and saturation factors are uniform in 1 ± 0.4, the shift of the hue in
    ± 0.1 of the colour circle, sigma in 0.1 to 2 pixels.
    """
    digest = hashlib.sha256(f"{seed}\n{view}\n{video}".encode()).digest()
    draw = random.Random(int.from_bytes(digest))
    factors = [
        ("brightness", draw.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS)),
        ("contrast", draw.uniform(1 - CONTRAST, 1 + CONTRAST)),
        ("saturation", draw.uniform(1 - SATURATION, 1 + SATURATION)),
        ("hue", draw.uniform(-HUE, HUE)),
    ]
    draw.shuffle(factors)
    # Everything is drawn whether it is used or not, so that no choice shifts the next.
    jitters, grey = draw.random() < JITTER_CHANCE, draw.random() < GREY_CHANCE
    blurs, sigma = draw.random() < BLUR_CHANCE, draw.uniform(*SIGMA)
    return View(tuple(factors) if jitters else (), grey, sigma if blurs else None)


def augment(images: Tensor, view: View) -> Tensor:
    """Apply one draw to every image alike.

    Args:
        images: (B, 3, H, W) float in [0, 1], before normalisation.
        view: what to apply.

    Returns:
        (B, 3, H, W) float in [0, 1].
    """
    for what, factor in view.jitter:
        images = _ADJUST[what](images, factor)
    if view.grey:
        images = images_to.rgb_to_grayscale(images, num_output_channels=3)
    if view.sigma is not None:
        # Three sigmas to each side hold 99.7 % of the Gaussian; a reflected border must fit.
        reach = min(math.ceil(3 * view.sigma), min(images.shape[-2:]) - 1)
        images = images_to.gaussian_blur(images, 2 * reach + 1, view.sigma)
    return images.clamp(0, 1)
