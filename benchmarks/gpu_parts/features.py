"""Caching features and decoding frames against the bare forward pass."""

import statistics
from functools import partial
from typing import Any

import torch

from betrayed.config.features import FeatureSettings
from betrayed.engine.gpu_memory import release
from betrayed.engine.parallel import cores
from betrayed.features.backbone import Backbone, resize_frames
from betrayed.features.caching import default_batch_size, write_features
from betrayed.io.prefetching import batches, read_ahead
from gpu_parts.bench import Bench, Rows, ratio
from gpu_parts.made import made_video


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
