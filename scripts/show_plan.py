"""Print how many jobs and videos each stage of a run needs, and what is up to date.

    snakemake --cores all --summary | python scripts/show_plan.py

`make plan` calls it so.
"""

import argparse
import os
import sys

from betrayed.engine.plans import plan_text, read_plan
from betrayed.engine.programs import run


def main() -> None:
    """Read the command line and the summary, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--configfile", nargs="*", default=[], help="what snakemake was told, to be repeated"
    )
    arguments = parser.parse_args()
    if lines := sys.stdin.readlines():  # nothing: snakemake has said why
        text = plan_text(read_plan(lines), arguments.configfile, os.environ.get("VIDEOS"))
        print(text, end="")


if __name__ == "__main__":
    run(main)
