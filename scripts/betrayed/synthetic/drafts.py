"""What happens in each kind of random story: who is cast, and how they and the camera move."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from betrayed.synthetic import casting, clutter, company, riders
from betrayed.synthetic.staging import GRID, LANDS, MIDDLE, Course, Stage, course, pace, stage
from betrayed.synthetic.story import Actor
from betrayed.synthetic.troupe import Moment, Troupe

Rng = np.random.Generator
ASPECT = 1.8  # of the frames that stories are laid out for, width / height


@dataclass
class Draft:
    """A story while it is made up."""

    rng: Rng
    stage: Stage
    cast: list[tuple[Troupe, Course]]
    scenery: list[Actor] = field(default_factory=list)
    follow: float = 0.0  # how closely the camera goes with the first of the cast
    pan: float = 0.0  # world units that the camera goes beside
    zooms: tuple[float, float] = (1.0, 1.0)
    shake: float = 1.0


def draft(rng: Rng, kind: str, plot: float) -> Draft:
    """A random draft of a kind.

    ``plot``, within 0…1, chooses among the kind's plots: it stays when a story is drawn anew, so
    that no plot is rare because it fails more often.
    """
    return _KINDS[kind](rng, plot)


def _realm(rng: Rng) -> str:
    return str(rng.choice(["land", "road", "water", "air"], p=[0.57, 0.23, 0.14, 0.06]))


def _either(rng: Rng) -> int:
    return 1 if rng.random() < 0.5 else -1


def _toward(rng: Rng, troupe: Troupe) -> float:
    """The share of a way that leads to the camera: most go straight across."""
    if troupe.toward is not None:
        return troupe.toward
    return float(rng.uniform(-0.35, 0.35)) if rng.random() < 0.35 else 0.0


def _lift(rng: Rng, troupe: Troupe, y: float) -> float:
    return float(rng.uniform(0.1, 0.5) + y - 0.1) if troupe.realm == "air" else 0.0


def _start(rng: Rng, troupe: Troupe, areas: tuple[float, float], kind: str = "") -> Draft:
    """A draft whose stage suits the first of its cast, who fills a random share of the frame."""
    area = np.exp(rng.uniform(*np.log(areas)))
    # Half of a figure's box is the figure.
    size = np.sqrt(area * ASPECT / (0.5 * troupe.length * troupe.height))
    # Who comes towards the camera grows.
    size = min(size, 1.7 / troupe.length, (1.1 if troupe.toward is None else 0.65) / troupe.height)
    place = stage(rng, troupe.realm)
    land = LANDS[place.scene]
    low, high = land.realms[troupe.realm]
    # Feet are low where figures are large, so that the frame holds them.
    want = troupe.height * size * rng.uniform(0.35, 0.75) if troupe.realm != "air" else 0.3
    y = float(np.clip(want + 0.05 * rng.normal(), low, high))
    place = replace(place, eye=(y - land.horizon) / size)
    kind = kind or str(rng.choice(["steady", "steady", "uneven", "uneven", "pause"]))
    follow = float(rng.choice([0.0, 0.0, rng.uniform(0.5, 1.0), 1.0]))
    most = min(1.2 if follow < 0.4 else 1.2 / max(1.05 - follow, 0.2), 4.0)
    way = course(place, troupe, y, pace(rng, kind), _either(rng), most, _lift(rng, troupe, y),
                 _toward(rng, troupe))  # fmt: skip
    offset = float(rng.uniform(-0.35, 0.35)) * (1 if follow else 0.8)
    pan = float(rng.normal() * (0.15 if follow < 0.4 else 0.08))
    zooms = (1.0, float(rng.uniform(1.05, 1.25))) if rng.random() < 0.4 else (1.0, 1.0)
    shake = float(rng.choice([0.2, 1.0, 1.0, 2.0]))
    cast = [(troupe, way.beside(offset))]
    return Draft(rng, place, cast, [], follow, pan, zooms[:: _either(rng)], shake)


def _join(story: Draft, troupe: Troupe, gap: float | None = None, kind: str = "",
          direction: int = 0, y: float | None = None, amount: float = 1.0) -> None:  # fmt: skip
    """Add somebody who is in the frame at some time, or ``gap`` beside the first in the middle."""
    rng, first = story.rng, story.cast[0][1]
    low, high = LANDS[story.stage.scene].realms[troupe.realm]
    if y is None:
        y = float(first.y[MIDDLE]) + 0.10 * rng.normal()
    y = float(np.clip(y, low, high))
    kind = kind or str(rng.choice(["steady", "uneven", "pause", "stand"]))
    # With a camera that follows, who goes along stays in the frame.
    most = 1.5 if direction == 0 else max(1.5, float(np.ptp(first.x)))
    toward = _toward(rng, troupe) if direction == 0 else 0.0
    way = course(story.stage, troupe, y, amount * pace(rng, kind), direction or _either(rng), most,
                 _lift(rng, troupe, y), toward)  # fmt: skip
    if gap is None:
        time = int(rng.integers(30, 91))
        sight = story.follow * first.x[time] + story.pan * (GRID[time] - 0.5)
        gap = sight + rng.uniform(-0.65, 0.65) - way.x[time]
    else:
        gap = gap + first.x[MIDDLE]
    story.cast.append((troupe, way.beside(float(gap))))


def _fitting(story: Draft) -> Troupe:
    """Somebody whom the draft's landscape has room for, of a size that can be seen."""
    realms = tuple(LANDS[story.stage.scene].realms)
    scale = story.cast[0][1].size[MIDDLE]
    for _ in range(40):
        troupe = casting.anyone(story.rng, realms)
        if 0.006 < 0.5 * troupe.length * troupe.height * scale**2 / ASPECT < 0.3:
            break
    return troupe


def _single(rng: Rng, plot: float = 0.0) -> Draft:
    return _start(rng, casting.anyone(rng, (_realm(rng),)), (0.012, 0.36))


def _group(rng: Rng, plot: float = 0.0) -> Draft:
    story = _start(rng, casting.anyone(rng, (_realm(rng),)), (0.02, 0.14))
    for _ in range(rng.integers(1, 5)):
        _join(story, _fitting(story))
    return story


def _crowd(rng: Rng, plot: float) -> Draft:
    """Several of one make: the same maker from the same, or nearly the same, random numbers."""
    realm, state = _realm(rng), int(rng.integers(2**32))
    alike = rng.random() < 0.6
    name = str(rng.choice(list(casting.BREEDS)))
    on_foot = rng.random() < 0.25

    def one(number: int) -> Troupe:
        own = np.random.default_rng(state if alike else [state, number])
        if realm == "land":
            return casting.walker(own) if on_foot else casting.animal(own, name, phase=rng.random())
        if realm == "water":
            return casting.boat(own, sailing=state % 2 == 0)
        return casting.MAKERS[realm][0](own)

    story = _start(rng, one(0), (0.012, 0.08), str(rng.choice(["steady", "uneven"])))
    troupe, way = story.cast[0]
    direction = 1 if way.x[-1] > way.x[0] else -1
    width, y = troupe.length * way.size[MIDDLE], float(way.y[MIDDLE])
    ends = [0.0, 0.0]
    for number in range(1, rng.integers(2, 7)):
        side = int(rng.random() < 0.5)
        ends[side] += (2 * side - 1) * float(width * rng.uniform(0.35, 1.2))
        turned = direction if rng.random() < 0.85 else -direction
        kind = "steady" if rng.random() < 0.7 else "uneven"
        _join(story, one(number), ends[side], kind, turned, y + 0.05 * rng.normal(),
              rng.uniform(0.7, 1.15))  # fmt: skip
    return story


def _rider(rng: Rng, plot: float) -> Draft:
    realms = ("water",) if rng.random() < 0.18 else ("land", "road")
    story = _start(rng, riders.rider(rng, realms), (0.03, 0.24))
    bold = not any(name in story.cast[0][0].name for name in ("cow", "elephant"))
    if rng.random() < 0.15 and bold and "water" not in realms:
        story.cast[0] = _jumping(rng, *story.cast[0])
    first = story.cast[0][1]
    if plot < 0.25:
        along = 1 if first.x[-1] > first.x[0] else -1
        _join(story, riders.rider(rng, realms), float(rng.uniform(-0.6, 0.6)), "uneven",
              along if rng.random() < 0.6 else -along,
              float(first.y[MIDDLE]) + 0.06 * rng.normal())  # fmt: skip
    elif plot < 0.5:
        _join(story, _fitting(story))
    return story


def _jumping(rng: Rng, troupe: Troupe, way: Course) -> tuple[Troupe, Course]:
    """A rider who leaves the ground for a while."""
    start, long = rng.uniform(0.15, 0.45), rng.uniform(0.3, 0.5)
    high, steep = rng.uniform(0.15, 0.35) * troupe.height, rng.uniform(0.1, 0.3)

    def pitch(moment: Moment) -> float:
        part = np.clip((moment.time - start) / long, 0, 1)
        return troupe.pitch(moment) - float(steep * np.sin(2 * np.pi * part))

    part = np.clip((GRID - start) / long, 0, 1)
    lift = way.lift + 4 * part * (1 - part) * high * way.size
    name = f"{troupe.name}, jumping"
    return replace(troupe, name=name, pitch=pitch), replace(way, lift=lift)


def _pair(rng: Rng, plot: float) -> Draft:
    story = _start(rng, company.pair(rng), (0.03, 0.2))
    if rng.random() < 0.25:
        _join(story, _fitting(story))
    return story


def _pauses(rng: Rng, plot: float) -> Draft:
    kinds = ["start", "stop", "pause"]
    troupe = casting.anyone(rng, (_realm(rng),))
    while troupe.realm == "air":  # what flies cannot stop
        troupe = casting.anyone(rng, (_realm(rng),))
    story = _start(rng, troupe, (0.02, 0.25), str(rng.choice(kinds)))
    for _ in range(rng.integers(0, 3)):
        _join(story, _fitting(story), kind=str(rng.choice([*kinds, "stand", "steady"])))
    return story


def _occluded(rng: Rng, plot: float) -> Draft:
    """Behind scenery, behind another object, or out of the frame and back."""
    realm = str(rng.choice(["land", "land", "land", "air"])) if plot < 0.25 else _realm(rng)
    story = _start(rng, casting.anyone(rng, (realm,)), (0.02, 0.18), "steady")
    way = story.cast[0][1]
    dry = "water" not in LANDS[story.stage.scene].realms
    y, direction = float(way.y[MIDDLE]), 1 if way.x[-1] > way.x[0] else -1
    if plot < 0.25:
        return _returning(rng, story)
    if plot < 0.6 or not dry:
        _join(story, _fitting(story), float(0.15 * rng.normal()), "steady",
              -direction if rng.random() < 0.6 else direction, y + rng.uniform(0.03, 0.12),
              rng.uniform(0.4, 1.6))  # fmt: skip
    if plot > 0.55 and dry:
        for _ in range(rng.integers(1, 4)):
            story.scenery.append(_prop(rng, story, y + float(rng.uniform(0.01, 0.10))))
    return story


def _returning(rng: Rng, story: Draft) -> Draft:
    """The first of the cast leaves the frame and comes back."""
    troupe, way = story.cast[0]
    direction = 1 if way.x[-1] > way.x[0] else -1
    size, y = float(way.size[MIDDLE]), float(way.y[MIDDLE])
    # In a quarter of the clip before and after, it goes from the frame's edge to its turn.
    away = ASPECT / 2 + 0.55 * troupe.length * size
    speed = 3.6 * away / size / story.stage.seconds * rng.uniform(0.5, 0.9)
    quick = replace(troupe, speed=speed)
    way = course(story.stage, quick, y, pace(rng, "turn"), direction, 9.0, float(way.lift[MIDDLE]))
    story.cast[0] = (quick, way.beside(direction * away * rng.uniform(1.05, 1.3)))
    story.follow, story.pan, story.zooms = 0.0, float(0.1 * rng.normal()), (1.0, 1.0)
    if rng.random() < 0.6:
        _join(story, _fitting(story), kind="uneven")
    return story


def _prop(rng: Rng, story: Draft, y: float) -> Actor:
    """A piece of scenery somewhere on the way of the first of the cast."""
    troupe, way = story.cast[0]
    make, unit, half = clutter.KINDS[str(rng.choice(list(clutter.KINDS)))]
    parts = make(rng)
    size = story.stage.scale(y) * unit * rng.uniform(0.7, 1.3)
    # No wider than what it stands before, whatever the two would measure.
    size = float(min(size, 0.5 * troupe.length * way.size[MIDDLE] / min(half, 0.5)))
    reach = 0.45 * max(float(np.ptp(way.x)), 0.6)
    spot = (float(way.x[MIDDLE] + rng.uniform(-reach, reach)), y)
    return Actor(0, size, lambda time: spot, lambda time: parts, shadow=story.stage.sun)


def _camera_moves(rng: Rng, plot: float) -> Draft:
    story = _single(rng) if rng.random() < 0.5 else _group(rng)
    if plot < 0.25:
        story.follow, story.pan = 0.0, float(_either(rng) * rng.uniform(0.5, 0.9))
    elif plot < 0.5:
        story.follow, story.pan = 1.0, 0.0
    elif plot < 0.75:
        story.zooms = (1.0, float(rng.uniform(1.5, 1.9)))[:: _either(rng)]
    else:
        story.shake = 3.5
    return story


_KINDS: dict[str, Callable[[Rng, float], Draft]] = {
    "single": _single,
    "group": _group,
    "crowd": _crowd,
    "rider": _rider,
    "pair": _pair,
    "pauses": _pauses,
    "occluded": _occluded,
    "camera": _camera_moves,
}
KINDS = tuple(_KINDS)
