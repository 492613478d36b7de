"""Event files of trainings, read back by TensorBoard's own reader."""

import subprocess
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from betrayed.errors import UserError
from betrayed.reporting.training_events import write_events
from betrayed.training.log import COLUMNS
from support.paths import SCRIPTS

ROWS = [
    (1, 3.5, 2.5, 1.0, 4.25, 1e-4),
    (2, 3.0, 2.25, 0.75, float("nan"), 9.5e-5),
    (4, 2.5, 2.0, 0.5, 4.125, 9e-5),
]


def log(path):
    lines = [",".join(COLUMNS), *(",".join(f"{value:.9g}" for value in row) for row in ROWS)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_tensorboard_reads_every_column(tmp_path):
    write_events(log(tmp_path / "training.csv"), tmp_path / "logs" / "block")
    events = EventAccumulator(str(tmp_path / "logs" / "block"))
    events.Reload()
    assert events.Tags()["scalars"] == [f"training/{name}" for name in COLUMNS[1:]]
    for place, name in enumerate(COLUMNS[1:], 1):
        wanted = [(row[0], row[place]) for row in ROWS if row[place] == row[place]]
        found = [(one.step, one.value) for one in events.Scalars(f"training/{name}")]
        assert found == [(step, pytest.approx(value)) for step, value in wanted]


def test_equal_logs_give_equal_files_and_an_old_one_goes(tmp_path):
    table = log(tmp_path / "training.csv")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "events.out.tfevents.1.old").touch()
    for name in ("one", "two"):
        assert write_events(table, tmp_path / name) == 3
    (first,), (second,) = ((tmp_path / name).iterdir() for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"training\.csv does not exist"),
        ("loss\n1\n", r"training\.csv is no log of a training"),
        ("step,loss\n1,much\n", r"training\.csv is no log of a training"),
        ("step,loss\n1\n", r"training\.csv is no log of a training"),
    ],
)
def test_what_is_no_log_is_named(tmp_path, text, message):
    if text:
        (tmp_path / "training.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        write_events(tmp_path / "training.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_program(tmp_path):
    command = [sys.executable, str(SCRIPTS / "export_training.py")]
    command += ["--log", str(log(tmp_path / "training.csv"))]
    subprocess.run([*command, "--output-folder", str(tmp_path / "out")], check=True)
    events = EventAccumulator(str(tmp_path / "out"))
    events.Reload()
    assert [one.step for one in events.Scalars("training/loss")] == [1, 2, 4]
