import numpy as np
import pandas as pd
import pytest

from betrayed.errors import UserError
from betrayed.objects import COLUMNS, ObjectSettings, select_objects

SKY, GROUND, BALL, SPECK = 0, 1, 2, 3


def scene(frames=6):
    """Sky above, ground below, a ball that rolls between them, and a speck in one frame."""
    labels = np.full((frames, 12, 20), SKY)
    labels[:, 7:] = GROUND
    y, x = np.mgrid[:12, :20]
    for t in range(frames):
        labels[t][(y - 6) ** 2 + (x - 6 - t) ** 2 <= 7] = BALL
    labels[2, 3, 15] = SPECK
    return labels


def test_the_ball_is_the_object():
    table = select_objects(scene(), ObjectSettings())
    assert tuple(table.columns) == COLUMNS
    assert table["track"][0] == BALL
    assert list(table["track"][table["foreground"]]) == [BALL]
    assert list(table["proposal"]) == [1, 2, 3, 4]
    assert table["score"].is_monotonic_decreasing and table["score"].between(0, 1).all()


def test_cues_by_hand():
    labels = np.zeros((4, 6, 8), int)
    labels[:2, 2:4, 3:5] = 5  # a square of 4 tokens, in two of four frames
    labels[:, 0] = 9  # the top row, 8 of 24 border tokens
    rows = select_objects(labels, ObjectSettings()).set_index("track")
    assert rows["size"][5] == pytest.approx(4 / 48)
    assert rows["persistence"][5] == 0.5
    assert (rows["border"][5], rows["interior"][5]) == (0, 1)
    # variances of a square of side 2: 4/12 each way
    assert rows["compactness"][5] == pytest.approx(4 / (2 * np.pi * 8 / 12))
    assert rows["border"][9] == pytest.approx(8 / 24)
    assert rows["interior"][9] == pytest.approx((1 / 6) / (1 / 6 + 1 / 3))
    assert rows["size"].mul(rows["persistence"]).sum() == pytest.approx(1)
    assert rows["border"].sum() == pytest.approx(1)


def test_score_is_the_product_of_the_cues():
    settings = ObjectSettings(size_weight=0.0, compactness_weight=0.0)
    table = select_objects(scene(), settings)
    pd.testing.assert_series_equal(
        table["score"], table["interior"] * table["persistence"], check_names=False
    )


def test_there_is_always_a_foreground():
    alone = select_objects(np.zeros((3, 4, 5), int), ObjectSettings())
    assert (len(alone), alone["foreground"][0]) == (1, True)
    halves = np.zeros((3, 4, 6), int)
    halves[:, :, 3:] = 1
    assert select_objects(halves, ObjectSettings())["foreground"].sum() == 1


def test_a_speck_is_no_object_while_an_object_lies_on_the_border():
    labels = np.zeros((6, 12, 20), int)
    labels[:, 4:, 5:16] = 1  # large, and 11 of its tokens on the lower border
    labels[0, 1, 1] = 2
    table = select_objects(labels, ObjectSettings(background_border=0.9)).set_index("track")
    assert table["foreground"].to_dict() == {0: False, 1: True, 2: False}


def test_most_tracks_are_cut():
    labels = np.arange(5 * 30).reshape(1, 5, 30).repeat(3, axis=0)
    table = select_objects(labels, ObjectSettings(max_objects=20))
    assert list(table["proposal"]) == [*range(1, 21)] + [0] * 130


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_objects": 0}, "max_objects"),
        ({"max_objects": 255}, "max_objects"),
        ({"size_weight": -1.0}, "size_weight"),
        ({"small": 0.0}, "small"),
        ({"background_border": 1.5}, "background_border"),
    ],
)
def test_refuses_settings(settings, says):
    with pytest.raises(UserError, match=says):
        select_objects(scene(), ObjectSettings(**settings))


def test_refuses_nothing():
    with pytest.raises(UserError, match="at least one token"):
        select_objects(np.zeros((0, 4, 4), int), ObjectSettings())
