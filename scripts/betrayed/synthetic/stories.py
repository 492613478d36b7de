"""What happens in each synthetic clip: the scene, the camera's way, and the cast."""

from collections.abc import Sequence

import numpy as np

from betrayed.synthetic import animals, coats, things
from betrayed.synthetic.drawing import Paint
from betrayed.synthetic.landscapes import tree_trunk
from betrayed.synthetic.story import Actor, Story


def _always(time: float) -> bool:
    return True


def _tinted(rng: np.random.Generator, colour: Sequence[float], **more: object) -> Paint:
    """The colour with a little of the seed in it."""
    # Lightness varies more than hue: greys stay grey.
    change = rng.uniform(0.9, 1.08) * rng.uniform(0.97, 1.03, 3)
    shifted = np.clip(np.asarray(colour) * change, 0, 1)
    return Paint(tuple(float(v) for v in shifted), **more)


def _meadow(rng: np.random.Generator, aspect: float) -> list[Actor]:
    chestnut = _tinted(rng, (0.48, 0.26, 0.13), texture=coats.fur(rng), tile=0.8)
    dapple = _tinted(
        rng, (0.80, 0.78, 0.75), texture=coats.patches(rng, (0.45, 0.45, 0.47)), tile=1.3
    )
    dog = _tinted(rng, (0.84, 0.74, 0.58), texture=coats.patches(rng, (0.5, 0.36, 0.25)))
    start = rng.uniform(0, 1, 3)
    return [
        Actor(
            2,
            0.30,
            lambda t: (0.62 - 0.95 * t, 0.15),
            lambda t: animals.animal(animals.HORSE, dapple, start[1] + 2.2 * t),
            mirror=_always,
        ),
        Actor(
            1,
            0.40,
            lambda t: (-0.52 + 0.72 * t, 0.27),
            lambda t: animals.animal(animals.HORSE, chestnut, start[0] + 2.4 * t),
        ),
        Actor(
            3,
            0.225,
            lambda t: (-0.72 + 1.35 * t**1.2, 0.39 + 0.02 * np.sin(5 * t)),
            lambda t: animals.animal(animals.DOG, dog, start[2] + 4.0 * t, dog),
        ),
    ]


def _street(rng: np.random.Generator, aspect: float) -> list[Actor]:
    red = _tinted(rng, (0.72, 0.10, 0.09), gloss=0.35)
    green = _tinted(rng, (0.10, 0.42, 0.36), gloss=0.2)
    coat, jeans = _tinted(rng, (0.86, 0.66, 0.20)), _tinted(rng, (0.22, 0.28, 0.44))

    def past(time: float) -> float:
        """Bus minus car: slow while the bus hides the car, fast before and after."""
        s = 2 * time - 1
        return (0.20 * s + 0.95 * s**3) * 2 / aspect

    return [
        Actor(
            1,
            0.56,
            lambda t: (0.22 - 0.42 * t, 0.19),
            lambda t: things.car(red, 1.3 * t),
            mirror=_always,
        ),
        Actor(
            2,
            1.04,
            lambda t: (0.22 - 0.42 * t + past(t), 0.33),
            lambda t: things.bus(green, 2.0 * t),
        ),
        Actor(
            3,
            0.47,
            lambda t: (-0.82 + 0.40 * t, 0.455),
            lambda t: animals.person(coat, jeans, 2.5 * t),
        ),
    ]


def _beach(rng: np.random.Generator, aspect: float) -> list[Actor]:
    coat = _tinted(rng, (0.40, 0.25, 0.15), texture=coats.fur(rng), tile=0.8)
    white = _tinted(rng, (0.93, 0.92, 0.90), texture=coats.fur(rng, 0.04))
    grey = _tinted(rng, (0.66, 0.68, 0.71), texture=coats.fur(rng, 0.06))
    bands = tuple(
        _tinted(rng, colour, gloss=0.25)
        for colour in ((0.88, 0.16, 0.13), (0.94, 0.92, 0.86), (0.15, 0.36, 0.76))
    )
    # Wholly outside means past the edge by the dog's own half length.
    away = 1.0 + 0.42 * 2 / aspect
    keys = (0.0, 0.33, 0.5, 0.67, 1.0)
    stops = (0.10, away, away + 0.25, away, 0.05)
    return [
        Actor(
            3,
            0.40,
            lambda t: (-0.55 + 0.75 * t, -0.22 + 0.05 * np.sin(6 * t)),
            lambda t: animals.bird(white, grey, 4.0 * t + 0.1),
            turn=lambda t: -0.08 + 0.08 * np.cos(6 * t),
            shadow=0.0,
        ),
        Actor(
            1,
            0.33,
            lambda t: (float(np.interp(t, keys, stops)), 0.24),
            lambda t: animals.animal(animals.DOG, coat, 5.0 * t, coat),
            mirror=lambda t: t > 0.5,
        ),
        Actor(
            2,
            0.27,
            lambda t: (-0.30 - 0.35 * t, 0.40),
            lambda t: things.ball(bands, -0.55 * t),
        ),
    ]


def _lake(rng: np.random.Generator, aspect: float) -> list[Actor]:
    navy = _tinted(rng, (0.13, 0.20, 0.38), gloss=0.25)
    cream = _tinted(rng, (0.93, 0.90, 0.83), texture=coats.fur(rng, 0.02))
    orange = _tinted(rng, (0.86, 0.36, 0.12), gloss=0.3)
    white = _tinted(rng, (0.94, 0.94, 0.93), texture=coats.fur(rng, 0.04))
    grey = _tinted(rng, (0.55, 0.57, 0.60), texture=coats.fur(rng, 0.06))
    return [
        Actor(
            1,
            0.40,
            lambda t: (-0.46 + 0.25 * t, 0.10 + 0.006 * np.sin(9 * t)),
            lambda t: things.sailboat(navy, cream),
            turn=lambda t: 0.035 * np.sin(8 * t),
        ),
        Actor(
            2,
            0.56,
            lambda t: (0.62 - 1.0 * t, 0.29 + 0.008 * np.sin(14 * t)),
            lambda t: things.motorboat(orange),
            mirror=_always,
            turn=lambda t: 0.05 + 0.02 * np.sin(14 * t),
        ),
        Actor(
            3,
            0.41,
            lambda t: (0.55 - 0.60 * t, -0.27 + 0.06 * np.sin(4 * t)),
            lambda t: animals.bird(white, grey, 3.5 * t),
            mirror=_always,
            shadow=0.0,
        ),
    ]


def _savanna(rng: np.random.Generator, aspect: float) -> list[Actor]:
    hide = _tinted(rng, (0.47, 0.43, 0.41), texture=coats.fur(rng, 0.10), tile=0.9)
    zebra = _tinted(rng, (0.95, 0.93, 0.88), texture=coats.stripes(rng), tile=1.0)
    calf = _tinted(rng, (0.52, 0.47, 0.44), texture=coats.fur(rng, 0.10), tile=0.9)
    start = rng.uniform(0, 1, 3)
    bark = tree_trunk(rng)
    return [
        Actor(
            1,
            0.41,
            lambda t: (-0.38 + 0.22 * t, 0.20),
            lambda t: animals.animal(animals.ELEPHANT, hide, start[0] + 1.4 * t),
        ),
        Actor(
            2,
            0.30,
            lambda t: (0.36 + 0.26 * t, 0.30),
            lambda t: animals.animal(animals.HORSE, zebra, start[1] + 2.4 * t),
        ),
        Actor(
            3,
            0.21,
            lambda t: (-0.62 + 0.42 * t, 0.37),
            lambda t: animals.animal(animals.ELEPHANT, calf, start[2] + 2.0 * t),
        ),
        Actor(0, 0.9, lambda t: (0.80, 0.42), lambda t: bark),
    ]


def _road(rng: np.random.Generator, aspect: float) -> list[Actor]:
    blue = _tinted(rng, (0.10, 0.27, 0.62), gloss=0.4)
    yellow = _tinted(rng, (0.90, 0.70, 0.10), gloss=0.35)
    cow = _tinted(rng, (0.92, 0.90, 0.86), texture=coats.patches(rng, (0.14, 0.12, 0.11)), tile=1.1)
    brown = _tinted(rng, (0.50, 0.28, 0.15), texture=coats.fur(rng), tile=0.8)
    return [
        Actor(
            3,
            0.245,
            lambda t: (0.52 - 0.22 * t, 0.02),
            lambda t: animals.animal(animals.COW, cow, 1.2 * t),
            mirror=_always,
        ),
        Actor(
            4,
            0.23,
            lambda t: (-0.25 + 0.06 * t, 0.035),
            lambda t: animals.animal(animals.COW, brown, 0.4 + 1.0 * t),
        ),
        Actor(
            2,
            0.62,
            lambda t: (0.62 - 0.98 * t, 0.18),
            lambda t: things.car(yellow, 1.8 * t),
            mirror=_always,
        ),
        Actor(
            1,
            0.74,
            lambda t: (-0.50 + 0.86 * t, 0.34),
            lambda t: things.car(blue, 2.0 * t),
        ),
    ]


STORIES: tuple[Story, ...] = (
    Story(
        "meadow-horses",
        "two horses pass one another, a dog overtakes them; the camera pans right",
        "meadow",
        lambda t: (-0.22 + 0.44 * t, 0.0, 1.0),
        _meadow,
    ),
    Story(
        "street-full-occlusion",
        "a bus hides a car completely, then uncovers it; somebody walks by",
        "street",
        lambda t: (0.20 - 0.36 * t, 0.0, 1.0),
        _street,
        light=(0.45, -0.7, 0.75),
    ),
    Story(
        "beach-leave-return",
        "a dog runs out of the frame and comes back; a ball rolls, a gull flies",
        "beach",
        lambda t: (-0.12 + 0.24 * t, 0.01, 1.02 + 0.05 * t),
        _beach,
    ),
    Story(
        "lake-boats",
        "a sailing boat, a motor boat and a gull, as a video file",
        "lake",
        lambda t: (0.20 - 0.34 * t, -0.01, 1.06 - 0.05 * t),
        _lake,
        light=(0.5, -0.6, 0.7),
        container="mp4",
    ),
    Story(
        "savanna-odd-size",
        "an elephant and her calf, a zebra that passes behind a tree; a size no patch divides",
        "savanna",
        lambda t: (-0.05 + 0.40 * t, 0.0, 1.0 + 0.04 * t),
        _savanna,
        odd_size=True,
    ),
    Story(
        "road-cars-zoom",
        "two cars meet before grazing cows while the camera zooms in",
        "road",
        lambda t: (-0.08 + 0.16 * t, 0.01 + 0.02 * t, 1.0 + 0.22 * t),
        _road,
    ),
)
