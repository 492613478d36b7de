"""End with status 1 if videos were left out, and name them."""

import argparse

from betrayed.engine.programs import run
from betrayed.errors import UserError
from betrayed.reporting.failure_table import failures_text


def main() -> None:
    """Read the command line and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--failures", required=True, help="the table failures, CSV")
    parser.add_argument("--allow", type=int, default=0, help="1: say it, and end with status 0")
    arguments = parser.parse_args()
    text = failures_text(arguments.failures)
    if not text:
        return
    text = (
        f"These videos were left out; all others are finished ({arguments.failures}):\n{text}\n"
        "Mend them or take them out of the data set, and run again: finished videos are not "
        "computed anew. To go on without them, set allow_failures: true."
    )
    if not arguments.allow:
        raise UserError(text)
    print(text)


if __name__ == "__main__":
    run(main)
