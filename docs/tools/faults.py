"""Write docs/faults.md: what was done to a finished run, and what came of it.

    python docs/tools/faults.py                  # do everything, and write the page
    python docs/tools/faults.py features block   # these groups alone; other rows stay
    python docs/tools/faults.py --undone         # those of which the page has no outcome

The groups are those of tests/support/broken_runs.py, each of some rows. All of them take half an
hour on two cores; as root, since disks are mounted. `make test-faults` does the same and compares.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("scripts", "tests")]
PAGE = ROOT / "docs" / "faults.md"
NOT_YET = "not done yet"
HEAD = """\
# Faults

<!-- Made by faults.py from the cases of tests/support/broken_runs.py: edit those. -->

What was done to a finished run, and what the next run made of it. Each line comes from doing it:
to a copy of a project of seven tiny videos, with the real programs. In every case the end are the
tables of an undisturbed run, byte for byte, and nothing temporary is left. Where the run *stops*,
it ends with an error, the message is the one that is shown here, and what it says was done before
the next run, nothing else. `make test-faults` does all of it again and compares (root, half an hour
on two cores).

An artefact is read by the stage after it, so that stage was made to run again. Identifiers in paths
are shortened to …. *That of another video* and *that of another setting* are whole files, with good
checksums, in the place of others. *NaN* is under good checksums, too. What is cut has another size
than its record says, and is made anew before anybody reads it.

On a cluster the tests marked `slurm` do the rest on a SLURM of two virtual nodes: the main process
killed while its job goes on, and a second run beside that job; a node that goes down; a job that is
out of memory; Ctrl-C and SIGTERM ([A cluster](slurm.md)). `test_kills.py` kills everything at once,
jobs and Snakemake, in each stage in turn.
"""


def rows_of(text: str) -> dict[str, str]:
    """What came of each row of a page; as they are written, escaped."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line[:2] == "| "]
    return {line[0]: line[1] for line in lines if len(line) == 2 and line[0] != "what was done"}


def page(known: dict[str, str]) -> str:
    """The page of what came of each row; of some nothing may be known yet."""
    from support.broken_runs import SECTIONS

    parts = [HEAD]
    for section, groups in SECTIONS.items():
        cells = [cell(row) for group in groups.values() for row in group.rows]
        lines = [f"| {row} | {known.get(row, NOT_YET)} |\n" for row in cells]
        parts.append(f"\n## {section}\n\n| what was done | what happens |\n|---|---|\n")
        parts += lines
    return "".join(parts)


def cell(text: str) -> str:
    """A text as a cell of a table: signs that Markdown would read escaped, code left as it is."""
    parts = text.split("`")
    for index in range(0, len(parts), 2):
        for sign in "|*_<{[":
            parts[index] = parts[index].replace(sign, f"\\{sign}")
    return "`".join(parts)


def main() -> None:
    """Do what is asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("groups", nargs="*", help="of broken_runs.py; default all")
    parser.add_argument("--undone", action="store_true", help="groups with rows that are not done")
    parser.add_argument("--finished", type=Path, help="a finished project, made if it is not there")
    parser.add_argument("--output", type=Path, default=PAGE, help="default docs/faults.md")
    arguments = parser.parse_args()
    from support.broken_runs import GROUPS, finished_at, make_finished

    output = arguments.output
    known = rows_of(output.read_text(encoding="utf-8")) if output.exists() else {}
    asked = arguments.groups or list(GROUPS)
    if arguments.undone:
        done = {row for row, said in known.items() if said != NOT_YET}
        asked = [one for one in asked if not done.issuperset(map(cell, GROUPS[one].rows))]
    failed = []
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        base = arguments.finished or Path(name) / "finished"
        if not (base / "done").exists():
            make_finished(base)
            (base / "done").touch()
        finished = finished_at(base)
        for group in asked:
            for row in GROUPS[group].rows:
                known.pop(cell(row), None)
            try:
                folder = Path(name) / group.replace(" ", "-")
                outcome = GROUPS[group].happen(finished.copy(folder / "project"), finished)
                shutil.rmtree(folder)
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                print(f"{group}: {error!r}", file=sys.stderr, flush=True)
                failed.append(group)
                continue
            known |= {cell(row): cell(said) for row, said in outcome.items()}
            for row, said in outcome.items():
                print(f"{row}: {said}", flush=True)
            output.write_text(page(known), encoding="utf-8")
    if failed:
        sys.exit(f"not as they should be: {', '.join(failed)}")


if __name__ == "__main__":
    main()
