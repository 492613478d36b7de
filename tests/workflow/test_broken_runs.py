"""The page of faults: each is done once more, and what comes of it is what the page says.

All of them take half an hour (make test-faults). The ordinary tests see that the page is complete.
"""

import os
import shutil
import sys

import pytest

from support.broken_runs import GROUPS, finished_at, make_finished
from support.documents import DOCS
from support.shared import made_once

sys.path.insert(0, str(DOCS / "tools"))
import faults


@pytest.fixture(scope="session")
def broken(tmp_path_factory):
    return finished_at(made_once(tmp_path_factory, "broken", make_finished))


@pytest.mark.faults
@pytest.mark.parametrize("group", GROUPS)
def test_a_fault_gives_the_same_tables_or_a_message(group, broken, tmp_path):
    if os.geteuid() != 0 and group in ("full", "read only"):
        pytest.skip("only root can mount a disk")
    try:
        outcome = GROUPS[group].happen(broken.copy(tmp_path / "project"), broken)
    finally:
        shutil.rmtree(tmp_path / "project", ignore_errors=True)
    known = faults.rows_of(faults.PAGE.read_text(encoding="utf-8"))
    assert {faults.cell(row): faults.cell(said) for row, said in outcome.items()} == {
        faults.cell(row): known.get(faults.cell(row)) for row in GROUPS[group].rows
    }, f"docs/tools/faults.py {group}"


def test_the_page_has_every_fault_and_each_ends_well():
    text = faults.PAGE.read_text(encoding="utf-8")
    known = faults.rows_of(text)
    rows = [faults.cell(row) for group in GROUPS.values() for row in group.rows]
    assert list(known) == rows
    assert faults.page(known) == text
    ends = (
        "stops: ",
        "made anew: ",
        "the next run goes on: ",
        "goes on: ",
        "nothing is computed",
        "computed anew: ",
    )
    ends += ("it alone is computed", "harmless: ")
    assert all(said.startswith(ends) for said in known.values())
