"""Riders for random stories: two objects that move together, each a little on its own."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from betrayed.synthetic import vehicles
from betrayed.synthetic.casting import BREEDS, animal_paints, beast, vary
from betrayed.synthetic.drawing import Paint, offset
from betrayed.synthetic.paints import lively, look, tinted
from betrayed.synthetic.people import Look, Pose, astride, balancing, person, seated
from betrayed.synthetic.troupe import Moment, Piece, Troupe

Rng = np.random.Generator


@dataclass(frozen=True)
class Sitting:
    """Somebody on something: who, how large, on what point of it (both metres), in what pose."""

    who: Look
    unit: float
    place: Callable[[Moment], tuple[float, float]]
    pose: Callable[[Moment], Pose]  # its seat, or where it stands, is the origin

    def piece(self, layer: int, number: int = 0) -> Piece:
        """The far (0) or near (1) half."""
        return Piece(
            number,
            self.unit,
            lambda moment: person(self.who, self.pose(moment))[layer],
            self.place,
            shadow=layer == 1,
        )


def on_animal(rng: Rng) -> Troupe:
    """Somebody on a horse, a cow or an elephant."""
    name = str(rng.choice(["horse", "horse", "horse", "zebra", "cow", "elephant"]))
    breed, unit, speed, patterns = BREEDS[name]
    breed, unit = vary(rng, breed, 0.07), unit * float(rng.uniform(0.95, 1.12))
    phase, gallop = rng.random(), rng.random() < 0.4
    mount = beast(breed, unit, animal_paints(rng, patterns), phase)
    rider_unit = float(rng.uniform(1.55, 1.85))
    back = breed.leg + 0.6 * breed.hip + 0.74 * breed.hip
    x = 0.22 if name == "elephant" else 0.04 + 0.03 * rng.normal()
    lift, lean = rng.uniform(0.01, 0.035), rng.uniform(-0.05, 0.2) + 0.25 * gallop
    hands = np.array([0.24, -0.20]) + 0.03 * rng.normal(size=2)
    depth = float(rng.uniform(0.30, 0.40))

    def beat(moment: Moment) -> float:
        return moment.moved / unit / (4 * breed.leg * np.sin(breed.swing)) + phase

    def place(moment: Moment) -> tuple[float, float]:
        bounce = lift * min(1.0, moment.effort) * np.sin(4 * np.pi * beat(moment) + 0.8)
        return x * unit, (-back + bounce) * unit

    rider = Sitting(look(rng), rider_unit, place,
                    lambda moment: astride(beat(moment), lean, hands, depth))  # fmt: skip
    pieces = [rider.piece(0), Piece(1, unit, mount), rider.piece(1)]
    height = back * unit + 0.6 * rider_unit
    return Troupe(f"rider on {name}", pieces, 1.65 * unit, height, speed * (1 + gallop))


def _astride_wheels(
    rng: Rng, name: str, draw: Callable, saddle: vehicles.Saddle, unit: float, speed: float
) -> Troupe:
    """Somebody on a two-wheeler that ``draw``, of the moment, gives in layers."""
    rider_unit = float(rng.uniform(1.6, 1.85))
    per = unit / rider_unit
    shake, lean = rng.uniform(0.002, 0.006), saddle.lean + 0.06 * rng.normal()
    seat, sway = np.array(saddle.seat), rng.uniform(0.01, 0.04)

    def cranks(moment: Moment) -> float:
        return moment.moved / 5.0

    def place(moment: Moment) -> tuple[float, float]:
        jolt = shake * np.sin(23 * moment.seconds) * min(1.0, moment.effort)
        return saddle.seat[0] * unit, (saddle.seat[1] + jolt) * unit

    def pose(moment: Moment) -> Pose:
        if saddle.crank:
            feet = tuple(
                (pedal - seat) * per - (0.03, 0.03)
                for pedal in vehicles.pedals(saddle, cranks(moment))
            )
            rocking = sway * np.sin(4 * np.pi * cranks(moment))
        else:
            rest = (np.array(saddle.rest) - seat) * per - (0.0, 0.025)
            feet, rocking = (offset(rest, 0.01, 0.0), rest), 0.3 * sway * np.sin(5 * moment.seconds)
        hand = (np.array(saddle.grip) - seat) * per
        return seated((0.0, 0.0), lean + rocking, (hand, hand), feet, (0.15, 0.15))

    rider = Sitting(look(rng), rider_unit, place, pose)
    pieces = [
        rider.piece(0),
        Piece(1, unit, lambda moment: draw(moment)[0]),
        rider.piece(1),
        Piece(1, unit, lambda moment: draw(moment)[1], shadow=False),
    ]
    height = -saddle.seat[1] * unit + 0.55 * rider_unit
    return Troupe(f"rider on {name}", pieces, unit, height, speed)


def on_wheels(rng: Rng) -> Troupe:
    """Somebody on a bicycle, a motorbike, a moped or a kick scooter."""
    paint = lively(rng, gloss=float(rng.uniform(0.2, 0.4)))
    kind = rng.integers(6)
    if kind <= 1:
        saddle = vehicles.BICYCLE if kind else vehicles.RACER
        unit = float(rng.uniform(1.6, 1.8))
        return _astride_wheels(
            rng, "bicycle",
            lambda m: vehicles.bicycle(paint, saddle, m.moved / unit / 1.19, m.moved / 5.0),
            saddle, unit, 4.5,
        )  # fmt: skip
    if kind == 2:
        unit = float(rng.uniform(2.0, 2.3))
        return _astride_wheels(
            rng, "motorbike", lambda m: vehicles.motorbike(paint, m.moved / unit / 1.04),
            vehicles.MOTORBIKE, unit, 7.0,
        )  # fmt: skip
    if kind == 3:
        unit = float(rng.uniform(1.7, 1.95))
        return _astride_wheels(
            rng, "moped", lambda m: vehicles.moped(paint, m.moved / unit / 0.79),
            vehicles.MOPED, unit, 6.0,
        )  # fmt: skip
    return _on_kick_scooter(rng, paint) if kind == 4 else on_board(rng, paint, False)


def _on_kick_scooter(rng: Rng, paint: Paint) -> Troupe:
    """Somebody who stands on a scooter and pushes with one foot."""
    unit, rider_unit = float(rng.uniform(1.1, 1.3)), float(rng.uniform(1.5, 1.8))
    saddle, per = vehicles.KICK_SCOOTER, unit / rider_unit
    stand, grip = np.array(saddle.rest), np.array(saddle.grip)
    rate = rng.uniform(0.6, 1.1)

    def pose(moment: Moment) -> Pose:
        push = 2 * np.pi * rate * moment.seconds
        free = np.array([0.18 * np.cos(push), 0.07 - 0.05 * (1 + np.sin(push))])
        hip = np.array([-0.02, -0.455 + 0.02 * np.sin(push)])
        lean = 0.14 + 0.05 * np.sin(push)
        neck = hip + 0.305 * np.array([np.sin(lean), -np.cos(lean)])
        hand = (grip - stand) * per
        feet = (np.array([0.04, -0.02]), offset(free, -0.06, 0.0))
        return Pose(hip, neck, feet, (hand, hand), (0.05, 0.3))

    rider = Sitting(look(rng), rider_unit, lambda m: (stand[0] * unit, stand[1] * unit), pose)
    scooter = Piece(1, unit, lambda m: vehicles.kick_scooter(paint, m.moved / unit)[0])
    pieces = [rider.piece(0), scooter, rider.piece(1)]
    return Troupe("rider on scooter", pieces, 1.1 * unit, 1.05 * rider_unit, 2.5, "road")


def on_board(rng: Rng, paint: Paint, surfing: bool) -> Troupe:
    """Somebody who stands on a skateboard or a surfboard."""
    unit = float(rng.uniform(2.2, 2.8)) if surfing else float(rng.uniform(0.75, 0.9))
    rider_unit = float(rng.uniform(1.5, 1.85))
    saddle = vehicles.SURFBOARD if surfing else vehicles.BOARD
    rate, phase, apart = rng.uniform(0.3, 0.8), rng.random(), rng.uniform(0.11, 0.18)
    x, y = (part * unit for part in saddle.rest)
    stripe = lively(rng)

    def draw(moment: Moment) -> list:
        if surfing:
            return vehicles.surfboard(paint, stripe)[0]
        return vehicles.board(paint, moment.moved)[0]

    def pitch(moment: Moment) -> float:
        return float((0.07 if surfing else 0.01) * np.sin(2.5 * moment.seconds + 6 * phase) - (
            0.05 * surfing
        ))  # fmt: skip

    rider = Sitting(look(rng), rider_unit, lambda m: (x, y),
                    lambda m: balancing(rate * m.seconds + phase, apart))  # fmt: skip
    pieces = [Piece(1, unit, draw), rider.piece(0), rider.piece(1)]
    name = "surfer" if surfing else "rider on skateboard"
    realm = "water" if surfing else "road"
    return Troupe(name, pieces, max(unit, 0.6 * rider_unit), rider_unit, 3.5, realm, pitch=pitch)


def in_boat(rng: Rng) -> Troupe:
    """Somebody who rows a boat or paddles a canoe."""
    canoe = rng.random() < 0.5
    unit = float(rng.uniform(3.2, 4.2))
    saddle, high = (vehicles.CANOE, 0.10) if canoe else (vehicles.ROWING_BOAT, 0.125)
    hull, wood = lively(rng, gloss=0.2), tinted(rng, (0.52, 0.36, 0.20))
    rider_unit = float(rng.uniform(1.6, 1.85))
    per, rate, seat = rider_unit / unit, rng.uniform(0.5, 0.9), np.array(saddle.seat)

    def stroke(moment: Moment) -> tuple[float, np.ndarray]:
        turn = 2 * np.pi * rate * moment.seconds
        return turn, np.array([0.25 + 0.09 * np.cos(turn), -0.20 + 0.05 * np.sin(turn)])

    def pose(moment: Moment) -> Pose:
        turn, hand = stroke(moment)
        feet = (np.array([0.36, 0.0]), np.array([0.34, 0.0]))
        return seated((0.0, 0.0), 0.08 + 0.16 * np.cos(turn), (hand, hand), feet)

    def boat(moment: Moment, layer: int) -> list:
        turn, hand = stroke(moment)
        blade = (0.03 - 0.16 * np.cos(turn), 0.0 - 0.045 * (1 + np.sin(turn)))
        oar = (seat + hand * per, np.array(blade))
        return vehicles.open_boat(hull, wood, high, oar)[layer]

    def pitch(moment: Moment) -> float:
        return float(0.02 * np.sin(2.3 * moment.seconds + phase))

    phase = 6 * rng.random()
    rider = Sitting(look(rng), rider_unit, lambda m: (seat[0] * unit, seat[1] * unit), pose)
    pieces = [
        Piece(1, unit, lambda moment: boat(moment, 0)),
        rider.piece(0),
        rider.piece(1),
        Piece(1, unit, lambda moment: boat(moment, 1)),
    ]
    height = -seat[1] * unit + 0.55 * rider_unit
    name = "rower in canoe" if canoe else "rower in boat"
    return Troupe(name, pieces, unit, height, 1.4, "water", pitch=pitch)


def rider(rng: Rng, realms: tuple[str, ...]) -> Troupe:
    """A rider who fits the realms."""
    if "water" in realms:
        return in_boat(rng) if rng.random() < 0.7 else on_board(rng, lively(rng), True)
    return on_animal(rng) if rng.random() < 0.45 else on_wheels(rng)
