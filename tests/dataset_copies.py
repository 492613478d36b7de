"""Tiny copies of data sets in the layouts in which people have them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco
from videos_for_tests import moving_square, write_annotations, write_frames


def davis2016(root: Path, train: Sequence[str], val: Sequence[str]) -> Path:
    """JPEGImages, Annotations (0 and 255) and both lists."""
    for seed, name in enumerate([*train, *val]):
        frames, ids = moving_square(10, 84, 154, seed=seed)
        write_frames(root / "JPEGImages" / "480p" / name, frames)
        write_annotations(root / "Annotations" / "480p" / name, 255 * ids)
    return _lists(root, {"2016/train": train, "2016/val": val})


def davis2017(
    root: Path, val: Sequence[str], train: Sequence[str] = (), test_dev: Sequence[str] = ()
) -> Path:
    """All four archives in one folder, with the annotations of both tasks.

    Of the test sequences only the semi-supervised task has any, those of the first frame.
    """
    for seed, name in enumerate([*train, *val, *test_dev]):
        frames, ids = moving_square(4, seed=seed)
        write_frames(root / "JPEGImages" / "480p" / name, frames)
        known = ids[:1] if name in test_dev else ids
        write_annotations(root / "Annotations" / "480p" / name, known)
        if name not in test_dev:
            write_annotations(root / "Annotations_unsupervised" / "480p" / name, ids)
    lists = {"2017/train": train, "2017/val": val, "2017/test-dev": test_dev}
    return _lists(root, {**lists, "2019/test-dev": test_dev})


def _lists(root: Path, splits: Mapping[str, Sequence[str]]) -> Path:
    """Write the lists under ImageSets; return the root."""
    for split, names in splits.items():
        file = root / "ImageSets" / f"{split}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{name}\n" for name in names))
    return root


def movi_e(root: Path, count: int = 2) -> Path:
    """Frames under rgb and ids under seg; the folder of frames is what the data set's root is."""
    for index in range(count):
        frames, ids = moving_square(4, 64, 64, seed=index)
        write_frames(root / "rgb" / f"{index:04d}", frames, suffix=".png")
        write_annotations(root / "seg" / f"{index:04d}", 7 * ids)
    return root / "rgb"


def youtube_vis(root: Path, count: int = 4, frames: int = 4) -> tuple[Path, list[np.ndarray]]:
    """JPEGImages with every fifth frame and train.json; also the ids (T, H, W) of each video.

    Object 1 is the square, as lengths; object 2 a band below that overlaps it, as text, absent
    from the second frame.
    """
    videos, annotations, truths = [], [], []
    for index in range(count):
        pictures, ids = moving_square(frames, seed=index)
        name = f"{index:02x}65b171f9"
        folder = root / "JPEGImages" / name
        for number, picture in enumerate(pictures):
            write_frames(folder, picture[None], start=5 * number)
        band = np.zeros_like(ids)
        band[:, 24:40] = 1
        band[1] = 0
        height, width = ids.shape[1:]
        videos.append(
            {
                "id": index + 1,
                "height": height,
                "width": width,
                "length": frames,
                "file_names": [f"{name}/{5 * number:05d}.jpg" for number in range(frames)],
            }
        )
        objects = [[as_lengths(one) for one in ids], [as_text(one) for one in band]]
        annotations += [
            {"id": 2 * index + number, "video_id": index + 1, "segmentations": masks}
            for number, masks in enumerate(objects, 1)
        ]
        truths.append(np.where(ids == 1, 1, 2 * band).astype(np.uint8))
    # The file lists annotations in an order of its own.
    annotations.sort(key=lambda one: (one["id"] % 2 == 0, -one["video_id"]))
    text = json.dumps({"info": {}, "videos": videos, "annotations": annotations})
    (root / "train.json").write_text(text)
    return root, truths


def as_lengths(mask: np.ndarray) -> dict | None:
    """A mask as run lengths in a list; None where it is empty."""
    if not mask.any():
        return None
    flat = mask.T.ravel()
    ends = [*(np.flatnonzero(np.diff(flat)) + 1).tolist(), flat.size]
    lengths = np.diff([0, *ends]).tolist()
    return {"size": list(mask.shape), "counts": [0, *lengths] if flat[0] else lengths}


def as_text(mask: np.ndarray) -> dict | None:
    """A mask as COCO's text, by COCO's own code; None where it is empty."""
    if not mask.any():
        return None
    encoded = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(mask.shape), "counts": encoded["counts"].decode()}


def plain_videos(folder, count=3, frames=10):
    """Folders of frames with a square that moves, and their truth."""
    for index in range(count):
        for kind in ("videos", "truth"):
            (folder / kind / f"clip-{index}").mkdir(parents=True)
        noise = np.random.default_rng(index).integers(0, 90, (84, 154, 3), dtype=np.uint8)
        for frame in range(frames):
            image, truth = noise.copy(), np.zeros((84, 154), np.uint8)
            left = 10 + 8 * frame
            image[30:60, left : left + 30] = (220, 60 * index, 40)
            truth[30:60, left : left + 30] = 1
            Image.fromarray(image).save(folder / f"videos/clip-{index}/{frame:05d}.png")
            Image.fromarray(truth).save(folder / f"truth/clip-{index}/{frame:05d}.png")
