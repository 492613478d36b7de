"""Random objects for random stories: animals of any build, birds, people, cars, boats, balls."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from betrayed.synthetic import animals, things
from betrayed.synthetic.animals import Breed
from betrayed.synthetic.paints import coat, lively, look, tinted
from betrayed.synthetic.people import STRIDE, person, walk
from betrayed.synthetic.people_front import facing
from betrayed.synthetic.troupe import Moment, Piece, Troupe

Rng = np.random.Generator

SHEEP = Breed(
    leg=0.34, leg_width=0.05, hip=0.30, shoulder=0.30, neck=(0.20, -0.20), neck_width=(0.2, 0.12),
    head=(0.19, 0.10), head_width=(0.11, 0.07), ear=(-0.12, 0.02), tail=(-0.08, 0.16), swing=0.32,
)  # fmt: skip
PIG = replace(
    animals.COW, leg=0.28, leg_width=0.07, hip=0.27, neck=(0.22, -0.02), tail=(-0.1, -0.08),
    tail_width=0.02, ear=(-0.02, -0.10),
)  # fmt: skip
CAT = replace(
    animals.DOG, leg=0.34, leg_width=0.05, hip=0.16, shoulder=0.17, neck=(0.14, -0.20),
    head=(0.14, 0.03), head_width=(0.12, 0.06), ear=(0.0, -0.12), tail=(-0.42, -0.30),
)  # fmt: skip
BEAR = replace(
    animals.COW, leg=0.38, leg_width=0.12, hip=0.31, shoulder=0.32, neck=(0.26, -0.06),
    neck_width=(0.27, 0.2), head=(0.22, 0.08), head_width=(0.16, 0.07), ear=(-0.02, -0.08),
    tail=(-0.06, 0.1),
)  # fmt: skip
DEER = replace(
    animals.HORSE, leg=0.68, leg_width=0.045, hip=0.20, shoulder=0.21, neck=(0.22, -0.42),
    neck_width=(0.14, 0.085), head=(0.21, 0.12), head_width=(0.09, 0.05), ear=(-0.12, -0.08),
    tail=(-0.10, 0.08), mane=False,
)  # fmt: skip
GIRAFFE = replace(
    animals.HORSE, leg=1.0, leg_width=0.07, neck=(0.42, -1.05), neck_width=(0.2, 0.085),
    head=(0.23, 0.12), head_width=(0.09, 0.055), tail=(-0.1, 0.5), swing=0.3,
)  # fmt: skip
# Metres a trunk is long, usual speed, and the coats that occur.
BREEDS: dict[str, tuple[Breed, float, float, tuple[str, ...]]] = {
    "horse": (animals.HORSE, 1.65, 2.6, ("fur", "fur", "patches")),
    "zebra": (replace(animals.HORSE, neck=(0.28, -0.34)), 1.5, 2.2, ("stripes",)),
    "dog": (animals.DOG, 0.62, 2.0, ("fur", "patches", "spots")),
    "cow": (animals.COW, 1.6, 1.2, ("fur", "patches")),
    "elephant": (animals.ELEPHANT, 2.6, 1.6, ("hide",)),
    "sheep": (SHEEP, 0.9, 1.0, ("fleece", "fleece", "fur")),
    "pig": (PIG, 1.0, 1.0, ("fur", "patches")),
    "cat": (CAT, 0.36, 1.0, ("fur", "patches", "spots")),
    "bear": (BEAR, 1.4, 1.4, ("fur",)),
    "deer": (DEER, 1.1, 2.0, ("fur", "spots")),
    "giraffe": (GIRAFFE, 1.9, 2.0, ("spots", "patches")),
}


def vary(rng: Rng, breed: Breed, amount: float = 0.10) -> Breed:
    """The breed with other proportions, each changed by about ``amount``."""
    new = {}
    for field in fields(Breed):
        value = getattr(breed, field.name)
        if isinstance(value, bool):
            continue
        if isinstance(value, tuple):
            new[field.name] = tuple(
                float(v) for v in np.array(value) * np.exp(amount * rng.normal(size=2))
            )
        else:
            new[field.name] = float(value * np.exp(amount * rng.normal()))
    return replace(breed, **new)


def beast(breed: Breed, unit: float, paints: tuple, phase: float, graze: float = 0.0) -> Callable:
    """The function of the moment that draws an animal; ``graze`` is how far its head goes down."""

    def parts(moment: Moment) -> list:
        effort = float(np.clip(moment.effort, 0.06, 1.5))
        beat = moment.moved / unit / (4 * breed.leg * np.sin(breed.swing)) + phase
        down = graze * (0.85 + 0.15 * np.sin(3 * moment.seconds + 9 * phase)) * (
            1 - min(1.0, moment.effort)
        ) + 0.03 * np.sin(4 * np.pi * beat)
        neck = np.array(breed.neck)
        neck = neck + down * (np.array([0.1 + abs(neck[1]) * 0.3, 0.34]) - (0, neck[1] * 0.5))
        head = np.array(breed.head) + down * np.array([-0.10, 0.08])
        pose = replace(breed, swing=breed.swing * effort**0.7, neck=tuple(neck), head=tuple(head))
        return animals.animal(pose, paints[0], beat, paints[1])

    return parts


def animal_paints(rng: Rng, patterns: tuple[str, ...]) -> tuple:
    """Coat and hair for a breed that occurs in these patterns."""
    pattern = str(rng.choice(patterns))
    if pattern in ("hide", "fleece"):
        plain, _ = coat(rng, "fur")
        grey = (0.48, 0.44, 0.42) if pattern == "hide" else (0.86, 0.83, 0.76)
        hair = tinted(rng, (0.16, 0.14, 0.13) if rng.random() < 0.5 else grey)
        return tinted(rng, grey, texture=plain.texture, tile=0.6), hair
    return coat(rng, pattern)


def animal(rng: Rng, name: str | None = None, phase: float | None = None) -> Troupe:
    """One animal of a random build, and at the phase of its walk if one is given."""
    name = name or str(rng.choice(list(BREEDS)))
    breed, unit, speed, patterns = BREEDS[name]
    breed, unit = vary(rng, breed), unit * float(np.exp(0.15 * rng.normal()))
    graze = float(rng.uniform(0.3, 1.0)) if rng.random() < 0.35 else 0.0
    start = rng.random() if phase is None else phase
    parts = beast(breed, unit, animal_paints(rng, patterns), start, graze)
    height = breed.leg + 1.6 * breed.hip + max(0.0, -breed.neck[1] - 0.1)
    return Troupe(name, [Piece(0, unit, parts)], 1.65 * unit, height * unit, speed)


def walker(rng: Rng) -> Troupe:
    """Somebody on foot."""
    who, unit, phase = look(rng), float(rng.uniform(1.5, 1.9)), rng.random()
    running = rng.random() < 0.3

    def parts(moment: Moment) -> list:
        effort = moment.effort * (1.5 if running else 1.0)
        stride = STRIDE * (1.35 if running else 1.0)
        far, near = person(who, walk(moment.moved / unit / stride + phase, effort))
        return [*far, *near]

    return Troupe("person", [Piece(0, unit, parts)], 0.45 * unit, unit, 3.2 if running else 1.4)


def comer(rng: Rng) -> Troupe:
    """Somebody on foot who comes towards the camera, or goes away from it."""
    who, unit, phase, away = look(rng), float(rng.uniform(1.5, 1.9)), rng.random(), rng.random()
    away = away < 0.4

    def parts(moment: Moment) -> list:
        return facing(who, moment.moved / unit / STRIDE + phase, moment.effort, away)

    name = "person going" if away else "person coming"
    return Troupe(name, [Piece(0, unit, parts)], 0.4 * unit, unit, 1.4, toward=-0.97 if away else
                  0.97)  # fmt: skip


def bird(rng: Rng) -> Troupe:
    """A bird in flight."""
    body = tinted(rng, (0.93, 0.92, 0.90)) if rng.random() < 0.5 else coat(rng, "fur")[0]
    wing = coat(rng, "fur")[0]
    unit, phase, rate = float(rng.uniform(0.5, 0.9)), rng.random(), rng.uniform(1.5, 3.0)

    def parts(moment: Moment) -> list:
        return animals.bird(body, wing, phase + rate * moment.seconds)

    def bounce(moment: Moment) -> tuple[float, float]:
        return 0.0, 0.12 * unit * float(np.sin(3 * moment.seconds + 7 * phase))

    return Troupe(
        "bird", [Piece(0, unit, parts, bounce, shadow=False)], 1.1 * unit, 0.7 * unit, 5.0, "air"
    )


def _rolling(name: str, draw: Callable, unit: float, height: float, radius: float, speed: float,
             realm: str) -> Troupe:  # fmt: skip
    """Something on wheels, or a ball: ``draw`` takes the turns of what turns."""

    def parts(moment: Moment) -> list:
        return draw(moment.moved / unit / (2 * np.pi * radius))

    return Troupe(name, [Piece(0, unit, parts)], unit, height * unit, speed, realm)


def car(rng: Rng) -> Troupe:
    """A car."""
    paint, unit = lively(rng, gloss=float(rng.uniform(0.2, 0.5))), float(rng.uniform(3.6, 4.8))
    return _rolling("car", lambda turns: things.car(paint, turns), unit, 0.41, 0.092, 7.0, "road")


def bus(rng: Rng) -> Troupe:
    """A bus."""
    paint, unit = lively(rng, gloss=0.2), float(rng.uniform(7.5, 11.0))
    return _rolling("bus", lambda turns: things.bus(paint, turns), unit, 0.45, 0.068, 6.0, "road")


def ball(rng: Rng) -> Troupe:
    """A ball that rolls."""
    paints = tuple(lively(rng, gloss=0.2) for _ in range(rng.integers(2, 4)))
    unit = float(rng.uniform(0.25, 0.7))
    return _rolling("ball", lambda turns: things.ball(paints, turns), unit, 1.0, 0.5, 1.8, "land")


def boat(rng: Rng, sailing: bool | None = None) -> Troupe:
    """A sailing boat or a motor boat."""
    hull = lively(rng, gloss=0.25)
    rate, size, phase = rng.uniform(2, 4), rng.uniform(0.02, 0.05), 6 * rng.random()

    def pitch(moment: Moment) -> float:
        return float(size * np.sin(rate * moment.seconds + phase))

    if rng.random() < 0.5 if sailing is None else sailing:
        sail = tinted(rng, (0.93, 0.90, 0.83)) if rng.random() < 0.6 else lively(rng)
        pieces = [Piece(0, 5.0, lambda moment: things.sailboat(hull, sail))]
        return Troupe("sailing boat", pieces, 5.0, 6.7, 2.0, "water", pitch=pitch)
    pieces = [Piece(0, 5.0, lambda moment: things.motorboat(hull))]
    return Troupe("motor boat", pieces, 5.0, 2.2, 5.0, "water", pitch=pitch)


MAKERS: dict[str, tuple[Callable[[Rng], Troupe], ...]] = {
    "land": (animal, animal, animal, animal, walker, comer, ball),
    "road": (car, car, bus, walker, comer),
    "water": (boat,),
    "air": (bird,),
}


def anyone(rng: Rng, realms: tuple[str, ...]) -> Troupe:
    """One random object that lives in one of the realms."""
    # Birds are one kind among many, however much sky there is.
    weights = np.array([0.25 if realm == "air" and len(realms) > 1 else 1.0 for realm in realms])
    makers = MAKERS[str(rng.choice(realms, p=weights / weights.sum()))]
    return makers[rng.integers(len(makers))](rng)
