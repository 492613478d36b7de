from dataclasses import dataclass
from typing import Literal

import pytest

from betrayed.config.reading import read_settings
from betrayed.engine.programs import run
from betrayed.errors import UserError
from betrayed.io.progress import progress


@dataclass(frozen=True)
class Example:
    tau: float = 0.3
    steps: int = 2
    layer: int = -1
    facet: Literal["key", "token"] = "key"
    names: tuple[str, ...] = ()
    path: str | None = None
    flag: bool = True


def test_settings_are_read_and_defaults_kept():
    text = '{"tau": 1, "facet": "token", "names": ["a"], "path": null}'
    assert read_settings(Example, text) == Example(1.0, facet="token", names=("a",))
    assert isinstance(read_settings(Example, '{"tau": 1}').tau, float)
    assert read_settings(Example, '{"path": "x"}').path == "x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{tau: 1}", "is not JSON"),
        ("[1]", "must be a JSON object"),
        ('{"tao": 1}', "no setting 'tao'. There are: tau"),
        ('{"tau": "1e-4"}', "tau must be float, not '1e-4'"),
        ('{"steps": 1.5}', "steps must be int"),
        ('{"steps": true}', "steps must be int"),
        ('{"flag": 1}', "flag must be bool"),
        ('{"facet": "keys"}', "facet must be one of"),
        ('{"path": 3}', "path must be"),
    ],
)
def test_what_does_not_fit_is_named(text, message):
    with pytest.raises(UserError, match=message):
        read_settings(Example, text)


def test_a_setting_without_a_default_must_be_given():
    @dataclass(frozen=True)
    class Strict:
        backbone: str

    with pytest.raises(UserError, match="backbone must be given"):
        read_settings(Strict, "{}")


def test_errors_for_people_have_no_traceback(capsys):
    def main():
        raise UserError("clip.mp4 is cut short. Copy it again.")

    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: clip.mp4 is cut short. Copy it again.\n"


def test_progress_passes_everything_on(capsys):
    assert list(progress(range(5), "counting", "frame")) == [0, 1, 2, 3, 4]
    assert "counting" in capsys.readouterr().err
