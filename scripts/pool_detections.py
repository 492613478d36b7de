"""AP and AR over the detections of all videos of a data set."""

import argparse

from betrayed.datasets.manifest import read_manifest
from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size
from betrayed.io.files import whole_file
from betrayed.io.progress import progress
from betrayed.scoring.average_precision import pooled_rows
from betrayed.scoring.detection_table import read_detections


def main() -> None:
    """Read the command line, pool, and write the figures as a file of scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", required=True, help="CSV of the data set's videos")
    parser.add_argument("--detections", required=True, help="folder with a CSV for each video")
    parser.add_argument("--output", required=True, help="CSV to write")
    arguments = parser.parse_args()
    rows = [row for row in read_manifest(arguments.manifest) if row["annotations"]]
    paths = [f"{arguments.detections}/{row['video']}.csv" for row in rows]
    table = pooled_rows(map(read_detections, progress(paths, "pooling", "video")))
    with whole_file(arguments.output) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    note(videos=len(paths))
    note_size(arguments.output)


if __name__ == "__main__":
    run(main)
