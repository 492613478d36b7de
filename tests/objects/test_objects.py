from dataclasses import replace

import numpy as np
import pytest

from betrayed.config.objects import ObjectSettings
from betrayed.objects.objects import COLUMNS, objects_by_cues, objects_by_size
from support.tiny_scene import (
    BALL,
    GROUND,
    PLAIN,
    SKY,
    SPECK,
    cues,
    find,
    finer,
    rolling,
    scene,
    tokens,
    tree,
)


def figures(objects, *columns):
    """Columns of the proposals as lists of plain values, None where one is missing."""
    table = proposals(objects)
    table = table.astype(object).where(table.notna(), None)
    return [table[name].tolist() for name in columns]


def proposals(objects):
    """The rows of objects and tracks, without those of objects' parts."""
    return objects.table[objects.table["part"].isna()]


def shares(objects):
    """How much each part has of each place, (P, T, h, w)."""
    frames = range(len(objects.foreground.scores))
    return np.stack([objects.division.painter.shares(frame) for frame in frames], axis=1)


def inside(objects):
    return objects.foreground.mask


# By size


def test_all_but_the_largest_track_are_objects():
    labels = np.zeros((2, 4, 6), int)
    labels[:, :, 4:] = 2  # 16 of 48 tokens
    labels[1, 0, :3] = 7  # 3 of them, in one of two frames
    objects = objects_by_size(labels, ObjectSettings(choice="size"))
    table = objects.table
    assert tuple(table.columns) == COLUMNS
    assert table["track"].tolist() == [0, 2, 7]
    assert table["proposal"].tolist() == [1, 2, 3]
    assert table["foreground"].tolist() == [False, True, True]
    assert table["size"].tolist() == pytest.approx([29 / 48, 1 / 3, 3 / 24])
    assert table["persistence"].tolist() == [1, 1, 0.5]
    assert table[["score", "motion", "attention", "border"]].isna().all(axis=None)
    assert objects.tracks.tolist() == [0, 2, 7]
    assert objects.foreground is None and objects.division is None


def test_of_equal_tracks_the_first_is_background():
    labels = np.array([[[1, 1, 0, 0]]])
    table = objects_by_size(labels, ObjectSettings(choice="size")).table
    assert table["track"].tolist() == [0, 1]
    assert table["foreground"].tolist() == [False, True]


def test_a_single_track_is_an_object():
    table = objects_by_size(np.zeros((3, 4, 5), int), ObjectSettings(choice="size")).table
    assert (table["proposal"].tolist(), table["foreground"].tolist()) == ([1], [True])


def test_by_size_most_tracks_are_cut():
    labels = np.arange(150).reshape(1, 5, 30).repeat(3, axis=0)
    objects = objects_by_size(labels, ObjectSettings(choice="size", max_objects=20))
    assert objects.table["proposal"].tolist() == [*range(1, 21)] + [0] * 130
    assert objects.table["foreground"].sum() == 149  # cut or not
    assert sorted(objects.tracks) == list(range(150))


# By cues


def test_the_ball_that_moves_is_the_object():
    labels = scene()
    objects = rolling(labels)
    np.testing.assert_array_equal(inside(objects), finer(labels) == BALL)
    table = proposals(objects)
    assert tuple(table.columns) == COLUMNS
    # First the ball, cut from the foreground; then what lies around it.
    assert figures(objects, "track")[0] == [None, SPECK, SKY, GROUND]
    assert table["foreground"].tolist() == [True, False, False, False]
    assert table["proposal"].tolist() == [1, 2, 3, 4]
    assert table["score"].is_monotonic_decreasing
    assert objects.tracks.tolist() == [SPECK, SKY, GROUND, BALL]
    assert shares(objects).shape == (1, 6, 24, 40)
    assert shares(objects).dtype == np.float32
    assert (shares(objects) == 1).all()  # all foreground is one object


def test_the_table_by_hand():
    """Three tracks of 60, 20 and 20 tokens that move by 0, 1 and 4: scores 0, 1/4 and 1."""
    labels = np.zeros((1, 10, 10), int)
    labels[0, 6:, :5], labels[0, 6:, 5:] = 1, 2
    motion = np.choose(labels, [0.0, 1.0, 4.0])
    objects = find(labels, motion, PLAIN)
    assert figures(objects, "track", "foreground") == [[None, 1, 0], [True, False, False]]
    assert proposals(objects)["score"].tolist() == pytest.approx([1, 0.25, 0], abs=1e-6)
    assert proposals(objects)["size"].tolist() == [0.2, 0.2, 0.6]
    assert proposals(objects)["persistence"].tolist() == [1, 1, 1]
    assert proposals(objects)["motion"].tolist() == [4, 1, 0]
    assert proposals(objects)["attention"].tolist() == [0, 0, 0]
    # 12 of a corner's 20 tokens and 40 of the rest's 60 keep off the border.
    assert proposals(objects)["border"].tolist() == pytest.approx([0.6, 0.6, 2 / 3])
    assert objects.foreground.threshold == 0.6
    # From a lower score on, two tracks are one object.
    objects = find(labels, motion, replace(PLAIN, foreground_score=0.2))
    assert figures(objects, "track", "size", "motion") == [[None, 0], [0.4, 0.6], [2.5, 0]]
    assert proposals(objects)["score"].tolist() == pytest.approx([0.625, 0], abs=1e-6)


def test_size_and_persistence_by_hand():
    labels = np.zeros((4, 6, 8), int)
    labels[:2, 2:4, 3:5] = 1  # a square of 4 tokens, in two of four frames
    labels[:, 0] = 2  # the top row
    objects = find(labels, 1.0 * (labels == 1), PLAIN)
    table = proposals(objects)
    assert figures(objects, "track") == [[None, 0, 2]]
    # Sky: 40 tokens of 48, but 36 in two frames.
    assert table["size"].tolist() == pytest.approx([4 / 48, 38 / 48, 8 / 48])
    assert table["persistence"].tolist() == [0.5, 1, 1]
    assert table["border"].tolist() == pytest.approx([1, (2 * 20 + 2 * 24) / 152, 0])
    assert table["size"].mul(table["persistence"]).sum() == pytest.approx(1)


def test_weights_decide_between_cues_of_one_deviation():
    labels = np.zeros((1, 8, 8), int)
    labels[0, 2:4, 2:4], labels[0, 5:7, 5:7] = 1, 2
    for motion_weight, attention_weight, best in ((1.0, 0.5, 1), (0.5, 1.0, 2)):
        settings = replace(PLAIN, motion_weight=motion_weight, attention_weight=attention_weight)
        objects = find(labels, 1.0 * (labels == 1), settings, attention=1.0 * (labels == 2))
        np.testing.assert_array_equal(inside(objects), labels == best)


def test_levels_join_an_object_with_its_parts():
    """Wheels that stand still are found with the car that they merge with, above one level."""
    labels = np.zeros((2, 10, 12), int)
    labels[:, :, 6:] = 1
    labels[:, 3:8, 3:9], labels[:, 6:8, 4:6] = 2, 3
    moves, car = 1.0 * (labels == 2), labels >= 2
    merges = tree(labels, (0, 1, 10, 11))
    alone = find(labels, moves, PLAIN, merges=merges)
    np.testing.assert_array_equal(inside(alone), labels == 2)
    # At the second level the wheels move as the car does: about half of it over both.
    settings = replace(PLAIN, levels=2, foreground_score=0.4)
    np.testing.assert_array_equal(inside(find(labels, moves, settings, merges=merges)), car)


def test_local_motion_finds_a_part_of_a_track():
    labels = np.zeros((2, 6, 10), int)
    local = np.zeros((2, 12, 20))
    local[:, 4:8, 6:12] = 1
    settings = replace(PLAIN, local_motion_weight=0.5)
    looks = np.zeros(local.shape, int)
    objects = find(labels, np.zeros(labels.shape), settings, local_motion=local, looks=looks)
    np.testing.assert_array_equal(inside(objects), local == 1)
    assert figures(objects, "track", "foreground") == [[None, 0], [True, False]]


def test_local_motion_counts_by_its_weight():
    """The right half moves and the upper half does by itself: ±1 and ±weight, then relative."""
    labels = np.zeros((1, 4, 6), int)
    labels[:, :, 3:] = 1
    local = np.zeros(labels.shape)
    local[:, :2] = 1
    for weight in (0.0, 0.5, 0.8):
        settings = replace(PLAIN, local_motion_weight=weight)
        objects = find(labels, 1.0 * (labels == 1), settings, local_motion=local)
        # Half of the places lie above 0, which is the median; the best have 1 + weight.
        wanted = (2 * labels - 1 + weight * (2 * local - 1)) / (1 + weight)
        np.testing.assert_allclose(objects.foreground.scores, wanted, atol=1e-6)


def test_a_track_that_mostly_lies_in_the_foreground_is_its_fringe():
    labels = np.zeros((1, 10, 10), int)
    labels[0, 5:, :5], labels[0, 5:, 5:] = 1, 2
    settings = replace(PLAIN, local_motion_weight=1.0)
    still = np.zeros(labels.shape)
    for rows, listed in ((2, {None, 0, 1, 2}), (3, {None, 0, 1})):  # 10 or 15 of 25 tokens
        local = np.zeros(labels.shape)
        local[0, 5 : 5 + rows, 5:] = 1
        objects = find(labels, still, settings, local_motion=local)
        assert set(figures(objects, "track")[0]) == listed
        assert sorted(objects.tracks) == [0, 1, 2]  # labels of all of them


def two_things():
    """Two tracks that move, the smaller one more: looks by track."""
    labels = np.zeros((3, 12, 20), int)
    labels[:, 3:9, 2:9] = 1
    labels[:, 3:9, 12:17] = 2
    return labels, np.choose(labels, [0.0, 3.0, 4.0])


def test_objects_that_look_different_are_two_the_best_first():
    labels, motion = two_things()
    objects = find(labels, motion, PLAIN, looks=labels)
    assert figures(objects, "track", "foreground", "proposal") == [
        [None, None, 0],
        [True, True, False],
        [1, 2, 3],
    ]
    assert proposals(objects)["size"].tolist() == pytest.approx([30 / 240, 42 / 240, 168 / 240])
    assert proposals(objects)["motion"].tolist() == [4, 3, 0]
    assert shares(objects).shape == (2, 3, 12, 20)
    # Parts are in the order in which they were found, by size; they name objects by rank.
    for part, (track, number) in enumerate([(1, 1), (2, 0)]):
        assert (shares(objects).argmax(axis=0)[labels == track] == part).all()
        assert objects.division.object_of[part] == number
    parts = objects.table[objects.table["part"].notna()]
    assert parts[["part", "part_of"]].to_numpy().tolist() == [[1, 2], [2, 1]]


def test_objects_that_look_alike_are_one():
    labels, motion = two_things()
    assert figures(find(labels, motion, PLAIN), "track") == [[None, 0]]
    apart = replace(PLAIN, part_distance=2.0)
    assert figures(find(labels, motion, apart, looks=labels), "track") == [[None, 0]]


def test_neighbours_agree_on_their_part():
    """A token that looks a little more like the other thing goes with those around it."""
    labels, motion = two_things()
    seen = tokens(labels)
    seen[1, 6 * 20 + 4] = (0, 0.6, 0.8)  # within the first thing
    belongs = {}
    for strength in (0.0, 3.0):
        settings = replace(PLAIN, part_diffusion=strength)
        local_motion = np.zeros(labels.shape)
        maps = cues(labels, motion)
        found = objects_by_cues(labels, tree(labels), maps, local_motion, seen, None, settings)
        belongs[strength] = shares(found)  # by size, the first thing first
    assert belongs[0.0][:, 1, 6, 4].tolist() == [0, 1]
    assert belongs[3.0][0, 1, 6, 4] > 0.7
    assert set(np.unique(belongs[0.0])) == {0, 1}
    assert (belongs[3.0].argmax(axis=0)[labels == 1] == 0).all()
    assert (belongs[3.0].argmax(axis=0)[labels == 2] == 1).all()


def test_scores_even_out_between_neighbours_that_look_alike():
    labels = np.zeros((2, 12, 20), int)
    labels[:, 3:9, 5:12] = 1
    labels[0, 5, 7] = 2  # a hole in the thing: it looks like it, but does not move
    motion, looks = 1.0 * (labels == 1), 1 * (labels > 0)
    assert not inside(find(labels, motion, PLAIN, looks=looks))[0, 5, 7]
    smooth = find(labels, motion, replace(PLAIN, diffusion=0.3), looks=looks)
    np.testing.assert_array_equal(inside(smooth), labels > 0)


def test_most_proposals_are_cut():
    """What is around the objects is; these are joined, so that the foreground stays whole."""
    labels, motion = two_things()
    objects = find(labels, motion, replace(PLAIN, max_objects=1), looks=labels)
    assert proposals(objects)["proposal"].tolist() == [1, 0]
    assert proposals(objects)["foreground"].tolist() == [True, False]
    assert proposals(objects)["size"][0] == pytest.approx(72 / 240)


def test_a_speck_does_not_set_the_scale():
    labels = scene(frames=1)
    # The speck is one of 240 tokens: less than the share that may lie above.
    motion = np.choose(labels, [0.0, 0.0, 50.0, 20.0])
    objects = find(labels, motion, PLAIN)
    assert inside(objects)[labels == BALL].all()


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("settings", [PLAIN, ObjectSettings(border_weight=0.0)])
def test_there_is_always_a_foreground(frames, settings):
    """Cues that tell nothing leave all places alike, and all of them are foreground."""
    for tracks in (1, 2):
        labels = np.zeros((frames, 4, 6), int)
        labels[:, :, 3:] = tracks - 1
        objects = find(labels, np.zeros(labels.shape), settings)
        assert inside(objects).all()
        assert figures(objects, "track", "proposal", "foreground") == [[None], [1], [True]]
        assert objects.tracks.tolist() == list(range(tracks))
        table = proposals(objects)
        assert (table["size"][0], table["persistence"][0], table["score"][0]) == (1, 1, 0)


@pytest.mark.parametrize("grid", [(12, 20), (13, 20), (17, 33), (40, 41)])
def test_tokens_on_any_grid_that_is_no_coarser(grid):
    """Every place of it lies in one proposal, or in the fringe of the ball."""
    labels = scene(2)
    looks = np.zeros((2, *grid), int)
    objects = find(labels, 1.0 * (labels == BALL), PLAIN, looks=looks)
    assert objects.foreground.scores.shape == looks.shape and shares(objects).shape == (
        1,
        *looks.shape,
    )
    sizes = proposals(objects)["size"] * proposals(objects)["persistence"]
    assert sizes[0] == pytest.approx(inside(objects).mean())
    assert 0.97 < sizes.sum() < 1 + 1e-9


@pytest.mark.parametrize("frames", [1, 2])
def test_short_videos(frames):
    labels = scene(frames)
    objects = rolling(labels)
    np.testing.assert_array_equal(inside(objects), finer(labels) == BALL)


def test_the_same_twice():
    one, two = rolling(scene()), rolling(scene())
    assert one.table.equals(two.table)
    np.testing.assert_array_equal(one.foreground.scores, two.foreground.scores)
    np.testing.assert_array_equal(shares(one), shares(two))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_objects": 0}, "max_objects"),
        ({"max_objects": 255}, "max_objects"),
        ({"motion_weight": -1.0}, "motion_weight"),
        ({"motion_weight": 0.0, "attention_weight": 0.0, "border_weight": 0.0}, "weights"),
        ({"foreground_score": 1.5}, "foreground_score"),
        ({"levels": 0}, "levels"),
        ({"local_motion_weight": -0.5}, "local_motion_weight"),
        ({"diffusion": -0.1}, "diffusion"),
        ({"diffusion_frames": -1}, "diffusion_frames"),
        ({"part_diffusion": -1.0}, "part_diffusion"),
        ({"part_distance": 2.5}, "part_distance"),
        ({"least_instances": 0}, "least_instances"),
        ({"least_instances": 4, "most_instances": 3}, "most_instances"),
        ({"split": 0.5}, "part_split\n.*must be at least split"),
    ],
)
def test_refuses_settings(settings, says):
    with pytest.raises(ValueError, match=says):
        ObjectSettings(**settings)
