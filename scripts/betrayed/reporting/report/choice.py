"""Which videos and which of their frames a report shows."""

from collections.abc import Mapping, Sequence

import numpy as np

Key = tuple[str, str]


def choose_videos(videos: Sequence[Key], scores: Mapping[Key, float], most: int) -> list[Key]:
    """At most so many videos, evenly spaced from the worst to the best, both included.

    Args:
        videos: data set and name of each.
        scores: the scores of those that have one; the others count as better than these.
        most: how many.

    Returns:
        The chosen ones, in the order of ``videos``.
    """
    ranked = sorted(videos, key=lambda video: (scores.get(video, float("inf")), video))
    chosen = {ranked[place] for place in _evenly(len(ranked), most)}
    return [video for video in videos if video in chosen]


def choice_text(videos: int, shown: int, figure: tuple[str, str] | None, first: str) -> str:
    """Which of the videos have a player, where not all do."""
    if shown == videos:
        return ""
    if figure is None:
        return f"{shown} of {videos} videos, evenly spaced by name. report.videos sets how many."
    return (
        f"{shown} of {videos} videos, evenly spaced from the worst to the best by {figure[1]} of "
        f"{figure[0]} in the run {first}. report.videos sets how many."
    )


def choose_frames(count: int, most: int) -> list[int]:
    """At most so many of a video's frames, evenly apart, the first and the last included."""
    return _evenly(count, most)


def drops(values: Sequence[float], by: float = 0.15) -> list[int]:
    """The places where a figure lies lower than its median by more than ``by``."""
    if not values:
        return []
    middle = float(np.median(values))
    return [place for place, value in enumerate(values) if value < middle - by]


def _evenly(count: int, most: int) -> list[int]:
    if most <= 0 or count <= 0:
        return []
    if most == 1:
        return [0]
    places = np.linspace(0, count - 1, min(count, most)).round().astype(int)
    return np.unique(places).tolist()
