"""How a film is divided into shots and windows."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from betrayed.video.windows import shots, windows


def test_windows_by_hand():
    assert windows(1, 10, 2) == [(0, 0)]
    assert windows(10, 10, 2) == [(0, 9)]
    assert windows(11, 10, 2) == [(0, 6), (4, 10)]  # two of seven, not of ten and three
    assert windows(18, 10, 2) == [(0, 9), (8, 17)]
    assert windows(26, 10, 2) == [(0, 9), (8, 17), (16, 25)]


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 3000), st.integers(16, 200), st.data())
def test_windows_cover_all_and_share_enough(count, most, data):
    overlap = data.draw(st.integers(1, most // 2))
    found = windows(count, most, overlap)
    assert found[0][0] == 0 and found[-1][1] == count - 1
    lengths = [last - first + 1 for first, last in found]
    assert max(lengths) <= most and max(lengths) - min(lengths) <= 1
    for (_, last), (first, _) in pairwise(found):
        assert last - first + 1 >= overlap
    # As few as can be: one less could not reach to the end.
    assert (len(found) - 1) * (most - overlap) + overlap < count or len(found) == 1


def test_shots_by_hand():
    assert shots(0, 99, [30, 60]) == [(0, 29), (30, 59), (60, 99)]
    assert shots(30, 59, [30, 60]) == [(30, 59)]
    assert shots(29, 60, [30, 60]) == [(29, 29), (30, 59), (60, 60)]
    assert shots(5, 4, [30]) == []
