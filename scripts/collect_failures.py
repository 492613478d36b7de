"""Collect the videos that were left out, and why, into the table failures."""

import argparse

from betrayed.engine.programs import run
from betrayed.engine.records import Record
from betrayed.io.json_files import read_json_list
from betrayed.reporting.failure_table import write_failure_table


def main() -> None:
    """Read the command line and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--records", required=True, help="JSON file: [{dataset, record}, …] of the last stages"
    )
    parser.add_argument("--output-folder", required=True, help="folder to write failures.* into")
    arguments = parser.parse_args()
    failures = [
        {
            "stage": failure.stage,
            "dataset": row["dataset"],
            "video": video,
            "reason": failure.reason,
        }
        for row in read_json_list(arguments.records, ("dataset", "record"))
        for video, failure in Record.read(row["record"]).failures.items()
    ]
    write_failure_table(arguments.output_folder, failures)


if __name__ == "__main__":
    run(main)
