"""A batch of short videos, stage by stage."""

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from betrayed.block.export import compute_attention
from betrayed.clustering.tracking import cluster_video
from betrayed.clustering.tracks import read_tracks
from betrayed.config.clustering import ClusterSettings
from betrayed.config.features import FeatureSettings
from betrayed.config.motion import MotionSettings
from betrayed.config.objects import ObjectSettings
from betrayed.config.training import TrainSettings
from betrayed.engine.parallel import cores, ended_behind, in_parallel
from betrayed.features.backbone import Backbone
from betrayed.features.caching import compute_features
from betrayed.objects.mask_writing import write_masks
from betrayed.objects.motion_measurement import measure_motion
from betrayed.objects.selection import find_objects
from betrayed.training.loop import train
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from gpu_parts.bench import Bench, Rows
from gpu_parts.made import rendered


def batch(bench: Bench) -> Rows:
    """A batch of short videos, from frames to masks, each stage in one process."""
    size, folder = bench.size, bench.folder / "batch"
    name, facet, height, width = size.batch
    stories = range(min(4, size.videos))
    films = [folder / f"film{number}" for number in stories]
    render = partial(rendered, frames=size.video_frames, frame_size=size.frame_size)
    list(in_parallel(render, list(zip(stories, films, strict=True)), cores(), "drawing", "film"))
    names = [f"video{number:02d}" for number in range(size.videos)]
    given = [(one, films[number % len(films)], folder) for number, one in enumerate(names)]
    settings = FeatureSettings(name, height, width, facet)
    block = folder / "block" / "block.pt"
    trained = TrainSettings(
        steps=size.training_steps, stride=2, learning_rate=1e-3, checkpoint_every=10**6
    )
    rows, shares = [], []

    def stage(name: str, work: Callable[[], Any], gpu: bool) -> None:
        seconds, busy = bench.busy(work) if gpu else (bench.seconds(work), None)
        row = {"stage": name, "on": "GPU" if gpu else "CPU", "s": seconds}
        rows.append({**row, "videos/s": size.videos / seconds, "GPU busy": busy})
        print(", ".join(f"{key}: {value}" for key, value in rows[-1].items()), file=sys.stderr)
        if gpu:
            shares.append((seconds, busy))

    def on_cpu(work: Callable[[Any], Any], what: str) -> None:
        list(in_parallel(work, given, cores(), what, "video"))

    def cache() -> None:
        backbone = Backbone(name, None, bench.device, facet)

        def begin(one: str) -> Callable[[], None]:
            video = Video.load(folder / one / "frames.json")
            return compute_features(video, settings, backbone, None, folder / one / "features.h5")

        list(ended_behind(begin, names))

    def learn() -> None:
        features = [folder / one / "features.h5" for one in names]
        train(features, block, trained, bench.device)

    def attend() -> None:
        def begin(one: str) -> Callable[[], None]:
            features, output = (folder / one / f"{kind}.h5" for kind in ("features", "attention"))
            return compute_attention(features, block, output, bench.device)

        list(ended_behind(begin, names))

    def cluster() -> None:
        for one in names:
            attention, output = (folder / one / f"{kind}.h5" for kind in ("attention", "tracks"))
            cluster_video(attention, output, ClusterSettings(tau=0.05), bench.device)

    stage("extract frames", lambda: on_cpu(_extracted, "extracting"), gpu=False)
    stage("cache features", cache, gpu=True)
    stage(f"train, {trained.steps} steps", learn, gpu=True)
    stage("export attention", attend, gpu=True)
    stage("cluster", cluster, gpu=True)
    stage("measure motion", lambda: on_cpu(_moved, "measuring motion"), gpu=False)
    stage("find objects", lambda: on_cpu(_found, "finding objects"), gpu=False)
    total = sum(seconds for seconds, _ in shares)
    known = all(share is not None for _, share in shares)
    busy = sum(seconds * share for seconds, share in shares) / total if known else None
    everything = sum(row["s"] for row in rows)
    rows.append({"stage": "GPU stages together", "on": "GPU", "s": total, "GPU busy": busy})
    rows.append({"stage": "one after the other", "s": everything})
    shutil.rmtree(folder)
    return rows, {"32 videos, share of the GPU stages' time that it computes": busy}


def _extracted(given: tuple[str, Path, Path]) -> None:
    name, images, folder = given
    extract(name, images, folder / name)


def _moved(given: tuple[str, Path, Path]) -> None:
    name, _, folder = given
    video = Video.load(folder / name / "frames.json")
    paths = (folder / name / f"{kind}.h5" for kind in ("motion", "trajectories"))
    measure_motion(video, *paths, MotionSettings())


def _found(given: tuple[str, Path, Path]) -> None:
    name, _, folder = given
    video = Video.load(folder / name / "frames.json")
    tracks = read_tracks(folder / name / "tracks.h5")
    kinds = ("features", "features", "motion", "trajectories")
    paths = [folder / name / f"{kind}.h5" for kind in kinds]
    objects = find_objects(tracks, *paths, ObjectSettings(), video.frame)
    size = (video.height, video.width)
    write_masks(folder / name / "masks", tracks.labels, objects, size, video.frame, name)
