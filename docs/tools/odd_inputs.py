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

How a cut is known: MP4, MOV, MKV, WebM, AVI, WMV, MXF and some FLV state how long they are; GIF,
APNG and Ogg end with a mark; of MPEG (PS, VOB), TS, M2TS, FLV, IVF, Y4M, DV, JPEGs in a row, AV1
units and whatever was written as a live stream, every part states its size, so that a cut inside
the last part is known. Beyond that a decoder that finds pictures of the last part missing says so
(MPEG-2, MPEG-4, H.264).

What cannot be known: that parts are missing which would have come after the last one that is
there. A film of these kinds that was cut *between* two parts (a multiple of 188 bytes of a TS,
between two packs of an MPEG, two tags of an FLV without a length, two pictures of Y4M, two
fragments of an MP4 without an index, two clusters of a live MKV) passes for a shorter film, as a
recording does that was stopped. The same holds for codings without a container (H.264, HEVC, MPEG
video): there no part states its size, and a cut is known only if the decoder stumbles over it,
which it seldom does with HEVC. A mark for the end of a sequence, where one may be, proves nothing
by its absence. NUT, WTV, RealMedia and AMV are for the decoder to judge, too.
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
    """A text as a cell of a table: in one line, with signs that Markdown would read escaped.

    Encoders make a film some bytes longer or shorter from one time to the next.
    """
    text = re.sub(r"\d+ bytes or more, but has \d+", "… bytes or more, but has …", text)
    text = re.sub(r"at byte \d+ of \d+", "at byte … of …", text)
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
