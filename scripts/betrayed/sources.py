"""Which source files a program is made of, so that editing one reruns what it had a part in."""

import ast
from functools import cache
from pathlib import Path

_SCRIPTS = Path(__file__).resolve().parents[1]


def program_sources(program: str) -> list[str]:
    """The program ``scripts/<program>.py`` and the library modules it imports, also indirectly.

    Found by reading the import statements, so nothing is executed and nothing is forgotten.

    Returns:
        Paths relative to the repository's root, sorted.
    """
    found: set[Path] = set()
    waiting = [_SCRIPTS / f"{program}.py"]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return sorted(path.relative_to(_SCRIPTS.parent).as_posix() for path in found)


def libraries(program: str) -> set[str]:
    """The modules from elsewhere that ``scripts/<program>.py`` and its library modules import.

    Some of the names are not modules but what is imported from one.
    """
    files = [_SCRIPTS.parent / path for path in program_sources(program)]
    names = set().union(*(_names(path) for path in files))
    return {name for name in names if name.partition(".")[0] != "betrayed"}


@cache
def _names(path: Path) -> set[str]:
    """The modules that one file imports, and with ``from`` also what it imports from them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@cache
def _imported(path: Path) -> list[Path]:
    """The library modules that one file imports itself, packages' ``__init__`` included."""
    files = []
    for name in _names(path):
        parts = name.split(".")
        if parts[0] != "betrayed":
            continue
        for depth in range(1, len(parts) + 1):
            stem = _SCRIPTS.joinpath(*parts[:depth])
            files += [
                file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()
            ]
    return files
