"""The stage of a random story: landscape, perspective, the ways of its casts, the camera's way."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from betrayed.synthetic.drawing import affine
from betrayed.synthetic.story import Actor, Grade
from betrayed.synthetic.troupe import Moment, Piece, Troupe

Rng = np.random.Generator
GRID = np.linspace(0, 1, 121)


@dataclass(frozen=True)
class Land:
    """What a landscape offers: its horizon, and where those of each realm may stand (world y)."""

    horizon: float
    realms: dict[str, tuple[float, float]]


LANDS = {
    "meadow": Land(-0.10, {"land": (0.08, 0.62), "air": (0.2, 0.5)}),
    "street": Land(-0.05, {"road": (0.15, 0.38), "land": (0.42, 0.66), "air": (0.2, 0.5)}),
    "beach": Land(-0.14, {"land": (0.10, 0.62), "air": (0.1, 0.5)}),
    "lake": Land(-0.10, {"water": (0.06, 0.55), "air": (0.1, 0.5)}),
    "savanna": Land(-0.08, {"land": (0.08, 0.62), "air": (0.2, 0.5)}),
    "road": Land(-0.10, {"road": (0.12, 0.42), "land": (0.46, 0.66), "air": (0.2, 0.5)}),
}
FITTING = {
    "land": ("meadow", "savanna", "beach", "meadow", "savanna", "beach", "street", "road"),
    "road": ("street", "road"),
    "water": ("lake",),
    "air": ("meadow", "beach", "lake", "savanna", "road", "street"),
}


@dataclass(frozen=True)
class Stage:
    """A landscape seen from ``eye`` metres above its ground, for some seconds."""

    scene: str
    eye: float
    seconds: float
    light: tuple[float, float, float]
    sun: float  # how dark shadows are

    def scale(self, y: float) -> float:
        """World units a metre is long where the ground is at ``y``."""
        return (y - LANDS[self.scene].horizon) / self.eye


@dataclass(frozen=True)
class Course:
    """Somebody's way across the stage, in world units."""

    x: np.ndarray  # (121,) along GRID
    y: float  # of the ground below
    lift: float  # how high above it
    moved: np.ndarray  # (121,) metres
    effort: np.ndarray  # (121,) share of the usual speed
    left: np.ndarray  # (121,) whether they face left
    size: float  # world units a metre is long

    def at(self, time: float) -> tuple[float, float]:
        """Where they are."""
        return float(np.interp(time, GRID, self.x)), self.y - self.lift

    def moment(self, time: float, seconds: float) -> Moment:
        """How far they have come."""
        moved, effort = (float(np.interp(time, GRID, way)) for way in (self.moved, self.effort))
        return Moment(time, seconds * time, moved, effort)

    def faces_left(self, time: float) -> bool:
        """Which way they look."""
        return bool(self.left[round(time * (len(GRID) - 1))])


def pace(rng: Rng, kind: str) -> np.ndarray:
    """Speed along GRID as a share of the usual: steady, uneven, stop, start, pause, turn."""
    middle, ramp = rng.uniform(0.3, 0.65), 0.08
    if kind == "steady":
        return np.ones_like(GRID)
    if kind == "uneven":
        return 1 + rng.uniform(0.1, 0.5) * np.sin(2 * np.pi * (rng.uniform(0.4, 1) * GRID
                                                               + rng.random()))  # fmt: skip
    if kind == "stand":
        return np.zeros_like(GRID)
    start = np.clip((GRID - middle) / ramp, 0, 1)
    if kind == "start":
        return start
    if kind == "stop":
        return 1 - start
    if kind == "pause":
        long = rng.uniform(0.2, 0.35)
        return 1 - start + np.clip((GRID - middle - long) / ramp, 0, 1)
    return np.clip((middle - GRID) / ramp, -1, 1)  # turn


def course(
    rng: Rng,
    stage: Stage,
    troupe: Troupe,
    y: float,
    speeds: np.ndarray,
    direction: int,
    most: float = 9.0,
    lift: float = 0.0,
) -> Course:
    """A way that is at x = 0 in the clip's middle; ``most`` world units long at most."""
    size = stage.scale(y)
    metres = np.concatenate([[0], np.cumsum((speeds[1:] + speeds[:-1]) / 2)]) / (len(GRID) - 1)
    metres = metres * stage.seconds * troupe.speed
    span = max(float(np.ptp(metres)) * size, 1e-6)
    slow = min(1.0, most / span)
    x = direction * metres * slow * size
    left = (speeds < 0) != (direction < 0)
    moved = np.abs(np.diff(metres, prepend=0)).cumsum() * slow
    effort = np.abs(speeds) * (0.35 + 0.65 * slow)
    return Course(x - x[60], y, lift, moved, effort, left, size)


def actors(stage: Stage, troupe: Troupe, way: Course, first: int) -> list[Actor]:
    """The troupe's pieces on their way; their objects' ids count from ``first``."""
    return [_actor(stage, troupe, piece, way, first + piece.number) for piece in troupe.pieces]


def _actor(stage: Stage, troupe: Troupe, piece: Piece, way: Course, number: int) -> Actor:
    def moment(time: float) -> Moment:
        return way.moment(time, stage.seconds)

    def path(time: float) -> tuple[float, float]:
        now = moment(time)
        onto = affine(way.size, *way.at(time), troupe.pitch(now), way.faces_left(time))
        x, y = onto @ (*piece.place(now), 1.0)
        return float(x), float(y)

    def turn(time: float) -> float:
        now = moment(time)
        return troupe.pitch(now) + piece.turn(now)

    return Actor(
        number,
        way.size * piece.unit,
        path,
        lambda time: piece.parts(moment(time)),
        mirror=way.faces_left,
        turn=turn,
        shadow=stage.sun if piece.shadow else 0.0,
        in_world=True,
        drop=-piece.place(moment(0.0))[1] * way.size,
    )


def camera(
    x: np.ndarray, y: np.ndarray, zoom: np.ndarray
) -> Callable[[float], tuple[float, float, float]]:
    """The camera's way from values along GRID; it stays within the landscape's height."""
    reach = np.maximum(0.70 - 0.5 / zoom, 0.0)
    y = np.clip(y, -reach, reach)
    return lambda time: tuple(float(np.interp(time, GRID, way)) for way in (x, y, zoom))


def grade(rng: Rng, strong: bool) -> Grade:
    """A random change of colours, of the landscape (strong) or of the whole picture."""
    warm, green = np.array([0.09, 0.03]) * rng.normal(size=2) * (1.0 if strong else 0.5)
    gain = np.exp([warm - green, green, -warm - green]) * rng.uniform(0.8, 1.1)
    saturation = rng.uniform(0.35, 1.25) if strong else rng.uniform(0.75, 1.1)
    return Grade(tuple(map(float, gain)), float(saturation), float(np.exp(0.14 * rng.normal())))


def stage(rng: Rng, realm: str, eye: float) -> Stage:
    """A random stage on which somebody of the realm can appear."""
    scene = str(rng.choice(FITTING[realm]))
    side = rng.uniform(-0.7, 0.7)
    light = (float(side), -0.7, float(rng.uniform(0.55, 0.9)))
    return Stage(scene, eye, float(rng.uniform(1.5, 4.0)), light, float(rng.uniform(0.1, 0.5)))
