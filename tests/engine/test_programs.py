import pytest

from betrayed.engine.programs import run
from betrayed.errors import UserError
from betrayed.io.progress import progress


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
