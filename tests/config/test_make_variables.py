"""What is typed behind make, as settings."""

import os

import pytest

from betrayed.config.checks import check
from betrayed.config.make_variables import VARIABLES, typed_settings
from betrayed.config.merging import merged
from betrayed.errors import UserError
from support.configurations import DEFAULT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("1.5", 1.5),
        ("-2", -2),
        ("1:30", 90),
        ("0:05", 5),
        ("1:02.5", 62.5),
        ("1:00:03", 3603),
        (".5", 0.5),
        ("5.", 5),
        ("+5", 5),
        ("1e1", 10),
        ("1.5e-1", 0.15),
        ("00:01:05.25", 65.25),
    ],
)
def test_times(text, seconds):
    for name in ("START", "END"):
        value = typed_settings({name: text})["films"][name.lower()]
        assert value == seconds and isinstance(value, type(seconds))


@pytest.mark.parametrize(
    "text",
    [
        *("", "1,5", "1s", "1: 2", "-1:30", ":30", "1:", ".", "nan", "\u0661"),
        *("1e400", "1e" + "9" * 20, "9" * 400, "9" * 400 + ":00"),
        # No seconds or minutes beyond 59, and no frames behind them, as a timecode has.
        *("1:90", "1:60:00", "00:00:05:12"),
    ],
)
def test_what_is_no_number_stays_text_and_is_refused(text):
    for name in ("START", "STEP"):
        typed = typed_settings({name: text})
        assert typed == {"films": {name.lower(): text}}
        with pytest.raises(UserError, match=f"films.{name.lower()}"):
            check(merged(DEFAULT, typed))


def test_minutes_are_for_times_alone():
    assert typed_settings({"STEP": "1:30"}) == {"films": {"step": "1:30"}}


def test_whole_numbers_are_not_rounded():
    """A message names what was typed."""
    for text in ("9007199254740993", "99999999999999999999999"):
        assert typed_settings({"HEIGHT": text}) == {"films": {"height": int(text)}}


def test_texts_stay_as_they_are():
    typed = {"QUALITY": "draft", "BLOCK": "1"}
    assert typed_settings(typed) == {"quality": "draft", "training": {"checkpoint": "1"}}
    assert typed_settings({}) == {}


@pytest.mark.parametrize("name", ["BLOCK", "QUALITY", "START"])
def test_bytes_that_are_no_text_are_refused(name):
    text = os.fsdecode(b"caf\xe9.pt")
    with pytest.raises(UserError, match=rf"{name}= holds bytes .* \('caf\\udce9.pt'\)"):
        typed_settings({name: text})
    assert typed_settings({name: "caf\u00e9 \U0001f600.pt"})


def test_every_name_is_of_a_setting():
    for setting in VARIABLES.values():
        *sections, key = setting.split(".")
        assert key in (DEFAULT[sections[0]] if sections else DEFAULT)
