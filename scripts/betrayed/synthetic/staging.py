"""The stage of a random story: landscape, perspective, the ways of its casts, the camera's way."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from betrayed.synthetic.drawing import affine
from betrayed.synthetic.story import Actor, Grade
from betrayed.synthetic.troupe import Moment, Piece, Troupe

Rng = np.random.Generator
GRID = np.linspace(0, 1, 121)
MIDDLE = len(GRID) // 2


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
    "forest": Land(-0.12, {"land": (0.14, 0.62), "road": (0.16, 0.55)}),
    "snow": Land(-0.10, {"land": (0.08, 0.62), "air": (0.2, 0.5)}),
    "park": Land(-0.12, {"land": (0.16, 0.62), "road": (0.22, 0.42), "air": (0.2, 0.5)}),
    "hall": Land(-0.16, {"land": (0.16, 0.62)}),
    "wall": Land(-0.30, {"land": (0.20, 0.62), "road": (0.24, 0.55)}),
}
FITTING = {
    "land": ("meadow", "savanna", "beach", "street", "road", "forest", "forest", "snow", "park",
             "hall", "wall"),
    "road": ("street", "street", "road", "road", "park", "wall", "forest"),
    "water": ("lake",),
    "air": ("meadow", "beach", "lake", "savanna", "road", "street", "snow", "park"),
}  # fmt: skip


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
    """Somebody's way across the stage: world units along GRID, (121,) each."""

    x: np.ndarray
    y: np.ndarray  # of the ground below
    lift: np.ndarray  # how high above it
    moved: np.ndarray  # metres
    effort: np.ndarray  # share of the usual speed
    left: np.ndarray  # whether they face left
    size: np.ndarray  # world units a metre is long

    def at(self, time: float) -> tuple[float, float]:
        """Where they are."""
        return _at(self.x, time), _at(self.y, time) - _at(self.lift, time)

    def moment(self, time: float, seconds: float) -> Moment:
        """How far they have come."""
        return Moment(time, seconds * time, _at(self.moved, time), _at(self.effort, time))

    def faces_left(self, time: float) -> bool:
        """Which way they look."""
        return bool(self.left[round(time * (len(GRID) - 1))])

    def beside(self, x: float) -> "Course":
        """The same way, ``x`` farther right."""
        return replace(self, x=self.x + x)


def _at(way: np.ndarray, time: float) -> float:
    return float(np.interp(time, GRID, way))


def pace(rng: Rng, kind: str) -> np.ndarray:
    """Speed along GRID as a share of the usual: steady, uneven, stand, start, stop, pause, turn."""
    middle, ramp = rng.uniform(0.3, 0.65), 0.08
    if kind == "uneven":
        wave = rng.uniform(0.4, 1) * GRID + rng.random()
        return 1 + rng.uniform(0.1, 0.5) * np.sin(2 * np.pi * wave)
    start = np.clip((GRID - middle) / ramp, 0, 1)
    if kind == "pause":
        again = min(middle + rng.uniform(0.2, 0.35), 1 - ramp)
        return 1 - start + np.clip((GRID - again) / ramp, 0, 1)
    return {
        "steady": np.ones_like(GRID),
        "stand": np.zeros_like(GRID),
        "start": start,
        "stop": 1 - start,
        "turn": np.clip((0.5 - GRID) / ramp, -1, 1),
    }[kind]


def course(
    stage: Stage,
    troupe: Troupe,
    y: float,
    speeds: np.ndarray,
    direction: int,
    most: float = 9.0,
    lift: float = 0.0,
    toward: float = 0.0,
) -> Course:
    """A way that is at x = 0 and at the ground's ``y`` in the clip's middle.

    Args:
        stage: where it leads across.
        troupe: whose it is.
        y: of the ground, world units.
        speeds: (121,) along GRID, shares of the usual; below 0 back.
        direction: 1 to the right, -1 to the left.
        most: world units it is long at most; whoever is faster walks slower.
        lift: how high above the ground, world units.
        toward: the share of the way that leads towards the camera; below 0 away from it.
    """
    size = stage.scale(y)
    metres = np.concatenate([[0], np.cumsum((speeds[1:] + speeds[:-1]) / 2)]) / (len(GRID) - 1)
    metres = metres * stage.seconds * troupe.speed
    slow = min(1.0, most / max(float(np.ptp(metres)) * size, 1e-6))
    metres = metres * slow
    moved = np.abs(np.diff(metres, prepend=0)).cumsum()
    metres = metres - metres[MIDDLE]
    # What is z away is 1/z large: with the frame's height as the focal length, z = 1 / size.
    land = LANDS[stage.scene]
    sizes = size / np.clip(1 - toward * metres * size, 0.65, 1.6)
    farthest = min(y, *(low for low, _ in land.realms.values())) - 0.02
    sizes = np.clip(sizes, (farthest - land.horizon) / stage.eye, (0.72 - land.horizon) / stage.eye)
    ground = land.horizon + sizes * stage.eye
    x = direction * metres * size * np.sqrt(1 - toward**2)
    left = (speeds < 0) != (direction < 0)
    effort = np.abs(speeds) * (0.35 + 0.65 * slow)
    return Course(x, ground, lift + 0 * GRID, moved, effort, left, sizes)


def actors(stage: Stage, troupe: Troupe, way: Course, first: int) -> list[Actor]:
    """The troupe's pieces on their way; their objects' ids count from ``first``."""
    return [_actor(stage, troupe, piece, way, first + piece.number) for piece in troupe.pieces]


def _actor(stage: Stage, troupe: Troupe, piece: Piece, way: Course, number: int) -> Actor:
    def moment(time: float) -> Moment:
        return way.moment(time, stage.seconds)

    def path(time: float) -> tuple[float, float]:
        now, size = moment(time), _at(way.size, time)
        onto = affine(size, *way.at(time), troupe.pitch(now), way.faces_left(time))
        x, y = onto @ (*piece.place(now), 1.0)
        return float(x), float(y)

    def turn(time: float) -> float:
        now = moment(time)
        return troupe.pitch(now) + piece.turn(now)

    return Actor(
        number,
        piece.unit,
        path,
        lambda time: piece.parts(moment(time)),
        mirror=way.faces_left,
        turn=turn,
        shadow=stage.sun if piece.shadow else 0.0,
        in_world=True,
        grow=lambda time: _at(way.size, time),
        ground=lambda time: _at(way.y, time),
    )


def camera(
    x: np.ndarray, y: np.ndarray, zoom: np.ndarray
) -> Callable[[float], tuple[float, float, float]]:
    """The camera's way from values along GRID; it stays within the landscape's height."""
    reach = np.maximum(0.68 - 0.5 / zoom, 0.0)
    y = np.clip(y, -reach, reach)
    return lambda time: (_at(x, time), _at(y, time), _at(zoom, time))


def grade(rng: Rng, strong: bool) -> Grade:
    """A random change of colours, of the landscape (strong) or of the whole picture."""
    warm, green = np.array([0.09, 0.03]) * rng.normal(size=2) * (1.0 if strong else 0.5)
    gain = np.exp([warm - green, green, -warm - green]) * rng.uniform(0.8, 1.1)
    saturation = rng.uniform(0.35, 1.25) if strong else rng.uniform(0.75, 1.1)
    return Grade(tuple(map(float, gain)), float(saturation), float(np.exp(0.14 * rng.normal())))


def stage(rng: Rng, realm: str) -> Stage:
    """A random stage on which somebody of the realm can appear; its eye is to be set."""
    scene = str(rng.choice(FITTING[realm]))
    light = (float(rng.uniform(-0.7, 0.7)), -0.7, float(rng.uniform(0.55, 0.9)))
    return Stage(scene, 1.0, float(rng.uniform(1.5, 4.0)), light, float(rng.uniform(0.1, 0.5)))
