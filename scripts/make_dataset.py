"""Make the synthetic data set: clips with exact masks, drawn from a seed."""

import argparse
from pathlib import Path

import cv2

from betrayed.config.reading import read_settings
from betrayed.engine.programs import run
from betrayed.engine.sole_maker import sole_maker
from betrayed.synthetic.film import SyntheticSettings, make_dataset


def main() -> None:
    """Read the command line and draw the data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the folder to make")
    parser.add_argument(
        "--settings", default="{}", help="JSON: seed, stories, clips, frames, height, width, fps"
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(1)  # small pictures: more threads only wait for one another
    settings = read_settings(SyntheticSettings, arguments.settings)
    folder = arguments.output
    with sole_maker(folder.with_name(f".{folder.name}.lock"), str(folder)):
        make_dataset(folder, settings)


if __name__ == "__main__":
    run(main)
