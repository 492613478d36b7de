"""Measure J and F of all pairs against the plain version, side by side.

Each version runs in a process of its own; they take turns, so that what else the machine does meets
all of them. "times faster" is the median over the rounds of plain seconds over seconds, "added MB"
the peak memory that scoring added to its process, and "largest difference" the largest of any
figure to the plain version's.

At last all protocols together score one video more, by the library alone: how long that takes, and
how much memory the whole process has at its peak, masks and Python included.
"""

import argparse
import math
import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from turns import Version, answer, process_peak, spread

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

VERSIONS = {
    "plain": "plain: each pair of each frame on its own",
    "library": "library",
}
OBJECTS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--cases",
        nargs="+",
        default=["60x20", "60x300"],
        help="frames x proposals, default 60x20 60x300",
    )
    parser.add_argument("--whole", default="104x300", help="of the last table; default 104x300")
    parser.add_argument("--size", default="480x854", help="pixels of a frame, default 480x854")
    parser.add_argument("--threads", type=int, default=1, help="OpenCV's, of either; default 1")
    parser.add_argument("--repeats", type=int, default=3, help="rounds; default 3")
    parser.add_argument("--measure", choices=[*VERSIONS, "whole"], help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments)
    else:
        for case in arguments.cases:
            compare(case, arguments.repeats)
        score_whole(arguments.whole, arguments.repeats)


def compare(case: str, repeats: int) -> None:
    """Let the versions take turns on one case, and print the table."""
    load = os.getloadavg()[0]
    versions = {name: Version(name, "--case", case) for name in VERSIONS}
    rounds = [{name: one.step() for name, one in versions.items()} for _ in range(repeats)]
    peaks = {name: one.finish() for name, one in versions.items()}

    print(f"{versions['plain'].facts}.")
    print(f"Load average {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end.\n")
    print(f"{'':44}{'seconds':>24}{'times faster':>22}{'added MB':>10}{'largest difference':>20}")
    plain = [one["plain"]["seconds"] for one in rounds]
    figures = np.array(rounds[0]["plain"]["figures"])
    for name, title in VERSIONS.items():
        seconds = [one[name]["seconds"] for one in rounds]
        faster = spread([a / b for a, b in zip(plain, seconds, strict=True)], 0)
        apart = np.abs(np.array(rounds[0][name]["figures"]) - figures).max()
        print(f"{title:44}{spread(seconds, 2):>24}{faster:>22}{peaks[name]:>10.0f}{apart:>20.1e}")
    print(f"\nMedian (least to most) of {repeats} rounds.\n")


def score_whole(case: str, repeats: int) -> None:
    """Score a video by all protocols, and print what it takes."""
    version = Version("whole", "--case", case)
    rounds = [version.step() for _ in range(repeats)]
    version.finish()
    print(f"{version.facts}; all protocols.")
    seconds = spread([one["seconds"] for one in rounds], 2)
    print(f"{seconds} seconds, {rounds[-1]['peak']:.0f} MB at the peak of the process.")


def measure(arguments: argparse.Namespace) -> None:
    """In the process of a version: score whenever asked."""
    from plain_scoring import plain_scores

    from betrayed.scoring.davis import pairwise_scores
    from betrayed.scoring.protocols import ScoreSettings, score_arrays

    cv2.setNumThreads(arguments.threads)
    frames, count = (int(number) for number in arguments.case.split("x"))
    size = tuple(int(side) for side in arguments.size.split("x"))
    truth, masks = made_video(frames, count, size)
    facts = (
        f"{frames} frames of {arguments.size}, {OBJECTS} objects, {count} proposals (made); "
        f"NumPy {np.__version__}, OpenCV {cv2.__version__}, {arguments.threads} threads"
    )

    def compute() -> dict[str, Any]:
        if arguments.measure == "whole":
            settings = ScoreSettings(max_proposals=count, paper_max_proposals=count)
            found = dict.fromkeys(("foreground", "proposals", "partition"), masks)
            return {"rows": len(score_arrays(truth, **found, settings=settings))}
        score = plain_scores if arguments.measure == "plain" else pairwise_scores
        return {"figures": np.array(score(truth, masks, OBJECTS, count)).ravel().tolist()}

    answer(compute, facts, process_peak)


def made_video(
    frames: int, count: int, size: tuple[int, int], objects: int = OBJECTS
) -> tuple[np.ndarray, np.ndarray]:
    """Ids (T, H, W) of objects, with void along a border, and of so many proposals."""
    truth = made_ids(frames, objects, size, 0.3, seed=0).astype(np.uint8)
    truth[:, :, :4] = 255
    return truth, made_ids(frames, count, size, 1.0, seed=1)


def made_ids(frames: int, count: int, size: tuple[int, int], cover: float, seed: int) -> np.ndarray:
    """Ellipses that drift and turn over one another, (T, H, W) uint16.

    ``cover`` is the sum of their areas over the frame's; the centre of each is drawn last, so that
    hardly any is hidden.
    """
    draw = np.random.default_rng(seed)
    height, width = size
    radius = math.sqrt(cover * height * width / count / math.pi)
    centres = draw.uniform(0, 1, (count, 2)) * [width, height]
    speeds = draw.normal(0, 3, (count, 2))
    radii = draw.uniform(0.6, 1.4, (count, 2)) * radius
    angles = draw.uniform(0, 180, count)
    ids = np.zeros((frames, height, width), np.uint16)
    for frame, image in enumerate(ids):
        places = (centres + frame * speeds) % [width, height]
        for index, (place, axes) in enumerate(zip(places, radii, strict=True)):
            axes = np.maximum(axes, 1).astype(int).tolist()
            turned = angles[index] + 2 * frame
            cv2.ellipse(image, place.astype(int).tolist(), axes, turned, 0, 360, index + 1, -1)
        for index, (x, y) in enumerate(places.astype(int)):
            image[y, x] = index + 1
    return ids


if __name__ == "__main__":
    main()
