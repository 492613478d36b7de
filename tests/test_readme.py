"""The snippets of the README, run as they stand there on tables of two runs."""

import ast
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from score_files import RUNS, A, B, score_sources

from betrayed.reporting.tables import write_tables

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "scripts" / "betrayed" / "reporting" / "published.csv"
SECTION = "Result tables"
LIBRARY = "As a library"
# An object that is found in one frame and lost in the next.
LOST = "davis2017-sequence,1,0,J,0.9\ndavis2017-sequence,1,1,J,0.05\n"


def snippets(text, section):
    """The Python of a section, a text for each block."""
    part = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert part, f"README.md has no section {section!r}"
    found = re.findall(r"^```python\n(.*?)^```$", part[1], re.MULTILINE | re.DOTALL)
    assert found, f"The section {section!r} has no Python"
    return found


def answers(code, names):
    """Run a block; what its lines that are expressions give, as somebody at a prompt sees it."""
    found = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.Expr):
            found.append(eval(ast.unparse(node), names))
        else:
            exec(ast.unparse(node), names)
    return found


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Tables of two runs over two data sets, each a part of a benchmark."""
    sources = []
    for run, texts in {"default": {"a": A, "b": B + LOST}, "fine": {"a": B, "b": A}}.items():
        for dataset in ("davis", "made"):
            keys = {"run": run, "dataset": dataset, "benchmark": "davis2017-val"}
            sources += score_sources(tmp_path / run / dataset, texts, **keys)
    write_tables(tmp_path / "results" / "tables", sources, RUNS, PUBLISHED)
    monkeypatch.chdir(tmp_path)


def test_every_snippet_on_the_tables_answers_something(results):
    # What a caller of the library brings along.
    generator = np.random.default_rng(0)
    names = {
        "annotations": generator.integers(0, 3, (2, 8, 8)),
        "proposals": generator.integers(0, 3, (2, 8, 8)),
        "queries": generator.normal(size=(2, 2, 6, 4)),
        "keys": generator.normal(size=(2, 2, 6, 4)),
    }
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for code in [*snippets(text, SECTION), *snippets(text, LIBRARY)]:
        for answer in answers(code, names):
            assert len(answer), code
            if isinstance(answer, pd.DataFrame | pd.Series):
                assert answer.notna().any(axis=None), code


def test_a_snippet_that_breaks_is_noticed(results):
    read = 'import pandas as pd\ntable = pd.read_csv("results/tables/summary.csv")\n'
    with pytest.raises(KeyError):
        answers(read + 'table["figure"]\n', {})
    assert answers(read + "table.query(\"metric == 'nothing'\")\n", {})[0].empty
    text = f"## {SECTION}\n\n```python\none\n```\n\n```sh\nls\n```\n## Next\n```python\ntwo\n```\n"
    assert snippets(text, SECTION) == ["one\n"]
