"""Masks between computed frames go along with what moves."""

import numpy as np
import pytest

from betrayed.objects.carrying import carry, small_grey


def scene(count, step=4, size=(120, 200), side=40):
    """A textured square that moves over textured ground."""
    rng = np.random.default_rng(0)
    ground = rng.integers(60, 120, (size[0] // 4, size[1] // 4)).repeat(4, 0).repeat(4, 1)
    square = rng.integers(140, 250, (side // 4, side // 4)).repeat(4, 0).repeat(4, 1)
    frames, ids = [], []
    for t in range(count):
        frame, mask = ground.copy(), np.zeros(size, np.uint8)
        place = slice(40, 40 + side), slice(20 + step * t, 20 + step * t + side)
        frame[place], mask[place] = square, 3
        frames.append(np.repeat(frame[..., None], 3, 2).astype(np.uint8))
        ids.append(mask)
    return frames, ids


def overlap(one, other):
    return ((one > 0) & (other > 0)).sum() / ((one > 0) | (other > 0)).sum()


@pytest.mark.parametrize("gap", [2, 3, 6])
def test_masks_go_with_what_they_are_of(gap):
    frames, ids = scene(gap + 1)
    carried = list(carry([small_grey(one) for one in frames], ids[0], ids[-1]))
    assert len(carried) == gap - 1
    for own, right in zip(carried, ids[1:-1], strict=True):
        assert set(np.unique(own)) == {0, 3} and own.dtype == np.uint8
        assert overlap(own, right) > 0.9
        # Better than what the nearest computed frame has: that is the least to be asked.
    middle = ids[gap // 2]
    assert overlap(carried[gap // 2 - 1], middle) > overlap(ids[0], middle)


def test_at_the_end_of_a_shot_masks_go_on_from_the_last_computed_frame():
    frames, ids = scene(4)
    carried = list(carry([small_grey(one) for one in frames], ids[0], None))
    assert len(carried) == 3
    assert all(overlap(own, right) > 0.85 for own, right in zip(carried, ids[1:], strict=True))


def test_masks_may_be_of_another_size_than_the_frames():
    frames, ids = scene(4)
    small = [one[::2, ::2] for one in ids]
    carried = list(carry([small_grey(one) for one in frames], small[0], small[-1]))
    assert all(overlap(own, right) > 0.85 for own, right in zip(carried, small[1:], strict=False))


def test_what_only_one_of_both_has_is_taken_from_there():
    """The object is found in the later frame only: the frames near that one have it."""
    frames, ids = scene(7, step=0)
    carried = list(carry([small_grey(one) for one in frames], np.zeros_like(ids[0]), ids[-1]))
    assert [overlap(own, ids[0]) > 0.9 for own in carried] == [False, False, False, True, True]


def test_nothing_between():
    frames, ids = scene(2)
    assert list(carry([small_grey(one) for one in frames], ids[0], ids[1])) == []
    assert list(carry([small_grey(frames[0])], ids[0], None)) == []
