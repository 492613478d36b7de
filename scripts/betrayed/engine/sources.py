"""Which source files a program is made of, so that editing one reruns what it had a part in."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_SCRIPTS = Path(__file__).resolve().parents[2]
_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)
# Modules of this room that decide where and when a program runs, and nothing that it makes.
_ABOUT_RUNNING = [
    "batches",
    "folder_claim",
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
        content = (_SCRIPTS.parent / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@cache
def _imported(path: Path) -> list[Path]:
    """The library's files that one file imports, in functions too."""
    return _files(_names(path))


def _names(path: Path) -> set[str]:
    """The modules that one file imports, in functions too, and what it imports from them."""
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse  # what only a type checker imports does not run
        else:
            # No expression holds an import.
            waiting += [one for one in ast.iter_child_nodes(node) if isinstance(one, _STATEMENTS)]
    return names


def _files(names: set[str]) -> list[Path]:
    """The library modules among the imported names, packages' ``__init__`` included."""
    files = []
    for name in names:
        parts = name.split(".")
        if parts[0] != "betrayed":
            continue
        for depth in range(1, len(parts) + 1):
            stem = _SCRIPTS.joinpath(*parts[:depth])
            files += [
                file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()
            ]
    return files
