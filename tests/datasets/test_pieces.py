"""What pieces of films are called."""

from dataclasses import replace

import pytest

from betrayed.datasets.names import identifier
from betrayed.datasets.pieces import (
    FILM,
    LONG,
    PIECE,
    WHOLE,
    Part,
    Piece,
    film_of,
    kind_of,
    piece_name,
)


def test_pieces_and_films_are_told_by_their_names():
    piece = Piece("dog", 1, 40, 100, 3, 240)
    assert Piece.from_text(piece.as_text()) == piece
    assert list(Piece("dog", 0, 4, 12, 4).numbers) == [4, 8, 12]
    assert Part.from_text(Part(3, 9).as_text()) == Part(3, 9)
    assert film_of(piece_name("dog.1", 3)) == film_of("dog.1") == "dog.1"
    long = replace(piece, kept=False)
    assert Piece.from_text(long.as_text()) == long
    rows = {"dog": "", "dog+000": piece.as_text(), "cat": Part(0, 9).as_text()}
    rows["cat+000"] = long.as_text()
    kinds = [kind_of({"video": video, "part": part}) for video, part in rows.items()]
    assert kinds == [WHOLE, PIECE, FILM, LONG]


@pytest.mark.parametrize("name", ["dog+003", "+", "a+b"])
def test_no_video_is_called_like_a_piece(name):
    assert film_of(identifier(name)) == identifier(name)
