"""Which names can be drawn."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from betrayed.io.lettering import font, has_letters


def drawn(letter):
    picture = Image.new("L", (40, 40))
    ImageDraw.Draw(picture).text((5, 5), letter, 255, font(20))
    return np.asarray(picture)


@pytest.mark.parametrize("letter", "aé\u00dfÖł\u011e\u0416\u03b1\u05d0\u2026")
def test_letters_of_many_languages_are_drawn(letter):
    assert has_letters(letter) and drawn(letter).any()
    assert not np.array_equal(drawn(letter), drawn("\U0010ffff"))  # the box of what is lacking


@pytest.mark.parametrize("letter", "\u65e5\uac00\ud800\U0010ffff")
def test_what_is_lacking_is_known(letter):
    assert not has_letters(f"a{letter}b")
