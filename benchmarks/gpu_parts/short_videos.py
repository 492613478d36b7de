"""A batch of short videos, stage by stage."""

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from betrayed.block.export import begin_attention
from betrayed.clustering.tracking import begin_tracks
from betrayed.clustering.tracks import read_tracks
from betrayed.config.clustering import ClusterSettings
from betrayed.config.features import FeatureSettings
from betrayed.config.motion import MotionSettings
from betrayed.config.objects import ObjectSettings
from betrayed.config.training import TrainSettings
from betrayed.engine.batches import Batch, ReadsAhead, Task
from betrayed.engine.parallel import cores, in_parallel
from betrayed.features.backbone import Backbone
from betrayed.features.caching import begin_features
from betrayed.io.prefetching import MOST_AHEAD
from betrayed.objects.mask_writing import write_masks
from betrayed.objects.motion_measurement import measure_motion
from betrayed.objects.selection import find_objects
from betrayed.training.loop import train
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from gpu_parts.bench import Bench, Rows
from gpu_parts.made import rendered


def batch(bench: Bench) -> Rows:
    """A batch of short videos, from frames to masks.

    What a GPU does goes as its programs have it go there, in one process each.
    """
    size, folder = bench.size, bench.folder / "batch"
    name, facet, height, width = size.batch
    stories = range(min(4, size.videos))
    films = [folder / f"film{number}" for number in stories]
    render = partial(rendered, frames=size.video_frames, frame_size=size.frame_size)
    list(in_parallel(render, list(zip(stories, films, strict=True)), cores(), "drawing", "film"))
    names = [f"video{number:02d}" for number in range(size.videos)]
    given = [(one, folder) for one in names]
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

    def job(
        program: str, made: str, source: str, read: Callable[[Task], Callable[[], Any]]
    ) -> None:
        """All videos through a program's batch, with locks, stamps and checks; made anew."""
        batch = Batch(
            program,
            folder / "records" / made / "0.json",
            lambda one: [folder / one / f"{made}.h5"],
            inputs={source: folder / "records" / source / "0.json"},
            redo=True,
        )
        batch.run(lambda: ReadsAhead(read))
        if batch.failures:
            raise RuntimeError(f"{program} leaves out {batch.failures}")

    def extract_all() -> None:
        batch = Batch(
            "extract_frames",
            folder / "records" / "frames" / "0.json",
            lambda one: [folder / one / "frames" / "frames.json", folder / one / "frames"],
            sources=dict.fromkeys(names, "drawn"),
        )
        batch.run(lambda: partial(_extracted, films), cores())

    def cache() -> None:
        backbone = Backbone(name, None, bench.device, facet)

        def read(task: Task) -> Callable[[], Any]:
            video = Video.load(task.inputs["frames"])
            return begin_features(video, settings, backbone, None, task.output, ahead=MOST_AHEAD)

        job("cache_features", "features", "frames", read)

    def learn() -> None:
        features = [folder / one / "features.h5" for one in names]
        train(features, block, trained, bench.device)

    def attend() -> None:
        def read(task: Task) -> Callable[[], Any]:
            given = task.inputs["features"], block, task.output
            return begin_attention(*given, bench.device, ahead=MOST_AHEAD)

        job("export_attention", "attention", "features", read)

    def cluster() -> None:
        def read(task: Task) -> Callable[[], Any]:
            given = task.inputs["attention"], task.output
            return begin_tracks(*given, ClusterSettings(tau=0.05), bench.device, ahead=MOST_AHEAD)

        job("cluster_tracks", "tracks", "attention", read)

    stage("extract frames", extract_all, gpu=False)
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


def _extracted(films: list[Path], task: Task) -> None:
    film = films[int(task.video.removeprefix("video")) % len(films)]
    extract(task.video, film, task.output.parent)


def _moved(given: tuple[str, Path]) -> None:
    name, folder = given
    video = Video.load(folder / name / "frames/frames.json")
    paths = (folder / name / f"{kind}.h5" for kind in ("motion", "trajectories"))
    measure_motion(video, *paths, MotionSettings())


def _found(given: tuple[str, Path]) -> None:
    name, folder = given
    video = Video.load(folder / name / "frames/frames.json")
    tracks = read_tracks(folder / name / "tracks.h5")
    kinds = ("features", "features", "motion", "trajectories")
    paths = [folder / name / f"{kind}.h5" for kind in kinds]
    objects = find_objects(tracks, *paths, ObjectSettings(), video.frame)
    size = (video.height, video.width)
    write_masks(folder / name / "masks", tracks.labels, objects, size, video.frame, name)
