"""Videos of one texture, of noise, of a gradient: all places are alike, nothing is an object."""

import numpy as np

from betrayed.objects.objectness import on_grid

#: Times that the foreground moves as much as the rest, from where on something moves by itself.
_MOVES = 7


def is_uniform(tokens: np.ndarray, least_difference: float) -> bool:
    """Whether no place of a video, in any frame, looks different from its mean place.

    Seen with the default backbone on 224x392: of 26 made videos without anything (noise, grain,
    gradients, bricks, stripes, patches of real ground; still, panned, zoomed) 25 reached 0.15 at
    most, and the other shows things after all. Of 60 with something (20 of DAVIS, 10 of their
    pictures held still, the demo's 6, and 24 with an animal or a car of 5% to 25% of the height on
    a sky, a texture and bricks) the least was 0.33: one no larger than a token. docs/videos.md has
    what it does with others, which had no part in its choice.

    Args:
        tokens: (T, N, D), of any float type.
        least_difference: cosine distance from the mean of all (unit) tokens from which on a place
            looks different; 0: no video is uniform.
    """
    unit = tokens.astype(np.float32)
    unit /= np.maximum(np.linalg.norm(unit, axis=-1, keepdims=True), 1e-6)
    mean = unit.mean(axis=(0, 1))
    mean /= max(float(np.linalg.norm(mean)), 1e-6)
    return bool(1 - (unit @ mean).min() < least_difference)


def moves_by_itself(motion: np.ndarray, foreground: np.ndarray) -> bool:
    """Whether a foreground moves seven times as much as what is around it.

    In the videos without anything it was 4.8 times at most (noise and stripes mislead the motion),
    and 10 and 30 times with discs that move over a ground of their own texture.

    Args:
        motion: (T, h, w), see :func:`betrayed.objects.cues.motion_cue`: a logarithm.
        foreground: (T, h', w') bool.
    """
    if foreground.all():
        return False
    fine = on_grid(motion, foreground.shape[1:])
    difference = np.median(fine[foreground]) - np.median(fine[~foreground])
    return bool(difference > np.log(_MOVES))
