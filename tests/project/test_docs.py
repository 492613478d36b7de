"""What the pages say of the project: links lead somewhere, names exist, tables are complete."""

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from betrayed.config.checks import check
from betrayed.config.runs import merged
from betrayed.config.scoring import PROTOCOLS, ScoreSettings
from betrayed.objects.objects import COLUMNS as OBJECT_COLUMNS
from betrayed.reporting import (
    averages,
    failure_table,
    leaderboard,
    measurements,
    sweeps,
    video_table,
)
from betrayed.scoring.protocols import INPUT_OF, score_arrays
from support.documents import DOCS, PAGES, TOP, anchors, blocks, links, snippets, spans
from support.paths import ROOT

sys.path.insert(0, str(DOCS / "tools"))
import drawings
import file_list
import notebook
import odd_inputs
import settings_reference

LIBRARY = ROOT / "scripts" / "betrayed"
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
FOLDERS = ["scripts", "rules", "presets", "envs", "benchmarks", "docs", "tests", "profiles"]
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


# Links


@pages
def test_links_lead_to_files_and_headings(page):
    for link in links(page):
        target, _, anchor = link.partition("#")
        if target.startswith(("https://", "mailto:")):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.is_file(), f"{page.name}: {link}"
        assert ROOT in file.parents, f"{page.name}: {link} leads out of the project"
        if anchor:
            found = anchors(file)
            assert anchor in found, f"{page.name}: {link}; there are {', '.join(found)}"
            assert found[anchor] == anchor, f"{link}: GitHub calls this heading {found[anchor]}"


def test_every_page_is_reached_from_the_readme():
    reached = {(ROOT / link.partition("#")[0]).resolve() for link in links(TOP[0])}
    lost = set(PAGES) - reached - {TOP[0]}
    assert not lost, f"Link from README.md: {lost}"


def test_the_notebook_is_the_page():
    assert notebook.NOTEBOOK.read_text(encoding="utf-8") == notebook.notebook_text(), "make docs"
    cells = json.loads(notebook.NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = ["".join(one["source"]) + "\n" for one in cells if one["cell_type"] == "code"]
    assert code == [one.code for one in blocks(notebook.PAGE) if one.language == "python"]
    assert not any("<!--" in "".join(one["source"]) for one in cells)


def test_every_picture_is_shown():
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    there = {path for path in DOCS.iterdir() if path.suffix in (".jpg", ".png", ".svg")}
    assert there <= shown, f"Show on a page, or delete: {there - shown}"


def test_the_readme_is_short():
    assert len(TOP[0].read_text(encoding="utf-8").splitlines()) <= 150


def test_the_readme_has_every_rule_and_the_programs_of_each():
    table = {
        rule: set(re.findall(r"`(\w+\.py)`", row))
        for row in TOP[0].read_text(encoding="utf-8").splitlines()
        for rule in re.findall(r"`rules/(\w+)\.smk`", row)
    }
    for file in sorted((ROOT / "rules").glob("*.smk")):
        text = file.read_text(encoding="utf-8")
        # Those that a rule hands its own parameters, as `script:`, are a part of it.
        programs = set(re.findall(r"python scripts/(\w+\.py)", text))
        if programs:
            row = table.get(file.stem, set())
            assert programs <= row, f"README.md, in the row of {file.name}: {programs - row}"


# Names


@pages
def test_files_that_are_named_exist(page):
    """Files of the project by path, or by what their path ends in."""
    for span in spans(page):
        name = span.rstrip("/")
        if name.partition("/")[0] in FOLDERS and re.fullmatch(r"[\w./*-]+", name):
            assert list(ROOT.glob(name)), f"{page.name}: {span}"
        elif re.fullmatch(r"[\w/*-]+\.(py|smk)", name):
            found = [one for folder in FOLDERS for one in (ROOT / folder).rglob(name)]
            assert found, f"{page.name}: {span}"


@pages
def test_targets_of_make_exist(page):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    said = [*spans(page), *(line for one in blocks(page) for line in one.code.splitlines())]
    for text in said:
        if match := re.match(r"make ([a-z-]+)\b", text):
            assert match[1] in targets, f"{page.name}: {text}"


def test_contributing_names_what_is_there():
    """Functions, tables and keys that a newcomer is sent to."""
    files = [path for folder in ("scripts", "rules", "tests", "docs") for path in
             (ROOT / folder).rglob("*") if path.suffix in (".py", ".smk", ".yaml")]  # fmt: skip
    text = "\n".join(path.read_text(encoding="utf-8") for path in (*files, ROOT / "config.yaml"))
    known = set(re.findall(r"[\w-]+", text))
    for span in spans(TOP[1]):
        if re.fullmatch(r"[A-Za-z_]\w+", span):
            assert span in known, f"CONTRIBUTING.md names what is nowhere: {span}"


@cache
def texts_of_the_library():
    """Every text in the code of library and programs, … where something is filled in."""
    found = []
    for path in LIBRARY.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [one.value if isinstance(one, ast.Constant) else "…" for one in node.values]
                found.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def test_messages_that_are_quoted_are_said():
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    table = re.search(r"^\| message.*?\n\n", page, re.MULTILINE | re.DOTALL)[0]
    quoted = re.findall(r"\*([^*]+)\*", "\n".join(re.findall(r"^\|([^|]+)\|", table, re.M)))
    assert len(quoted) > 12
    for message in quoted:
        parts = [part.strip() for part in message.split("…") if part.strip(" ,:.")]
        assert any(all(part in text for part in parts) for text in texts_of_the_library()), message


# Completeness


def rows(page):
    """The code spans in the first cells of a page's tables."""
    text = (DOCS / page).read_text(encoding="utf-8")
    cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_protocol_metric_and_column_is_explained():
    found = rows("tables.md")
    square = np.zeros((2, 32, 32), np.uint8)
    square[:, 8:24, 8:24] = 1
    given = dict.fromkeys(("foreground", "proposals", "partition", "labels"), square)
    scores = score_arrays(square, settings=ScoreSettings(tuple(INPUT_OF)), **given)
    assert set(scores["protocol"]) == set(INPUT_OF)
    lost = {*PROTOCOLS, *leaderboard.HEADLINES, *scores["metric"]} - found
    assert not lost, f"Explain in the tables of docs/tables.md: {lost}"
    text = (DOCS / "tables.md").read_text(encoding="utf-8")
    first = ", ".join(re.findall(r"^\| ([\w, ]+) \|", text, re.MULTILINE)).split(", ")
    columns = {
        *leaderboard.COLUMNS,
        *averages.SUMMARY_COLUMNS,
        *averages.OBJECT_COLUMNS,
        *measurements.SCORE_COLUMNS,
        *video_table.COLUMNS,
        *sweeps.LAST,
        *failure_table.COLUMNS,
        *OBJECT_COLUMNS,
    }
    lost = columns - set(first)
    assert not lost, f"Explain each column in docs/tables.md, in the first cell of a row: {lost}"


def test_every_data_set_and_preset_is_explained():
    lost = set(CONFIG["datasets"]) - rows("datasets.md")
    assert not lost, f"Give each data set a row of the table in docs/datasets.md: {lost}"
    said = {span for page in PAGES for span in spans(page)}
    presets = {f"presets/{path.name}" for path in (ROOT / "presets").glob("*.yaml")}
    assert presets <= said, f"Name each preset on a page, by its path: {presets - said}"


# What is made


def test_the_settings_reference_and_the_schema_are_those_of_the_models():
    text = settings_reference.page()
    assert settings_reference.PAGE.read_text(encoding="utf-8") == text, "Run `make docs`."
    schema = json.loads(settings_reference.SCHEMA.read_text(encoding="utf-8"))
    assert schema == settings_reference.schema(), "Run `make docs`."
    for section, values in CONFIG.items():
        if section in ("datasets", "runs"):
            continue
        for name in values if isinstance(values, dict) else [section]:
            assert f"| `{name}` |" in text


@pytest.mark.slow
def test_the_page_of_odd_inputs_says_what_happens():
    assert odd_inputs.PAGE.read_text(encoding="utf-8") == odd_inputs.page(), "Run `make docs`."


def test_the_reference_says_default_range_unit_and_help():
    text = settings_reference.page()
    assert "| `seed` | `0` | whole number, at least 0 | Seeds training, " in text
    assert "| `cell` | `4` | whole number, at least 1, in pixels | side, in these pixels" in text
    assert "| `tau` | `0.05` | number, above 0, in nats | the distance within" in text
    assert "| `final_learning_rate` | `1e-5` | number, at least 0, at most 1 |" in text
    assert "| `root_variable` | `null` | text, or `null` | an environment variable" in text
    assert (
        "| `make.fps` | `12` | whole number, at least 1, at most 240, in frames a second |" in text
    )
    assert "| `split` | `-0.5` | number, in nats |" in text
    assert "## `motion`\n\nAgainst the camera, from optical flow.\n" in text


def test_editors_accept_the_configuration_and_presets_and_see_faults():
    validator = jsonschema.Draft202012Validator(settings_reference.schema())
    overlays = [ROOT / "config.yaml", *(ROOT / "presets").glob("*.yaml")]
    for path in overlays:
        validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    for fault in (
        {"clustering": {"tao": 1}},
        {"clustering": {"tau": 0}},
        {"runs": {"low": {"clustering": {"tau": 0}}}},
        {"runs": {"low": {"scoring": {}}}},
        {"datasets": {"mine": {"layout": "davs"}}},
        {"datasets": {"mine": {"make": {"fps": 0}}}},
        {"colour": 1},
    ):
        assert not validator.is_valid(fault), fault
    assert validator.is_valid({"runs": {"low": None, "high": {"clustering": {"tau": 1}}}})


@pytest.mark.parametrize("name", drawings.DRAWINGS)
def test_the_drawings_are_those_of_their_program(name):
    drawn = (DOCS / name).read_text(encoding="utf-8")
    assert drawn == drawings.DRAWINGS[name](), "Run `make docs`."


def test_every_file_is_listed_with_what_it_says_of_itself():
    text = file_list.page()
    assert file_list.PAGE.read_text(encoding="utf-8") == text, "Run `make docs`."
    listed = re.findall(r"^\| `([^`]+\.(?:py|smk))` \| (.+?)\. \|", text, re.MULTILINE)
    files = [*(ROOT / "scripts").glob("*.py"), *(ROOT / "rules").rglob("*.smk")]
    files += LIBRARY.rglob("*.py")
    there = Counter(path.name for path in files if path.name != "__init__.py")
    plugins = Counter(["__init__.py"])  # of the line a stage on the screen
    assert Counter(Path(name).name for name, _ in listed) == there + plugins
    assert all(len(said) > 10 for _, said in listed)


def test_what_a_file_says_is_a_sentence_and_what_it_has_its_public_names(tmp_path):
    (tmp_path / "a.py").write_text(
        '"""Reads ``a``,\nas :mod:`b.c.d` wrote it. More.\n\nYet more."""\n'
    )
    assert file_list.first_sentence(tmp_path / "a.py") == "Reads `a`, as `d` wrote it."
    (tmp_path / "b.py").write_text("class A:\n    def m(self): ...\ndef _b(): ...\ndef c(): ...\n")
    assert file_list.public_names(tmp_path / "b.py") == ["A", "c"]
    (tmp_path / "a.smk").write_text("# Tracks: of\n# rows.\n#   in   this\n\nrule a:\n")
    assert file_list.first_sentence(tmp_path / "a.smk") == "Tracks: of rows."


def test_every_room_is_drawn_and_explained():
    there = {path.parent.name for path in LIBRARY.glob("*/__init__.py")} | {"errors.py"}
    drawn = [room.name for floor in drawings.FLOORS for room in floor]
    one_sided = set(drawn) ^ there
    assert not one_sided, f"Add to FLOORS of docs/tools/drawings.py, or take out: {one_sided}"
    assert len(drawn) == len(there)
    lost = {name if name.endswith(".py") else f"{name}/" for name in there} - rows("rooms.md")
    assert not lost, f"Give each room a row of the table in docs/rooms.md: {lost}"


def test_imports_go_down_as_they_are_drawn():
    levels = {
        room.name.removesuffix(".py"): -number
        for number, floor in enumerate(drawings.FLOORS)
        for room in floor
    }
    for path in LIBRARY.rglob("*.py"):
        room = path.relative_to(LIBRARY).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.module if isinstance(node, ast.ImportFrom) else None
            if name and name.startswith("betrayed.") and (other := name.split(".")[1]) != room:
                assert levels[other] < levels[room], (
                    f"{path} imports {name}, whose room lies above its own or beside it: move what "
                    "both need down, or the room up (FLOORS of docs/tools/drawings.py)"
                )


# Blocks of code: those that run do so in test_docs_commands.py


def test_every_block_has_a_language_and_every_comment_a_reason():
    found = list(snippets())
    assert len(found) > 30
    for block in found:
        assert block.language in ("sh", "python", "yaml", "text"), f"{block}: {block.language!r}"
        assert block.mark == "run" or len(block.reason) > 5, block
        assert block.mark != "file" or block.language == "yaml", block
        assert block.mark != "planned" or "snakemake" in block.code, block


def test_every_comment_is_one_that_is_read():
    """One with a slip of the pen would let its block run."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        above = re.findall(r"<!--(.*?)-->\n```", text, re.DOTALL)
        assert len(above) == sum(block.mark != "run" for block in blocks(page)), page.name


@pytest.mark.parametrize("block", [one for one in snippets() if one.language == "yaml"], ids=str)
def test_settings_that_are_shown_are_valid(block):
    check(merged(CONFIG, yaml.safe_load(block.code)))


@pytest.mark.parametrize("block", [one for one in snippets() if one.language == "sh"], ids=str)
def test_commands_that_are_shown_can_be_read(block):
    subprocess.run(["bash", "-n"], input=block.code, text=True, check=True)


def test_a_block_knows_what_its_comment_says(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\nls\n```\n\n<!-- not run: takes hours -->\n```sh\nmake all\n```\n\n"
        "<!-- file: mine.yaml -->\n```yaml\na: `b`\n```\n\n`c` [d](e.md#f) <!-- `g` -->\n## H & I\n"
    )
    found = [(one.mark, one.reason, one.code, one.line) for one in blocks(page)]
    assert found == [
        ("run", "", "ls\n", 1),
        ("not run", "takes hours", "make all\n", 6),
        ("file", "mine.yaml", "a: `b`\n", 11),
    ]
    assert spans(page) == ["c"]
    assert links(page) == ["e.md#f"]
    assert anchors(page) == {"h-i": "h--i"}
