"""One video by every protocol, as a tidy table."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from betrayed.errors import UserError
from betrayed.frames import Video
from betrayed.programs import progress
from betrayed.scoring.davis import (
    METRICS,
    best_track,
    count_objects,
    count_proposals,
    foreground_scores,
    match,
    pairwise_scores,
)
from betrayed.scoring.inputs import read_annotations, read_masks, read_partition
from betrayed.scoring.video_objects import fg_ari, mean_iou

#: Every protocol, and what it scores against what.
PROTOCOLS = {
    "davis2016": "the foreground mask against all objects merged",
    "davis2016-track": "the best single proposal against all objects merged",
    "davis2017-sequence": "proposals against objects, one assignment a video (official)",
    "davis2017-frame": "proposals against objects, a new assignment in every frame (the paper's)",
    "video-object": "all tracks against objects: FG-ARI and mIoU",
}


@dataclass(frozen=True)
class ScoreSettings:
    """How masks are scored.

    Attributes:
        protocols: which of :data:`PROTOCOLS` to compute.
        max_proposals: more proposals than this are refused; the official figure is 20.
    """

    protocols: tuple[str, ...] = tuple(PROTOCOLS)
    max_proposals: int = 20

    def __post_init__(self) -> None:
        """Refuse protocols that do not exist."""
        unknown = [str(name) for name in self.protocols if name not in PROTOCOLS]
        if unknown:
            raise UserError(
                f"There is no protocol {', '.join(unknown)}. There are: {', '.join(PROTOCOLS)}."
            )


def score_video(
    video: Video, masks: str | Path, tracks: str | Path, settings: ScoreSettings
) -> pd.DataFrame:
    """Score a video's masks and tracks against its annotations.

    The merged foreground comes from the video's annotations; single objects from its instances,
    or from its annotations where it has no instances. Frames without annotation do not count.

    Args:
        video: the video, with its annotations.
        masks: folder with ``proposals/`` and ``foreground/``.
        tracks: tracks artefact.
        settings: see :class:`ScoreSettings`.

    Returns:
        Columns protocol, object, metric, value. Rows with an ``object`` (an id) hold the figures
        of one object, the others those of the video: means over its objects, and ``J&F``, the
        mean of J_mean and F_mean. What is not defined (no annotated frame, no object) has no row.

    Raises:
        UserError: a file is missing or does not fit, or there are too many proposals.
    """
    rows: list[tuple[str, object, str, float]] = []
    wanted = set(settings.protocols)
    merged = sorted(wanted & {"davis2016", "davis2016-track"})
    if merged:
        frames, annotations = read_annotations(video, "annotations")
        for protocol in progress(merged if frames else [], f"scoring {video.name}", "protocol"):
            if protocol == "davis2016":
                foreground = read_masks(Path(masks) / "foreground", video, frames)
                scores = foreground_scores(annotations, foreground)
            else:
                proposals = _read_proposals(masks, video, frames, settings)
                scores = best_track(annotations, proposals, max_proposals=settings.max_proposals)
            rows += _video_rows(protocol, scores)

    frames, annotations = read_annotations(video, "instances")
    if not frames:
        frames, annotations = read_annotations(video, "annotations")
    single = sorted(wanted & {"davis2017-sequence", "davis2017-frame"})
    if frames and single:
        proposals = _read_proposals(masks, video, frames, settings)
        n_proposals = int(proposals.max())
        n_objects = count_objects(annotations)
        pairs = pairwise_scores(annotations, proposals, n_objects, n_proposals)
        for protocol in progress(single if n_objects else [], f"scoring {video.name}", "protocol"):
            matching = "sequence" if protocol == "davis2017-sequence" else "frame"
            table = match(*pairs, n_proposals, matching)
            for figures in table.to_dict("records"):
                rows += [(protocol, figures["object"], name, figures[name]) for name in METRICS]
            rows += _video_rows(protocol, table[list(METRICS)].mean())

    if frames and "video-object" in wanted:
        labels = read_partition(tracks, video, frames)
        rows.append(("video-object", pd.NA, "FG-ARI", fg_ari(annotations, labels)))
        rows.append(("video-object", pd.NA, "mIoU", mean_iou(annotations, labels)))

    table = pd.DataFrame(rows, columns=["protocol", "object", "metric", "value"])
    table = table.astype({"object": "Int64", "value": "f8"})
    return table[table["value"].notna()].reset_index(drop=True)


def _read_proposals(
    masks: str | Path, video: Video, frames: list[int], settings: ScoreSettings
) -> np.ndarray:
    folder = Path(masks) / "proposals"
    proposals = read_masks(folder, video, frames)
    try:
        count_proposals(proposals, settings.max_proposals)
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error
    return proposals


def _video_rows(protocol: str, scores: Mapping[str, float]) -> list[tuple[str, object, str, float]]:
    rows = [(protocol, pd.NA, name, float(scores[name])) for name in METRICS]
    both = (float(scores["J_mean"]) + float(scores["F_mean"])) / 2
    return [*rows, (protocol, pd.NA, "J&F", both)]
