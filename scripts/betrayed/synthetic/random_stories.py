"""Random stories: as many clips as wanted, each told by a seed, a number and a kind.

A story is drawn at random, its ids are looked at in a small size, and it is drawn anew where too
little of its objects is seen, so all clips have something to find.
"""

import numpy as np

from betrayed.synthetic.drafts import ASPECT, KINDS, Draft, draft
from betrayed.synthetic.rendering import story_ids
from betrayed.synthetic.staging import GRID, actors, camera, grade
from betrayed.synthetic.story import Actor, Story

SHARES = ((1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (1.0, 0.8), (0.85, 1.0))  # of height and width
TRIES = 300


def kind_of(index: int) -> str:
    """The kind of a data set's clip: each kind in turn."""
    return KINDS[index % len(KINDS)]


def random_story(seed: int, index: int, kind: str | None = None) -> Story:
    """The story of one clip; the same seed, index and kind give the same one."""
    kind = kind or kind_of(index)
    plot = float(np.random.default_rng([seed, index, KINDS.index(kind)]).random())
    for attempt in range(TRIES):
        rng = np.random.default_rng([seed, index, KINDS.index(kind), attempt])
        story, cast = _tell(draft(rng, kind, plot), index, kind)
        if _worth_seeing(story, cast, kind):
            return story
    raise RuntimeError(f"In {TRIES} tries seed {seed} gave no story {index} of the kind {kind}.")


def _worth_seeing(story: Story, cast: list[Actor], kind: str) -> bool:
    """Whether all objects are seen, one of them most of the time, and some ground is left."""
    ids = story_ids(story, cast, (80, 144), 9)
    objects = max(actor.id for actor in cast)
    areas = np.stack([(ids == number).mean((1, 2)) for number in range(1, objects + 1)])
    if areas.max(1).min() < 0.002 or areas.sum(0).mean() > 0.6:
        return False
    if (areas > 0.006).mean(1).max() < (0.6 if kind == "occluded" else 0.8):
        return False
    if kind in ("rider", "pair"):
        return bool((areas[:2] > 0.002).mean(1).min() > 0.7)
    if kind == "occluded":
        # Hidden in some frames and seen in others, by scenery, by another, or outside the frame.
        alone = [actor for actor in cast if actor.id == 1]
        whole = (story_ids(story, alone, (80, 144), 9) > 0).mean((1, 2))
        seen = areas[0] / max(whole.max(), 1e-6)
        return bool(seen.min() < 0.6 and (seen > 0.75).sum() >= 3)
    return True


def _tell(story: Draft, index: int, kind: str) -> tuple[Story, list[Actor]]:
    """The story as it is rendered, and its cast."""
    rng = story.rng
    x, y, zoom = _camera_way(story)
    middle = float(x.max() + x.min()) / 2  # becomes the landscape's middle
    cast = [_beside(prop, -middle) for prop in story.scenery]
    first = 1
    for troupe, way in story.cast:
        cast += actors(story.stage, troupe, way.beside(-middle), first)
        first += troupe.objects
    reach = float((np.abs(x - middle) + ASPECT / 2 / zoom).max()) * 1.05 + 0.1
    recoloured = rng.random() < 0.75
    told = Story(
        f"random-{index:04d}-{kind}",
        f"{', '.join(troupe.name for troupe, _ in story.cast)} ({story.stage.scene})",
        story.stage.scene,
        camera(x - middle, y, zoom),
        lambda *_: cast,
        light=story.stage.light,
        share=SHARES[rng.integers(len(SHARES))],
        reach=reach,
        shake=story.shake,
        land=grade(rng, True) if recoloured else None,
        film=grade(rng, False),
        by_depth=True,
    )
    return told, cast


def _beside(prop: Actor, x: float) -> Actor:
    """A still piece of scenery, ``x`` farther right."""
    at, foot = prop.path(0.0)
    return Actor(0, prop.size, lambda time: (at + x, foot), prop.parts, shadow=prop.shadow)


def _camera_way(story: Draft) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the camera looks, world x and y, and its zoom: (121,) along GRID each."""
    rng, (troupe, way) = story.rng, story.cast[0]
    kernel = np.hanning(25) / np.hanning(25).sum()
    led = np.convolve(np.pad(way.x, 12, "edge"), kernel, "valid") * story.follow
    wander = 0.03 * np.sin(2 * np.pi * (rng.uniform(0.3, 1) * GRID + rng.random()))
    x = led + story.pan * (GRID - 0.5) + wander * (story.follow + 0.3)
    zoom = story.zooms[0] + (story.zooms[1] - story.zooms[0]) * GRID
    # Aim so that the first of the cast is neither cut off above nor below, as far as can be.
    aim = float((way.y - way.lift - 0.5 * troupe.height * way.size).mean())
    y = np.clip(aim, -0.15, 0.15) * rng.uniform(0.3, 1.0) + 0.02 * rng.normal() + 0 * GRID
    return x, y, zoom
