"""The panel *Videos*: those that have a player, with what stands below it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from betrayed.clustering.tracks import read_tracks
from betrayed.config.report import ReportSettings
from betrayed.errors import UserError
from betrayed.io.progress import progress
from betrayed.io.style import svg_text
from betrayed.reporting.merging import merging_drawn
from betrayed.reporting.object_colours import grid_ids
from betrayed.reporting.report import players
from betrayed.reporting.report.choice import Key
from betrayed.reporting.report.overview import video_title
from betrayed.reporting.report.sources import Result
from betrayed.video.video import Video


@dataclass(frozen=True)
class Shown:
    """A video that has a player; ``merging`` is the drawing of its tracks, or empty.

    ``poster`` is a picture of it, where scripts are off or the page is printed.
    """

    anchor: str
    key: Key
    title: str
    data: Mapping[str, Any]
    poster: str
    facts: str
    merging: str
    made_from: Mapping[str, str]


def shown_videos(
    chosen: Sequence[Key],
    by_run: Mapping[str, Mapping[Key, Result]],
    settings: ReportSettings,
    frames: pd.DataFrame,
) -> Iterator[Shown]:
    """The chosen videos, one after another, with what the first runs found in each.

    Args:
        chosen: data sets and videos, in the order of the page.
        by_run: what each run has left of them.
        settings: how much is shown.
        frames: the rows of the table ``measurements`` that are of single frames.
    """
    curves = players.frame_curves(frames)
    for place, key in enumerate(progress(chosen, "players", "video")):
        results = [own[key] for own in by_run.values() if key in own and own[key].finished]
        data = players.player(results[: settings.runs], settings, curves)
        video = Video.load(results[0].frames)
        count = f"{video.count} frame{'s' * (video.count != 1)}"
        facts = f"{count}, {video.width}×{video.height}"
        if video.fps:
            facts += f", {video.fps:.4g} frames a second"
        if len(data["frames"]) < video.count:
            facts += f"; {len(data['frames'])} of them are here, evenly apart"
        yield Shown(
            f"video-{place}",
            key,
            video_title(video),
            data,
            players.thumbnail(results[0], max(data["size"]), data["runs"][0]["colours"]),
            facts,
            _merging(results[0], video, data["runs"][0]["colours"], f"merging-{place}"),
            {
                "frames": results[0].frames,
                "source": video.source,
                **{f"masks of {one.run}": one.objects for one in results[: settings.runs]},
                **{f"tracks of {one.run}": one.tracks for one in results[: settings.runs]},
                "backbone's attention": (
                    "of the class token to each patch; percentiles 1 to 99.5 of the video"
                ),
                "block's attention": (
                    "log N − entropy of each token's attention within its frame, heads averaged; "
                    "percentiles 1 to 99.5 of the video"
                ),
            },
        )


def _merging(result: Result, video: Video, colours: Mapping[int, int], name: str) -> str:
    """The tree of a video's tracks as SVG; empty where they are gone."""
    try:
        tracks = read_tracks(result.tracks)
    except UserError:
        return ""
    ids = grid_ids(Path(result.objects).parent, range(video.count), tracks.labels.shape[1:])
    with merging_drawn(tracks, ids, video.frame, colours) as figure:
        return svg_text(figure, name)
