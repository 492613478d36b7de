"""Draw a sweep: lines with intervals over seeds for one setting, heat maps for two."""

import argparse

from betrayed.engine.programs import run
from betrayed.reporting.sweep_pictures import draw_sweep
from betrayed.reporting.sweeps import read_table


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True, help="the table sweep, Parquet")
    parser.add_argument("--output", required=True, help="SVG or PNG file to write")
    arguments = parser.parse_args()
    draw_sweep(read_table(arguments.table), arguments.output)


if __name__ == "__main__":
    run(main)
