"""Collect the scores of all videos into tables, and rank the runs beside published figures."""

import argparse
import json
from pathlib import Path
from typing import Any

from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size
from betrayed.errors import UserError
from betrayed.reporting.tables import write_tables

_KEYS = ("run", "dataset", "benchmark", "video", "path")


def main() -> None:
    """Read the command line and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scores", required=True, help="JSON file: [{run, dataset, benchmark, video, path}, …]"
    )
    parser.add_argument("--runs", required=True, help="JSON file: {run: {setting: value, …}, …}")
    parser.add_argument("--published", required=True, help="CSV of published figures")
    parser.add_argument(
        "--max-proposals", type=int, required=True, help="how many the official protocol got"
    )
    parser.add_argument("--output-folder", required=True, help="folder to write the tables into")
    arguments = parser.parse_args()
    sources = _read_json(arguments.scores, list)
    for source in sources:
        if not isinstance(source, dict) or not set(_KEYS) <= set(source):
            raise UserError(
                f"{arguments.scores}: every entry needs {', '.join(_KEYS)}, unlike {source!r}."
            )
    runs = _read_json(arguments.runs, dict)
    write_tables(
        arguments.output_folder, sources, runs, arguments.published, arguments.max_proposals
    )
    note(videos=len(sources))
    note_size(arguments.output_folder)


def _read_json(path: str, kind: type) -> Any:
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, kind):
        raise UserError(f"{path} must hold a JSON {'list' if kind is list else 'object'}.")
    return value


if __name__ == "__main__":
    run(main)
