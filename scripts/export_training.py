"""Bring the log of a training into the form that TensorBoard opens."""

import argparse

from betrayed.engine.programs import run
from betrayed.reporting.training_events import write_events


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", required=True, help="training.csv of a block")
    parser.add_argument("--output-folder", required=True, help="folder to write")
    arguments = parser.parse_args()
    write_events(arguments.log, arguments.output_folder)


if __name__ == "__main__":
    run(main)
