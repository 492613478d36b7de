"""Bring the masks of a data set's videos into a form that servers or other tools take."""

import argparse
from pathlib import Path

from betrayed.config.exports import SERVERS
from betrayed.datasets.manifest import read_manifest
from betrayed.engine.programs import run
from betrayed.engine.records import Record, read_checked
from betrayed.exports.forms import FORMS
from betrayed.exports.servers import zip_folder
from betrayed.exports.videos import MaskedVideo
from betrayed.io.mask_levels import LEVELS


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", required=True, choices=FORMS)
    parser.add_argument("--manifest", required=True, help="CSV of the data set's videos")
    parser.add_argument("--frames", required=True, nargs="+", help="records of their frames")
    parser.add_argument("--masks", required=True, nargs="+", help="records of their masks")
    parser.add_argument(
        "--level",
        choices=LEVELS,
        help="what an id stands for, in forms for tools; those for servers hold all proposals",
    )
    parser.add_argument("--most", type=int, help="the objects of highest rank alone, so many")
    parser.add_argument("--threads", type=int, default=1, help="processes side by side")
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        help="folder to write; for servers a zip file, and what is in it lies unpacked in a folder "
        "of its name beside it",
    )
    arguments = parser.parse_args()
    packed = arguments.form in SERVERS
    if packed and arguments.output.suffix != ".zip":
        parser.error(f"--output of the form {arguments.form} must be named .zip")
    if not packed and arguments.level is None:
        parser.error(f"--output of the form {arguments.form} needs a --level")
    # Listing the videos puts the records of YouTube-VIS beside the manifest, also without truth.
    records = Path(arguments.manifest).parent / "truth"
    frames, masks = _made(arguments.frames), _made(arguments.masks, everything=True)
    chosen = ("proposals", None) if packed else (arguments.level, arguments.most)
    videos = [
        MaskedVideo(
            frames[video],
            masks[video].parent,
            *chosen,
            _if_there(records / f"{video}.json"),
        )
        for video in (row["video"] for row in read_manifest(arguments.manifest))
        if video in masks
    ]
    folder = arguments.output.with_suffix("") if packed else arguments.output
    FORMS[arguments.form](videos, folder, arguments.threads)
    if packed:
        zip_folder(folder, arguments.output)


def _made(records: list[str], everything: bool = False) -> dict[str, Path]:
    """The artefact of each video."""
    record = Record.joined(read_checked(path, everything) for path in records)
    return {video: Path(made.artefact) for video, made in record.videos.items()}


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None


if __name__ == "__main__":
    run(main)
