"""Collect the scores of all videos into tables, and rank the runs beside published figures."""

import argparse
from collections.abc import Iterator
from typing import Any

from betrayed.engine.programs import run
from betrayed.engine.records import read_checked
from betrayed.errors import UserError
from betrayed.io.json_files import read_json, read_json_list
from betrayed.reporting.tables import write_tables

_KEYS = ("run", "dataset", "benchmark")


def main() -> None:
    """Read the command line and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scores",
        required=True,
        help="JSON file: [{run, dataset, benchmark, and either record, of a batch's scores, or "
        "video and path, of one table of scores}, …]",
    )
    parser.add_argument("--runs", required=True, help="JSON file: {run: {setting: value, …}, …}")
    parser.add_argument("--published", required=True, help="CSV of published figures")
    parser.add_argument(
        "--max-proposals", type=int, required=True, help="how many the official protocol got"
    )
    parser.add_argument("--output-folder", required=True, help="folder to write the tables into")
    arguments = parser.parse_args()
    rows = read_json_list(arguments.scores, _KEYS)
    for row in rows:
        if "record" not in row and not {"video", "path"} <= set(row):
            raise UserError(
                f"{arguments.scores}: every entry needs a record, or video and path, "
                f"unlike {row!r}."
            )
    sources = [source for row in rows for source in _sources(row)]
    runs = read_json(arguments.runs, dict)
    write_tables(
        arguments.output_folder, sources, runs, arguments.published, arguments.max_proposals
    )


def _sources(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The tables of scores that a row stands for."""
    if "record" not in row:
        yield row
        return
    about = {name: row[name] for name in _KEYS}
    for video, made in read_checked(row["record"]).videos.items():
        yield {**about, "video": video, "path": made.artefact}


if __name__ == "__main__":
    run(main)
