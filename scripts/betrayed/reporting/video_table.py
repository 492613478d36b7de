"""The table of videos: what was scored, a row a video."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from betrayed.errors import UserError
from betrayed.io.csv_quoting import quoting
from betrayed.io.files import whole_file
from betrayed.io.progress import progress
from betrayed.video.video import Video

COLUMNS = (
    "dataset",
    "video",
    "name",
    "frames",
    "height",
    "width",
    "fps",
    "seconds",
    "annotated_frames",
    "objects",
)
_DECIMALS = 3


def tabulate_videos(sources: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """One row a video, sorted by data set and video.

    Args:
        sources: for each video its ``dataset``, its identifier ``video`` and the ``path`` of its
            ``frames.json``.

    Returns:
        dataset, video; name (what people call it); frames; height and width (pixels); fps (frames
        a second, their mean where they do not come evenly) and seconds (the film's length), both
        missing where the source does not say; annotated_frames, 0 without ground truth; objects,
        missing without ground truth: see :class:`betrayed.video.video.Video`.

    Raises:
        UserError: a file is missing or no record of frames, or a video is listed twice.
    """
    rows: dict[tuple[str, str], tuple[object, ...]] = {}
    for source in progress(sources, "collecting videos", "video"):
        key = source["dataset"], source["video"]
        if key in rows:
            raise UserError(f"The video {' / '.join(key)} is listed twice.")
        video = Video.load(source["path"])
        rows[key] = (
            *(video.title, video.count, video.height, video.width, video.fps, video.seconds),
            *(video.annotated_frames, video.objects),
        )
    table = pd.DataFrame([(*key, *rows[key]) for key in sorted(rows)], columns=list(COLUMNS))
    whole = dict.fromkeys(("frames", "height", "width", "annotated_frames"), "int64")
    table = table.astype({**whole, "fps": "float64", "seconds": "float64", "objects": "Int64"})
    return table.round({"fps": _DECIMALS, "seconds": _DECIMALS})


def write_video_table(folder: str | Path, sources: Sequence[Mapping[str, str]]) -> None:
    """Write the table as videos.csv and videos.parquet into ``folder``.

    Equal videos give equal files, byte for byte.

    Raises:
        UserError: as :func:`tabulate_videos`.
    """
    table = tabulate_videos(sources)
    with whole_file(Path(folder) / "videos.csv") as temporary:
        form = {"float_format": f"%.{_DECIMALS}f", "quoting": quoting(table["name"])}
        table.to_csv(temporary, index=False, lineterminator="\n", **form)
    with whole_file(Path(folder) / "videos.parquet") as temporary:
        table.to_parquet(temporary, index=False)
