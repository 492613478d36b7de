from dataclasses import replace

import cv2
import numpy as np
import pytest

from betrayed.io.palette import read_ids
from betrayed.synthetic import riders
from betrayed.synthetic.drafts import KINDS, draft
from betrayed.synthetic.film import SyntheticSettings, make_dataset, render_clip, tell
from betrayed.synthetic.random_stories import random_story
from betrayed.synthetic.rendering import render_story, story_ids
from betrayed.synthetic.staging import GRID, MIDDLE, pace
from betrayed.synthetic.troupe import Moment

pytestmark = pytest.mark.slow

SIZE = (80, 144)


def cast_of(story):
    return story.cast(np.random.default_rng(0), 1.8)


def ids_of(seed, index, kind, frames=9):
    """(T, 80, 144) ids of a story."""
    story = random_story(seed, index, kind)
    return story_ids(story, cast_of(story), SIZE, frames)


def test_a_data_set_has_every_kind_in_turn_and_the_same_bytes_from_the_same_seed(tmp_path):
    settings = SyntheticSettings(seed=3, stories="random", clips=9, frames=2, height=60, width=100)
    for name in ("one", "two"):
        make_dataset(tmp_path / name, settings)
    names = [tell(number, settings).name for number in range(settings.clips)]
    assert names[3] == "random-0003-rider"
    assert [name.split("-")[2] for name in names] == [*KINDS, KINDS[0]]
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 9 * 4 + 1
    for path in files:
        assert (
            path.read_bytes()
            == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
        )
    assert "random stories, seed 3" in (tmp_path / "one" / "README.txt").read_text()
    ids = read_ids(tmp_path / "one" / "annotations" / names[0] / "00000.png")
    assert (ids == render_clip(0, settings)[0][1]).all()


def test_another_seed_tells_other_stories():
    settings = [SyntheticSettings(seed, "random", 1, 1, 60, 100) for seed in (1, 2)]
    (one, ids), (two, others) = (render_clip(0, each)[0] for each in settings)
    assert one.shape != two.shape or ((one != two).mean() > 0.5 and (ids != others).any())


@pytest.mark.parametrize("kind", KINDS)
def test_all_objects_are_seen_and_one_of_them_most_of_the_time(kind):
    for index in range(3):
        ids = ids_of(11, index, kind)
        areas = np.stack([(ids == number).mean((1, 2)) for number in range(1, ids.max() + 1)])
        assert areas.max(1).min() > 0.001
        assert (areas > 0.005).mean(1).max() > 0.5
        assert (ids == 0).mean() > 0.3


@pytest.mark.parametrize("kind", ["rider", "pair"])
def test_two_objects_keep_together(kind):
    for index in range(3):
        story = random_story(5, index, kind)
        cast = [actor for actor in cast_of(story) if actor.id in (1, 2)]
        ids = story_ids(story, cast, (240, 432), 6)
        reach = 0.02 if kind == "rider" else 0.12
        near, both = 0, 0
        for frame in ids:
            one, two = (frame == 1).astype(np.uint8), (frame == 2).astype(np.uint8)
            if min(one.sum(), two.sum()) > 100:
                away = cv2.distanceTransform(1 - one, cv2.DIST_L2, 5)
                near += away[two > 0].min() < reach * 240
                both += 1
        assert both >= 3
        assert near == both, story.about


def test_a_rider_sways_a_little_on_the_mount():
    for seed in range(5):
        troupe = riders.on_animal(np.random.default_rng(seed))
        rider, mount = troupe.pieces[0], troupe.pieces[1]
        moments = [Moment(time, 2 * time, 5 * time, 1.0) for time in np.linspace(0, 1, 50)]
        seats = np.array([rider.place(moment) for moment in moments])
        assert (rider.number, mount.number) == (0, 1)
        assert 0.01 < np.ptp(seats[:, 1]) < 0.3
        assert {mount.place(moment) for moment in moments} == {(0.0, 0.0)}


def test_a_crowd_is_of_one_kind():
    for index in range(6):
        names = random_story(9, index, "crowd").about.split(" (")[0].split(", ")
        assert len(names) >= 2
        assert len({name.split()[0] for name in names if "boat" not in name}) <= 1


def test_someone_stands_for_a_part_of_a_clip_with_pauses():
    for seed in range(6):
        way = draft(np.random.default_rng(seed), "pauses", 0.5).cast[0][1]
        assert (way.effort < 0.01).mean() > 0.1
        assert (way.effort > 0.1).mean() > 0.1
        still = np.abs(np.diff(way.x))[way.effort[1:] < 1e-6]
        assert still.size == 0 or still.max() < 0.01


def test_who_is_occluded_comes_and_goes():
    hidden = 0
    for index in range(8):
        story = random_story(4, index, "occluded")
        cast = cast_of(story)
        seen = (story_ids(story, cast, SIZE, 9) == 1).sum((1, 2))
        alone = (story_ids(story, [a for a in cast if a.id == 1], SIZE, 9) == 1).sum((1, 2))
        share = seen / alone.max()
        assert share.min() < 0.7
        assert share.max() > 0.7
        hidden += share.min() < 0.05
    assert hidden


def test_masks_are_exactly_what_an_object_covers():
    # Without its shadow and taken out of the cast, an object changes the pixels of its mask alone,
    # but for the half-covered rim and the lens' blur.
    settings = SyntheticSettings(frames=2, height=120, width=216)
    for index, kind in ((0, "single"), (1, "rider"), (2, "group")):
        story = replace(random_story(8, index, kind), film=None)
        cast = [replace(actor, shadow=0.0) for actor in cast_of(story)]
        rest = [actor for actor in cast if actor.id != 1]
        rest.append(replace(cast[0], id=1, path=lambda time: (99.0, 0.0)))
        with_it, without = (
            render_story(replace(story, cast=lambda *_, who=who: who), settings, (1, 2))
            for who in (cast, rest)
        )
        for (frame, ids), (empty, _) in zip(with_it, without, strict=True):
            changed = np.abs(frame.astype(int) - empty).max(2) > 8
            mask = (ids == 1).astype(np.uint8)
            around = cv2.dilate(mask, np.ones((7, 7), np.uint8)) > 0
            # Thin parts, half a pixel wide, change pixels without owning them.
            assert (changed & ~around).sum() <= 0.05 * max(mask.sum(), 40)
            assert changed[mask > 0].mean() > 0.85 or not mask.any()


def test_paces_start_and_stop_as_they_are_called():
    rng = np.random.default_rng(0)
    assert pace(rng, "start")[0] == 0 == pace(rng, "stop")[-1]
    assert pace(rng, "start")[-1] == 1 == pace(rng, "stop")[0]
    pause = pace(rng, "pause")
    assert pause[[0, -1]] == pytest.approx(1)
    assert pause.min() == 0
    turn = pace(rng, "turn")
    assert turn[0] == -turn[-1] == 1
    assert GRID[MIDDLE] == 0.5


def test_random_clips_have_no_upper_bound_and_fixed_ones_have():
    settings = SyntheticSettings(stories="random", clips=5000)
    assert tell(4999, settings).name == "random-4999-camera"
    with pytest.raises(ValueError, match="must be at most 6 when stories is 'fixed', not 7"):
        SyntheticSettings(clips=7)
    with pytest.raises(ValueError, match="should be 'fixed' or 'random'"):
        SyntheticSettings(stories="free")
