"""Scripts that Snakemake runs by itself, and hands what it knows."""

import json
import runpy
from types import SimpleNamespace

import pytest

from support.configurations import DEFAULT
from support.paths import SCRIPTS


def run_script(name, folder, params=None, config=None, **output):
    given = SimpleNamespace(
        params=params or {},
        config=config or {},
        output={kind: str(path) for kind, path in output.items()},
        log=[str(folder / "log")],
    )
    runpy.run_path(str(SCRIPTS / name), {"snakemake": given}, "__main__")


def test_lists_are_the_parameters_of_their_names(tmp_path):
    rows = [{"video": "a", "path": "é"}, {"b": None}]
    run_script("write_list.py", tmp_path, {"list": rows, "more": 1}, list=tmp_path / "rows.json")
    assert json.loads((tmp_path / "rows.json").read_text()) == rows
    assert (tmp_path / "log").read_text() == ""


def test_what_goes_wrong_is_in_the_log_and_nothing_is_written(tmp_path):
    with pytest.raises(SystemExit) as ended:
        run_script("write_list.py", tmp_path, {"list": {1, 2}}, list=tmp_path / "rows.json")
    assert ended.value.code == 1
    assert "TypeError: Object of type set" in (tmp_path / "log").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_runs_and_what_is_swept_are_in_the_order_of_the_configuration(tmp_path):
    """The order of columns, and of a picture's axes, is that of the swept settings."""
    config = {**DEFAULT, "sweep": {"training.steps": [10, 20], "clustering.tau": [0.2, 0.1]}}
    paths = {"settings": tmp_path / "runs.json", "swept": tmp_path / "sweep.json"}
    run_script("list_runs.py", tmp_path, config=config, **paths)
    swept = json.loads(paths["swept"].read_text())
    assert [list(one["swept"].items()) for one in swept] == [
        [("training.steps", steps), ("clustering.tau", tau)]
        for steps in (10, 20)
        for tau in (0.2, 0.1)
    ]
    settings = json.loads(paths["settings"].read_text())
    assert [one["run"] for one in swept] == list(settings)
    assert [one["clustering.tau"] for one in settings.values()] == [0.2, 0.1] * 2
    assert len({one["run_id"] for one in settings.values()}) == 4
