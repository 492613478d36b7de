"""What walks and flies in the synthetic videos: four-legged animals, gulls, people.

Each function gives the parts of one figure at one moment; ``phase`` is the moment within its
cycle of motion, in turns. Units: a trunk, a bird's or a person's length is 1; the ground is y = 0.
"""

from dataclasses import dataclass

import numpy as np

from betrayed.synthetic.drawing import Paint, Part, capsule, ellipse, smooth

DARK = Paint((0.07, 0.065, 0.07), gloss=0.15)


def _move(point: np.ndarray, x: float, y: float) -> np.ndarray:
    return point + np.array([x, y])


@dataclass(frozen=True)
class Breed:
    """The proportions of a four-legged animal whose trunk is 1 long."""

    leg: float = 0.62
    leg_width: float = 0.075
    hip: float = 0.24
    shoulder: float = 0.25
    neck: tuple[float, float] = (0.30, -0.42)  # from the shoulder to the head
    neck_width: tuple[float, float] = (0.19, 0.11)
    head: tuple[float, float] = (0.24, 0.14)  # from the poll to the muzzle
    head_width: tuple[float, float] = (0.105, 0.065)
    ear: tuple[float, float] = (-0.02, -0.13)
    ear_width: float = 0.045
    tail: tuple[float, float] = (-0.16, 0.42)
    tail_width: float = 0.06
    mane: bool = False
    trunk: bool = False
    swing: float = 0.42


HORSE = Breed(mane=True)
DOG = Breed(
    leg=0.42,
    hip=0.19,
    shoulder=0.22,
    leg_width=0.07,
    neck=(0.20, -0.24),
    neck_width=(0.17, 0.13),
    head=(0.25, 0.05),
    head_width=(0.14, 0.07),
    ear=(-0.10, 0.14),
    ear_width=0.065,
    tail=(-0.30, -0.24),
    tail_width=0.05,
    swing=0.55,
)
COW = Breed(
    leg=0.44,
    hip=0.29,
    shoulder=0.30,
    neck=(0.26, -0.10),
    neck_width=(0.22, 0.16),
    head=(0.22, 0.12),
    head_width=(0.14, 0.095),
    ear=(-0.15, -0.03),
    ear_width=0.05,
    tail=(-0.07, 0.5),
    tail_width=0.035,
    swing=0.3,
)
ELEPHANT = Breed(
    leg=0.46,
    leg_width=0.125,
    hip=0.36,
    shoulder=0.37,
    neck=(0.36, -0.14),
    neck_width=(0.26, 0.2),
    head=(0.13, 0.10),
    head_width=(0.21, 0.14),
    ear=(0.0, 0.0),
    tail=(-0.10, 0.42),
    tail_width=0.03,
    trunk=True,
    swing=0.28,
)


def animal(breed: Breed, coat: Paint, phase: float, hair: Paint = DARK) -> list[Part]:
    """A walking animal, about 1.7 long from tail to muzzle."""
    b = breed
    height = b.leg + 0.6 * b.hip
    bob = 0.012 * np.sin(4 * np.pi * phase)
    hip, shoulder = np.array([-0.36, -height + bob]), np.array([0.36, -height - 0.02 - bob])
    legs = {"far": [], "near": []}
    hooves = {"far": [], "near": []}
    # A walk: the legs follow one another a quarter of a turn apart.
    for side, root, start in (
        ("far", shoulder, 0.25),
        ("far", hip, 0.0),
        ("near", shoulder, 0.75),
        ("near", hip, 0.5),
    ):
        turn = 2 * np.pi * (phase + start)
        angle = b.swing * np.sin(turn)
        bend = 0.15 + 0.75 * b.swing * 1.6 * max(0.0, np.cos(turn))
        top = _move(root, 0.02 if side == "far" else -0.03, 0.08)
        reach = -top[1]
        knee = top + reach * 0.5 * np.array([np.sin(angle), np.cos(angle)])
        lower = angle - bend
        foot = knee + (reach * 0.5 - 0.02) * np.array([np.sin(lower), np.cos(lower)])
        wide = b.leg_width
        legs[side] += [capsule(top, knee, wide * 1.6, wide), capsule(knee, foot, wide, wide * 0.75)]
        hooves[side].append(capsule(foot, _move(foot, 0.025, 0.0), wide * 0.8, wide * 0.75))
    poll = shoulder + b.neck
    muzzle = poll + b.head
    belly = smooth(
        [
            _move(hip, -b.hip * 0.95, 0.0),
            _move(hip, 0.0, -b.hip * 0.98),
            (0.0, -height - b.hip * 0.85),
            _move(shoulder, 0.02, -b.shoulder * 0.95),
            _move(shoulder, b.shoulder * 0.85, 0.05),
            _move(shoulder, 0.0, b.shoulder * 0.95),
            (-0.05, -height + b.hip * 1.0),
            _move(hip, 0.02, b.hip * 0.9),
        ]
    )
    tail_root = _move(hip, -b.hip * 0.85, -b.hip * 0.4)
    wag = np.array([0.06 * np.sin(2 * np.pi * phase), 0.0])
    parts = [
        Part(hooves["far"], hair, light=0.5),
        Part(legs["far"], coat, light=0.62),
        Part(
            [capsule(tail_root, tail_root + b.tail + wag, b.tail_width * 0.7, b.tail_width)], hair
        ),
    ]
    if not b.trunk:
        parts.append(Part([_ear(_move(poll, 0.05, 0.0), b)], coat, light=0.6))
    trunk = _trunk(muzzle, phase) if b.trunk else []
    body = [
        belly,
        capsule(_move(shoulder, 0.02, -0.02), poll, *b.neck_width),
        capsule(poll, muzzle, *b.head_width),
        *trunk,
    ]
    eye = poll + (0.8 if b.trunk else 0.32) * np.array(b.head)
    parts += [
        Part(hooves["near"], hair),
        Part(legs["near"], coat, light=0.95),
        Part(
            body,
            coat,
            relief=0.8,
            decals=[
                (ellipse(*_move(muzzle, 0.02, 0.01), b.head_width[1], b.head_width[1] * 0.9), hair)
            ]
            if not b.trunk
            else [],
        ),
        Part([ellipse(eye[0], eye[1] - 0.25 * b.head_width[0], 0.022, 0.022)], DARK),
    ]
    if b.mane:
        along = _move(shoulder, -0.06, -b.shoulder * 0.8)
        crest = _move(poll, -0.07, -0.10)
        parts.append(
            Part(
                [
                    smooth(
                        [
                            along,
                            _move((along + crest) / 2, -0.07, -0.03),
                            crest,
                            _move(crest, 0.10, 0.03),
                            _move((along + crest) / 2, 0.06, 0.06),
                        ]
                    )
                ],
                hair,
                relief=0.5,
            )
        )
    if b.trunk:
        flap = 0.03 * np.sin(2 * np.pi * phase)
        fan = [(-0.05, -0.2), (0.06, -0.1), (0.04, 0.12), (-0.06, 0.26), (-0.22, 0.12 + flap)]
        fan.append((-0.24 - flap, -0.1))
        parts.append(Part([smooth(poll + np.array(fan))], coat, relief=0.5, light=0.8))
        tusk = _move(muzzle, 0.03, 0.07)
        parts.append(
            Part([capsule(tusk, _move(tusk, 0.16, 0.12), 0.028, 0.012)], Paint((0.92, 0.88, 0.78)))
        )
    else:
        parts.append(Part([_ear(poll, b)], coat, light=0.9))
    return parts


def _ear(root: np.ndarray, breed: Breed) -> np.ndarray:
    base = _move(root, -0.02, -0.6 * breed.head_width[0])
    return capsule(base, base + breed.ear, breed.ear_width, breed.ear_width * 0.4)


def _trunk(muzzle: np.ndarray, phase: float) -> list[np.ndarray]:
    sway = 0.08 * np.sin(2 * np.pi * phase)
    joints = [muzzle + offset for offset in ((0.0, 0.0), (0.09, 0.2), (0.1 + sway, 0.42))]
    joints.append(joints[-1] + (0.09 + sway, 0.1))
    widths = (0.12, 0.085, 0.06, 0.045)
    return [
        capsule(joints[i], joints[i + 1], widths[i], widths[i + 1]) for i in range(len(joints) - 1)
    ]


def bird(paint: Paint, wing: Paint, phase: float) -> list[Part]:
    """A gull in flight, 1 long; its middle is the origin."""
    beat = np.sin(2 * np.pi * phase)
    body = smooth(
        [(-0.42, 0.0), (-0.2, -0.11), (0.12, -0.14), (0.34, -0.13), (0.43, -0.06), (0.36, 0.0),
         (0.2, 0.10), (-0.1, 0.11)]
    )  # fmt: skip
    tail = np.array([(-0.34, -0.03), (-0.62, -0.09), (-0.64, 0.05), (-0.32, 0.05)])

    def wings(lean: float, tip: float) -> np.ndarray:
        bend = -0.30 * beat - 0.16
        end = -0.62 * beat - 0.10
        return smooth(
            [(0.20, -0.05), (0.12 + lean, bend - 0.02), (tip, end), (tip - 0.16, end + 0.03),
             (-0.10 + lean, bend + 0.12), (-0.16, 0.0)]
        )  # fmt: skip

    return [
        Part([wings(0.10, 0.16)], wing, relief=0.3, light=0.75),
        Part([tail], wing, relief=0.3),
        Part([body], paint, relief=0.9),
        Part(
            [np.array([(0.41, -0.09), (0.53, -0.045), (0.41, -0.03)])],
            Paint((0.90, 0.62, 0.15)),
            relief=0.5,
        ),
        Part([ellipse(0.35, -0.075, 0.02, 0.02)], DARK),
        Part([wings(-0.06, -0.10)], wing, relief=0.4),
    ]


def person(coat: Paint, trousers: Paint, phase: float) -> list[Part]:
    """Somebody who walks, 1 high."""
    skin, hair = Paint((0.80, 0.58, 0.46)), Paint((0.20, 0.13, 0.08))
    hip, neck = np.array([0.0, -0.50]), np.array([0.015, -0.80])
    limbs = {}
    for side, start in (("far", 0.5), ("near", 0.0)):
        turn = 2 * np.pi * (phase + start)
        angle, bend = 0.46 * np.sin(turn), 0.12 + 0.7 * max(0.0, np.cos(turn))
        knee = hip + 0.24 * np.array([np.sin(angle), np.cos(angle)])
        foot = knee + 0.235 * np.array([np.sin(angle - bend), np.cos(angle - bend)])
        swing = -0.55 * np.sin(turn)
        elbow = _move(neck, 0.0, 0.03) + 0.16 * np.array([np.sin(swing), np.cos(swing)])
        hand = elbow + 0.15 * np.array([np.sin(swing + 0.45), np.cos(swing + 0.45)])
        limbs[side] = (knee, foot, elbow, hand)

    def leg(side: str, light: float) -> list[Part]:
        knee, foot, _, _ = limbs[side]
        return [
            Part([capsule(_move(foot, -0.01, 0.0), _move(foot, 0.06, 0.015), 0.028, 0.02)], DARK),
            Part(
                [capsule(hip, knee, 0.075, 0.052), capsule(knee, foot, 0.052, 0.036)],
                trousers,
                light=light,
            ),
        ]

    def arm(side: str, light: float) -> list[Part]:
        _, _, elbow, hand = limbs[side]
        sleeve = [
            capsule(_move(neck, 0, 0.04), elbow, 0.045, 0.036),
            capsule(elbow, hand, 0.036, 0.03),
        ]
        return [Part([ellipse(*hand, 0.03, 0.03)], skin), Part(sleeve, coat, light=light)]

    torso = smooth(
        [(-0.085, -0.79), (0.0, -0.835), (0.095, -0.785), (0.10, -0.65), (0.095, -0.47),
         (0.0, -0.445), (-0.10, -0.47), (-0.09, -0.65)]
    )  # fmt: skip
    return [
        *arm("far", 0.65),
        *leg("far", 0.68),
        *leg("near", 1.0),
        Part([capsule(neck, (0.02, -0.88), 0.035, 0.035)], skin, light=0.8),
        Part([torso], coat, relief=0.7),
        Part([ellipse(0.03, -0.915, 0.062, 0.078)], skin),
        Part([smooth([(-0.04, -0.88), (-0.045, -0.95), (0.01, -1.0), (0.075, -0.975),
                      (0.05, -0.945), (0.0, -0.92)])], hair, relief=0.6),
        *arm("near", 1.0),
    ]  # fmt: skip
