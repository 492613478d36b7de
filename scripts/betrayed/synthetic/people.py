"""People in any pose: on foot, astride, on pedals, at an oar.

A person is 1 high; x points where they look, y down. Poses are given by the hip, the neck, and
where hands and feet are; knees and elbows follow. Parts come in two layers, what lies beyond the
trunk's middle and what lies before it, so that a horse or a bicycle fits in between.
"""

from dataclasses import dataclass

import numpy as np

from betrayed.synthetic.drawing import Paint, Part, capsule, ellipse, offset, smooth

DARK = Paint((0.07, 0.065, 0.07), gloss=0.15)
THIGH, SHIN, UPPER_ARM, FOREARM = 0.245, 0.235, 0.165, 0.150
STRIDE = 4 * (THIGH + SHIN) * float(np.sin(0.46))  # two steps' length


@dataclass(frozen=True)
class Look:
    """What somebody looks like."""

    skin: Paint
    hair: Paint
    coat: Paint
    trousers: Paint
    shoes: Paint = DARK
    build: float = 1.0  # how stout
    hat: Paint | None = None
    brim: bool = False
    long_hair: bool = False
    bare_arms: bool = False
    pack: Paint | None = None  # a rucksack


@dataclass(frozen=True)
class Pose:
    """Where a body's joints are, each (2,); pairs are (far, near)."""

    hip: np.ndarray
    neck: np.ndarray
    feet: tuple[np.ndarray, np.ndarray]
    hands: tuple[np.ndarray, np.ndarray]
    toes: tuple[float, float] = (0.1, 0.1)  # radians that they point below the horizon
    nod: float = 0.0  # radians that the head is bent forward


def walk(phase: float, effort: float = 1.0) -> Pose:
    """Walking; ``phase`` in turns, ``effort`` 0 stands and above 1.2 runs."""
    run = np.clip((effort - 1.1) * 2.5, 0, 1)
    stride = 0.46 * min(effort, 1.6)
    lean = 0.10 * run
    rise = 0.006 * effort * np.cos(4 * np.pi * phase) - 0.012 * run
    hip = np.array([0.0, -0.495 + rise])
    neck = hip + 0.305 * np.array([0.03 + lean, -1.0])
    feet, hands, toes = [], [], []
    for start in (0.5, 0.0):
        turn = 2 * np.pi * (phase + start)
        angle = stride * np.sin(turn)
        lift = max(0.0, np.cos(turn)) * min(effort, 1.6)
        bend = 0.07 + (0.62 + 0.5 * run) * lift
        knee = hip + THIGH * np.array([np.sin(angle + 0.05 * lift), np.cos(angle)])
        feet.append(knee + (SHIN - 0.01) * np.array([np.sin(angle - bend), np.cos(angle - bend)]))
        swing = -(0.55 + 0.25 * run) * min(effort, 1.4) * np.sin(turn)
        elbow = offset(neck, 0, 0.04) + UPPER_ARM * np.array([np.sin(swing), np.cos(swing)])
        fold = swing + 0.30 + 1.1 * run
        hands.append(elbow + FOREARM * np.array([np.sin(fold), np.cos(fold)]))
        toes.append(0.1 + 0.8 * bend - 0.2 * (angle > 0.2))
    return Pose(hip, neck, tuple(feet), tuple(hands), tuple(toes))


def astride(phase: float, lean: float, hands: np.ndarray, depth: float = 0.40) -> Pose:
    """Sitting on an animal's back; the seat is the origin, ``depth`` is how far feet hang."""
    bounce = np.sin(4 * np.pi * phase)
    hip = np.array([0.0, -0.075 + 0.008 * bounce])
    sway = lean + 0.03 * np.sin(2 * np.pi * phase)
    neck = hip + 0.305 * np.array([np.sin(sway), -np.cos(sway)])
    foot = np.array([0.10 + 0.012 * bounce, depth])
    feet, both = (offset(foot, 0.02, 0), foot), (offset(hands, 0.02, 0), hands)
    return Pose(hip, neck, feet, both, (0.0, 0.0))


def seated(
    seat: np.ndarray,
    lean: float,
    hands: tuple[np.ndarray, np.ndarray],
    feet: tuple[np.ndarray, np.ndarray],
    toes: tuple[float, float] = (0.1, 0.1),
    nod: float = 0.0,
) -> Pose:
    """Sitting on ``seat`` (2,) with hands and feet where they are put."""
    hip = offset(seat, 0.0, -0.06)
    neck = hip + 0.305 * np.array([np.sin(lean), -np.cos(lean)])
    return Pose(hip, neck, feet, hands, toes, nod)


def balancing(phase: float, apart: float = 0.15) -> Pose:
    """Standing on a board with bent knees; the board below the hip is the origin."""
    dip = 0.02 * np.sin(2 * np.pi * phase)
    hip = np.array([-0.02, -0.40 + dip])
    lean = 0.22 + 0.08 * np.sin(2 * np.pi * phase + 1)
    neck = hip + 0.305 * np.array([np.sin(lean), -np.cos(lean)])
    wave = 0.06 * np.sin(2 * np.pi * phase + 2)
    hands = (offset(neck, 0.26, 0.10 + wave), offset(neck, -0.24, 0.10 - wave))
    return Pose(hip, neck, (np.array([apart, -0.03]), np.array([-apart, -0.03])), hands)


def joint(
    root: np.ndarray, end: np.ndarray, upper: float, lower: float, side: float
) -> tuple[np.ndarray, np.ndarray]:
    """Knee or elbow and the end that can be reached; ``side`` 1 bends it clockwise of the way."""
    way = np.asarray(end, float) - root
    length = float(np.clip(np.hypot(*way), abs(upper - lower) + 1e-3, 0.995 * (upper + lower)))
    way = way / max(np.hypot(*way), 1e-6)
    along = (upper**2 - lower**2 + length**2) / (2 * length)
    out = np.sqrt(max(upper**2 - along**2, 0.0))
    across = side * np.array([way[1], -way[0]])
    return root + along * way + out * across, root + length * way


def person(look: Look, pose: Pose) -> tuple[list[Part], list[Part]]:
    """The far and the near parts of somebody."""
    up = (pose.neck - pose.hip) / np.hypot(*(pose.neck - pose.hip))
    ahead = np.array([-up[1], up[0]])
    stout = look.build

    def body(*points: tuple[float, float]) -> np.ndarray:
        """Points (along, across) from the hip up, in the person's frame."""
        return smooth([pose.hip + a * up + b * stout * ahead for a, b in points])

    def leg(side: int, light: float) -> list[Part]:
        hip = offset(pose.hip, 0.012 if side == 0 else -0.008, 0.0)
        knee, foot = joint(hip, pose.feet[side], THIGH, SHIN, 1.0)
        tilt = pose.toes[side]
        toe = foot + 0.075 * np.array([np.cos(tilt), np.sin(tilt)])
        heel = foot + 0.02 * np.array([-np.cos(tilt), -np.sin(tilt)])
        cloth = [
            capsule(hip, knee, 0.072 * stout, 0.052 * stout),
            capsule(knee, offset(foot, 0, -0.01), 0.05 * stout, 0.034),
        ]
        return [
            Part([capsule(heel, toe, 0.027, 0.019)], look.shoes, light=light),
            Part(cloth, look.trousers, light=light),
        ]

    def arm(side: int, light: float) -> list[Part]:
        shoulder = pose.neck - 0.04 * up + (0.02 if side == 0 else -0.005) * ahead
        elbow, hand = joint(shoulder, pose.hands[side], UPPER_ARM, FOREARM, -1.0)
        upper = capsule(shoulder, elbow, 0.047 * stout, 0.036 * stout)
        lower = capsule(elbow, hand, 0.034 * stout, 0.025)
        fist = ellipse(*hand, 0.028, 0.028)
        if look.bare_arms:
            return [
                Part([lower, fist], look.skin, light=light),
                Part([upper], look.coat, light=light),
            ]
        return [Part([fist], look.skin, light=light), Part([upper, lower], look.coat, light=light)]

    torso = body(
        (0.29, -0.085), (0.335, 0.0), (0.285, 0.09), (0.15, 0.10), (-0.03, 0.095),
        (-0.06, 0.0), (-0.03, -0.10), (0.15, -0.09)
    )  # fmt: skip
    throat = capsule(pose.neck, offset(_head(pose, up), 0, 0.04), 0.034, 0.034)
    near = [Part([throat], look.skin, light=0.8)]
    if look.pack:
        sack = body((0.29, -0.06), (0.31, -0.15), (0.18, -0.205), (0.04, -0.18), (0.02, -0.07))
        near.append(Part([sack], look.pack, relief=0.7))
    near.append(Part([torso], look.coat, relief=0.7))
    near += _face(look, _head(pose, up), pose.nod)
    return [*arm(0, 0.65), *leg(0, 0.66)], [*leg(1, 1.0), *near, *arm(1, 1.0)]


def _head(pose: Pose, up: np.ndarray) -> np.ndarray:
    """The head's middle (2,): above the neck, and more upright than the trunk."""
    way = up + np.array([0.0, -1.1])
    return offset(pose.neck + 0.115 * way / np.hypot(*way), 0.018, 0.0)


def _face(look: Look, middle: np.ndarray, nod: float) -> list[Part]:
    """Head, hair and hat about the head's middle (2,)."""
    cos, sin = np.cos(nod), np.sin(nod)
    turn = np.array([[cos, sin], [-sin, cos]])

    def at(*points: tuple[float, float]) -> np.ndarray:
        return middle + np.array(points) @ turn

    skull = at(*(ellipse(0.0, 0.0, 0.060, 0.077)))
    nose = at((0.05, -0.012), (0.074, 0.014), (0.052, 0.02))
    eye = at(*ellipse(0.035, -0.012, 0.007, 0.010))
    parts = [Part([skull, nose], look.skin), Part([eye], DARK, relief=0.2)]
    back = [(-0.07, 0.035), (-0.075, -0.035), (-0.02, -0.085), (0.045, -0.06), (0.02, -0.03),
            (-0.03, -0.005)]  # fmt: skip
    if look.long_hair:
        back[0:1] = [(-0.035, 0.06), (-0.055, 0.14), (-0.095, 0.10)]
    parts.append(Part([smooth(at(*back))], look.hair, relief=0.6))
    if look.hat:
        crown = [(-0.078, -0.015), (-0.07, -0.07), (-0.01, -0.105), (0.055, -0.07), (0.068, -0.025)]
        shapes = [smooth(at(*crown))]
        if look.brim:
            shapes.append(capsule(*at((-0.09, -0.022), (0.115, -0.02)), 0.012, 0.010))
        parts.append(Part(shapes, look.hat, relief=0.8))
    return parts
