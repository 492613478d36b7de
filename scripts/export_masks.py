"""Bring the masks of a data set's videos into the form that a benchmark's server takes."""

import argparse
from pathlib import Path

from betrayed.datasets.manifest import read_manifest
from betrayed.engine.batches import Record
from betrayed.engine.programs import run
from betrayed.exports.servers import MaskedVideo, export_davis, export_youtube_vis, zip_folder


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", required=True, choices=("davis", "youtube_vis"))
    parser.add_argument("--manifest", required=True, help="CSV of the data set's videos")
    parser.add_argument("--frames", required=True, nargs="+", help="records of their frames")
    parser.add_argument("--masks", required=True, nargs="+", help="records of their masks")
    parser.add_argument("--threads", type=int, default=1, help="processes side by side")
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        help="zip file to write; what is in it lies unpacked in a folder of its name beside it",
    )
    arguments = parser.parse_args()
    # Listing the videos puts the records of YouTube-VIS beside the manifest, also without truth.
    records = Path(arguments.manifest).parent / "truth"
    frames, masks = _made(arguments.frames), _made(arguments.masks)
    videos = [
        MaskedVideo(
            frames[video],
            masks[video].parent,
            records / f"{video}.json" if arguments.form == "youtube_vis" else None,
        )
        for video in (row["video"] for row in read_manifest(arguments.manifest))
        if video in masks
    ]
    if arguments.output.suffix != ".zip":
        parser.error("--output must be named .zip")
    folder = arguments.output.with_suffix("")
    if arguments.form == "davis":
        export_davis(videos, folder)
    else:
        export_youtube_vis(videos, folder, arguments.threads)
    zip_folder(folder, arguments.output)


def _made(records: list[str]) -> dict[str, Path]:
    """The artefact of each video."""
    return {
        video: Path(made.artefact)
        for path in records
        for video, made in Record.read(path).videos.items()
    }


if __name__ == "__main__":
    run(main)
