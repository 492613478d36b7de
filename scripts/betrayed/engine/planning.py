"""What is known of a job before it runs: the facts that its cost depends on.

See :mod:`betrayed.engine.costs`. Of a video whose frames have not been looked at yet, what the
settings say of it; else that it is like :data:`TYPICAL`.
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from betrayed.config.settings import Run

Facts = dict[str, float]
Settings = Mapping[str, Any]

#: Assumed of a video that nothing is known of; a long one of those in benchmarks.
TYPICAL = {"frames": 100, "height": 480, "width": 854}
#: Assumed of a data set: more videos than any that is used.
VIDEOS = 10_000
#: Width and depth of ViTs by the size in timm's names; others count as large ones.
SIZES = {
    "tiny": (192, 12),
    "small": (384, 12),
    "base": (768, 12),
    "large": (1024, 24),
    "huge": (1280, 32),
    "giant": (1536, 40),
    "7b": (4096, 40),
}
BATCH_CPU, BATCH_GPU = 4, 16  # of the features' program


def video_facts(path: str | Path, make: Settings | None = None, annotations: int = 1) -> Facts:
    """Facts of a video.

    Args:
        path: its ``frames.json``, which need not be there yet.
        make: how the data set is made, if it is.
        annotations: annotations that a frame has, where they have not been looked at.
    """
    if Path(path).is_file():
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        frames, height, width = record["count"], record["height"], record["width"]
        annotations = sum(record[name] is not None for name in ("annotations", "instances"))
    else:
        frames, height, width = ((make or TYPICAL)[name] for name in ("frames", "height", "width"))
    return sized(frames, height, width) | {"annotations": annotations}


def sized(frames: float, height: int, width: int) -> Facts:
    """Facts of any video of this many frames of this size."""
    return {"frames": frames, "pixels": height * width, "aspect": width / height}


def dataset_facts(dataset: Settings, root: str) -> Facts:
    """Facts of making and listing a data set."""
    record = Path(root, dataset["annotations"] or "").expanduser()
    json_mb = record.stat().st_size / 1e6 if record.is_file() else 0
    facts = {"videos": VIDEOS, "json_mb": json_mb}
    if made := dataset["make"]:
        facts["frames"] = made["clips"] * made["frames"]
        facts["pixels"] = made["height"] * made["width"]
    return facts


def backbone_facts(features: Settings, gpu: bool) -> Facts:
    """Facts of the backbone at the size of some features, whatever the video."""
    name = features["backbone"]
    size = re.search(r"vit_([a-z0-9]+)", name)
    dim, depth = SIZES.get(size[1] if size else "", SIZES["large"])
    patch = int(found[1]) if (found := re.search(r"patch(\d+)", name)) else 16
    pixels = features["height"] * features["width"]
    return {
        "side_pixels": pixels,
        "tokens": pixels // patch**2,
        "dim": dim,
        "depth": features["layer"] % depth + 1,
        "views": features["views"],
        "batch": BATCH_GPU if gpu else BATCH_CPU,
    }


def weights_facts(features: Settings) -> Facts:
    """Facts of the backbone's weights."""
    backbone = backbone_facts({**features, "layer": -1}, gpu=False)
    return {"weights_mb": 4 * 12 * backbone["depth"] * backbone["dim"] ** 2 / 1e6}


def training_facts(run: Run, gpus: int) -> Facts:
    """Facts of training a run's block."""
    own = run.training
    backbone = backbone_facts(run.training_features, gpu=False)
    shares = range(1, max(1, gpus) + 1)
    processes = max(one for one in shares if own["clips_per_step"] % one == 0)
    return {
        "steps": own["steps"],
        "clips": own["clips_per_step"],
        "clip_frames": own["frames"],
        "tokens": backbone["tokens"],
        "dim": backbone["dim"],
        "heads": own["heads"],
        "mlp_ratio": own["mlp_ratio"],
        "queries": own["queries"],
        "pairs": own["frame_positives"] + own["frame_negatives"],
        # A GPU does without: its fused attention can drop entries.
        "whole_map": not gpus and own["output_dropout"] == "attention",
        "processes": processes,
    }


def attention_facts(features: Settings) -> Facts:
    """Facts of exporting attention at the size of some features, whatever the video."""
    return {**backbone_facts(features, gpu=False), "batch": BATCH_CPU}


def cluster_facts(run: Run, frames: float) -> Facts:
    """Facts of clustering a video of so many frames."""
    own = run.settings["clustering"]
    backbone = backbone_facts(run.features, gpu=False)
    key_frames = math.ceil(frames / own["key_frame_ratio"])
    return {
        "frames": frames,
        "tokens": backbone["tokens"],
        "dim": backbone["dim"],
        "columns": key_frames * math.ceil(backbone["tokens"] / own["approximate"]),
        "window": own["window"],
        # Where nothing is said, a share of what is free, which is not known here.
        "memory_mb": 1000 * own["memory_gb"] if own["memory_gb"] else math.inf,
    }


def object_facts(run: Run) -> Facts:
    """Facts of choosing objects and drawing masks, whatever the video."""
    own = run.settings["objects"]
    by_cues = own["choice"] == "cues"
    fine = backbone_facts(run.fine_features, gpu=False)
    return {
        "tokens": by_cues * fine["tokens"],
        "dim": by_cues * fine["dim"],
        "edges": by_cues and own["pixels"] == "grabcut",
    }
