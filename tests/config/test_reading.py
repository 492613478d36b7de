from typing import Literal

import pytest

from betrayed.config.knobs import Names, knob, settings
from betrayed.config.reading import checked, read_settings
from betrayed.errors import UserError


@settings
class Inner:
    width: int = knob(3, "how wide", ge=1, le=9)


@settings
class Example:
    tau: float = knob(0.3, "how near", gt=0)
    steps: int = knob(2, "how many")
    facet: Literal["key", "token"] = knob("key", "which")
    names: Names = knob((), "of what")
    path: str | None = knob(None, "where", min_length=1)
    flag: bool = knob(True, "whether")
    inner: Inner | None = knob(None, "more")


def test_settings_are_read_and_defaults_kept():
    text = '{"tau": 1, "facet": "token", "names": ["a"], "path": null, "inner": {"width": 4}}'
    read = read_settings(Example, text)
    assert read == Example(1.0, facet="token", names=("a",), inner=Inner(4))
    assert isinstance(read.tau, float)
    assert read_settings(Example, "{}") == Example()
    assert checked(Example, {"path": "x", "names": ("b", "c")}, "options").names == ("b", "c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{tau: 1}", "--settings: this is not JSON (key must be a string"),
        ("[1]", "--settings: must be a section of settings, not [1]"),
        ('{"tao": 1}', "--settings: unknown key 'tao'; did you mean 'tau'? known: tau, steps"),
        ('{"inner": {"size": 1}}', "inner: unknown key 'size'; known: width"),
        ('{"inner": {"with": 1}}', "inner: unknown key 'with'; did you mean 'width'?"),
        ('{"inner": {"width": 10}}', "inner.width: must be at most 9, not 10"),
        ('{"inner": 3}', "inner: must be a section of settings, not 3"),
        ('{"tau": "1e-4"}', "not '1e-4' (YAML reads 1e-4 as text: write 1.0e-4)"),
        ('{"tau": "2.5e3"}', "not '2.5e3' (YAML reads 2.5e3 as text: write 2.5e+3)"),
        ('{"tau": "0.1"}', "tau: must be a number, not '0.1' (it is text: take off the quotes)"),
        ('{"steps": "84"}', "whole number, not '84' (it is text: take off the quotes)"),
        ('{"steps": "1e5"}', "steps: must be a whole number, not '1e5': write 100000\n"),
        ('{"steps": 1e5}', "steps: must be a whole number, not 100000.0: write 100000\n"),
        ('{"steps": "3.0"}', "steps: must be a whole number, not '3.0': write 3\n"),
        ('{"steps": "1.5"}', "steps: must be a whole number, not '1.5'\n"),
        ('{"steps": "1e-5"}', "steps: must be a whole number, not '1e-5'\n"),
        ('{"steps": "1e999"}', "steps: must be a whole number, not '1e999'\n"),
        ('{"tau": "1e999"}', "tau: must be a number, not '1e999'\n"),
        ('{"tau": "1:90"}', "tau: must be a number, not '1:90': times are in seconds; behind make"),
        ('{"flag": "yes"}', "or false, not 'yes' (it is text: take off the quotes)"),
        ('{"tau": null}', "tau: must be a number, not null"),
        ('{"tau": 0}', "tau: must be more than 0, not 0"),
        ('{"tau": NaN}', "tau: must be a finite number"),
        ('{"tau": Infinity}', "tau: must be a finite number"),
        ('{"steps": "many"}', "steps: must be a whole number, not 'many'\n"),
        ('{"steps": 1.5}', "steps: must be a whole number, not 1.5"),
        ('{"steps": true}', "steps: must be a whole number, not true"),
        ('{"flag": 1}', "flag: must be true or false, not 1"),
        (
            '{"facet": "keys"}',
            "facet: must be one of 'key', 'token', not 'keys'; did you mean 'key",
        ),
        ('{"path": 3}', "path: must be text, not 3"),
        ('{"path": ""}', "path: must not be empty"),
        ('{"names": "a"}', "names: must be a list, not 'a': write [a]"),
        ('{"names": ["a", "a"]}', "names: has 'a' more than once"),
        ('{"names": ["a", ""]}', "names.1: must not be empty"),
    ],
)
def test_what_does_not_fit_is_named(text, message):
    with pytest.raises(UserError) as error:
        read_settings(Example, text)
    assert message in f"{error.value}\n"


def test_all_faults_are_named():
    with pytest.raises(UserError) as error:
        checked(Example, {"tau": 0, "steps": 1.5, "colour": 1}, "options")
    lines = str(error.value).splitlines()
    assert len(lines) == 3 and all(line.startswith("options: ") for line in lines)


def test_settings_cannot_be_changed_and_are_checked_wherever_they_are_made():
    example = Example()
    with pytest.raises(AttributeError):
        example.tau = 1.0
    with pytest.raises(ValueError, match="tau"):
        Example(tau=-1.0)
    with pytest.raises(ValueError, match="colour"):
        Example(colour=1)
