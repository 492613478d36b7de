"""Which source files a program is made of, so that editing one reruns what it had a part in."""

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_SCRIPTS = Path(__file__).resolve().parents[2]
_IMPORT = re.compile(
    r"^[ \t]*(?:from (?P<module>betrayed(?:\.\w+)*) import (?:\((?P<inside>[^)]*)\)|(?P<line>.+))"
    r"|import (?P<plain>betrayed(?:\.\w+)*)\b)",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#.*")
_UNSEEN = re.compile(r"^if TYPE_CHECKING:\n(?:(?:[ \t]+.*)?\n)*", re.MULTILINE)
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

    Found as text, in the form that the formatter gives imports: Python's parser takes ten times as
    long, half a second of whatever Snakemake is started for. What only a type checker imports does
    not run.
    """
    names: set[str] = set()
    for found in _IMPORT.finditer(_UNSEEN.sub("", text)):
        module, inside, line, plain = found.groups()
        names.add(module or plain)
        given = _COMMENT.sub("", inside or line or "").split(",")
        names.update(f"{module}.{one.split()[0]}" for one in given if one.strip())
    return names


@cache
def _files(name: str) -> list[Path]:
    """The library modules that a name stands for, packages' ``__init__`` included."""
    stem, files = _SCRIPTS, []
    for part in name.split("."):
        stem = stem / part
        files += [one for one in (stem.with_suffix(".py"), stem / "__init__.py") if one.is_file()]
    return files
