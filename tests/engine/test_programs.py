import argparse
import os
import signal
import threading
import time

import pytest

from betrayed.engine import programs
from betrayed.engine.programs import add_batch_options, run
from betrayed.errors import UserError
from betrayed.io.notes import MARK, note
from betrayed.io.progress import progress


def test_errors_for_people_have_no_traceback(capsys):
    def main():
        raise UserError("clip.mp4 is cut short. Copy it again.")

    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: clip.mp4 is cut short. Copy it again.\n"


@pytest.mark.parametrize(("name", "said"), [("film.mp4", "/film.mp4"), (".x.tmp", "")])
def test_what_may_not_be_read_is_said_without_a_traceback(capsys, tmp_path, name, said):
    """Of what could not be made it is the folder, and not the name of a temporary file."""
    (tmp_path / "film.mp4").touch()

    def main():
        raise PermissionError(13, "Permission denied", str(tmp_path / name))

    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 1
    start = f"error: {tmp_path}{said} cannot be read or written (Permission"
    assert capsys.readouterr().err.startswith(start)


def test_ctrl_c_is_one_even_where_a_library_makes_an_error_of_it(capsys, monkeypatch):
    """As torch does where it reads weights, which were called damaged."""
    monkeypatch.setattr(programs, "_interrupted", threading.Event())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def main():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            raise UserError("weights.safetensors is damaged.") from None

    try:
        with pytest.raises(KeyboardInterrupt):
            run(main)
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == ""


def test_notes_are_marked(capsys):
    note("Left out: notes.txt.")
    assert capsys.readouterr().err == f"{MARK}Left out: notes.txt.\n"


def test_the_options_of_a_batch():
    parser = argparse.ArgumentParser()
    add_batch_options(parser)
    given = ["--record", "r/0000.json", "--output-folder", "r"]
    assert vars(parser.parse_args(given)) == {
        "record": "r/0000.json",
        "output_folder": "r",
        "redo": 0,
    }
    assert parser.parse_args([*given, "--redo", "1"]).redo == 1


@pytest.mark.parametrize("missing", ["--record", "--output-folder"])
def test_a_batch_needs_a_record_and_a_folder(missing, capsys):
    parser = argparse.ArgumentParser()
    add_batch_options(parser)
    given = {"--record": "r", "--output-folder": "f"}
    with pytest.raises(SystemExit):
        parser.parse_args([part for one in given.items() if one[0] != missing for part in one])
    assert missing in capsys.readouterr().err


def test_progress_passes_everything_on_and_says_so_where_it_takes_long(capsys, monkeypatch):
    assert list(progress(range(5), "counting", "frame")) == [0, 1, 2, 3, 4]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("betrayed.io.progress._BEFORE", 0.0)
    assert list(progress(iter("abc"), "counting", "frame", 3)) == ["a", "b", "c"]
    assert "counting" in capsys.readouterr().err
