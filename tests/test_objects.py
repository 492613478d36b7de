import numpy as np
import pytest

from betrayed.cues import attention_cue, interior_cue, motion_cue
from betrayed.errors import UserError
from betrayed.objects import COLUMNS, ObjectSettings, select_objects

SKY, GROUND, BALL, SPECK = 0, 1, 2, 3
MOTION_ONLY = ObjectSettings(motion_weight=1.0, attention_weight=0.0, interior_weight=0.0)


def scene(frames=6):
    """Sky above, ground below, a ball that rolls between them, and a speck in one frame."""
    labels = np.full((frames, 12, 20), SKY)
    labels[:, 7:] = GROUND
    y, x = np.mgrid[:12, :20]
    for t in range(frames):
        labels[t][(y - 6) ** 2 + (x - 6 - t) ** 2 <= 7] = BALL
    labels[min(2, frames - 1), 3, 15] = SPECK
    return labels


def cues(labels, motion=None, attention=None):
    """Cues that are the same everywhere unless given, but for the border."""
    flat = np.zeros(labels.shape)
    return {
        "motion": flat if motion is None else motion,
        "attention": flat if attention is None else attention,
        "interior": interior_cue(labels.shape),
    }


def moving(labels):
    """Cues in which the ball alone moves."""
    return cues(labels, motion=labels == BALL)


def test_the_ball_that_moves_is_the_object():
    labels = scene()
    table = select_objects(labels, moving(labels), ObjectSettings())
    assert tuple(table.columns) == COLUMNS
    assert table["track"][0] == BALL
    assert list(table["track"][table["foreground"]]) == [BALL]
    assert list(table["proposal"]) == [1, 2, 3, 4]
    assert table["score"].is_monotonic_decreasing
    assert table["score"][0] == 1


def test_size_persistence_and_means_by_hand():
    labels = np.zeros((4, 6, 8), int)
    labels[:2, 2:4, 3:5] = 5  # a square of 4 tokens, in two of four frames
    labels[:, 0] = 9  # the top row
    motion = np.zeros(labels.shape)
    motion[0, 2, 3] = 8.0  # one of the square's 8 tokens
    rows = select_objects(labels, cues(labels, motion), ObjectSettings()).set_index("track")
    assert rows["size"][5] == pytest.approx(4 / 48)
    assert rows["persistence"].to_dict() == {0: 1, 5: 0.5, 9: 1}
    assert rows["motion"].to_dict() == {0: 0, 5: 1, 9: 0}
    assert (rows["interior"][5], rows["interior"][9]) == (1, 0)
    assert rows["size"].mul(rows["persistence"]).sum() == pytest.approx(1)


def test_scores_by_hand():
    # Three tracks of 50, 25 and 25 tokens that move by 0, 1 and 4. The median token belongs to
    # the first, the top to the last: whatever the deviation is, the middle one has (1-0)/(4-0).
    labels = np.zeros((1, 10, 10), int)
    labels[0, 5:, :5], labels[0, 5:, 5:] = 1, 2
    motion = np.choose(labels, [0.0, 1.0, 4.0])
    table = select_objects(labels, cues(labels, motion), MOTION_ONLY).set_index("track")
    assert table["score"].to_dict() == pytest.approx({0: 0.0, 1: 0.25, 2: 1.0})
    assert table["foreground"].to_dict() == {0: False, 1: False, 2: True}
    lower = ObjectSettings(1, 1.0, 0.0, 0.0, foreground_score=0.25)
    table = select_objects(labels, cues(labels, motion), lower).set_index("track")
    assert table["foreground"].to_dict() == {0: False, 1: True, 2: True}
    assert table["proposal"].to_dict() == {2: 1, 1: 0, 0: 0}


def test_weights_decide_between_cues_of_one_deviation():
    labels = np.zeros((1, 8, 8), int)
    labels[0, 2:4, 2:4], labels[0, 5:7, 5:7] = 1, 2
    both = cues(labels, motion=labels == 1, attention=labels == 2)
    for moving, attended, best in ((1.0, 0.5, 1), (0.5, 1.0, 2)):
        settings = ObjectSettings(20, moving, attended, 0.0)
        assert select_objects(labels, both, settings)["track"][0] == best


def test_a_speck_does_not_set_the_scale():
    labels = scene(frames=1)
    # The speck is one of 240 tokens: less than the share that may lie above
    motion = np.where(labels == BALL, 1.0, 0.0) + np.where(labels == SPECK, 50.0, 0.0)
    table = select_objects(labels, cues(labels, motion), MOTION_ONLY).set_index("track")
    assert table["score"][BALL] == 1
    assert table["foreground"][BALL]


def test_there_is_always_a_foreground():
    alone = np.zeros((3, 4, 5), int)
    table = select_objects(alone, cues(alone), ObjectSettings())
    assert (len(table), table["foreground"][0]) == (1, True)
    halves = np.zeros((3, 4, 6), int)
    halves[:, :, 3:] = 1
    assert select_objects(halves, cues(halves), ObjectSettings())["foreground"].any()


def test_most_tracks_are_cut():
    labels = np.arange(5 * 30).reshape(1, 5, 30).repeat(3, axis=0)
    table = select_objects(labels, cues(labels), ObjectSettings(max_objects=20))
    assert list(table["proposal"]) == [*range(1, 21)] + [0] * 130


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_objects": 0}, "max_objects"),
        ({"max_objects": 255}, "max_objects"),
        ({"motion_weight": -1.0}, "weights"),
        ({"motion_weight": 0.0, "attention_weight": 0.0, "interior_weight": 0.0}, "weights"),
        ({"foreground_score": 1.5}, "foreground_score"),
    ],
)
def test_refuses_settings(settings, says):
    with pytest.raises(UserError, match=says):
        ObjectSettings(**settings)


def test_refuses_nothing_and_cues_of_another_size():
    with pytest.raises(UserError, match="at least one token"):
        select_objects(np.zeros((0, 4, 4), int), {}, ObjectSettings())
    labels = scene()
    with pytest.raises(UserError, match="motion is"):
        select_objects(labels, cues(labels, motion=np.zeros((6, 3, 3))), ObjectSettings())


def test_cues_compare_with_the_frames_own_median():
    residual = np.full((2, 3, 3), 0.3)
    residual[1] *= 2  # the whole frame twice as fast: nothing stands out in it
    residual[0, 1, 1] = 3.9
    cue = motion_cue(residual)
    assert cue[1] == pytest.approx(np.zeros((3, 3)))
    assert cue[0, 1, 1] == pytest.approx(np.log(4.0 / 0.4))
    attention = np.full((1, 3, 3), 0.01)
    attention[0, 0, 0] = 0.02
    assert attention_cue(attention)[0, 0, 0] == pytest.approx(np.log(2.05))
    assert attention_cue(np.zeros((1, 2, 2))).max() == pytest.approx(np.log(0.05))
    assert interior_cue((1, 3, 4))[0].tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
