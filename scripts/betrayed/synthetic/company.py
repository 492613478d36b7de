"""What is carried, led or pulled in random stories: two objects close together."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from betrayed.synthetic import casting, things, vehicles
from betrayed.synthetic.drawing import Paint, Part, capsule, offset, smooth
from betrayed.synthetic.paints import cloth, lively, look, tinted
from betrayed.synthetic.people import STRIDE, Look, Pose, person, walk
from betrayed.synthetic.troupe import Moment, Piece, Troupe

Rng = np.random.Generator


def _bearer(
    who: Look, unit: float, phase: float, hands: Callable[[Moment], np.ndarray]
) -> list[Callable[[Moment], list[Part]]]:
    """Far and near parts of somebody who walks and holds the hands (far, near) somewhere."""

    def pose(moment: Moment) -> Pose:
        walking = walk(moment.moved / unit / STRIDE + phase, moment.effort)
        return replace(walking, hands=tuple(hands(moment)))

    return [lambda m: person(who, pose(m))[0], lambda m: person(who, pose(m))[1]]


def carrier(rng: Rng) -> Troupe:
    """Somebody who carries a ball or a box before the chest or over the head."""
    unit, phase, who = float(rng.uniform(1.5, 1.85)), rng.random(), look(rng)
    wide = float(rng.uniform(0.32, 0.60))
    overhead, boxed = rng.random() < 0.25, rng.random() < 0.5
    middle = np.array([0.02, -1.02]) if overhead else np.array([0.20, -0.68])
    paints = tuple(lively(rng, gloss=0.2) for _ in range(2))
    box = tinted(rng, (0.66, 0.50, 0.32), texture=cloth(rng).texture) if rng.random() < 0.5 else (
        cloth(rng)
    )  # fmt: skip

    def place(moment: Moment) -> tuple[float, float]:
        rock = 0.008 * np.sin(4 * np.pi * (moment.moved / unit / STRIDE + phase))
        x, y = offset(middle, 0.0, rock)
        return x * unit + (0.0 if overhead else 0.35 * wide), y * unit + (
            0.0 if overhead else 0.5 * wide
        )

    def hands(moment: Moment) -> np.ndarray:
        x, y = np.array(place(moment)) / unit
        low = y - 0.02 if overhead else y - 0.12 * wide / unit
        return np.array([[x + 0.04, low], [x, low]])

    def load(moment: Moment) -> list[Part]:
        if boxed:
            return [Part([np.array([(-0.5, -0.8), (0.5, -0.8), (0.5, 0.0), (-0.5, 0.0)])], box,
                         relief=0.15)]  # fmt: skip
        return things.ball(paints, 0.1 * moment.seconds)

    far, near = _bearer(who, unit, phase, hands)
    pieces = [
        Piece(0, unit, far, shadow=False),
        Piece(1, wide, load, place, shadow=False),
        Piece(0, unit, near),
    ]
    name = f"person carrying a {'box' if boxed else 'ball'}"
    return Troupe(name, pieces, 0.8 * unit, 1.1 * unit, 1.3)


def on_leash(rng: Rng) -> Troupe:
    """Somebody with a dog on a leash, or leading a horse or cow by a rope."""
    unit, phase, who = float(rng.uniform(1.55, 1.85)), rng.random(), look(rng)
    pet = casting.animal(rng, str(rng.choice(["dog", "dog", "dog", "horse", "cow"])))
    beast = pet.pieces[0]
    small = pet.name == "dog"
    ahead = float(rng.uniform(0.55, 1.1)) if small else -float(rng.uniform(0.85, 1.1)) * 0.55 * (
        pet.length + unit
    )  # fmt: skip
    neck = np.array([ahead + 0.45 * pet.length * (0.6 if small else 1.0), -0.68 * pet.height])
    rope, rate = lively(rng), rng.uniform(1, 3)

    def drift(moment: Moment) -> float:
        return 0.06 * float(np.sin(rate * moment.seconds + 6 * phase))

    def hands(moment: Moment) -> np.ndarray:
        free = walk(moment.moved / unit / STRIDE + phase, moment.effort).hands[0]
        held = np.array([0.16 if small else -0.10, -0.56])
        return np.array([free, held])

    def leash(moment: Moment) -> list[Part]:
        hand = hands(moment)[1]
        end = offset(neck, drift(moment), 0.0) / unit
        sag = offset((hand + end) / 2, 0.0, 0.06)
        return [Part([capsule(hand, sag, 0.006, 0.006), capsule(sag, end, 0.006, 0.006)], rope)]

    far, near = _bearer(who, unit, phase, hands)
    dog = Piece(1, beast.unit, beast.parts, lambda moment: (ahead + drift(moment), 0.02))
    pieces = [Piece(0, unit, lambda m: [*far(m), *near(m), *leash(m)])]
    pieces = [*pieces, dog] if small else [dog, *pieces]
    length = abs(ahead) + 0.5 * pet.length + 0.3
    return Troupe(f"person with {pet.name} on a leash", pieces, length, unit, 1.4)


def pusher(rng: Rng) -> Troupe:
    """Somebody who pushes a pram or a cart."""
    unit, phase, who = float(rng.uniform(1.55, 1.85)), rng.random(), look(rng)
    paint, size = lively(rng, gloss=0.1), float(rng.uniform(0.85, 1.15))
    pram = rng.random() < 0.6

    def hands(moment: Moment) -> np.ndarray:
        return np.array([[0.25, -0.60], [0.24, -0.60]])

    def cart(moment: Moment) -> list[Part]:
        turns = moment.moved / size / (2 * np.pi * 0.13)
        hood = [(-0.30, -0.62), (-0.10, -0.86), (0.28, -0.88), (0.46, -0.62), (0.36, -0.36),
                (-0.16, -0.36)]  # fmt: skip
        tub = [(-0.30, -0.66), (0.48, -0.72), (0.36, -0.30), (-0.20, -0.30)]
        grip = np.array([0.25 * unit - place(moment)[0], -0.60 * unit]) / size
        frame = [capsule((-0.24, -0.55), grip, 0.02, 0.02), capsule((0.0, -0.34), (0.24, -0.14),
                 0.02, 0.02), capsule((0.2, -0.34), (-0.2, -0.14), 0.02, 0.02)]  # fmt: skip
        body = smooth(hood) if pram else np.array(tub)
        shade = Paint(tuple(0.6 * np.asarray(paint.colour)))
        folds = [(capsule((0.06, -0.62), tip, 0.012, 0.012), shade)
                 for tip in ((-0.12, -0.88), (0.10, -0.92), (0.30, -0.86), (-0.32, -0.60),
                             (0.50, -0.60))] if pram else []  # fmt: skip
        wheels = [vehicles.disc(x, 0.13, turns, 0.75) for x in (-0.22, 0.26)]
        return [Part(frame, things.STEEL), Part([body], paint, relief=0.6, decals=folds), *wheels]

    def place(moment: Moment) -> tuple[float, float]:
        return 0.30 * unit + 0.42 * size, 0.004 * np.sin(19 * moment.seconds) * moment.effort

    far, near = _bearer(who, unit, phase, hands)
    pieces = [
        Piece(0, unit, far, shadow=False), Piece(1, size, cart, place), Piece(0, unit, near)
    ]  # fmt: skip
    name = f"person with a {'pram' if pram else 'cart'}"
    return Troupe(name, pieces, 0.9 * size + 0.6, unit, 1.3)


def towing(rng: Rng) -> Troupe:
    """A car with a trailer or caravan, or a horse or cow before a cart."""
    kind = int(rng.integers(3))
    paint, cargo = lively(rng, gloss=0.15), cloth(rng)
    if kind == 2:
        cargo = tinted(rng, (0.76, 0.62, 0.30), texture=cloth(rng).texture, tile=0.4)
        paint = tinted(rng, (0.45, 0.30, 0.18))
    drawn_by_animal = kind == 2 or rng.random() < 0.2
    front = casting.animal(rng, str(rng.choice(["horse", "cow"]))) if drawn_by_animal else (
        casting.car(rng)
    )  # fmt: skip
    lead = front.pieces[0]
    size = float(rng.uniform(0.75, 1.2)) * (lead.unit if not drawn_by_animal else 2.4)
    back = -(0.5 * front.length + 0.48 * size)
    shift = 0.45 * size

    def place(moment: Moment) -> tuple[float, float]:
        return back + shift, 0.004 * size * float(np.sin(17 * moment.seconds)) * moment.effort

    def trailer(moment: Moment) -> list[Part]:
        parts = vehicles.trailer(paint, cargo, kind, moment.moved / size / 0.75)
        if drawn_by_animal:
            shaft = capsule((0.45, -0.18), (0.5 + 0.8 * lead.unit / size, -0.26), 0.016, 0.012)
            parts.append(Part([shaft], Paint((0.36, 0.25, 0.16))))
        return parts

    pieces = [
        Piece(0, lead.unit, lead.parts, lambda moment: (shift, 0.0)),
        Piece(1, size, trailer, place),
    ]
    what = ("a trailer", "a caravan", "a hay cart")[kind]
    realm = "land" if drawn_by_animal else "road"
    return Troupe(f"{front.name} pulling {what}", pieces, front.length + size,
                  max(front.height, 0.6 * size), front.speed, realm)  # fmt: skip


def pair(rng: Rng) -> Troupe:
    """Two objects close together."""
    makers = (carrier, carrier, on_leash, on_leash, pusher, towing, towing)
    return makers[rng.integers(len(makers))](rng)
