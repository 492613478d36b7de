"""Random stories: as many clips as wanted, each told by a seed, a number and a kind.

A story is drawn at random, its ids are looked at in a small size, and it is drawn anew where too
little of its objects is seen, so all clips have something to find.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from betrayed.synthetic import casting, clutter, company, riders
from betrayed.synthetic.rendering import story_ids
from betrayed.synthetic.staging import (
    GRID,
    LANDS,
    Course,
    Stage,
    actors,
    camera,
    course,
    grade,
    pace,
    stage,
)
from betrayed.synthetic.story import Actor, Story
from betrayed.synthetic.troupe import Troupe

Rng = np.random.Generator
KINDS = ("single", "group", "crowd", "rider", "pair", "pauses", "occluded", "camera")
ASPECT = 1.8  # of the frames that stories are laid out for


@dataclass
class _Draft:
    """A story while it is made up: who goes where, farthest first when it is told."""

    rng: Rng
    stage: Stage
    cast: list[tuple[Troupe, Course]]
    scenery: list[tuple[float, Actor]]
    follow: float = 0.0  # how closely the camera goes with the first of the cast
    pan: float = 0.0  # world units the camera goes beside
    zooms: tuple[float, float] = (1.0, 1.0)
    shake: float = 1.0


def kind_of(index: int) -> str:
    """The kind of a data set's clip: each kind in turn."""
    return KINDS[index % len(KINDS)]


def random_name(index: int) -> str:
    """The name of a data set's clip."""
    return f"random-{index:04d}-{kind_of(index)}"


def random_story(seed: int, index: int, kind: str | None = None) -> Story:
    """The story of one clip; the same seed, index and kind give the same one."""
    kind = kind or kind_of(index)
    for attempt in range(200):
        rng = np.random.default_rng([seed, index, KINDS.index(kind), 7, attempt])
        story, cast = _tell(rng, index, kind)
        if _worth_seeing(story, cast):
            return story
    raise RuntimeError(f"No story of the kind {kind} could be told from seed {seed}.")


def _worth_seeing(story: Story, cast: list[Actor]) -> bool:
    """Whether all objects are seen, one of them for most of the time, and some ground is left."""
    ids = story_ids(story, cast, (80, 144), 7)
    objects = max(actor.id for actor in cast)
    areas = np.stack([(ids == number).mean((1, 2)) for number in range(1, objects + 1)])
    shown = (areas.max(1) > 0.002).all() and (areas[0] > 0.006).mean() > 0.8
    if "rider" in story.name or "pair" in story.name:
        shown = shown and bool(((areas[:2] > 0.002).mean(1) > 0.7).all())
    return bool(shown and areas.sum(0).mean() < 0.6)


def _tell(rng: Rng, index: int, kind: str) -> tuple[Story, list[Actor]]:
    draft = _DRAFTS[kind](rng)
    names = ", ".join(troupe.name for troupe, _ in draft.cast)
    sight, middle = _camera(draft)
    order = sorted(range(len(draft.cast)), key=lambda i: draft.cast[i][1].y)
    people = []
    first = np.cumsum([1] + [troupe.objects for troupe, _ in draft.cast])
    for i in order:
        troupe, way = draft.cast[i]
        people.append((way.y, actors(draft.stage, troupe, _moved(way, -middle), int(first[i]))))
    cast = [(y, [actor]) for y, actor in draft.scenery] + people
    cast = [actor for _, group in sorted(cast, key=lambda entry: entry[0]) for actor in group]
    far = max(abs(sight(float(t))[0]) + ASPECT / 2 / sight(float(t))[2] for t in GRID)
    strong = rng.random() < 0.75
    story = Story(
        f"random-{index:04d}-{kind}",
        f"{names} ({draft.stage.scene})",
        draft.stage.scene,
        sight,
        lambda *_: cast,
        light=draft.stage.light,
        share=((1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (1.0, 0.8), (0.85, 1.0))[rng.integers(5)],
        reach=far * 1.12 + 0.08,
        shake=draft.shake,
        land=grade(rng, True) if strong else None,
        film=grade(rng, False),
        shadows_first=True,
    )
    return story, cast


def _moved(way: Course, x: float) -> Course:
    return Course(way.x + x, way.y, way.lift, way.moved, way.effort, way.left, way.size)


def _camera(draft: _Draft) -> tuple[Callable, float]:
    """The camera's way, and the world x of the scene's middle, which becomes 0."""
    rng, (troupe, way) = draft.rng, draft.cast[0]
    kernel = np.hanning(25) / np.hanning(25).sum()
    led = np.convolve(np.pad(way.x, 12, "edge"), kernel, "valid") * draft.follow
    wander = 0.03 * np.sin(2 * np.pi * (rng.uniform(0.3, 1) * GRID + rng.random()))
    x = led + draft.pan * (GRID - 0.5) + wander * (draft.follow + 0.3)
    zoom = draft.zooms[0] + (draft.zooms[1] - draft.zooms[0]) * GRID
    # Aim so that the first of the cast is neither cut off above nor below, as far as can be.
    aim = way.y - way.lift - 0.5 * troupe.height * way.size
    y = np.clip(aim, -0.15, 0.15) * rng.uniform(0.3, 1.0) + 0.02 * rng.normal() + 0 * GRID
    middle = (x.max() + x.min()) / 2
    return camera(x - middle, y, zoom), float(middle)


def _realm(rng: Rng) -> str:
    return str(rng.choice(["land", "road", "water", "air"], p=[0.56, 0.22, 0.14, 0.08]))


def _start(rng: Rng, troupe: Troupe, areas: tuple[float, float], kind: str = "") -> _Draft:
    """A draft whose stage suits the first of its cast, who fills a random share of the frame."""
    area = np.exp(rng.uniform(*np.log(areas)))
    # Half of a figure's box is the figure.
    size = np.sqrt(area * ASPECT / (0.5 * troupe.length * troupe.height))
    size = min(size, 1.7 / troupe.length, 1.15 / troupe.height)
    place = stage(rng, troupe.realm, 1.0)
    land = LANDS[place.scene]
    low, high = land.realms[troupe.realm]
    # Feet are low where figures are large, so that the frame holds them.
    want = troupe.height * size * rng.uniform(0.35, 0.75) if troupe.realm != "air" else 0.3
    y = float(np.clip(want + 0.05 * rng.normal(), low, high))
    eye = (y - land.horizon) / size
    place = Stage(place.scene, eye, place.seconds, place.light, place.sun)
    lift = float(rng.uniform(0.1, 0.5) + y - 0.1) if troupe.realm == "air" else 0.0
    kind = kind or str(rng.choice(["steady", "steady", "uneven", "uneven", "pause"]))
    follow = float(rng.choice([0.0, 0.0, rng.uniform(0.5, 1.0), 1.0]))
    most = 1.2 if follow < 0.4 else 1.2 / max(1.05 - follow, 0.2)
    direction = 1 if rng.random() < 0.5 else -1
    way = course(rng, place, troupe, y, pace(rng, kind), direction, min(most, 4.0), lift)
    offset = rng.uniform(-0.35, 0.35) * (1 if follow else 0.8)
    draft = _Draft(rng, place, [(troupe, _moved(way, offset))], [], follow)
    draft.pan = float(rng.normal() * 0.15) if follow < 0.4 else float(rng.normal() * 0.08)
    if rng.random() < 0.4:
        draft.zooms = (1.0, float(rng.uniform(1.05, 1.25)))
        draft.zooms = draft.zooms if rng.random() < 0.5 else draft.zooms[::-1]
    draft.shake = float(rng.choice([0.2, 1.0, 1.0, 2.0]))
    return draft


def _join(draft: _Draft, troupe: Troupe, gap: float | None = None, kind: str = "",
          direction: int = 0, y: float | None = None, amount: float = 1.0) -> None:  # fmt: skip
    """Add somebody who is near the camera's middle at some time."""
    rng, land = draft.rng, LANDS[draft.stage.scene]
    low, high = land.realms[troupe.realm]
    if y is None:
        y = draft.cast[0][1].y + 0.10 * rng.normal()
    y = float(np.clip(y, low, high))
    lift = float(rng.uniform(0.1, 0.5) + y - 0.1) if troupe.realm == "air" else 0.0
    kind = kind or str(rng.choice(["steady", "uneven", "pause", "stand"]))
    direction = direction or (1 if rng.random() < 0.5 else -1)
    speeds = amount * pace(rng, kind)
    way = course(rng, draft.stage, troupe, y, speeds, direction, 1.5, lift)
    first = draft.cast[0][1]
    time = 60 if gap is not None else int(rng.integers(30, 91))
    middle = draft.follow * first.x[time] + draft.pan * (GRID[time] - 0.5)
    at = middle + rng.uniform(-0.65, 0.65) if gap is None else first.x[60] + gap
    draft.cast.append((troupe, _moved(way, float(at - way.x[time]))))


def _fitting(draft: _Draft) -> Troupe:
    """Somebody whom the draft's landscape has room for, of a size that can be seen."""
    realms = tuple(LANDS[draft.stage.scene].realms)
    scale = draft.cast[0][1].size
    for _ in range(40):
        troupe = casting.anyone(draft.rng, realms)
        if 0.006 < 0.5 * troupe.length * troupe.height * scale**2 / ASPECT < 0.3:
            break
    return troupe


def _single(rng: Rng) -> _Draft:
    return _start(rng, casting.anyone(rng, (_realm(rng),)), (0.015, 0.35))


def _group(rng: Rng) -> _Draft:
    draft = _start(rng, casting.anyone(rng, (_realm(rng),)), (0.02, 0.14))
    for _ in range(rng.integers(1, 5)):
        _join(draft, _fitting(draft))
    return draft


def _crowd(rng: Rng) -> _Draft:
    """Several of one make: the same maker from the same or nearly the same random numbers."""
    realm, state = _realm(rng), int(rng.integers(2**32))
    alike = rng.random() < 0.6
    name = str(rng.choice(list(casting.BREEDS)))

    def one(number: int) -> Troupe:
        own = np.random.default_rng(state if alike else [state, number])
        if realm == "land":
            return casting.animal(own, name) if state % 4 else casting.walker(own)
        return casting.MAKERS[realm][0](own)

    draft = _start(rng, one(0), (0.012, 0.08), str(rng.choice(["steady", "uneven"])))
    way = draft.cast[0][1]
    direction = 1 if way.x[-1] > way.x[0] else -1
    width = draft.cast[0][0].length * way.size
    gap = 0.0
    for number in range(1, rng.integers(2, 7)):
        gap += width * rng.uniform(0.4, 1.2) * (1 if rng.random() < 0.7 else -1)
        turned = direction if rng.random() < 0.85 else -direction
        _join(draft, one(number), gap, "steady" if rng.random() < 0.7 else "uneven", turned,
              way.y + 0.05 * rng.normal(), rng.uniform(0.6, 1.15))  # fmt: skip
    return draft


def _rider(rng: Rng) -> _Draft:
    realms = ("water",) if rng.random() < 0.18 else ("land", "road")
    draft = _start(rng, riders.rider(rng, realms), (0.03, 0.22))
    more = rng.random()
    if more < 0.25:
        _join(draft, riders.rider(rng, realms), y=draft.cast[0][1].y + 0.06 * rng.normal())
    elif more < 0.5:
        _join(draft, _fitting(draft))
    return draft


def _pair(rng: Rng) -> _Draft:
    draft = _start(rng, company.pair(rng, ("land", "road")), (0.03, 0.2))
    if rng.random() < 0.25:
        _join(draft, _fitting(draft))
    return draft


def _pauses(rng: Rng) -> _Draft:
    kinds = ["start", "stop", "pause"]
    draft = _start(rng, casting.anyone(rng, (_realm(rng),)), (0.02, 0.25), str(rng.choice(kinds)))
    for _ in range(rng.integers(0, 3)):
        _join(draft, _fitting(draft), kind=str(rng.choice([*kinds, "stand", "steady"])))
    return draft


def _occluded(rng: Rng) -> _Draft:
    """Scenery before the objects, or one object that passes behind another."""
    draft = _start(rng, casting.anyone(rng, (_realm(rng),)), (0.02, 0.18), "steady")
    way = draft.cast[0][1]
    realms = LANDS[draft.stage.scene].realms
    crossing = rng.random() < 0.5 or "water" in realms
    if crossing:
        direction = -1 if way.x[-1] > way.x[0] else 1
        _join(draft, _fitting(draft), gap=float(0.15 * rng.normal()), kind="steady",
              direction=direction, y=way.y + float(rng.uniform(0.03, 0.12)))  # fmt: skip
    if not crossing or (rng.random() < 0.4 and "water" not in realms):
        for _ in range(rng.integers(1, 4)):
            make, unit, _ = clutter.KINDS[str(rng.choice(list(clutter.KINDS)))]
            y = float(way.y + rng.uniform(0.01, 0.10))
            parts = make(rng)
            size = float(draft.stage.scale(y) * unit * rng.uniform(0.7, 1.3))
            spot = (float(way.x[60] + rng.uniform(-0.6, 0.6)), y)
            draft.scenery.append((y, _still(size, spot, parts, draft.stage.sun)))
    return draft


def _still(size: float, spot: tuple[float, float], parts: list, sun: float) -> Actor:
    return Actor(0, size, lambda time: spot, lambda time: parts, shadow=sun)


def _strong_camera(rng: Rng) -> _Draft:
    draft = _single(rng) if rng.random() < 0.5 else _group(rng)
    move = rng.integers(4)
    if move == 0:
        draft.pan = float(rng.choice([-1, 1]) * rng.uniform(0.5, 0.9))
        draft.follow = 0.0
    elif move == 1:
        draft.follow, draft.pan = 1.0, 0.0
    elif move == 2:
        draft.zooms = (1.0, float(rng.uniform(1.5, 1.9)))[:: int(rng.choice([-1, 1]))]
    draft.shake = 3.5 if move == 3 else draft.shake
    return draft


_DRAFTS: dict[str, Callable[[Rng], _Draft]] = {
    "single": _single,
    "group": _group,
    "crowd": _crowd,
    "rider": _rider,
    "pair": _pair,
    "pauses": _pauses,
    "occluded": _occluded,
    "camera": _strong_camera,
}
