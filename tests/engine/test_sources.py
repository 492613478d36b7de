"""What each program is made of: an edit reruns the stages that run that code, and no other."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from betrayed.engine import sources
from betrayed.engine.sources import program_sources, sources_of
from support.paths import ROOT, SCRIPTS

LIBRARY = "scripts/betrayed/"
LISTED = yaml.safe_load(Path(__file__).with_name("program_sources.yaml").read_text())
#: What users import, and no program.
LIBRARY_ALONE = {"scripts/betrayed/exports/arrays.py"}
PROGRAMS = sorted(path.stem for path in SCRIPTS.glob("*.py"))


def by_room(files):
    """Modules of the library by the folder they lie in, as program_sources.yaml has them."""
    rooms = {}
    for file in files:
        path = Path(file)
        if file.startswith(LIBRARY) and path.name != "__init__.py":
            room = path.parent.relative_to(LIBRARY).as_posix()
            rooms.setdefault("betrayed" if room == "." else room, []).append(path.stem)
    return {room: " ".join(sorted(names)) for room, names in sorted(rooms.items())}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_depends_on_the_sources_listed_and_no_others(program):
    found = by_room(program_sources(program))
    new = yaml.safe_dump({program: found}, sort_keys=False, width=90)
    assert found == LISTED.get(program), (
        f"{program} is made of other modules than before. If an edit of each should rerun it, "
        f"write into tests/engine/program_sources.yaml:\n{new}"
    )


def test_no_program_is_listed_that_is_gone():
    gone = set(LISTED) - set(PROGRAMS)
    assert not gone, f"Take out of tests/engine/program_sources.yaml: {gone}"


def test_every_module_serves_a_program_or_the_rules():
    rules = "\n".join(path.read_text() for path in (ROOT / "rules").rglob("*.smk"))
    used = {file for program in PROGRAMS for file in program_sources(program)}
    for package, names in re.findall(r"^from (betrayed[\w.]*) import (.+)$", rules, re.MULTILINE):
        modules = [package, *(f"{package}.{name.split()[0]}" for name in names.split(","))]
        paths = [SCRIPTS / f"{module.replace('.', '/')}.py" for module in modules]
        used |= set(sources_of(path for path in paths if path.is_file()))
    used |= set(sources_of([SCRIPTS / "snakemake_logger_plugin_betrayed" / "__init__.py"]))
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / LIBRARY).rglob("*.py")}
    unused = {one for one in modules - used if not one.endswith("__init__.py")}
    assert unused == LIBRARY_ALONE, (
        f"{unused ^ LIBRARY_ALONE}: no program and no rule imports it (or one does now). Import it "
        "where it is used, delete it, or, if it is for users alone, name it in LIBRARY_ALONE"
    )


def test_packages_hold_a_docstring_alone():
    """Their ``__init__`` is a source of whatever imports anything from them."""
    for path in (ROOT / LIBRARY).rglob("__init__.py"):
        assert re.fullmatch(r'""".*?"""\n(\n__version__ = "[^"]+"\n)?', path.read_text(), re.DOTALL)


def test_every_rule_that_runs_a_program_has_its_sources_among_its_parameters():
    rules = [
        rule
        for path in sorted((ROOT / "rules").rglob("*.smk"))
        for rule in re.split(r"^(?:rule|checkpoint) ", path.read_text(), flags=re.MULTILINE)[1:]
    ]
    found = 0
    for rule in rules:
        programs = set(re.findall(r"scripts/(\w+)\.py", rule))
        if "shell:" in rule and programs:
            params = rule[rule.index("    params:\n") :]
            assert set(re.findall(r'code=source_digest\("(\w+)"\)', params)) == programs, (
                f'write code=source_digest("…") for each of {programs} under params: of rule {rule}'
            )
            found += 1
    assert found > 10


def test_a_digest_is_another_when_a_source_is(tmp_path, monkeypatch):
    scripts = tmp_path / "scripts"
    (scripts / "betrayed" / "io").mkdir(parents=True)
    for name in ("__init__", "io/__init__", "io/used", "io/unused"):
        (scripts / "betrayed" / f"{name}.py").write_text(f'"""{name}"""\n')
    (scripts / "show.py").write_text("from betrayed.io import used\n")
    monkeypatch.setattr(sources, "_SCRIPTS", scripts)

    def forget():  # a process reads its sources once
        for kept in (sources.source_digest, sources._imported, sources._files, sources._content):
            kept.cache_clear()

    def digest():
        forget()
        return sources.source_digest("show")

    try:
        first = digest()
        assert re.fullmatch("[0-9a-f]{64}", first)
        (scripts / "betrayed/io/unused.py").write_text("x = 1\n")
        assert digest() == first
        (scripts / "betrayed/io/used.py").write_text("x = 1\n")
        second = digest()
        (scripts / "betrayed/io/used.py").write_text("from betrayed.io import unused\n")
        assert len({first, second, digest()}) == 3
    finally:
        forget()


def names_by_parser(text):
    """What a file imports of the library, as Python's own parser finds it."""
    names, waiting = set(), [ast.parse(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse  # what only a type checker imports does not run
        else:
            waiting += ast.iter_child_nodes(node)
    return {name for name in names if name.split(".")[0] == "betrayed"}


def test_imports_read_as_text_are_those_that_the_parser_finds():
    for path in SCRIPTS.rglob("*.py"):
        text = path.read_text()
        assert sources._names(text) == names_by_parser(text), path


def test_imports_of_every_form_are_read():
    text = """import os, re
import betrayed.a
from betrayed import b
from betrayed.c import (  # many
    D,
    e as f,  # of them
)
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from betrayed.g import H

    from betrayed.i import J
else:
    from betrayed.k import L

def m():
    from betrayed.n import o, p as q  # late
    try:
        import betrayed.r as s
    except ImportError:
        from betrayedly.t import u
"""
    assert sources._names(text) == names_by_parser(text)
    assert "betrayed.n.p" in sources._names(text) and "betrayed.g" not in sources._names(text)


@pytest.mark.parametrize(
    "text",
    [
        "from betrayed.x import (  # noqa (why)\n    A,\n    B,\n)\n",
        "import os, betrayed.q\n",
        "import betrayed.a, betrayed.b\n",
        "from betrayed.x import a, \\\n    b\n",
        "try: from betrayed.x import y\nexcept ImportError: pass\n",
        "from betrayed import b; from betrayed.c import d\n",
        "import betrayed.a; import betrayed.b\n",
        "from  betrayed.x  import  y\n",
        "from betrayed import (a\n    , b)\n",
    ],
)
def test_imports_of_odd_forms_are_read(text):
    assert sources._names(text) == names_by_parser(text)
    assert sources._names('"""Says how to import betrayed."""\n' + text) == names_by_parser(text)


def test_sources_are_paths_in_order_packages_included():
    found = program_sources("cluster_tracks")
    assert found == sorted(found)
    assert {"scripts/cluster_tracks.py", "scripts/betrayed/__init__.py"} < set(found)


def test_the_sources_found_are_those_that_python_loads():
    """In one process, which forgets the library before each program: others take long to load."""
    # What is a rule's `script:` can be loaded by Snakemake alone.
    texts = {one: (SCRIPTS / f"{one}.py").read_text() for one in PROGRAMS}
    programs = [one for one in PROGRAMS if "run_in_rule" not in texts[one]]
    code = (
        "import importlib, json, sys; sys.path.insert(0, 'scripts'); loaded = {}\n"
        f"for program in {programs}:\n"
        "    for name in [one for one in sys.modules if one.split('.')[0] == 'betrayed']:\n"
        "        del sys.modules[name]\n"
        "    importlib.import_module(program)\n"
        "    own = [m for n, m in sys.modules.items() if n.split('.')[0] == 'betrayed']\n"
        "    loaded[program] = [module.__file__ for module in own]\n"
        "print(json.dumps(loaded))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout)
    assert len(loaded) > 30
    for program, files in loaded.items():
        names = {Path(file).resolve().relative_to(ROOT).as_posix() for file in files}
        assert len(names) > 1
        assert names <= set(program_sources(program)), program
