"""Choose which tracks of a video are objects, and write their masks at the video's own size."""

import argparse
from pathlib import Path

from betrayed.cues import attention_cue, interior_cue, motion_cue, read_class_attention
from betrayed.masks import write_masks
from betrayed.motion import read_motion
from betrayed.objects import ObjectSettings, select_objects
from betrayed.programs import read_settings, run
from betrayed.tracks import read_tracks


def main() -> None:
    """Read the command line, choose and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", required=True, help="tracks artefact of the video")
    parser.add_argument("--motion", required=True, help="motion artefact of the video")
    parser.add_argument("--features", required=True, help="features artefact of the video")
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        help="objects.csv to write; its folder becomes the folder of masks",
    )
    parser.add_argument("--settings", default="{}", help='JSON, e.g. {"max_objects": 20}')
    arguments = parser.parse_args()
    if arguments.output.name != "objects.csv":
        parser.error("--output must be named objects.csv")
    settings = read_settings(ObjectSettings, arguments.settings)
    tracks = read_tracks(arguments.tracks)
    cues = {
        "motion": motion_cue(read_motion(arguments.motion, tracks.labels.shape[1:])),
        "attention": attention_cue(read_class_attention(arguments.features)),
        "interior": interior_cue(tracks.labels.shape),
    }
    objects = select_objects(tracks.labels, cues, settings)
    video = tracks.made_by.get("video", "")
    write_masks(arguments.output.parent, tracks.labels, objects, tracks.frame_size, video)


if __name__ == "__main__":
    run(main)
