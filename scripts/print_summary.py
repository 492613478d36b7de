"""Print the scores, the seconds per stage, and where tables and pictures lie."""

import argparse

from betrayed.engine.programs import run
from betrayed.reporting.summary import summary_text


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", required=True, help="folder with summary.csv")
    parser.add_argument(
        "--benchmarks", required=True, help="folder of the jobs' seconds and memory"
    )
    parser.add_argument("--pictures", required=True, help="folder with the pictures")
    arguments = parser.parse_args()
    print(summary_text(arguments.tables, arguments.benchmarks, arguments.pictures), end="")


if __name__ == "__main__":
    run(main)
