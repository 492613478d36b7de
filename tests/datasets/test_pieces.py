"""How a film is divided into shots and windows."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from betrayed.datasets.names import identifier
from betrayed.datasets.pieces import (
    FILM,
    PIECE,
    WHOLE,
    Part,
    Piece,
    film_of,
    kind_of,
    piece_name,
    shots,
    windows,
)


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


def test_pieces_and_films_are_told_by_their_names():
    piece = Piece("dog", 1, 40, 100, 3, 240)
    assert Piece.from_text(piece.as_text()) == piece
    assert list(Piece("dog", 0, 4, 12, 4).numbers) == [4, 8, 12]
    assert Part.from_text(Part(3, 9).as_text()) == Part(3, 9)
    assert film_of(piece_name("dog.1", 3)) == film_of("dog.1") == "dog.1"
    rows = {"dog": "", "dog+000": piece.as_text(), "cat": Part(0, 9).as_text()}
    kinds = [kind_of({"video": video, "part": part}) for video, part in rows.items()]
    assert kinds == [WHOLE, PIECE, FILM]


@pytest.mark.parametrize("name", ["dog+003", "+", "a+b"])
def test_no_video_is_called_like_a_piece(name):
    assert film_of(identifier(name)) == identifier(name)
