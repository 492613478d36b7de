"""Draw how a training went: losses and entropy, and the clusters of a fixed clip over its steps."""

import argparse
import math
from pathlib import Path

import pandas as pd

from betrayed.config.clustering import ClusterSettings
from betrayed.config.reading import read_settings
from betrayed.engine.programs import run
from betrayed.engine.records import Record
from betrayed.io.style import save
from betrayed.video.video import Video

#: Frames of the clip.
FRAMES = 4


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--block", required=True, type=Path, help="block.pt; its log and snapshots lie beside it"
    )
    parser.add_argument(
        "--training-features", nargs="+", required=True, help="records of what it was trained on"
    )
    parser.add_argument("--frames", required=True, help="record of the frames of some videos")
    parser.add_argument(
        "--features", required=True, help="record of their features; the clip is of the first video"
    )
    parser.add_argument("--settings", default="{}", help='of clustering, as JSON: {"tau": 0.05}')
    parser.add_argument("--threads", type=int, help="CPU threads; torch's choice by default")
    parser.add_argument("--curves", required=True, help="PNG or SVG to write: losses and entropy")
    parser.add_argument("--clusters", required=True, help="HDF5 to write: the clusters")
    parser.add_argument("--picture", required=True, help="PNG or SVG to write: the same, drawn")
    arguments = parser.parse_args()
    settings = read_settings(ClusterSettings, arguments.settings)

    import torch

    from betrayed.block.loading import load_block
    from betrayed.features.reading import describe
    from betrayed.reporting.training_pictures import curves_drawn

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    trained_with = load_block(arguments.block)[1]["settings"]
    height, width = describe(_first(arguments.training_features))["grid"]
    log = pd.read_csv(arguments.block.with_name("training.csv"))
    with curves_drawn(log, math.log(trained_with["frames"] * height * width)) as figure:
        save(figure, arguments.curves)
    _draw_clusters(arguments, settings, trained_with["stride"])


def _first(records: list[str]) -> str:
    """The artefact of the first video in some records."""
    return next(made.artefact for path in records for made in Record.read(path).videos.values())


def _draw_clusters(arguments: argparse.Namespace, settings: ClusterSettings, stride: int) -> None:
    from betrayed.clustering.snapshots import cluster_by_blocks
    from betrayed.features.reading import describe, read_clip
    from betrayed.reporting.training_clusters import TrainingClusters
    from betrayed.reporting.training_pictures import clip_frames, clusters_drawn, nothing_drawn

    there, features = (Record.read(one).videos for one in (arguments.frames, arguments.features))
    shown = next((video for video in features if video in there), None)
    if shown is None:
        clusters = TrainingClusters.empty(settings.tau)
        clusters.write(arguments.clusters, {})
        with nothing_drawn("No video could be read to show clusters of") as figure:
            save(figure, arguments.picture)
        return
    video = Video.load(there[shown].artefact)
    clip = clip_frames(video.count, FRAMES, stride)
    # What begins with a dot is a killed writer's.
    blocks = [*sorted(arguments.block.parent.glob("snapshots/[0-9]*.pt")), arguments.block]
    path = features[shown].artefact
    steps, labels = cluster_by_blocks(blocks, read_clip(path, clip)[0], settings)
    labels = labels.reshape(*labels.shape[:2], *describe(path)["grid"])
    clusters = TrainingClusters(there[shown].artefact, list(clip), steps, labels, settings.tau)
    clusters.write(arguments.clusters, {"features": features[shown].key})
    with clusters_drawn(clusters, video.frame, float(video.pixel_aspect)) as figure:
        save(figure, arguments.picture)


if __name__ == "__main__":
    run(main)
