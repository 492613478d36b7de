"""Write docs/files.md: every program and every file of the library, with what it says of itself.

python docs/tools/file_list.py
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from drawings import FLOORS

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "scripts" / "betrayed"
PAGE = ROOT / "docs" / "files.md"
HEAD = """\
# Every file in a line

<!-- Made by file_list.py from the first line of each file: edit those, then run `make docs`. -->

The place of a change, by searching this page: what each program and each file of the library says
of itself. What the rooms are, and which may import which, is on the page [The rooms](rooms.md).
"""


def page() -> str:
    """The page in Markdown."""
    parts = [HEAD, "## The programs: `scripts/`", _table((ROOT / "scripts").glob("*.py"))]
    parts += ["## The rules: `rules/`", _table((ROOT / "rules").rglob("*.smk"), ROOT / "rules")]
    for room in (room.name for floor in FLOORS for room in floor):
        if (LIBRARY / room).is_dir():
            parts += [f"## `betrayed/{room}/`", _table(_modules(LIBRARY / room), LIBRARY / room)]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _modules(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.py") if path.name != "__init__.py")


def _table(paths: Iterable[Path], folder: Path | None = None) -> str:
    rows = [
        f"| `{path.relative_to(folder or path.parent)}` | {first_sentence(path)} |"
        for path in sorted(paths)
    ]
    return "\n".join(["| file | what it is |", "|---|---|", *rows])


def first_sentence(path: Path) -> str:
    """What a file says of itself: of a docstring, or of the comment at its head."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(text)) or ""
    else:
        lines = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
        text = "\n".join(lines)
    text = re.sub(r":\w+:`(?:\S+\.)?(\w+)`", r"`\1`", text)  # a role: the name alone
    paragraph = text.partition("\n\n")[0].partition("\n  ")[0].replace("\n", " ")
    sentence = paragraph.partition(". ")[0].rstrip(".:")
    return sentence.replace("``", "`").replace("|", "\\|") + "."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
