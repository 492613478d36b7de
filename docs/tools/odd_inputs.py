"""Write docs/odd-inputs.md: what was tried with odd inputs, and what happens.

    python docs/tools/odd_inputs.py          # write the page
    python docs/tools/odd_inputs.py --print  # print it instead

Every case of tests/support/odd_inputs.py is run; a test fails when the page is not what they say.
"""

import argparse
import contextlib
import io
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "odd-inputs.md"
HEAD = """\
# Odd inputs

<!-- Made by odd_inputs.py from the cases of tests/support/odd_inputs.py: edit those. -->

What was tried with films, images, masks and names as people have them, and what happens: the lines
come from running each case. Either all is read, or a message says what is wrong, where, and what to
do. Beyond these, `make test-property` draws hundreds of films (container, coding, size, rate, turn,
streams, edit list, cut), folders of masks and files of results at random and asks the same of them;
the ordinary tests have 30 of each.

What cannot be noticed: a film in a container that states no length (MPEG, TS, FLV, Y4M, NUT, APNG,
IVF, codings without a container) that was cut between two pictures, and a fragmented MP4 that was
cut between two fragments, pass for shorter films.
"""


def page() -> str:
    """The page in Markdown; runs every case."""
    sys.path[:0] = [str(ROOT / name) for name in ("scripts", "tests")]
    from support.odd_inputs import CASES, happens

    parts = [HEAD]
    for section, cases in CASES.items():
        rows = []
        for name, case in cases.items():
            with (
                tempfile.TemporaryDirectory() as folder,
                contextlib.redirect_stderr(io.StringIO()),
            ):
                rows.append(f"| {_cell(name)} | {_cell(happens(case, Path(folder)))} |\n")
        parts.append(
            f"\n## {section}\n\n| what was tried | what happens |\n|---|---|\n{''.join(rows)}"
        )
    return "".join(parts)


def _cell(text: str) -> str:
    """A text as a cell of a table: in one line, with signs that Markdown would read escaped."""
    return re.sub(r"([|*_`<{\[])", r"\\\1", " ".join(text.split()))


def main() -> None:
    """Write the page, or print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", help="print the page instead of writing it")
    text = page()
    if parser.parse_args().print:
        print(text, end="")
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
