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
of itself, and the functions and classes that it has for others. What the rooms are, and which may
import which, is on the page [The rooms](rooms.md).

What is no program text lies beside what reads it: the report's templates, styles and scripts in
`reporting/report/templates/`, published figures in `reporting/published.csv`, the learnt odds in
`objects/same_object.json`, what timm's backbones are in `config/known_backbones.json`.

Under other words: the columns of `objects.csv` are in `objects/objects.py`; void pixels (255) in
`io/palette.py`, and where figures leave them out in `scoring/davis.py` and
`scoring/video_objects.py`; what `make` takes (`START=`, `QUALITY=`) in `Makefile`, which hands it
on as settings (`config/films.py`).
"""


def page() -> str:
    """The page in Markdown."""
    scripts, rules = ROOT / "scripts", ROOT / "rules"
    programs = [*scripts.glob("*.py"), *scripts.glob("snakemake_*/__init__.py")]
    parts = [HEAD, "## The programs: `scripts/`", _table(programs, scripts)]
    parts += ["## The rules: `rules/`", _table(rules.rglob("*.smk"), rules)]
    for room in (room.name for floor in FLOORS for room in floor):
        place = LIBRARY / room
        files = _modules(place) if place.is_dir() else [place]
        folder = place if place.is_dir() else LIBRARY
        title = f"{room}/" if place.is_dir() else room
        parts += [f"## `betrayed/{title}`", _table(files, folder, names=True)]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _modules(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.py") if path.name != "__init__.py")


def _table(paths: Iterable[Path], folder: Path, names: bool = False) -> str:
    rows = ["| file | what it is |", "|---|---|"]
    if names:
        rows = ["| file | what it is | for others |", "|---|---|---|"]
    for path in sorted(paths):
        row = f"| `{path.relative_to(folder)}` | {first_sentence(path)} |"
        if names:
            row += f" {', '.join(f'`{name}`' for name in public_names(path))} |"
        rows.append(row)
    return "\n".join(rows)


def public_names(path: Path) -> list[str]:
    """The functions and classes of a module that do not begin with an underscore, in order."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [one.name for one in body if isinstance(one, kinds) and one.name[0] != "_"]


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
