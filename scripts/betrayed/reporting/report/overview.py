"""The panel *Videos*: the table of all of them."""

from collections.abc import Mapping, Sequence

import pandas as pd

from betrayed.io.progress import progress
from betrayed.reporting.report import players, tables
from betrayed.reporting.report.choice import Key
from betrayed.reporting.report.sources import Result
from betrayed.video.video import Video


def overview_table(
    summary: pd.DataFrame,
    figures_of: Mapping[tuple[str, str, str, str, str], float],
    videos: Sequence[Key],
    by_run: Mapping[str, Mapping[Key, Result]],
    links: Mapping[Key, str],
) -> tables.Table:
    """A row a video and run: a thumbnail, what the video is, its figures."""
    measured = tables.present(summary, tables.VIDEO_FIGURES)
    rows = []
    # Of one data set and one run there is no need to say which.
    told = {"data set": len({dataset for dataset, _ in videos}) > 1, "run": len(by_run) > 1}
    pictured: set[Key] = set()
    for key in progress(videos, "thumbnails", "video"):
        for run, own in by_run.items():
            if key not in own or not own[key].finished:
                continue
            result = own[key]
            video = Video.load(result.frames)
            picture = None if key in pictured else players.thumbnail(result)
            pictured.add(key)
            dataset, _ = key
            rows.append(
                [
                    tables.Cell("", picture=picture, link=links.get(key)),
                    tables.Cell(video_title(video), link=links.get(key)),
                    *(
                        tables.Cell(name)
                        for name, is_told in zip((dataset, run), told.values(), strict=True)
                        if is_told
                    ),
                    tables.whole(video.count),
                    tables.Cell(f"{video.width}×{video.height}", video.width * video.height),
                    tables.whole(float("nan") if video.objects is None else video.objects),
                    tables.whole(players.found_objects(result.objects)),
                    *(
                        tables.number(figures_of.get((run, *key, *figure[:2]), float("nan")))
                        for figure in measured
                    ),
                ]
            )
    names = tuple(title for *_, title in measured)
    plain = ("frames", "size", "true objects", "found objects")
    table = tables.Table(
        "videos",
        "Videos",
        ("picture", "video", *(name for name in told if told[name]), *plain, *names),
        rows,
        "Pictures: the middle frame with the objects of the first run."
        + (" Source of the figures: results/tables/summary.csv." if names else ""),
        frozenset({*plain, *names}),
        frozenset({"picture"}),
    )
    return tables.without_empty(table, "true objects")


def video_title(video: Video) -> str:
    """What people call a video."""
    return video.title or video.name
