"""People on foot who come towards the camera or go away from it, 1 high."""

import numpy as np

from betrayed.synthetic.drawing import Part, capsule, ellipse, smooth
from betrayed.synthetic.people import DARK, Look


def facing(look: Look, phase: float, effort: float, away: bool) -> list[Part]:
    """Somebody who walks towards the viewer, or away; ``phase`` in turns."""
    step = np.sin(2 * np.pi * phase) * min(effort, 1.5)
    rise = 0.008 * effort * np.cos(4 * np.pi * phase)
    stout = look.build
    parts = [] if away else _locks(look, -0.915 + rise)
    # Who puts the left foot forward holds the right hand forward: what is ahead looks lower down
    # and is drawn later.
    order = sorted((-1.0, 1.0), key=lambda side: side * step)
    for side in order:
        parts += _leg(look, side, side * step, stout)
    for side in order[:1]:
        parts += _arm(look, -side, -side * step, rise, stout)
    parts.append(Part([capsule((0, -0.80), (0, -0.87), 0.036, 0.034)], look.skin, light=0.75))
    trunk = [(-0.115, -0.785), (-0.04, -0.83), (0.04, -0.83), (0.115, -0.785), (0.10, -0.66),
             (0.093, -0.47), (0.0, -0.445), (-0.093, -0.47), (-0.10, -0.66)]  # fmt: skip
    parts.append(Part([smooth([(x * stout, y + rise) for x, y in trunk])], look.coat, relief=0.6))
    if look.pack and away:
        sack = smooth([(-0.085, -0.78), (0.085, -0.78), (0.095, -0.55), (-0.095, -0.55)])
        parts.append(Part([sack], look.pack, relief=0.7))
    for side in order[1:]:
        parts += _arm(look, -side, -side * step, rise, stout)
    return [*parts, *_head(look, -0.915 + rise, away)]


def _leg(look: Look, side: float, ahead: float, stout: float) -> list[Part]:
    lift = max(0.0, -ahead) * 0.07  # the foot behind is off the ground
    hip = np.array([0.048 * side * stout, -0.50])
    foot = np.array([0.055 * side, -0.025 - lift + 0.012 * max(0.0, ahead)])
    knee = (hip + foot) / 2 + np.array([0.008 * side, -0.02 * max(0.0, ahead) - 0.2 * lift])
    light = 0.92 + 0.12 * np.clip(ahead, -1, 1)
    cloth = [capsule(hip, knee, 0.062 * stout, 0.048), capsule(knee, foot, 0.046, 0.034)]
    shoe = capsule(foot, foot + np.array([0.012 * side, 0.012]), 0.032, 0.028)
    return [Part([shoe], look.shoes, light=light), Part(cloth, look.trousers, light=light)]


def _arm(look: Look, side: float, ahead: float, rise: float, stout: float) -> list[Part]:
    shoulder = np.array([0.108 * side * stout, -0.765 + rise])
    elbow = shoulder + np.array([0.035 * side, 0.16])
    hand = elbow + np.array([0.012 * side, 0.145 - 0.05 * abs(ahead)])
    if ahead > 0:
        hand = hand + np.array([-0.03 * side * ahead, -0.03 * ahead])
    light = 0.92 + 0.12 * np.clip(ahead, -1, 1)
    upper, lower = capsule(shoulder, elbow, 0.044, 0.036), capsule(elbow, hand, 0.034, 0.026)
    fist = ellipse(*hand, 0.028, 0.03)
    if look.bare_arms:
        return [
            Part([lower, fist], look.skin, light=light),
            Part([upper], look.coat, light=light),
        ]
    return [Part([fist], look.skin, light=light), Part([upper, lower], look.coat, light=light)]


def _locks(look: Look, y: float) -> list[Part]:
    """Long hair, which falls behind the shoulders."""
    if not look.long_hair:
        return []
    fall = smooth([(-0.06, y - 0.05), (0.06, y - 0.05), (0.08, y + 0.14), (-0.08, y + 0.14)])
    return [Part([fall], look.hair, light=0.85)]


def _head(look: Look, y: float, away: bool) -> list[Part]:
    skull = Part([ellipse(0, y, 0.056, 0.077)], look.skin)
    locks = [(-0.062, -0.01), (-0.05, -0.07), (0.0, -0.092), (0.05, -0.07), (0.062, -0.01)]
    fringe = [(0.03, -0.045), (-0.03, -0.045)]
    if away:
        fringe = [(0.045, 0.05), (-0.045, 0.05)]
    parts = [skull]
    if not away:
        eyes = [ellipse(x, y - 0.012, 0.009, 0.007) for x in (-0.023, 0.023)]
        mouth = capsule((-0.014, y + 0.038), (0.014, y + 0.038), 0.004, 0.004)
        parts += [
            Part([*eyes, mouth], DARK, relief=0.2),
            Part([ellipse(0, y + 0.014, 0.009, 0.014)], look.skin),
        ]
    hair = smooth([(x, y + dy) for x, dy in locks + fringe])
    parts.append(Part([hair], look.hair, relief=0.6))
    if away:
        parts += _locks(look, y)
    if look.hat:
        crown = [(-0.066, -0.02), (-0.058, -0.085), (0.0, -0.11), (0.058, -0.085), (0.066, -0.02)]
        parts.append(Part([smooth([(x, y + dy) for x, dy in crown])], look.hat, relief=0.8))
    return parts
