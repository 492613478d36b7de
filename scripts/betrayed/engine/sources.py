"""Which source files a program is made of, so that editing one reruns what it had a part in."""

import ast
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_SCRIPTS = Path(__file__).resolve().parents[2]
# Imports of the library in the form that the formatter gives them, comments taken out.
_MODULE = r"betrayed(?:\.\w+)*"
_IMPORT = re.compile(
    rf"^[ \t]*(?:import (?P<plain>{_MODULE})(?: as \w+)?"
    rf"|from (?P<module>{_MODULE}) import (?:\((?P<lines>[\w\s,]+)\)|(?P<line>[\w ,]+)))[ \t]*$",
    re.MULTILINE,
)
_COMMENT = re.compile(r"[ \t]*#.*")
_OTHER_FORM = re.compile(r"\bfrom\s+betrayed\b|\bimport\b.*\bbetrayed\b")
_UNSEEN = re.compile(r"^if TYPE_CHECKING:\n(?:(?:[ \t]+.*)?\n)*", re.MULTILINE)
# Modules of this room that decide where and when a program runs, and nothing that it makes.
_ABOUT_RUNNING = [
    "batches",
    "devices",
    "folder_claim",
    "gpu_options",
    "gpu_usage",
    "gpus",
    "leasing",
    "parallel",
    "programs",
    "records",
    "sole_maker",
    "sources",
    "stamps",
]


def program_sources(program: str) -> list[str]:
    """The program ``scripts/<program>.py`` and the library modules it imports, also indirectly.

    Found by reading the import statements, so nothing is executed and nothing is forgotten.

    Returns:
        Paths relative to the repository's root, sorted.
    """
    return sources_of([_SCRIPTS / f"{program}.py"])


def sources_of(files: Iterable[Path]) -> list[str]:
    """Some source files and the library modules that they import, also indirectly; likewise."""
    sources: set[Path] = set()
    waiting = list(files)
    while waiting:
        path = waiting.pop()
        if path not in sources:
            sources.add(path)
            waiting += _imported(path)
    return sorted(path.relative_to(_SCRIPTS.parent).as_posix() for path in sources)


@cache
def source_digest(program: str) -> str:
    """A SHA-256, in hexadecimal, over the sources that decide what a program makes.

    An edit of what only decides where and when it runs, such as leases, reruns nothing.
    """
    digest = hashlib.sha256()
    for name in program_sources(program):
        if name in {f"scripts/betrayed/engine/{module}.py" for module in _ABOUT_RUNNING}:
            continue
        content = _content(_SCRIPTS.parent / name)
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _imported(path: Path) -> list[Path]:
    """The library's files that one file imports, in functions too."""
    return [file for name in _names(_content(path).decode()) for file in _files(name)]


def _names(text: str) -> set[str]:
    """What a file imports, in functions too: modules of the library, and what is in them.

    Found as text: Python's parser takes ten times as long, half a second of whatever Snakemake is
    started for. It is asked where there may be an import of another form. What only a type checker
    imports does not run.
    """
    seen = _UNSEEN.sub("", _COMMENT.sub("", text))
    if _OTHER_FORM.search(_IMPORT.sub("", seen)):
        return _parsed_names(text)
    names: set[str] = set()
    for found in _IMPORT.finditer(seen):
        plain, module, lines, line = found.groups()
        names.add(module or plain)
        given = (lines or line or "").split(",")
        names.update(f"{module}.{one.split()[0]}" for one in given if one.strip())
    return names


def _parsed_names(text: str) -> set[str]:
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)
    return {name for name in names if name.split(".")[0] == "betrayed"}


@cache
def _files(name: str) -> list[Path]:
    """The library modules that a name stands for, packages' ``__init__`` included."""
    stem, files = _SCRIPTS, []
    for part in name.split("."):
        stem = stem / part
        files += [one for one in (stem.with_suffix(".py"), stem / "__init__.py") if one.is_file()]
    return files
