"""Print how many jobs and videos each stage of a run needs, and what is up to date.

    snakemake --cores all --summary | python scripts/show_plan.py

`make plan` calls it so.
"""

import sys

from betrayed.engine.plans import plan_text, read_plan
from betrayed.engine.programs import run


def main() -> None:
    """Read the summary and print."""
    if lines := sys.stdin.readlines():  # nothing: snakemake has said why
        print(plan_text(read_plan(lines)), end="")


if __name__ == "__main__":
    run(main)
