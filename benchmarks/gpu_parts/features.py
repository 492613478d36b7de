"""Caching features and decoding frames against the bare forward pass."""

import os
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from betrayed.config.features import FeatureSettings
from betrayed.engine.gpu_memory import release
from betrayed.engine.parallel import cores
from betrayed.features.backbone import Backbone, resize_frames
from betrayed.features.caching import begin_features, default_batch_size
from betrayed.io.files import synced_meanwhile
from betrayed.io.prefetching import MOST_AHEAD, batches, read_ahead
from gpu_parts.bench import Bench, Rows, in_turn, ratio
from gpu_parts.made import made_video

#: Videos in a row, as a job has them: one is read while the one before is computed, whose file
#: reaches the disk meanwhile.
IN_A_ROW = 4


def caching(bench: Bench) -> Rows:
    """Caching of videos in a row with a loaded model against the bare forward pass.

    Beside it what the disk takes: a file of a video's size, written and synced by itself.
    """
    size, rows = bench.size, []
    video = made_video(bench.folder / "cached", size.frames, size.frame_size)
    decoded = [torch.from_numpy(video.frame(i)) for i in range(video.count)]
    precisions = ("float16", "bfloat16") if bench.on_gpu else ("float32",)
    paths = [bench.folder / f"features{number}.h5" for number in range(IN_A_ROW)]
    raw = bench.folder / "raw"
    for name, facet, height, width in size.caching:
        for precision in precisions:
            backbone = Backbone(name, None, bench.device, facet, precision=precision)
            prepared = [
                backbone.normalise(
                    resize_frames(
                        torch.stack(decoded[run.start : run.stop]).to(bench.device), height, width
                    )
                )
                for run in batches(video.count, default_batch_size(bench.device))
            ]
            settings = FeatureSettings(name, height, width, facet, precision=precision)

            @torch.inference_mode()
            def bare(backbone: Backbone = backbone, prepared: list[Any] = prepared) -> None:
                with backbone.in_precision():
                    for images in prepared:
                        backbone.model.forward_features(images)

            begin = partial(
                begin_features, video, settings, backbone, None, batch_size=None, ahead=MOST_AHEAD
            )
            row = partial(in_turn, begin)
            bare()
            row(paths[:1])
            length = paths[0].stat().st_size
            paths[0].unlink()
            one = bench.seconds(partial(row, paths[:1]))
            times = bench.turns({"bare": bare, "row": partial(row, paths)}, paths, rounds=2)
            disk = bench.seconds(
                partial(_write, raw, np.random.bytes(length // video.count), video.count)
            )
            for path in (raw, *paths):
                path.unlink()
            took = statistics.median(times["row"])
            peak = bench.peak(partial(row, paths[:2]))
            computing = bench.computing(partial(row, paths))
            rate = video.count / statistics.median(times["bare"])
            bench.bare[height, width] = max(rate, bench.bare.get((height, width), 0.0))
            rows.append(
                {
                    "backbone": name,
                    "pixels": f"{height}x{width}",
                    "precision": precision,
                    "bare, frames/s": rate,
                    f"{IN_A_ROW} videos, frames/s": (IN_A_ROW * video.count / took),
                    "of bare": IN_A_ROW * ratio(times, "bare", "row"),
                    "one video, frames/s": video.count / one,
                    "disk, frames/s": video.count / disk,
                    "disk, GB/s": length / disk / 1e9,
                    "peak GB": peak,
                    "GPU busy": None if computing is None else computing / took,
                }
            )
            for path in paths:
                path.unlink(missing_ok=True)
            del backbone, prepared, bare, begin, row
            release()
    return rows, {"caching over the bare forward pass": min(row["of bare"] for row in rows)}


def _write(path: Path, frame: bytes, count: int) -> None:
    """Write and sync a file piece by piece, as one of features is."""
    with path.open("wb") as file, synced_meanwhile(path) as written:
        for _ in range(count):
            written(file.write(frame))
        file.flush()
        os.fsync(file.fileno())


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
