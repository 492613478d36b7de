"""Which video is computed in which batch. A video keeps its batch when others come or go."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

#: The most videos in a batch unless a size is asked for: where jobs run one by one, and where
#: several run at a time, as on a cluster, whose scheduler takes some seconds for each.
MOST, MOST_OF_SEVERAL = 32, 128
#: Pieces of long films in a batch: those that are trained on are whole batches, see TRAINED.
MOST_OF_LONG = 4
#: Batches of pieces of long films that a block is trained on, from all over them.
TRAINED = 2
#: Batches for each job that can run at a time, so that all are busy to the end.
ROUNDS = 3
#: On a GPU a job starts for longer than it takes over this many short videos: smaller batches than
#: this are made only where a single round needs them.
LEAST_ON_GPU = 5
#: The same without one: all stages together start in the time of one of the demo's videos, which
#: is a twentieth of the work from here on.
LEAST_ON_CPU = 20


def batch_size(videos: int, parallel: int, least: int = 1) -> int:
    """How many videos a job should do.

    Few jobs start quickly, many keep the machine busy: with one job at a time there is no reason
    to split; with more, each should get some batches.

    Args:
        videos: of the data set.
        parallel: jobs that can run at a time.
        least: videos that a batch should have where that leaves none idle: there are then fewer
            rounds.
    """
    if parallel <= 1:
        return MOST
    rounds = max(1, min(ROUNDS, videos // (least * parallel)))
    return min(MOST_OF_SEVERAL, max(1, math.ceil(videos / (rounds * parallel))))


def assign_batches(
    videos: Sequence[str], size: int, before: Mapping[str, str], kind: str = ""
) -> dict[str, str]:
    """The batch of each video: "0000", "0001", …

    Args:
        videos: in the order of the manifest.
        size: the most videos in a batch.
        before: the batches of an earlier listing; new videos fill what has room, then new batches.
            Where there are none, no batch has two videos more than another.
        kind: what stands before the numbers: videos of different kinds share no batch.
    """
    # A video that came in pieces may be whole now.
    mine = {video: before[video] for video in videos if video in before}
    batches = {video: batch for video, batch in mine.items() if batch.rstrip("0123456789") == kind}
    filled = Counter(batches.values())
    number = 0
    if not batches:
        count = math.ceil(len(videos) / size)
        return {
            video: f"{kind}{index * count // len(videos):04d}" for index, video in enumerate(videos)
        }
    for video in videos:
        if video not in batches:
            while filled[f"{kind}{number:04d}"] >= size:
                number += 1
            batches[video] = f"{kind}{number:04d}"
            filled[batches[video]] += 1
    return {video: batches[video] for video in videos}


def trained_on(batches: Sequence[str]) -> list[str]:
    """Those batches of pieces of long films that a block is trained on, in order."""
    step = max(1, math.ceil(len(batches) / TRAINED))
    return list(batches[::step])
