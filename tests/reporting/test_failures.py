"""The videos that were left out: their table, and how a run ends with and without them."""

import json
import sys

import pandas as pd
import pytest

import check_failures
import collect_failures
from betrayed.engine.programs import run
from betrayed.engine.records import Failure, Record
from betrayed.errors import UserError
from betrayed.reporting.failure_table import COLUMNS, failures_text, write_failure_table

CUT = Failure("extract_frames", "clips/cow.mp4 is cut short. Copy it again.")
ODD = Failure("score_video", 'truth/do\rg: "00003.png", of 4x4,\nhas another size.')


@pytest.fixture
def call(monkeypatch, capsys):
    """Call a program in this process: its status, and what it printed."""

    def start(program, **options):
        given = [str(part) for name, one in options.items() for part in (f"--{name}", one)]
        given = [part.replace("_", "-") if part.startswith("--") else part for part in given]
        monkeypatch.setattr(sys, "argv", [program.__name__, *given])
        try:
            run(program.main)
        except SystemExit as ended:
            return ended.code, *capsys.readouterr()
        return 0, *capsys.readouterr()

    return start


def records(tmp_path, *failures):
    """A list of records, one for each dict of failures, two data sets in turn."""
    rows = []
    for number, one in enumerate(failures):
        Record("draw_pictures", {}, one).write(tmp_path / f"{number}.json")
        rows.append({"dataset": "ab"[number % 2], "record": str(tmp_path / f"{number}.json")})
    (tmp_path / "list.json").write_text(json.dumps(rows))
    return {"records": tmp_path / "list.json", "output_folder": tmp_path / "tables"}


def test_a_failure_counts_once_however_far_it_was_handed_down(call, tmp_path):
    given = records(tmp_path, {"cow": CUT}, {"cow": CUT}, {"dog": ODD, "cow": CUT}, {})
    assert call(collect_failures, **given)[0] == 0
    table = pd.read_csv(tmp_path / "tables" / "failures.csv")
    assert table.to_dict("split")["data"] == [
        ["a", "cow", "extract_frames", CUT.reason],
        ["a", "dog", "score_video", ODD.reason],
        ["b", "cow", "extract_frames", CUT.reason],
    ]
    assert tuple(table.columns) == COLUMNS
    parquet = pd.read_parquet(tmp_path / "tables" / "failures.parquet")
    assert parquet.astype(object).to_dict() == table.to_dict()


def test_no_failure_makes_an_empty_table_and_a_good_end(call, tmp_path):
    assert call(collect_failures, **records(tmp_path, {}, {}))[0] == 0
    path = tmp_path / "tables" / "failures.csv"
    assert path.read_text() == ",".join(COLUMNS) + "\n"
    assert len(pd.read_parquet(path.with_suffix(".parquet"))) == 0
    assert failures_text(path) == ""
    assert call(check_failures, failures=path) == (0, "", "")


def test_a_run_with_failures_ends_with_an_error_unless_they_are_allowed(call, tmp_path):
    path = tmp_path / "failures.csv"
    rows = [{"dataset": "a", "video": "nan", "stage": CUT.stage, "reason": CUT.reason}]
    write_failure_table(tmp_path, rows)
    said = f"a / nan, in extract_frames: {CUT.reason}"
    assert failures_text(path) == said
    status, out, errors = call(check_failures, failures=path)
    assert (status, out) == (1, "")
    assert errors.startswith("error: These videos were left out; all others are finished")
    assert said in errors and "allow_failures: true" in errors
    status, out, errors = call(check_failures, failures=path, allow=1)
    assert (status, errors) == (0, "")
    assert said in out


def test_equal_failures_give_equal_files(tmp_path):
    rows = [
        {"dataset": "a", "video": video, "stage": "extract_frames", "reason": reason}
        for video, reason in [("dog", "no"), ("cat", "no"), ("cat", "neither")]
    ]
    for name, given in (("one", rows), ("two", [*rows[::-1], *rows])):
        write_failure_table(tmp_path / name, given)
    for form in ("csv", "parquet"):
        one, two = (tmp_path / name / f"failures.{form}" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_what_is_missing_is_named(call, tmp_path):
    with pytest.raises(UserError, match=r"failures\.csv does not exist"):
        failures_text(tmp_path / "failures.csv")
    (tmp_path / "list.json").write_text('[{"dataset": "a"}]')
    options = {"records": tmp_path / "list.json", "output_folder": tmp_path / "tables"}
    status, _, errors = call(collect_failures, **options)
    assert status == 1 and "list.json: every entry needs dataset, record, unlike" in errors
    assert not (tmp_path / "tables").exists()
