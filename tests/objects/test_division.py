"""From a foreground to objects and parts, through files and masks of a tiny scene."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

import betrayed.objects.objects as objects_module
from betrayed.config.objects import ObjectSettings
from betrayed.io.palette import read_ids, save_palette_png
from betrayed.objects.affinity import affinity
from betrayed.objects.division import Division, by_appearance, by_trajectories, undivided
from betrayed.objects.foreground import Foreground
from betrayed.objects.instances import InstanceSettings
from betrayed.objects.mask_writing import write_masks
from betrayed.objects.masks import read_parts, read_proposals
from betrayed.objects.objects import COLUMNS, objects_by_cues, objects_by_size
from betrayed.objects.outlines import Outlines, enlarged
from betrayed.objects.painting import GridPainter
from betrayed.objects.trajectories import Trajectories
from betrayed.video.video import Video
from support.naive_presence import MEASURED, check_presence
from support.tiny_scene import cues, finer, points_of, tokens, tree, two_balls

SIZE = (96, 180)
WAYS = [(0, 0), (0, 1), (0, -1)]  # rows and columns of tokens a frame
TWO = ObjectSettings(least_instances=2, most_instances=2)
USUAL = InstanceSettings(split=-0.5, part_split=0.0, least=1, most=10)


def points_in(rows, count, size=SIZE):
    """What would be read from a file of these rows."""
    ids, frame, y, x = np.array(rows, float).reshape(-1, 4).T
    starts = np.searchsorted(frame, np.arange(count + 1))
    return Trajectories(ids.astype(np.int32), starts, np.stack([y, x], 1).astype("f4"), size)


def told_apart(labels, points, size=SIZE):
    outlines = Outlines(foreground_of(labels), size, None)
    return by_trajectories(points, outlines, tokens(labels), labels.shape[1:], USUAL)


def foreground_of(labels):
    inside = (labels > 0).astype(np.float32)
    return Foreground(inside, 0.5, affinity(tokens(labels), labels.shape[1:], 1))


@pytest.fixture(scope="module")
def balls():
    labels = two_balls()
    return labels, points_in(points_of(labels, WAYS, SIZE), len(labels))


def found_in(labels, points, settings):
    moves = 1.0 * (labels > 0)
    looks = finer(labels)
    return objects_by_cues(
        labels, tree(labels), cues(labels, moves), finer(moves), tokens(looks), points, settings
    )


def written(folder, labels, objects, size=SIZE):
    write_masks(folder, labels, objects, size)
    kinds = [kind for kind in ("proposals", "parts", "foreground") if (folder / kind).is_dir()]
    maps = {
        kind: np.stack([read_ids(path) for path in sorted((folder / kind).iterdir())])
        for kind in kinds
    }
    return maps, pd.read_csv(folder / "objects.csv")


@pytest.mark.parametrize(
    ("natural", "looks", "least", "wanted"),
    [
        (1, 1, 1, "looks"),
        (1, 3, 1, "looks"),
        (2, 3, 1, "points"),
        (4, 2, 1, "points"),
        (5, 2, 1, "looks"),  # fallen to pieces
        (5, 1, 1, "points"),  # unless looks know no better
        (2, 3, 2, "points"),  # as many as are asked for
        (1, 3, 2, "looks"),  # hardly a point was seen
    ],
)
def test_combined_goes_by_looks_where_points_tell_nothing(
    balls, monkeypatch, natural, looks, least, wanted
):
    """Both ways are made to find so many objects; the confidence of the first says which it was."""

    def division(count, confidence, natural=1):
        labels = balls[0]
        shares = np.ones((count, *finer(labels).shape), np.float32)
        painter = GridPainter(shares / count)
        return Division(painter, np.arange(count), np.full(count, confidence), natural)

    points, tokens_alone = division(natural, 0.75, natural), division(looks, 0.25)
    monkeypatch.setattr(objects_module, "by_trajectories", lambda *_: points)
    monkeypatch.setattr(objects_module, "by_appearance", lambda *_: tokens_alone)
    monkeypatch.setattr(objects_module, "confidence_by_points", lambda one, _: one.confidence)
    settings = ObjectSettings(least_instances=least)
    assert settings.instances == "combined"
    table = found_in(*balls, settings).table
    assert table["confidence"].max() == {"points": 0.75, "looks": 0.25}[wanted]
    for way, confidence in (("trajectories", 0.75), ("appearance", 0.25)):
        table = found_in(*balls, ObjectSettings(instances=way)).table
        assert table["confidence"].max() == confidence


# Divisions


def test_undivided():
    whole = undivided((3, 4, 5))
    assert whole.object_of.tolist() == [0] and np.isnan(whole.confidence).all()
    for frame in range(3):
        assert (whole.painter.shares(frame) == 1).all()


def test_balls_that_roll_apart_are_two_by_their_points(balls):
    labels, points = balls
    division = told_apart(labels, points)
    assert division.confidence.shape == (2,)
    assert ((division.confidence > 0.3) & (division.confidence <= 1)).all()
    for frame in range(len(labels)):
        shares = division.painter.shares(frame)
        together = np.stack([shares[division.object_of == one].sum(0) for one in (0, 1)])
        winner = together.argmax(axis=0)  # at the points' own size
        rows, columns = (
            (np.arange(n) + 0.5) * k / n
            for n, k in zip(winner.shape, labels.shape[1:], strict=True)
        )
        large = labels[frame][np.ix_(rows.astype(int), columns.astype(int))]
        one, other = (np.bincount(winner[large == ball], minlength=2) for ball in (1, 2))
        assert one.max() > 0.95 * one.sum() and other.max() > 0.95 * other.sum()
        assert one.argmax() != other.argmax()


@pytest.mark.parametrize("rows", [[], [(0, 0, 3.0, 3.0), (0, 1, 3.0, 3.0)]])
def test_without_points_on_the_foreground_it_is_one(balls, rows):
    labels, _ = balls
    points = points_in(rows, len(labels))
    division = told_apart(labels, points)
    assert division.object_of.tolist() == [0]
    assert division.painter.shares(0).shape == (1, *labels.shape[1:])


def test_places_are_those_of_the_videos_own_pixels(balls):
    """The same points in a video of four times as many pixels a side tell the same apart."""
    labels, points = balls
    large = (4 * SIZE[0], 4 * SIZE[1])
    others = points_in(points_of(labels, WAYS, large), len(labels), large)
    one, two = (told_apart(labels, these, these.frame_size) for these in (points, others))
    # Objects are compared: parts of balls of one colour hang on the last digits.
    shares = [
        [division.painter.shares(2)[division.object_of == number].sum(axis=0) for number in (0, 1)]
        for division in (one, two)
    ]
    assert one.object_of.max() == two.object_of.max() == 1
    np.testing.assert_allclose(shares[0], shares[1], atol=0.05)


def test_by_appearance_in_order_of_size(balls):
    labels, _ = balls
    labels = np.where(np.arange(30) == 27, 2, labels)  # the second thing is larger
    division = by_appearance(tokens(labels), foreground_of(labels), 0.45, 0.0, 1, 10)
    assert division.object_of.tolist() == [0, 1] and np.isnan(division.confidence).all()
    shares = division.painter.shares(0)
    np.testing.assert_array_equal(
        shares.argmax(0)[labels[0] > 0] == 0, (labels[0] == 2)[labels[0] > 0]
    )


def test_an_object_alone_has_a_confidence(balls):
    """A single object is found by its looks, and its points say how sure it is."""
    labels = np.where(np.arange(30) < 15, balls[0], 0)  # one of the balls
    points = points_in(points_of(labels, WAYS, SIZE), len(labels))
    table = found_in(labels, points, ObjectSettings()).table
    objects = table[table["foreground"] & table["part"].isna()]
    assert len(objects) == 1 and objects["confidence"].between(0.3, 1).all()


def test_enlarged_is_cubic_and_keeps_the_mean():
    scores = np.random.default_rng(0).random((6, 8)).astype(np.float32)
    large = enlarged(scores, (24, 32))
    assert large.shape == (24, 32)
    np.testing.assert_allclose(large.mean(), scores.mean(), atol=0.03)
    np.testing.assert_array_equal(enlarged(scores, (6, 8)), scores)


# Masks


@pytest.fixture(scope="module")
def masks(balls, tmp_path_factory):
    labels, points = balls
    objects = found_in(labels, points, TWO)
    folder = tmp_path_factory.mktemp("masks") / "balls"
    return folder, objects, *written(folder, labels, objects)


def test_table_of_objects_and_parts(masks, balls):
    folder, objects, _, table = masks
    labels, _ = balls
    assert tuple(table.columns) == COLUMNS
    assert table["foreground"].tolist()[:2] == [True, True]
    assert table["proposal"].tolist()[:2] == [1, 2]
    assert table["track"].isna()[:2].all() and table["part"].isna()[:2].all()
    assert table["confidence"][:2].between(0, 1).all()
    assert (table["first_frame"][:2] == 0).all()
    assert (table["last_frame"][:2] == len(labels) - 1).all()
    parts = table[table["part"].notna()]
    assert parts.index[0] == len(table) - len(parts)  # parts come last
    assert parts["part"].tolist() == list(range(1, len(parts) + 1))
    assert set(parts["part_of"]) == {1, 2}
    assert (parts["proposal"] == 0).all() and parts["foreground"].all()
    assert parts["confidence"].isna().all() and parts["track"].isna().all()
    # The parts of an object have its places between them.
    size = table["size"] * table["persistence"]
    for number in (1, 2):
        own = parts.index[parts["part_of"] == number]
        assert size[own].sum() == pytest.approx(size[number - 1], abs=1e-4)
    check_presence(folder, table)
    own, found = (one.drop(columns=MEASURED) for one in (table, objects.table))
    pd.testing.assert_frame_equal(
        own, found.astype(own.dtypes.to_dict()), atol=1e-6, check_dtype=False
    )


def test_every_part_lies_in_the_object_that_it_is_of(masks):
    _, _, maps, table = masks
    parts = table[table["part"].notna()]
    inside = maps["foreground"] > 0
    np.testing.assert_array_equal(maps["parts"] > 0, inside)
    part_of = np.zeros(256, int)
    part_of[parts["part"].astype(int)] = parts["part_of"]
    np.testing.assert_array_equal(part_of[maps["parts"]][inside], maps["proposals"][inside])
    assert set(np.unique(maps["parts"])) <= {0, *parts["part"]}


def test_balls_have_an_object_each(masks, balls):
    _, _, maps, _ = masks
    labels, _ = balls
    rows, columns = (np.arange(n) * k // n for n, k in zip(SIZE, labels.shape[1:], strict=True))
    large = labels[:, rows[:, None], columns]
    for ids, truth in zip(maps["proposals"], large, strict=True):
        counts = np.stack([np.bincount(ids[truth == ball], minlength=3)[:3] for ball in (1, 2)])
        best = counts.argmax(axis=1)
        assert sorted(best) == [1, 2]
        assert (counts.max(axis=1) > 0.8 * (counts.sum(axis=1))).all()
    own = [np.bincount(maps["proposals"][large == ball]).argmax() for ball in (1, 2)]
    for ids, truth in zip(maps["proposals"], large, strict=True):  # and keep it
        assert [np.bincount(ids[truth == ball]).argmax() for ball in (1, 2)] == own


@pytest.mark.parametrize(
    "settings",
    [
        ObjectSettings(),
        ObjectSettings(instances="none"),
        ObjectSettings(instances="appearance"),
        ObjectSettings(split=5.0, part_split=6.0),
        ObjectSettings(max_objects=1),
    ],
)
def test_the_foreground_is_the_same_however_it_is_divided(masks, balls, tmp_path, settings):
    labels, points = balls
    maps, table = written(tmp_path / "m", labels, found_in(labels, points, settings))
    np.testing.assert_array_equal(maps["foreground"], masks[2]["foreground"])
    np.testing.assert_array_equal(maps["parts"] > 0, maps["foreground"] > 0)
    count = int((table["foreground"] & table["part"].isna()).sum())
    if settings.instances == "none" or settings.max_objects == 1:
        assert count == 1
        np.testing.assert_array_equal(maps["proposals"] == 1, maps["foreground"] > 0)
    if settings.instances == "none":
        np.testing.assert_array_equal(maps["parts"] == 1, maps["foreground"] > 0)
        assert table["part"].dropna().tolist() == [1]
        assert table["confidence"].isna().all()
    if settings.instances == "appearance":
        assert count == 2 and table["confidence"].isna().all()


@pytest.mark.parametrize("instances", ["combined", "trajectories", "appearance"])
@pytest.mark.parametrize(("least", "most"), [(1, 1), (3, 3), (4, 9)])
def test_objects_are_as_many_as_the_settings_allow(balls, instances, least, most):
    """There are two balls; without points they are told apart by their looks."""
    settings = ObjectSettings(instances=instances, least_instances=least, most_instances=most)
    labels, points = balls
    for seen in (points, points_in([], len(labels))):
        if instances == "trajectories" and seen is not points:
            continue
        division = found_in(labels, seen, settings).division
        assert least <= len(division.confidence) <= most
        assert set(division.object_of) == set(range(len(division.confidence)))


def test_by_size_there_are_no_parts(balls, tmp_path):
    labels, _ = balls
    objects = objects_by_size(labels, ObjectSettings(choice="size"))
    maps, table = written(tmp_path / "m", labels, objects)
    assert sorted(maps) == ["foreground", "proposals"]
    assert table[["part", "part_of", "confidence"]].isna().all(axis=None)


def test_the_same_bytes_twice(masks, balls, tmp_path):
    labels, points = balls
    write_masks(tmp_path / "m", labels, found_in(labels, points, TWO), SIZE)
    for path in sorted(masks[0].rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "m" / path.relative_to(masks[0])).read_bytes()


@pytest.mark.parametrize("frames", [1, 2])
def test_short_videos(frames, tmp_path):
    labels = two_balls(frames)
    points = points_in(points_of(labels, WAYS, SIZE), frames)
    maps, table = written(tmp_path / "m", labels, found_in(labels, points, TWO))
    assert maps["proposals"].shape == (frames, *SIZE)
    assert table["proposal"].tolist()[:2] == [1, 2]


@pytest.mark.slow
def test_more_parts_than_an_image_holds_are_never_written(tmp_path):
    """Of 8 bits: 60 objects of more than 300 points, each seen in a frame, and apart from all."""
    labels = two_balls(6)
    large = labels.repeat(SIZE[0] // labels.shape[1], axis=1)
    large = large.repeat(SIZE[1] // labels.shape[2], axis=2)
    rows = [(i, *place) for i, place in enumerate(np.argwhere(large > 0)[::7])]
    settings = ObjectSettings(
        max_objects=254, most_instances=254, least_instances=60, split=50.0, part_split=60.0
    )
    objects = found_in(labels, points_in(rows, 6), settings)
    maps, table = written(tmp_path / "m", labels, objects)
    assert 200 < table["part"].max() <= 254
    assert set(np.unique(maps["parts"])) <= {0, *table["part"].dropna()}


@pytest.mark.slow
def test_a_long_video():
    """Ten minutes at a frame a second: little memory beside the tokens."""
    labels = two_balls(600)
    labels = np.where(np.arange(600)[:, None, None] % 100 < 3, 0, labels)  # nothing now and then
    rows = points_of(two_balls(6), WAYS, SIZE)
    rows = [(i + 1000 * k, f + 6 * k, y, x) for k in range(100) for i, f, y, x in rows]
    points, seen = points_in(rows, 600), tokens(labels)
    foreground = Foreground((labels > 0).astype(np.float32), 0.5, None)
    tracemalloc.start()
    division = by_trajectories(
        points, Outlines(foreground, SIZE, None), seen, labels.shape[1:], USUAL
    )
    assert tracemalloc.get_traced_memory()[1] < 300e6
    tracemalloc.stop()
    for frame in (0, 1, 50, 599):
        np.testing.assert_allclose(division.painter.shares(frame).sum(0), 1, atol=1e-5)


# Reading parts

COLUMNS_READ = "proposal,part,part_of,track,score"


def folder_of(path, proposals, parts, rows):
    """A folder of masks (T, H, W), its table as text, and the video that they are of."""
    for kind, masks in (("proposals", proposals), ("parts", parts)):
        if masks is not None:
            (path / kind).mkdir(parents=True)
            for index, one in enumerate(masks):
                save_palette_png(path / kind / f"{index:05d}.png", one.astype(np.uint8))
    (path / "objects.csv").write_text("\n".join([COLUMNS_READ, *rows]) + "\n")
    count, height, width = proposals.shape
    record = Video("toy", count, height, width, None, "toy", (), None, None, "ids", 0, None)
    return path, record, list(range(count))


def test_parts_take_the_place_of_their_objects(tmp_path):
    proposals = np.array([[[0, 1, 1, 2, 3, 4]]] * 2)  # two objects, tracks 3 and 4
    parts = np.array([[[0, 1, 2, 3, 0, 0]]] * 2)
    rows = ["1,,,,1", "2,,,,1", "3,,,0,1", "4,,,7,1", "0,1,1,,1", "0,2,1,,1", "0,3,2,,1"]
    given = folder_of(tmp_path / "m", proposals, parts, rows)
    # No more ids than there are proposals: track 3 is 4, and track 4 gives way.
    np.testing.assert_array_equal(read_parts(*given), [[[0, 1, 2, 3, 4, 0]]] * 2)
    np.testing.assert_array_equal(read_proposals(*given), proposals)


def test_as_many_parts_as_objects_leave_all_tracks(tmp_path):
    proposals, parts = np.array([[[0, 2, 1, 3, 4]]]), np.array([[[0, 1, 2, 0, 0]]])
    rows = ["1,,,,1", "2,,,,1", "3,,,0,1", "4,,,7,1", "0,1,2,,1", "0,2,1,,1"]
    found = read_parts(*folder_of(tmp_path / "m", proposals, parts, rows))
    assert found.tolist() == [[[0, 1, 2, 3, 4]]]


def test_more_parts_than_proposals_leave_no_track(tmp_path):
    proposals = np.array([[[1] * 23 + [2]]])
    parts = np.array([[[*range(1, 24), 0]]])
    rows = ["1,,,,1", "2,,,5,1", *(f"0,{part},1,,1" for part in range(1, 24))]
    given = folder_of(tmp_path / "m", proposals, parts, rows)
    assert read_parts(*given).tolist() == parts.tolist()
    # What is beyond the limit is left out.
    assert read_parts(*given, 20).tolist() == [[[*range(1, 21), 0, 0, 0, 0]]]


def test_without_parts_the_proposals_are_read(tmp_path):
    proposals = np.array([[[0, 1, 2]]])
    given = folder_of(tmp_path / "m", proposals, None, ["1,,,0,", "2,,,1,"])
    np.testing.assert_array_equal(read_parts(*given), proposals)


def test_parts_of_what_was_written(masks, balls):
    folder, _, maps, table = masks
    record = Video("toy", len(balls[0]), *SIZE, None, "toy", (), None, None, "ids", 0, None)
    found = read_parts(folder, record, [0, 3])
    inside = maps["foreground"][[0, 3]] > 0
    np.testing.assert_array_equal(found[inside], maps["parts"][[0, 3]][inside])
    assert found.max() <= max(table["proposal"].max(), table["part"].max())
    # What lies around is told apart as before, as far as there are ids.
    around = np.unique(np.stack([found, maps["proposals"][[0, 3]]])[:, ~inside], axis=1).T
    assert len(set(around[:, 1])) == len(around)
