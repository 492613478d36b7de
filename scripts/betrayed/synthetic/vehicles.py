"""What people ride, row and pull: bicycles, motorbikes, scooters, open boats, trailers.

Each function gives far and near parts, between which a rider sits; a vehicle is 1 long, faces
right and stands on y = 0. ``phase`` counts the turns of the wheels. Where a rider sits, holds on
and puts the feet stands in a :class:`Saddle`, in the vehicle's units.
"""

from dataclasses import dataclass

import numpy as np

from betrayed.synthetic.drawing import Paint, Part, capsule, ellipse, offset, smooth
from betrayed.synthetic.things import DARK, GLASS, RUBBER, STEEL

Layers = tuple[list[Part], list[Part]]


@dataclass(frozen=True)
class Saddle:
    """Where a rider touches a vehicle, each (2,) in its units."""

    seat: tuple[float, float]
    grip: tuple[float, float]
    rest: tuple[float, float]  # the feet's, or the cranks' axle
    crank: float = 0.0  # radius of the pedals' circle; 0: feet rest
    lean: float = 0.2  # of the rider's trunk, radians


BICYCLE = Saddle((-0.13, -0.55), (0.235, -0.60), (-0.04, -0.185), 0.085, 0.42)
RACER = Saddle((-0.13, -0.57), (0.27, -0.55), (-0.04, -0.185), 0.085, 0.85)
MOTORBIKE = Saddle((-0.12, -0.405), (0.175, -0.50), (0.02, -0.16), lean=0.25)
MOPED = Saddle((-0.20, -0.43), (0.235, -0.60), (0.07, -0.165), lean=0.05)
KICK_SCOOTER = Saddle((-0.05, -0.13), (0.36, -0.98), (-0.08, -0.125))
ROWING_BOAT = Saddle((0.02, -0.06), (0.0, 0.0), (-0.16, 0.0))
BOARD = Saddle((0.0, -0.17), (0.0, 0.0), (0.0, -0.17))
SURFBOARD = Saddle((0.02, -0.05), (0.0, 0.0), (0.02, -0.05))
CANOE = Saddle((-0.08, -0.02), (0.0, 0.0), (0.09, 0.0))


def _spoked(x: float, radius: float, phase: float, tyre: float, spokes: int = 7) -> list[Part]:
    """A wheel that one can see through."""
    outer = ellipse(x, -radius, radius, radius)
    inner = ellipse(x, -radius, radius - tyre, radius - tyre)
    ring = np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])
    wires = []
    for spoke in range(spokes):
        turn = np.pi * (phase * 2 + spoke / spokes)
        tip = (radius - tyre) * np.array([np.cos(turn), np.sin(turn)])
        wires.append(capsule(offset(-tip, x, -radius), offset(tip, x, -radius), 0.0022, 0.0022))
    return [
        Part(wires, STEEL, relief=0.2, light=0.8),
        Part([ring], RUBBER, relief=0.4),
        Part([ellipse(x, -radius, 0.016, 0.016)], STEEL),
    ]


def disc(x: float, radius: float, phase: float, rim: float = 0.62) -> Part:
    """A motorbike's wheel: tyre, rim, spokes."""
    decals = [(ellipse(x, -radius, radius * rim, radius * rim), DARK)]
    for spoke in range(3):
        turn = np.pi * (2 * phase + spoke / 3)
        tip = radius * rim * np.array([np.cos(turn), np.sin(turn)])
        ends = offset(-tip, x, -radius), offset(tip, x, -radius)
        decals.append((capsule(*ends, 0.011, 0.011), STEEL))
    decals.append((ellipse(x, -radius, radius * 0.2, radius * 0.2), STEEL))
    return Part([ellipse(x, -radius, radius, radius)], RUBBER, relief=0.3, decals=decals)


def pedals(saddle: Saddle, phase: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the far and the near pedal are, each (2,), after the cranks' ``phase`` turns."""
    turn = 2 * np.pi * phase
    arm = saddle.crank * np.array([np.cos(turn), np.sin(turn)])
    return saddle.rest - arm, saddle.rest + arm


def bicycle(paint: Paint, saddle: Saddle, phase: float, cranks: float) -> Layers:
    """A bicycle; ``cranks`` counts the turns of the pedals."""
    bottom, hub = np.array(saddle.rest), np.array([-0.31, -0.19])
    seat = offset(saddle.seat, 0.0, 0.025)
    post = bottom + 0.78 * (seat - bottom)
    top, fork = np.array([0.205, -0.50]), np.array([0.31, -0.19])
    head = offset(top, 0.018, 0.07)
    tube = 0.0125
    frame = [
        capsule(hub, bottom, 0.009, 0.009), capsule(hub, post, 0.008, 0.008),
        capsule(bottom, post, tube, tube), capsule(post, top, tube, tube),
        capsule(bottom, head, tube * 1.2, tube * 1.2), capsule(top, fork, tube, 0.009),
    ]  # fmt: skip
    grip = np.array(saddle.grip)
    bars = [capsule(top, (top[0] - 0.01, grip[1] + 0.02), 0.010, 0.010),
            capsule((top[0] - 0.01, grip[1] + 0.02), grip, 0.011, 0.012)]  # fmt: skip
    far, near = pedals(saddle, cranks)
    ring = ellipse(*bottom, 0.042, 0.042)

    def crank(pedal: np.ndarray, light: float) -> Part:
        plate = capsule(offset(pedal, -0.03, 0), offset(pedal, 0.03, 0), 0.009, 0.009)
        return Part([capsule(bottom, pedal, 0.009, 0.008), plate], DARK, light=light)

    perch = [capsule(offset(seat, -0.055, -0.008), offset(seat, 0.05, -0.003), 0.019, 0.010)]
    back = [*_spoked(-0.31, 0.19, phase, 0.022), *_spoked(0.31, 0.19, phase, 0.022)]
    back += [
        crank(far, 0.7),
        Part([capsule(post, seat, 0.008, 0.008)], STEEL),
        Part(frame, paint, relief=0.8),
        Part(bars, DARK),
        Part(perch, DARK),
    ]
    return back, [Part([ring], STEEL, relief=0.3), crank(near, 1.0)]


def motorbike(paint: Paint, phase: float) -> Layers:
    """A motorbike with tank, engine and exhaust."""
    tank = smooth([(-0.08, -0.40), (-0.02, -0.47), (0.09, -0.485), (0.16, -0.43), (0.14, -0.36),
                   (0.0, -0.35)])  # fmt: skip
    rump = smooth([(-0.06, -0.385), (-0.20, -0.40), (-0.37, -0.455), (-0.38, -0.41), (-0.28, -0.34),
                   (-0.10, -0.33)])  # fmt: skip
    seat = smooth([(-0.05, -0.41), (-0.14, -0.425), (-0.30, -0.455), (-0.30, -0.41),
                   (-0.15, -0.385), (-0.06, -0.385)])  # fmt: skip
    engine = smooth([(-0.10, -0.33), (0.10, -0.34), (0.14, -0.22), (0.08, -0.12), (-0.08, -0.12),
                     (-0.13, -0.20)])  # fmt: skip
    fins = [
        (capsule((-0.09, y), (0.10, y - 0.01), 0.006, 0.006), STEEL)
        for y in (-0.29, -0.255, -0.22, -0.185)
    ]
    fairing = smooth([(0.13, -0.50), (0.22, -0.52), (0.27, -0.44), (0.22, -0.38), (0.15, -0.40)])
    guard = smooth([(0.22, -0.33), (0.33, -0.365), (0.43, -0.30), (0.40, -0.305), (0.32, -0.335)])
    lamp = (ellipse(0.25, -0.445, 0.022, 0.03), Paint((0.98, 0.96, 0.85), gloss=0.6))
    back = [
        disc(-0.33, 0.165, phase),
        disc(0.33, 0.165, phase),
        Part([capsule((-0.33, -0.165), (-0.05, -0.20), 0.018, 0.02)], STEEL, light=0.8),
        Part([capsule((0.19, -0.46), (0.33, -0.165), 0.017, 0.013)], STEEL),
        Part([guard], paint),
        Part([engine], Paint((0.22, 0.22, 0.24), gloss=0.3), relief=0.6, decals=fins),
        Part([capsule((0.05, -0.14), (-0.16, -0.12), 0.018, 0.02),
              capsule((-0.16, -0.12), (-0.43, -0.20), 0.024, 0.034)], STEEL),
        Part([rump, tank], paint, relief=0.8),
        Part([seat], DARK, relief=0.5),
        Part([fairing], paint, relief=0.7, decals=[lamp]),
        Part([capsule((0.19, -0.50), (0.165, -0.52), 0.012, 0.014),
              capsule((0.20, -0.50), (0.22, -0.57), 0.005, 0.02)], DARK),
    ]  # fmt: skip
    return back, []


def moped(paint: Paint, phase: float) -> Layers:
    """A scooter with a floorboard and a tall front shield."""
    rear = smooth([(-0.46, -0.30), (-0.36, -0.40), (-0.14, -0.40), (-0.06, -0.30), (-0.06, -0.15),
                   (-0.18, -0.12), (-0.28, -0.24), (-0.42, -0.22)])  # fmt: skip
    floor = smooth([(-0.12, -0.17), (0.14, -0.165), (0.20, -0.19), (0.21, -0.14), (0.12, -0.11),
                    (-0.12, -0.11)])  # fmt: skip
    shield = smooth([(0.15, -0.15), (0.185, -0.36), (0.215, -0.56), (0.27, -0.585), (0.30, -0.50),
                     (0.26, -0.34), (0.24, -0.17)])  # fmt: skip
    guard = smooth([(0.25, -0.27), (0.34, -0.29), (0.44, -0.20), (0.36, -0.215), (0.27, -0.20)])
    lamp = (ellipse(0.285, -0.535, 0.02, 0.028), Paint((0.98, 0.96, 0.85), gloss=0.6))
    seat = capsule((-0.36, -0.415), (-0.12, -0.405), 0.028, 0.03)
    back = [
        disc(-0.31, 0.125, phase),
        disc(0.34, 0.125, phase),
        Part([capsule((0.25, -0.30), (0.34, -0.125), 0.018, 0.016)], STEEL),
        Part([guard], paint),
        Part([seat], DARK, relief=0.6),
        Part([floor, rear], paint, relief=0.7),
    ]
    near = [
        Part([shield], paint, relief=0.6, decals=[lamp]),
        Part([capsule((0.25, -0.59), (0.225, -0.615), 0.015, 0.014)], DARK),
        Part([capsule((0.24, -0.60), (0.20, -0.70), 0.005, 0.005),
              ellipse(0.195, -0.71, 0.022, 0.018)], STEEL),
    ]  # fmt: skip
    return back, near


def kick_scooter(paint: Paint, phase: float) -> Layers:
    """A scooter that one stands on."""
    deck = capsule((-0.34, -0.10), (0.22, -0.10), 0.022, 0.022)
    stem = [capsule((0.26, -0.11), (0.41, -0.14), 0.02, 0.018),
            capsule((0.41, -0.10), (0.36, -0.98), 0.02, 0.016)]  # fmt: skip
    parts = [
        Part([ellipse(-0.42, -0.07, 0.07, 0.07)], RUBBER, relief=0.5),
        Part([ellipse(0.42, -0.07, 0.07, 0.07)], RUBBER, relief=0.5),
        Part([deck, *stem], paint, relief=0.6),
        Part([capsule((0.385, -0.98), (0.34, -0.98), 0.018, 0.02)], DARK),
    ]
    return parts, []


def board(paint: Paint, phase: float) -> Layers:
    """A skateboard."""
    deck = capsule((-0.36, -0.145), (0.36, -0.145), 0.028, 0.028)
    ends = [capsule((-0.36, -0.145), (-0.47, -0.19), 0.026, 0.02),
            capsule((0.36, -0.145), (0.47, -0.19), 0.026, 0.02)]  # fmt: skip
    wheels = [Part([ellipse(x, -0.052, 0.052, 0.052)], RUBBER, relief=0.6) for x in (-0.27, 0.27)]
    return [*wheels, Part([deck, *ends], paint, relief=0.6)], []


def surfboard(paint: Paint, stripe: Paint) -> Layers:
    """A surfboard that lies on the water, nose up."""
    deck = smooth([(-0.5, -0.035), (-0.2, -0.05), (0.25, -0.055), (0.52, -0.10), (0.42, -0.03),
                   (0.0, 0.012), (-0.4, 0.008)])  # fmt: skip
    band = np.array([(-0.6, -0.030), (0.6, -0.048), (0.6, -0.030), (-0.6, -0.016)])
    return [Part([deck], paint, relief=0.5, decals=[(band, stripe)])], []


def open_boat(hull: Paint, wood: Paint, high: float, oar: tuple | None) -> Layers:
    """A rowing boat or canoe with sides ``high`` units; the oar leads from hand to water."""
    shell = smooth(
        [(-0.49, -high * 1.25), (-0.25, -high), (0.2, -high), (0.5, -high * 1.5),
         (0.43, -0.2 * high), (0.32, 0.02), (-0.36, 0.02), (-0.45, -0.3 * high)]
    )  # fmt: skip
    rim = smooth(
        [(-0.47, -high * 1.2), (-0.2, -high * 1.25), (0.2, -high * 1.25), (0.47, -high * 1.42),
         (0.2, -high * 0.9), (-0.25, -high * 0.9)]
    )  # fmt: skip
    stripe = (np.array([(-0.6, -high), (0.6, -high * 1.2), (0.6, -high * 0.95),
                        (-0.6, -high * 0.75)]), wood)  # fmt: skip
    near = [Part([shell], hull, relief=0.6, decals=[stripe])]
    if oar is not None:
        hand, blade = (np.asarray(end, float) for end in oar)
        along = (blade - hand) / np.hypot(*(blade - hand))
        near.append(
            Part([capsule(hand - 0.06 * along, blade, 0.008, 0.008),
                  capsule(blade, blade + 0.10 * along, 0.014, 0.022)], wood)
        )  # fmt: skip
    return [Part([rim], wood, relief=0.2, light=0.55)], near


def trailer(paint: Paint, cargo: Paint, kind: int, phase: float) -> list[Part]:
    """A trailer 1 long that is drawn by its bar at the right: a box, a caravan, a hay cart."""
    bar = Part([capsule((0.30, -0.16), (0.50, -0.15), 0.018, 0.014)], STEEL)
    if kind == 0:
        box = np.array([(-0.48, -0.36), (0.34, -0.36), (0.34, -0.14), (-0.48, -0.14)])
        load = smooth([(-0.46, -0.34), (-0.30, -0.46), (0.0, -0.43), (0.20, -0.49), (0.32, -0.34)])
        body = [Part([load], cargo), Part([box], paint, relief=0.2)]
    elif kind == 1:
        hull = smooth([(-0.47, -0.12), (-0.49, -0.45), (-0.42, -0.62), (-0.1, -0.66), (0.24, -0.63),
                       (0.36, -0.44), (0.36, -0.14), (0.0, -0.11)])  # fmt: skip
        pane = np.array([(-0.38, -0.52), (-0.12, -0.54), (-0.12, -0.36), (-0.38, -0.36)])
        door = np.array([(0.02, -0.56), (0.16, -0.56), (0.16, -0.15), (0.02, -0.15)])
        line = np.array([(-0.5, -0.30), (0.5, -0.30), (0.5, -0.26), (-0.5, -0.26)])
        decals = [(line, cargo), (pane, GLASS), (door, Paint((0.80, 0.80, 0.78), gloss=0.2))]
        body = [Part([hull], paint, relief=0.35, decals=decals)]
    else:
        hay = smooth([(-0.50, -0.30), (-0.48, -0.56), (-0.22, -0.68), (0.12, -0.66), (0.36, -0.54),
                      (0.38, -0.30)])  # fmt: skip
        planks = np.array([(-0.47, -0.31), (0.36, -0.31), (0.34, -0.17), (-0.45, -0.17)])
        body = [Part([hay], cargo, relief=0.6), Part([planks], paint, relief=0.2)]
    return [bar, *body, disc(-0.08, 0.12, phase)]
