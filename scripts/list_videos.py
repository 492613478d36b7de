"""List a data set's videos in a manifest (CSV): where they lie, their batches, their contents.

Films that are long, cut, or worked on in part are listed in pieces: betrayed/datasets/pieces.py.

Ground truth that comes in one file for all videos is parted, a file a video; for videos in shards
the file says where each of them lies.
"""

import argparse
import json
from pathlib import Path

from betrayed.config.datasets import DatasetSettings
from betrayed.config.films import FilmSettings
from betrayed.config.reading import read_settings
from betrayed.datasets.batching import MOST_OF_LONG, assign_batches, batch_size
from betrayed.datasets.listing import left_out, list_videos
from betrayed.datasets.manifest import Row, write_manifest
from betrayed.datasets.names import display_name
from betrayed.datasets.other_files import in_lines
from betrayed.datasets.pieces import FILM, KINDS, LONG, Part, kind_of
from betrayed.datasets.watching import signature, total_bytes
from betrayed.engine.programs import run
from betrayed.engine.sole_maker import sole_maker
from betrayed.errors import UserError
from betrayed.io.files import sha256, whole_file
from betrayed.io.notes import note
from betrayed.io.progress import progress
from betrayed.video.film_extraction import check_part
from betrayed.video.film_pieces import SCANS, film_rows, scan_of, taken_whole
from betrayed.video.fingerprint import fingerprint

_TRUTH = ("annotations", "instances")


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
    parser.add_argument(
        "--films", default="{}", help='JSON: how films are worked on, e.g. {"step": 3}'
    )
    parser.add_argument("--batch-size", type=int, default=0, help="videos in a batch; 0: as fits")
    parser.add_argument("--parallel", type=int, default=1, help="jobs that can run at a time")
    parser.add_argument(
        "--least",
        type=int,
        default=1,
        help="videos that are worth a job, see betrayed.datasets.batching",
    )
    parser.add_argument(
        "--memory", type=Path, required=True, help="JSON that keeps batches and known contents"
    )
    arguments = parser.parse_args()
    with sole_maker(arguments.output.with_suffix(".lock"), str(arguments.output)):
        _list(arguments)


def _list(arguments: argparse.Namespace) -> None:
    settings = read_settings(DatasetSettings, arguments.settings)
    rows = list_videos(settings, arguments.truth)
    for line in in_lines(left_out(settings)):
        note(f"Left out: {display_name(line)}.")
    arguments.truth.mkdir(parents=True, exist_ok=True)
    before = _read_memory(arguments.memory)
    contents = _contents(rows, settings, before.get("contents", {}))
    for row in rows:
        known, row["part"] = contents[row["video"]], ""
        row["source_content"], row["truth_content"] = known["source"], known["truth"]
        row["bytes"] = str(total_bytes([row["source"]], _depth(settings)))
    if settings.layout == "folder":
        films = read_settings(FilmSettings, arguments.films, "--films")
        if text := taken_whole(rows, films):
            note(display_name(text))
        folder = arguments.output.parent / SCANS
        rows = [one for row in rows for one in film_rows(row, films, folder)]
        if all(kind_of(row) == FILM for row in rows):
            # Nothing is left to work on. Of one film among others its extraction says so.
            check_part(rows[0]["source"], Part.from_text(rows[0]["part"]), scan_of(rows[0], folder))
    batches = _assign(arguments, rows, before)
    for row in rows:
        row["batch"] = batches["batches"][row["video"]]
    write_manifest(arguments.output, rows)
    memory = {**batches, "contents": contents, "manifest": sha256(arguments.output)}
    with whole_file(arguments.memory) as temporary:
        temporary.write_text(json.dumps(memory, indent=1), encoding="utf-8")


def _assign(arguments: argparse.Namespace, rows: list[Row], before: dict) -> dict:
    """The batch of each video, and the size by which they were chosen."""
    # A size that was asked for counts at once; one that fitted when videos were first listed stays.
    size = arguments.batch_size or before.get("fitted")
    size = size or batch_size(len(rows), arguments.parallel, arguments.least)
    kept = before.get("batches", {}) if before.get("size") == size else {}
    batches: dict[str, str] = {}
    for kind in KINDS:
        videos = [row["video"] for row in rows if kind_of(row) == kind]
        most = min(size, MOST_OF_LONG) if kind == LONG else size
        batches |= assign_batches(videos, most, kept, kind)
    return {
        "size": size,
        "fitted": None if arguments.batch_size else size,
        "batches": batches,
    }


def _contents(
    rows: list[Row], settings: DatasetSettings, before: dict[str, dict[str, str]]
) -> dict[str, dict[str, str]]:
    """What stands for each video's content; files are read where names, sizes or times differ."""
    contents = {}
    for row in progress(rows, "reading contents", "video"):
        seen = signature([row["source"]], _depth(settings))
        seen += signature([row[name] for name in _TRUTH if row[name]])
        known = before.get(row["video"])
        if known is None or known["seen"] != seen:
            source, truth = {"source": row["source"]}, {name: row[name] for name in _TRUTH}
            try:
                known = {"seen": seen, "source": fingerprint(source), "truth": fingerprint(truth)}
            except UserError:  # extracting its frames says what is wrong, and leaves it out
                known = {"seen": "", "source": "unreadable", "truth": ""}
        contents[row["video"]] = known
    return contents


def _depth(settings: DatasetSettings) -> int | None:
    """Frames lie in a folder itself; whatever is deeper is no part of the video."""
    return 1 if settings.layout == "folder" else None


def _read_memory(path: Path) -> dict:
    """What an earlier listing has kept; nothing if there was none, or it is damaged."""
    try:
        memory = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return memory if isinstance(memory, dict) else {}


if __name__ == "__main__":
    run(main)
