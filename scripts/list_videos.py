"""List a data set's videos in a manifest (CSV): video, source, annotations, instances."""

import argparse
from pathlib import Path

from betrayed.datasets import DatasetSettings, list_videos, write_manifest
from betrayed.programs import read_settings, run


def main() -> None:
    """Read the command line and write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the CSV file to write")
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON: layout (folder, davis), root, annotations, instances, split, videos, "
        "annotation_kind (ids, foreground)",
    )
    arguments = parser.parse_args()
    rows = list_videos(read_settings(DatasetSettings, arguments.settings))
    write_manifest(arguments.output, rows)


if __name__ == "__main__":
    run(main)
