"""A copy of the project with tiny videos and a tiny backbone, for what measures the workflow."""

import os
import shutil
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

_PARTS = ("Snakefile", "config.yaml", "rules", "scripts", "envs", "profiles")
_BACKBONE = "vit_tiny_patch16_224.augreg_in21k"
_DATASET = "short"


def copy_project(folder: Path) -> None:
    """Copy what the workflow consists of."""
    ignored = shutil.ignore_patterns("__pycache__")
    for part in _PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / part, folder / part)


def make_videos(folder: Path, videos: int, frames: int, size: tuple[int, int]) -> None:
    """Folders of images, a square that moves over noise, and its masks in folders beside them."""
    import numpy as np
    from PIL import Image

    from betrayed.io.palette import save_palette_png

    height, width = size
    side = min(height, width) // 3
    for video in range(videos):
        generator = np.random.default_rng(video)
        ground = generator.integers(40, 120, (height, width, 3), np.uint8)
        places = [folder / kind / f"{video:05d}" for kind in ("videos", "truth")]
        for place in places:
            place.mkdir(parents=True)
        for index in range(frames):
            left = (width - side) * index // frames
            image, ids = ground.copy(), np.zeros((height, width), np.uint8)
            image[side : 2 * side, left : left + side] = (220, 180, 60)
            ids[side : 2 * side, left : left + side] = 1
            Image.fromarray(image).save(places[0] / f"{index:05d}.jpg", quality=95)
            save_palette_png(places[1] / f"{index:05d}.png", ids)


def make_settings(folder: Path, frames: int, size: tuple[int, int], pictures: bool) -> Path:
    """Random weights, and the file of settings."""
    import torch

    from betrayed.features.vit import create_vit

    torch.manual_seed(0)
    torch.save(create_vit(_BACKBONE).state_dict(), folder / "weights.pth")
    dataset = {
        "layout": "folder",
        "root": "videos",
        "root_variable": None,
        "annotations": "truth",
        "instances": None,
        "annotation_kind": "ids",
        "protocols": None,
        "split": None,
        "videos": [],
        "make": None,
    }
    pixels = dict(zip(("height", "width"), size, strict=True))
    settings = {
        "evaluate": [_DATASET],
        "datasets": {_DATASET: dataset},
        "weights": {"source": "file", "path": "weights.pth"},
        "features": {"backbone": _BACKBONE, **pixels},
        "training": {
            "dataset": _DATASET,
            "videos": ["00000"],
            "steps": 2,
            "stride": 1,
            "frames": min(frames, 3),
            **pixels,
        },
        "pictures": {"draw": pictures},
    }
    path = folder / "short.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def snakemake(cores: str, *options: str) -> list[str]:
    """The command line, with the Python that runs the benchmark."""
    return [sys.executable, "-m", "snakemake", "--cores", cores, *options]


def environment() -> dict[str, str]:
    """Little computing needs no threads that wait for one another."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def size_of(text: str) -> tuple[int, int]:
    """``"64x96"``: height and width in pixels."""
    height, width = text.split("x")
    return int(height), int(width)
