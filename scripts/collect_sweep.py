"""Collect the table of a sweep: each figure's mean over seeds, for every step."""

import argparse

from betrayed.engine.programs import run
from betrayed.io.json_files import read_json_list
from betrayed.reporting.sweeps import read_table, write_sweep


def main() -> None:
    """Read the command line and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--summary", required=True, help="the table summary, Parquet")
    parser.add_argument("--runs", required=True, help="JSON file: [{run, base, swept}, …]")
    parser.add_argument("--output-folder", required=True, help="folder to write sweep.* into")
    arguments = parser.parse_args()
    runs = read_json_list(arguments.runs, ("run", "base", "swept"))
    write_sweep(arguments.output_folder, read_table(arguments.summary), runs)


if __name__ == "__main__":
    run(main)
