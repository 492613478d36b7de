import os
from pathlib import Path

import pytest

from betrayed.engine.result_folders import check_results_writable
from betrayed.errors import UserError


def closed(monkeypatch, *folders):
    """Let folders be read only, for the administrator as well, who may write everywhere."""
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) not in folders)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "made",
        "made/average_precision",
        "made/records/masks/default/videos",
        "tables/.sources",
        "logs/score_video/made",
        "benchmarks/train_block",
        "blocks/one",
        "same_object/default",
        "exports/default",
        "exports/default/made",
    ],
)
def test_a_folder_below_the_results_that_cannot_be_written_is_told(tmp_path, monkeypatch, name):
    results = tmp_path / "results"
    (results / name).mkdir(parents=True)
    check_results_writable(results)
    closed(monkeypatch, results / name)
    with pytest.raises(UserError) as error:
        check_results_writable(results)
    assert str(error.value).startswith(f"Nothing can be written into {results / name} (it is read")


def test_what_is_the_programs_own_or_lies_elsewhere_may_be_read_only(tmp_path, monkeypatch):
    results, shared = tmp_path / "results", tmp_path / "shared"
    (results / "made/masks/default/a").mkdir(parents=True)
    (shared / "records/masks").mkdir(parents=True)
    (results / "own").symlink_to(shared)
    closed(monkeypatch, results / "made/masks/default/a", results / "own",
           results / "own/records/masks")  # fmt: skip
    check_results_writable(results)
