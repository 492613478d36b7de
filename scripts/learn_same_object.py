"""Learn the odds that two points lie on one object, from segmented videos with exact masks."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from betrayed.clustering.tracks import read_tracks
from betrayed.config.objects import ObjectSettings
from betrayed.config.reading import read_settings
from betrayed.engine.parallel import cores, in_parallel
from betrayed.engine.programs import run
from betrayed.engine.records import Record
from betrayed.errors import UserError
from betrayed.io.files import whole_file
from betrayed.io.json_files import read_json_list
from betrayed.objects.annotated_points import AnnotatedPoints, annotated_points
from betrayed.objects.composites import Cutout, cut_out
from betrayed.objects.division import seen_points
from betrayed.objects.foreground import find_foreground
from betrayed.objects.learning import (
    LearningSettings,
    draw_composites,
    draw_pairs,
    learn,
    write_model,
)
from betrayed.objects.outlines import Outlines
from betrayed.objects.selection import read_evidence
from betrayed.objects.trajectories import Trajectories
from betrayed.objects.validation import best_split, cross_validate
from betrayed.video.video import Video

_RECORDS = ("frames", "tracks", "features", "fine_features", "motion")
_KEYS = (*_RECORDS, "trajectories")


def main() -> None:
    """Read the command line, gather, validate, learn and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--videos",
        required=True,
        type=Path,
        help="JSON: a list of objects with the records frames, tracks, features, fine_features "
        "and motion of each batch, and the folder trajectories",
    )
    parser.add_argument(
        "--unlabelled",
        type=Path,
        help="JSON: likewise, real videos, whose foregrounds are found, taken as one object each "
        "and joined by twos; what is known of them otherwise is not looked at",
    )
    parser.add_argument("--output", required=True, help="same_object.json to write")
    parser.add_argument("--splits", required=True, help="CSV to write: what each split would do")
    parser.add_argument("--calibration", required=True, help="CSV to write: odds against truth")
    parser.add_argument("--objects", default="{}", help="JSON: how foregrounds are found")
    parser.add_argument("--settings", default="{}", help='JSON, e.g. {"pairs": 3000, "seed": 0}')
    parser.add_argument("--processes", type=int, default=cores(), help="that gather points")
    arguments = parser.parse_args()
    settings = read_settings(LearningSettings, arguments.settings)
    found = read_settings(ObjectSettings, arguments.objects)
    rows = [row for one in read_json_list(arguments.videos, _KEYS) for row in _videos(one)]
    gathered = in_parallel(
        partial(_gather, settings=found), rows, arguments.processes, "gathering points", "video"
    )
    videos = [one for one in gathered if one is not None]
    if len(videos) < 2:
        raise UserError(
            f"{arguments.videos} names {len(rows)} videos, of which {len(videos)} have ground "
            "truth and points on a foreground; at least two are needed."
        )
    samples = [
        draw_pairs(one.seen, one.owners, settings.pairs, np.random.default_rng([settings.seed, i]))
        for i, one in enumerate(videos)
    ]
    listed = read_json_list(arguments.unlabelled, _KEYS) if arguments.unlabelled else []
    rows = [row for one in listed for row in _videos(one)]
    cut = in_parallel(
        partial(_cut_out, settings=found), rows, arguments.processes, "cutting out", "video"
    )
    cutouts = [one for one in cut if one is not None]
    composites = draw_composites(cutouts, settings)
    splits, calibration = cross_validate(videos, samples, settings, composites)
    for path, table in ((arguments.splits, splits), (arguments.calibration, calibration)):
        with whole_file(path) as temporary:
            table.to_csv(temporary, index=False, float_format="%.4f", lineterminator="\n")
    print(splits.to_string(index=False))
    print(f"The lowest split that loses next to nothing: {best_split(splits)}")
    made_from = {
        "videos": len(videos),
        "unlabelled": len(cutouts),
        "composites": len(composites),
        "best_split": best_split(splits),
    }
    write_model(arguments.output, learn(samples, settings, composites), made_from)


def _videos(batch: dict[str, str]) -> list[dict[str, str]]:
    """The files of each video of a batch."""
    records = {name: Record.read(batch[name]).videos for name in _RECORDS}
    return [
        {name: made[video].artefact for name, made in records.items()}
        | {"trajectories": f"{batch['trajectories']}/{video}.h5"}
        for video in records["frames"]
        if all(video in made for made in records.values())
    ]


def _gather(row: dict[str, str], settings: ObjectSettings) -> AnnotatedPoints | None:
    video = Video.load(row["frames"])
    if video.annotations is None:
        return None
    points, outlines, tokens, grid = _segmented(row, video, settings)
    seen = seen_points(points, outlines, tokens, grid)
    return annotated_points(video, seen) if seen is not None else None


def _cut_out(row: dict[str, str], settings: ObjectSettings) -> Cutout | None:
    points, outlines, tokens, grid = _segmented(row, Video.load(row["frames"]), settings)
    return cut_out(points, outlines, tokens, grid)


def _segmented(
    row: dict[str, str], video: Video, settings: ObjectSettings
) -> tuple[Trajectories, Outlines, np.ndarray, tuple[int, int]]:
    """A video's points, its foreground, and its tokens with their rows and columns."""
    tracks = read_tracks(row["tracks"])
    paths = (row[name] for name in ("features", "fine_features", "motion", "trajectories"))
    evidence = read_evidence(tracks, *paths)
    foreground = find_foreground(
        tracks.labels,
        tracks.merges,
        evidence.cues,
        evidence.local_motion,
        evidence.tokens,
        settings,
    )
    outlines = Outlines(foreground, (video.height, video.width), video.frame)
    return evidence.points, outlines, evidence.tokens, foreground.scores.shape[1:]


if __name__ == "__main__":
    run(main)
