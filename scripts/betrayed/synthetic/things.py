"""What rolls and floats in the synthetic videos: cars, buses, balls, boats.

Each function gives the parts of one thing, 1 long, facing right, on the ground or water y = 0;
``phase`` counts the turns of what turns.
"""

import numpy as np

from betrayed.synthetic.drawing import Paint, Part, capsule, ellipse, smooth

DARK = Paint((0.07, 0.065, 0.07), gloss=0.15)
RUBBER = Paint((0.10, 0.10, 0.11))
STEEL = Paint((0.68, 0.70, 0.73), gloss=0.5)
GLASS = Paint((0.16, 0.22, 0.27), gloss=0.6)


def _wheel(x: float, radius: float, phase: float) -> Part:
    """A wheel that has turned ``phase`` times."""
    rim = [(ellipse(x, -radius, radius * 0.66, radius * 0.66), STEEL)]
    for spoke in range(5):
        turn = 2 * np.pi * (phase + spoke / 5)
        hole = np.array([x, -radius]) + radius * 0.42 * np.array([np.cos(turn), np.sin(turn)])
        rim.append((ellipse(*hole, radius * 0.15, radius * 0.15), DARK))
    return Part([ellipse(x, -radius, radius, radius)], RUBBER, relief=0.25, decals=rim)


def car(paint: Paint, phase: float) -> list[Part]:
    """A saloon, 1 long; ``phase`` counts the turns of its wheels."""
    body = smooth(
        [
            (-0.495, -0.12), (-0.49, -0.24), (-0.40, -0.275), (-0.30, -0.29), (-0.20, -0.385),
            (-0.05, -0.41), (0.09, -0.385), (0.21, -0.28), (0.38, -0.245), (0.48, -0.20),
            (0.497, -0.11), (0.46, -0.065), (0.0, -0.06), (-0.46, -0.065),
        ]
    )  # fmt: skip
    pane = np.array([(-0.25, -0.285), (-0.17, -0.365), (-0.05, -0.385), (-0.04, -0.28)])
    front = np.array([(-0.015, -0.28), (-0.02, -0.385), (0.07, -0.365), (0.155, -0.275)])
    line = Paint(tuple(0.55 * np.asarray(paint.colour)))
    decals = [
        (pane, GLASS),
        (front, GLASS),
        (np.array([(-0.03, -0.28), (-0.024, -0.28), (-0.01, -0.08), (-0.018, -0.08)]), line),
        (np.array([(-0.48, -0.105), (0.48, -0.105), (0.48, -0.06), (-0.48, -0.06)]), RUBBER),
        (ellipse(0.455, -0.19, 0.035, 0.025, 0.3), Paint((0.98, 0.95, 0.82), gloss=0.6)),
        (ellipse(-0.475, -0.215, 0.022, 0.035), Paint((0.75, 0.08, 0.06), gloss=0.3)),
        (ellipse(-0.09, -0.245, 0.028, 0.008), STEEL),
        (ellipse(-0.29, -0.09, 0.115, 0.115), DARK),
        (ellipse(0.30, -0.09, 0.115, 0.115), DARK),
    ]
    return [
        Part([body], paint, relief=0.55, decals=decals),
        _wheel(-0.29, 0.092, phase),
        _wheel(0.30, 0.092, phase),
    ]


def bus(paint: Paint, phase: float) -> list[Part]:
    """A city bus, 1 long and 0.45 high."""
    body = smooth(
        [
            (-0.49, -0.06), (-0.497, -0.25), (-0.49, -0.42), (-0.46, -0.445), (-0.2, -0.452),
            (0.2, -0.452), (0.46, -0.445), (0.492, -0.41), (0.499, -0.22), (0.49, -0.06),
            (0.2, -0.05), (-0.2, -0.05),
        ]
    )  # fmt: skip
    band = Paint((0.93, 0.92, 0.88), gloss=0.1)
    decals = [(np.array([(-0.5, -0.19), (0.5, -0.19), (0.5, -0.155), (-0.5, -0.155)]), band)]
    for left in np.linspace(-0.46, 0.22, 6):
        right = left + 0.115
        decals.append(
            (np.array([(left, -0.40), (right, -0.40), (right, -0.235), (left, -0.235)]), GLASS)
        )
        seat = Paint((0.30, 0.34, 0.36), gloss=0.2)
        decals.append((ellipse((left + right) / 2, -0.25, 0.03, 0.035), seat))
    decals += [
        (np.array([(0.36, -0.40), (0.42, -0.40), (0.42, -0.08), (0.36, -0.08)]), GLASS),
        (np.array([(0.44, -0.40), (0.51, -0.40), (0.51, -0.21), (0.44, -0.21)]), GLASS),
        (ellipse(0.485, -0.11, 0.016, 0.022), Paint((0.98, 0.95, 0.82), gloss=0.5)),
        (ellipse(-0.30, -0.075, 0.085, 0.085), DARK),
        (ellipse(0.28, -0.075, 0.085, 0.085), DARK),
    ]
    return [
        Part([body], paint, relief=0.18, decals=decals),
        _wheel(-0.30, 0.068, phase),
        _wheel(0.28, 0.068, phase),
    ]


def ball(colours: tuple[Paint, ...], phase: float) -> list[Part]:
    """A beach ball, 1 across, that has rolled ``phase`` turns."""
    centre = np.array([0.0, -0.5])
    decals = []
    for wedge in range(6):
        edge = 2 * np.pi * (phase + wedge / 6 + np.linspace(0, 1 / 6, 8))
        swirl = 0.28 * np.stack([np.cos(edge[:1] + 0.9), np.sin(edge[:1] + 0.9)], 1)
        rim = 0.52 * np.stack([np.cos(edge), np.sin(edge)], 1)
        other = 0.28 * np.stack([np.cos(edge[-1:] + 0.9), np.sin(edge[-1:] + 0.9)], 1)
        outline = np.concatenate([np.zeros((1, 2)), swirl, rim, other])
        decals.append((centre + outline, colours[wedge % len(colours)]))
    decals.append((ellipse(*centre, 0.07, 0.07), Paint((0.95, 0.95, 0.92), gloss=0.3)))
    return [Part([ellipse(*centre, 0.5, 0.5)], colours[0], decals=decals)]


def sailboat(hull: Paint, sail: Paint) -> list[Part]:
    """A sailing boat, 1 long and 1.35 high, on the water line y = 0."""
    shell = smooth(
        [(-0.47, -0.15), (-0.2, -0.13), (0.2, -0.14), (0.53, -0.20), (0.40, -0.03), (0.3, 0.02),
         (-0.36, 0.02), (-0.44, -0.05)]
    )  # fmt: skip
    stripe = np.array([(-0.6, -0.055), (0.6, -0.075), (0.6, -0.04), (-0.6, -0.02)])
    main = smooth(
        [(0.0, -1.30), (-0.14, -0.95), (-0.30, -0.6), (-0.42, -0.27), (-0.2, -0.24), (0.0, -0.25),
         (0.005, -0.8)], 6
    )  # fmt: skip
    jib = smooth([(0.05, -1.15), (0.20, -0.75), (0.46, -0.27), (0.25, -0.25), (0.08, -0.30)], 6)
    seams = [
        (np.array([(-0.6, y), (0.6, y - 0.03), (0.6, y - 0.022), (-0.6, y + 0.008)]), STEEL)
        for y in (-0.45, -0.68, -0.92)
    ]
    wood = Paint((0.42, 0.28, 0.16))
    return [
        Part([capsule((0.02, -1.33), (0.02, -0.1), 0.012, 0.018)], wood),
        Part([capsule((-0.42, -0.22), (0.03, -0.22), 0.013, 0.016)], wood),
        Part([jib], sail, relief=0.3, light=0.9),
        Part([main], sail, relief=0.35, decals=seams),
        Part([smooth([(-0.2, -0.12), (-0.17, -0.2), (0.12, -0.21), (0.22, -0.13)])], wood),
        Part([shell], hull, relief=0.6, decals=[(stripe, Paint((0.92, 0.9, 0.86)))]),
    ]


def motorboat(hull: Paint) -> list[Part]:
    """A motor boat with a cabin, 1 long and 0.45 high."""
    shell = smooth(
        [(-0.49, -0.17), (-0.1, -0.16), (0.3, -0.19), (0.55, -0.25), (0.42, -0.06), (0.32, 0.02),
         (-0.42, 0.02), (-0.48, -0.05)]
    )  # fmt: skip
    cabin = smooth(
        [(-0.24, -0.15), (-0.235, -0.38), (-0.18, -0.425), (0.02, -0.42), (0.1, -0.38),
         (0.22, -0.16)]
    )  # fmt: skip
    panes = [
        (np.array([(-0.2, -0.37), (-0.08, -0.37), (-0.08, -0.25), (-0.2, -0.25)]), GLASS),
        (np.array([(-0.05, -0.37), (0.07, -0.37), (0.13, -0.25), (-0.05, -0.25)]), GLASS),
    ]
    band = np.array([(-0.6, -0.11), (0.6, -0.15), (0.6, -0.11), (-0.6, -0.07)])
    white = Paint((0.93, 0.93, 0.90), gloss=0.2)
    return [
        Part([cabin], white, relief=0.4, decals=panes),
        Part([shell], hull, relief=0.6, decals=[(band, white)]),
    ]
