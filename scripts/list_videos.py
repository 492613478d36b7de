"""List a data set's videos in a manifest (CSV): video, source, annotations, instances.

Ground truth that comes in one file for all videos is parted, a file a video; for videos in shards
the file says where each of them lies.
"""

import argparse
import sys
from pathlib import Path

from betrayed.config.reading import read_settings
from betrayed.datasets.layouts.common import DatasetSettings
from betrayed.datasets.listing import left_out, list_videos
from betrayed.datasets.manifest import write_manifest
from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size


def main() -> None:
    """Read the command line and write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the CSV file to write")
    parser.add_argument(
        "--truth",
        type=Path,
        required=True,
        help="folder for the files of ground truth that is parted",
    )
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON: layout, root, annotations, instances, split, videos, annotation_kind "
        "(ids, foreground)",
    )
    arguments = parser.parse_args()
    settings = read_settings(DatasetSettings, arguments.settings)
    rows = list_videos(settings, arguments.truth)
    for path, reason in left_out(settings):
        print(f"Left out: {path} {reason}.", file=sys.stderr)
    arguments.truth.mkdir(parents=True, exist_ok=True)
    write_manifest(arguments.output, rows)
    record = Path(settings.root, settings.annotations or "").expanduser()
    note(videos=len(rows), json_mb=record.stat().st_size / 1e6 if record.is_file() else 0)
    note_size(arguments.output, arguments.truth)


if __name__ == "__main__":
    run(main)
