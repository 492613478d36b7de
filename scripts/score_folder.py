"""Score masks that any method made against the truth, and write tables of the figures.

    python scripts/score_folder.py --truth DAVIS/Annotations_unsupervised/480p \
        --masks mymethod --split DAVIS/ImageSets/2017/val.txt --output scores

Masks are a folder of palette or grey PNGs for each video, named as its annotations are. Tracks in
videos of YouTube-VIS are a results.json beside --truth train.json, with --split 600:900.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import get_args

from betrayed.config.datasets import DatasetSettings
from betrayed.config.reading import checked
from betrayed.config.scoring import PROTOCOLS, Scorer, ScoreSettings
from betrayed.datasets.names import display_name, identifier
from betrayed.engine.parallel import cores, in_parallel
from betrayed.engine.programs import run
from betrayed.errors import UserError
from betrayed.io.files import whole_file
from betrayed.io.notes import note
from betrayed.reporting.leaderboard import BENCHMARKS
from betrayed.reporting.measurements import ALL
from betrayed.reporting.summary import scores_text
from betrayed.reporting.tables import PUBLISHED, write_tables
from betrayed.scoring.average_precision import PROTOCOL, pooled_rows
from betrayed.scoring.folders import Scores, find_videos, score_masks, unused
from betrayed.scoring.protocols import INPUT_OF
from betrayed.scoring.results import find_tracks, score_tracks

_MOST_NOTES = 20
#: Whoever found the masks: the leaderboard's column "source".
_FOUND_BY = "masks scored here"
_USUAL = {
    "ids": ("davis2017-sequence", "davis2017-frame"),
    "foreground": ("davis2016",),
    "tracks": (PROTOCOL,),
}
#: Those that masks can be scored by: the others score tracks of attention.
_OFFERED = [one for one in PROTOCOLS if INPUT_OF.get(one) != "labels"]


def main() -> None:
    """Read the command line, score, write the tables and print the summary."""
    arguments = _read_arguments()
    _check_output(arguments.output)
    kind = "tracks" if arguments.truth.suffix == ".json" else arguments.kind
    given = {"protocols": arguments.protocols or _USUAL[kind]}
    for name in ("max_proposals", "paper_max_proposals", "scorer"):
        given[name] = getattr(arguments, name)
    settings = checked(ScoreSettings, given, "options")
    what = (arguments.truth, arguments.masks, settings, arguments.split)
    videos = find_tracks(*what) if kind == "tracks" else find_videos(*what, kind=kind)
    for line in [] if kind == "tracks" else _first(unused(videos)):
        note(line)
    score = score_tracks if kind == "tracks" else score_masks
    scores = list(in_parallel(score, videos, arguments.workers, "scoring", "video"))
    _check_objects(scores, arguments.truth)

    name = arguments.run or _name(arguments.masks)
    common = {
        "run": name,
        "dataset": arguments.dataset or _name(arguments.truth),
        "benchmark": arguments.benchmark,
    }
    paths = _write_scores(arguments.output / "scores", scores)
    sources = [common | {"video": video, "path": path} for video, path in paths]
    runs = {name: {key: _plain(value) for key, value in vars(arguments).items()}}
    write_tables(arguments.output, sources, runs, PUBLISHED, settings.max_proposals, _FOUND_BY)
    print(scores_text(arguments.output))
    print(f"Tables: {arguments.output}/ (summary.csv is the one to start with)")


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--truth", type=Path, required=True, help="annotations, or train.json")
    parser.add_argument("--masks", type=Path, required=True, help="masks, or results.json")
    parser.add_argument(
        "--output", type=Path, required=True, help="folder to write the tables into"
    )
    parser.add_argument("--split", help="text file of videos; of train.json positions: 600:900")
    parser.add_argument(
        "--kind",
        choices=("ids", "foreground"),
        default=DatasetSettings.annotation_kind,
        help="of the truth: ids (255 is void) or foreground (every value but 0 is the object)",
    )
    parser.add_argument(
        "--protocols",
        nargs="+",
        choices=_OFFERED,
        metavar="PROTOCOL",
        help=f"any of {', '.join(_OFFERED)}. Usual: davis2017-sequence and davis2017-frame, "
        f"davis2016 with --kind foreground, {PROTOCOL} with JSON",
    )
    defaults = ScoreSettings()
    parser.add_argument(
        "--max-proposals",
        type=int,
        default=defaults.max_proposals,
        help="more are refused (%(default)s, the official figure)",
    )
    parser.add_argument(
        "--paper-max-proposals",
        type=int,
        default=defaults.paper_max_proposals,
        help="the same for davis2017-frame (%(default)s, the paper's)",
    )
    parser.add_argument(
        "--scorer",
        choices=get_args(Scorer),
        default=defaults.scorer,
        help="what computes J and F; the other one where it is installed",
    )
    parser.add_argument("--run", help="name in the tables; usual: that of the masks")
    parser.add_argument("--dataset", help="name in the tables; usual: that of the truth")
    parser.add_argument(
        "--benchmark", choices=BENCHMARKS, help="beside whose published figures it is ranked"
    )
    parser.add_argument("--workers", type=int, default=cores(), help="processes; usual: all cores")
    arguments = parser.parse_args()
    if arguments.workers < 1:
        parser.error("--workers must be at least 1")
    return arguments


def _check_output(folder: Path) -> None:
    """Refuse a folder that cannot be written before anything is scored; none is made yet."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"--output: {there} is no folder that can be written into. Name another.")


def _first(lines: list[str]) -> list[str]:
    """The first lines of many, and how many more there are."""
    more = len(lines) - _MOST_NOTES
    return lines[:_MOST_NOTES] + ([f"… and {more} more folders likewise."] if more > 0 else [])


def _check_objects(scores: list[Scores], truth: Path) -> None:
    """Say which videos have no object in the truth; refuse truth that has none at all."""
    empty = [one.name for one in scores if not one.objects]
    if len(empty) == len(scores):
        raise UserError(
            f"--truth: {truth} has no object in any of the {len(scores)} videos, so that there is "
            f"nothing to score. Name the folder with the ground truth."
        )
    if empty:
        print(
            f"Videos without an object in the truth, of which objects score nothing: "
            f"{', '.join(empty)}.",
            file=sys.stderr,
        )


def _write_scores(folder: Path, scores: list[Scores]) -> list[tuple[str, Path]]:
    """The videos with their files of scores; ``all`` is the data set as a whole."""
    tables = {one.name: one.table for one in scores}
    if ALL in tables:
        raise UserError(f"A video is named {ALL!r}, as the whole data set is in tables. Rename it.")
    overlaps = [one.detections for one in scores if one.detections is not None]
    if overlaps:
        tables[ALL] = pooled_rows(overlaps)
    paths = {ALL: folder / f"{ALL}.csv"} if overlaps else {}
    paths |= {one.name: folder / f"{identifier(one.name)}.csv" for one in scores}
    for name, table in tables.items():
        with whole_file(paths[name]) as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")
    return [(display_name(name), path) for name, path in paths.items()]


def _name(path: Path) -> str:
    """What tables call it: a folder's whole name, dots included, or a file's without its suffix."""
    path = path.resolve()  # "." has a name too
    return path.stem if path.suffix == ".json" else path.name


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


if __name__ == "__main__":
    run(main)
