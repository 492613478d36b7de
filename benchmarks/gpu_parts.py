"""What gpu.py measures, part by part; torch is imported here."""

import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from plain_clustering import plain_clustering
from plain_training import plain_loss
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from betrayed.block.export import export_attention
from betrayed.clustering.clustering import hierarchical_clusterings
from betrayed.clustering.tracking import cluster_video
from betrayed.clustering.tracks import read_tracks
from betrayed.config.clustering import ClusterSettings
from betrayed.config.features import FeatureSettings
from betrayed.config.motion import MotionSettings
from betrayed.config.objects import ObjectSettings
from betrayed.config.synthetic import SyntheticSettings
from betrayed.config.training import TrainSettings
from betrayed.engine.determinism import deterministic_algorithms
from betrayed.engine.gpu_memory import release
from betrayed.engine.parallel import cores, in_parallel
from betrayed.engine.precision import exact_float32, multiplies_bfloat16
from betrayed.features.backbone import Backbone, resize_frames
from betrayed.features.caching import default_batch_size, write_features
from betrayed.io.artefacts import create
from betrayed.io.prefetching import batches, read_ahead
from betrayed.objects.mask_writing import write_masks
from betrayed.objects.motion_measurement import measure_motion
from betrayed.objects.selection import find_objects
from betrayed.synthetic.film import render_clip
from betrayed.training.clip_steps import ClipSteps
from betrayed.training.clips import LoadedClip
from betrayed.training.loop import new_block, train, weight_decay_groups
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from clustering import agreement, made_attention

Rows = tuple[list[dict[str, Any]], dict[str, float | None]]
TAUS = (0.02, 0.05, 0.1, 0.3, 1.0, 3.0)
WINDOW = 3


@dataclass(frozen=True)
class Size:
    """How large everything is."""

    frames: int  # that are cached
    frame_size: tuple[int, int]
    caching: tuple[tuple[str, str, int, int], ...]  # backbone, facet, height, width
    rounds: int
    clip_grid: tuple[int, int]  # of the training step
    steps: int  # in a round
    export_grid: tuple[int, int]
    clustering: tuple[int, int, tuple[int, int]]  # frames, key frames, grid
    partition: tuple[int, int, tuple[int, int]]
    largest: tuple[int, int, tuple[int, int]]
    videos: int
    video_frames: int
    batch: tuple[str, str, int, int]
    training_steps: int


_DINO, _DINOV2 = "vit_small_patch8_224.dino", "vit_small_patch14_dinov2.lvd142m"
_TINY = "vit_tiny_patch16_224.augreg_in21k"
SIZES = {
    "full": Size(
        frames=96,
        frame_size=(480, 854),
        caching=(
            (_DINOV2, "token", 322, 560),
            (_DINOV2, "token", 476, 854),
            (_DINO, "key", 320, 560),
            (_DINO, "key", 480, 856),
        ),
        rounds=3,
        clip_grid=(24, 48),
        steps=10,
        export_grid=(40, 60),
        clustering=(60, 6, (40, 60)),
        partition=(20, 2, (23, 40)),
        largest=(104, 11, (40, 60)),
        videos=32,
        video_frames=36,
        batch=(_DINOV2, "token", 322, 560),
        training_steps=60,
    ),
    "tiny": Size(
        frames=5,
        frame_size=(48, 64),
        caching=((_TINY, "key", 32, 48),),
        rounds=1,
        clip_grid=(3, 4),
        steps=1,
        export_grid=(3, 4),
        clustering=(7, 2, (4, 6)),
        partition=(7, 2, (4, 6)),
        largest=(8, 2, (4, 6)),
        videos=2,
        video_frames=9,
        batch=(_TINY, "key", 64, 96),
        training_steps=2,
    ),
}


class Bench:
    """A device, how large everything is, and a folder for what is made.

    Attributes:
        bare: frames a second of bare forward passes that were measured, by (height, width).
    """

    def __init__(self, device: torch.device, size: Size, folder: Path) -> None:
        self.device, self.size, self.folder = device, size, folder
        self.on_gpu = device.type == "cuda"
        self.bare: dict[tuple[int, int], float] = {}

    def machine(self) -> dict[str, Any]:
        """What it is measured on."""
        facts = {"device": "CPU", "cores": cores(), "torch": torch.__version__}
        if self.on_gpu:
            own = torch.cuda.get_device_properties(self.device)
            facts |= {
                "device": own.name,
                "memory": f"{own.total_memory / 1e9:.0f} GB",
                "capability": f"{own.major}.{own.minor}",
                "CUDA": torch.version.cuda,
            }
        return facts

    def seconds(self, step: Callable[[], Any]) -> float:
        """How long a step takes, until its device has ended too."""
        self.wait()
        began = time.perf_counter()
        step()
        self.wait()
        return time.perf_counter() - began

    def wait(self) -> None:
        """Let the device end what it was given."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def turns(
        self, steps: dict[str, Callable[[], Any]], made: Path | None = None
    ) -> dict[str, list[float]]:
        """Seconds of each step, round by round, after one to warm up.

        The file that a step makes is deleted before the next: to put a new file in an old one's
        place takes longer, and is not what a run does.
        """
        rounds = []
        for _ in range(self.size.rounds + 1):
            rounds.append({})
            for name, step in steps.items():
                if made is not None:
                    made.unlink(missing_ok=True)
                rounds[-1][name] = self.seconds(step)
        return {name: [one[name] for one in rounds[1:]] for name in steps}

    def peak(self, step: Callable[[], Any]) -> float | None:
        """The most GB that torch has allocated on the GPU while a step runs; None: no GPU."""
        if not self.on_gpu:
            step()
            return None
        release()
        torch.cuda.reset_peak_memory_stats(self.device)
        step()
        self.wait()
        return torch.cuda.max_memory_allocated(self.device) / 1e9

    @contextmanager
    def busy(self) -> Iterator[Callable[[], float | None]]:
        """Yield a function that gives, after the block, the share of time that the GPU computed."""
        if not self.on_gpu:
            yield lambda: None
            return
        with profile(activities=[ProfilerActivity.CUDA]) as watched:
            began = time.perf_counter_ns()
            yield lambda: covered(computed(watched)) / took
            self.wait()
            took = time.perf_counter_ns() - began


def computed(watched: profile) -> list[tuple[int, int]]:
    """When kernels began and ended on the GPU, in nanoseconds; copies are none."""
    events = watched.profiler.kineto_results.events()
    return [
        (event.start_ns(), event.start_ns() + event.duration_ns())
        for event in events
        if event.device_type() == DeviceType.CUDA
        and not event.name().startswith(("Memcpy", "Memset"))
    ]


def covered(intervals: list[tuple[int, int]]) -> int:
    """How much of time lies in at least one interval."""
    total, until = 0, 0
    for start, end in sorted(intervals):
        total += max(0, end - max(start, until))
        until = max(until, end)
    return total


def parts(bench: Bench) -> dict[str, Callable[[], Rows]]:
    """What there is to measure, in order."""
    every = (caching, decoding, training, reading, export, clustering, partition, largest, batch)
    return {part.__name__: partial(part, bench) for part in every}


def ratio(times: dict[str, list[float]], slow: str, fast: str) -> float:
    """How many times faster, the median over the rounds."""
    return statistics.median(a / b for a, b in zip(times[slow], times[fast], strict=True))


def caching(bench: Bench) -> Rows:
    """Caching with a loaded model against the bare forward pass on prepared batches."""
    size, rows = bench.size, []
    video = made_video(bench.folder / "cached", size.frames, size.frame_size)
    precisions = ("float16", "bfloat16") if bench.on_gpu else ("float32",)
    for name, facet, height, width in size.caching:
        for precision in precisions:
            backbone = Backbone(name, None, bench.device, facet, precision=precision)
            frames = default_batch_size(bench.device)
            prepared = [
                backbone.normalise(
                    resize_frames([video.frame(i) for i in run], height, width).to(bench.device)
                )
                for run in batches(video.count, frames)
            ]
            settings = FeatureSettings(name, height, width, facet, precision=precision)
            path = bench.folder / "features.h5"

            @torch.inference_mode()
            def bare(backbone: Backbone = backbone, prepared: list[Any] = prepared) -> None:
                with backbone.in_precision():
                    for images in prepared:
                        backbone.model.forward_features(images)

            cache = partial(write_features, video, settings, backbone, None, path)
            times = bench.turns({"bare": bare, "caching": cache}, made=path)
            with bench.busy() as busy:
                peak = bench.peak(cache)
            rate = video.count / statistics.median(times["bare"])
            bench.bare[height, width] = max(rate, bench.bare.get((height, width), 0.0))
            rows.append(
                {
                    "backbone": name,
                    "pixels": f"{height}x{width}",
                    "precision": precision,
                    "bare, frames/s": rate,
                    "caching, frames/s": video.count / statistics.median(times["caching"]),
                    "of bare": ratio(times, "bare", "caching"),
                    "peak GB": peak,
                    "GPU busy": busy(),
                }
            )
            path.unlink()
            del backbone, prepared, bare, cache
            release()
    return rows, {"caching over the bare forward pass": min(row["of bare"] for row in rows)}


def decoding(bench: Bench) -> Rows:
    """Whether threads that decode frames keep up with the bare forward pass."""
    video = made_video(bench.folder / "decoded", bench.size.frames, bench.size.frame_size)
    runs = batches(video.count, default_batch_size(bench.device))
    rows = []
    for threads in sorted({1, min(4, cores()), cores()}):

        def decode(threads: int = threads) -> None:
            with read_ahead(lambda run: [video.frame(i) for i in run], runs, threads) as read:
                for _ in read:
                    pass

        decode()
        rate = video.count / bench.seconds(decode)
        row: dict[str, Any] = {"threads": threads, "decoded, frames/s": rate}
        for (height, width), bare in bench.bare.items():
            row[f"of bare at {height}x{width}"] = rate / bare
        rows.append(row)
    return rows, {}


def training(bench: Bench) -> Rows:
    """A step of the paper's settings on one clip, against the plain step."""
    size, device = bench.size, bench.device
    settings = TrainSettings(output_dropout="attention")
    torch.manual_seed(0)
    count = size.clip_grid[0] * size.clip_grid[1]
    clip = torch.randn(settings.frames, count, 384), torch.randn(settings.frames, 384)
    patch_tokens, class_tokens = (one.to(device) for one in clip)

    # On the device, as the plain step has it; a training's clips come from pinned memory.
    loaded = LoadedClip(
        0, 0, patch_tokens, class_tokens, torch.arange(settings.queries, device=device)
    )

    def stepper(kind: str) -> Callable[[], None]:
        block = new_block(384, settings).to(device).train()
        optimizer = torch.optim.AdamW(
            weight_decay_groups(block, settings.weight_decay), 1e-5, fused=True
        )
        precision = "float32" if "float32" in kind else "mixed"
        # Recorded with the algorithms that are then in force.
        clip_steps = ClipSteps(block, settings, precision, None if "recorded" in kind else False)

        def steps() -> None:
            exact = nullcontext() if kind == "plain" else exact_float32(device)
            with deterministic_algorithms("deterministic" in kind), exact:
                for _ in range(size.steps):
                    optimizer.zero_grad(set_to_none=False)
                    if kind == "plain":
                        at = torch.randperm(count, device=device)[: settings.queries]
                        plain_loss(block, patch_tokens, class_tokens, at, settings).backward()
                    else:
                        clip_steps.add(loaded)
                    optimizer.step()

        return steps

    ways = ["", ", recorded", ", recorded, deterministic"]
    kinds = ["plain", *(f"float32{way}" for way in ways)]
    if multiplies_bfloat16(device):
        kinds += [f"mixed{way}" for way in ways]
    steps = {kind: stepper(kind) for kind in kinds}
    times = bench.turns(steps)
    rows = [
        {
            "step": kind,
            "ms": 1e3 * statistics.median(times[kind]) / size.steps,
            "times faster": ratio(times, "plain", kind),
            "peak GB": bench.peak(steps[kind]),
        }
        for kind in kinds
    ]
    default = "mixed, recorded" if "mixed" in kinds else "float32, recorded"
    faster = ratio(times, "plain", default)
    return rows, {"training step, paper's settings, over the plain step": faster}


def reading(bench: Bench) -> Rows:
    """A whole training from files, whose clips are read ahead, a step each."""
    path = tokens_file(bench.folder / "clips.h5", 30, bench.size.clip_grid)
    settings = TrainSettings(
        steps=bench.size.training_steps,
        output_dropout="attention",
        checkpoint_every=10**6,
        snapshots=0,
    )
    output = bench.folder / "trained" / "block.pt"

    def whole(steps: int) -> None:
        train([path], output, replace(settings, steps=steps), bench.device)

    whole(1)
    start = bench.seconds(lambda: whole(1))
    with bench.busy() as busy:
        seconds = bench.seconds(lambda: whole(settings.steps))
    each = 1e3 * (seconds - start) / max(1, settings.steps - 1)
    return [{"steps": settings.steps, "ms each": each, "GPU busy": busy()}], {}


def export(bench: Bench) -> Rows:
    """Attention export from cached tokens."""
    size = bench.size
    path = tokens_file(bench.folder / "tokens.h5", size.frames, size.export_grid)
    block = block_file(bench.folder / "export.pt", 384)
    output = bench.folder / "attention.h5"
    rows = []
    for frames in (4, 16):
        step = partial(export_attention, path, block, output, bench.device, frames)
        times = bench.turns({"export": step}, made=output)["export"]
        rate = size.frames / statistics.median(times)
        rows.append(
            {
                "tokens a frame": size.export_grid[0] * size.export_grid[1],
                "frames at once": frames,
                "frames/s": rate,
                "GB/s written": output.stat().st_size / statistics.median(times) / 1e9,
                "peak GB": bench.peak(step),
            }
        )
    output.unlink()
    return rows, {}


def clustering(bench: Bench) -> Rows:
    """The library against the plain algorithm on the same device."""
    frames, key_frames, grid = bench.size.clustering
    queries, keys = attention_factors(bench, frames, key_frames, grid)
    tau, labels = 0.05, {}

    def library() -> None:
        found = hierarchical_clusterings(queries, keys, taus=[tau], window=WINDOW)
        labels["library"] = found[0].labels

    def plain() -> None:
        with exact_float32(bench.device):
            labels["plain"] = plain_clustering(queries, keys, tau, WINDOW)

    steps = {"plain": plain, "library": library}
    times = bench.turns(steps)
    rows = [
        {
            "clustering": name,
            "case": case(frames, key_frames, grid),
            "s": statistics.median(times[name]),
            "times faster": ratio(times, "plain", name),
            "peak GB": bench.peak(step),
            "ARI": agreement(labels["plain"].ravel().tolist(), labels[name].ravel().tolist()),
        }
        for name, step in steps.items()
    ]
    return rows, {
        "clustering 60 × 2,400 over the plain algorithm": ratio(times, "plain", "library")
    }


def partition(bench: Bench) -> Rows:
    """The same labels on the device as on the CPU, at six thresholds."""
    frames, key_frames, grid = bench.size.partition
    queries, keys = attention_factors(bench, frames, key_frames, grid)
    given = {"taus": TAUS, "window": WINDOW}
    found = hierarchical_clusterings(queries, keys, **given)
    expected = hierarchical_clusterings(queries.cpu(), keys.cpu(), **given)
    rows = [
        {
            "tau": tau,
            "case": case(frames, key_frames, grid),
            "tracks": len(other.centres),
            "same labels": float((one.labels == other.labels).mean()),
        }
        for tau, one, other in zip(TAUS, found, expected, strict=True)
    ]
    same = sum(row["same labels"] == 1 for row in rows)
    return rows, {"thresholds of six with the same partition as on the CPU": same}


def largest(bench: Bench) -> Rows:
    """As many frames as DAVIS' longest clip, with the paper's tokens."""
    frames, key_frames, grid = bench.size.largest
    queries, keys = attention_factors(bench, frames, key_frames, grid, on_device=False)

    def cluster() -> None:
        hierarchical_clusterings(queries, keys, taus=[0.05], window=WINDOW, device=bench.device)

    with bench.busy() as busy:
        peak = bench.peak(cluster)
    seconds = bench.seconds(cluster)
    row = {
        "case": case(frames, key_frames, grid),
        "s": seconds,
        "peak GB": peak,
        "GPU busy": busy(),
    }
    return [row], {"largest DAVIS clip, memory": peak, "largest DAVIS clip, time": seconds}


def batch(bench: Bench) -> Rows:
    """A batch of short videos, from frames to masks, each stage in one process."""
    size, folder = bench.size, bench.folder / "batch"
    name, facet, height, width = size.batch
    stories = range(min(4, size.videos))
    films = [folder / f"film{number}" for number in stories]
    render = partial(_rendered, frames=size.video_frames, frame_size=size.frame_size)
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
        with bench.busy() as busy:
            seconds = bench.seconds(work)
        row = {"stage": name, "on": "GPU" if gpu else "CPU", "s": seconds}
        rows.append({**row, "videos/s": size.videos / seconds, "GPU busy": busy()})
        print(", ".join(f"{key}: {value}" for key, value in rows[-1].items()), file=sys.stderr)
        if gpu:
            shares.append((seconds, busy()))

    def on_cpu(work: Callable[[Any], Any], what: str) -> None:
        list(in_parallel(work, given, cores(), what, "video"))

    def cache() -> None:
        backbone = Backbone(name, None, bench.device, facet)
        for one in names:
            video = Video.load(folder / one / "frames.json")
            write_features(video, settings, backbone, None, folder / one / "features.h5")

    def learn() -> None:
        features = [folder / one / "features.h5" for one in names]
        train(features, block, trained, bench.device)

    def attend() -> None:
        for one in names:
            features, output = (folder / one / f"{kind}.h5" for kind in ("features", "attention"))
            export_attention(features, block, output, bench.device)

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


def case(frames: int, key_frames: int, grid: tuple[int, int]) -> str:
    """A clustering, in words."""
    return f"{frames} frames of {grid[0] * grid[1]} tokens, {key_frames} key frames"


def attention_factors(
    bench: Bench, frames: int, key_frames: int, grid: tuple[int, int], on_device: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Made queries (T, heads, N, d) and keys of the key frames."""
    queries = made_attention(frames, grid, noise=0.01, slope=0.1)
    queries = queries.to(bench.device) if on_device else queries.half()
    step = -(-frames // key_frames)
    return queries, queries[::step][:key_frames]


def made_video(folder: Path, frames: int, frame_size: tuple[int, int]) -> Video:
    """A drawn video, whose few frames come again and again."""
    _rendered((0, folder / "images"), frames, frame_size)
    extract("made", folder / "images", folder / "video")
    return Video.load(folder / "video" / "frames.json")


def _rendered(given: tuple[int, Path], frames: int, frame_size: tuple[int, int]) -> None:
    """Images of a story, drawn at a dozen moments."""
    number, folder = given
    folder.mkdir(parents=True)
    height, width = frame_size
    drawn = SyntheticSettings(frames=min(12, frames), height=height, width=width)
    pictures = [Image.fromarray(frame) for frame, _ in render_clip(number, drawn)]
    for index in range(frames):  # there and back
        place = index % (2 * len(pictures))
        picture = pictures[min(place, 2 * len(pictures) - 1 - place)]
        picture.save(folder / f"{index:05d}.jpg", quality=95, subsampling=0)


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


def tokens_file(path: Path, frames: int, grid: tuple[int, int], dim: int = 384) -> Path:
    """A features file of random tokens."""
    draw = np.random.default_rng(0)
    made_by = {"video": path.stem, "backbone": "random", "weights_sha256": "0", "views": 0}
    made_by |= {"facet": "key", "layer": -1}
    tokens = grid[0] * grid[1]
    with create(path, "features", made_by) as file:
        shape = (frames, tokens, dim)
        patches = file.create_dataset("patch_tokens", shape, np.float16, chunks=(1, tokens, dim))
        for frame in range(frames):
            patches[frame] = draw.standard_normal((tokens, dim), np.float32)
        file["class_tokens"] = draw.standard_normal((frames, dim)).astype(np.float16)
        file.attrs.update(grid=grid, frame_size=(8 * grid[0], 8 * grid[1]), count=frames)
    return path


def block_file(path: Path, dim: int) -> Path:
    """An untrained block."""
    block = new_block(dim, TrainSettings())
    facts = {"settings": {}, "features": {}, "step": 0, "dim": dim, "heads": block.heads}
    torch.save({"model_state_dict": block.state_dict(), **facts}, path)
    return path
