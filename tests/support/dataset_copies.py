"""Tiny copies of data sets in the layouts in which people have them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from support.videos_for_tests import moving_square, write_annotations, write_frames


def davis2016(root: Path, train: Sequence[str], val: Sequence[str]) -> Path:
    """JPEGImages, Annotations (0 and 255) and both lists, with a line a frame."""
    for seed, name in enumerate([*train, *val]):
        frames, ids = moving_square(10, 84, 154, seed=seed)
        write_frames(root / "JPEGImages" / "480p" / name, frames)
        write_annotations(root / "Annotations" / "480p" / name, 255 * ids)
    lists = {
        f"480p/{split}": [
            f"/JPEGImages/480p/{name}/{index:05d}.jpg /Annotations/480p/{name}/{index:05d}.png "
            for name in names
            for index in range(10)
        ]
        for split, names in {"train": train, "val": val}.items()
    }
    return _lists(root, lists)


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


def segtrackv2(root: Path) -> dict[str, np.ndarray]:
    """Three videos; returns the ids (T, H, W) of each.

    girl has one object, BMP frames and PNG masks; cheetah two objects in folders 1 and 2 that
    overlap, masks of the first BMP, of the second PNG; worm is grey at the edges of its object.
    """
    truths, lists = {}, {}
    for seed, name in enumerate(("girl", "cheetah", "worm")):
        frames, ids = moving_square(10, 84, 154, seed=seed)
        stems = [f"{name}_{6668 + index:05d}" for index in range(len(frames))]
        lists[name] = [f"{name}/", *stems]
        suffix = ".png" if name == "worm" else ".bmp"
        (root / "JPEGImages" / name).mkdir(parents=True)
        (root / "JPEGImages" / name / f"{name}.mat").write_bytes(b"MATLAB")
        band = np.zeros_like(ids)
        band[:, 40:60] = name == "cheetah"
        truths[name] = np.where(ids == 1, 1, 2 * band).astype(np.uint8)
        objects = {"1": (ids, ".bmp"), "2": (band, ".png")} if band.any() else {"": (ids, ".png")}
        for folder, (masks, kind) in objects.items():
            (root / "GroundTruth" / name / folder).mkdir(parents=True)
            for stem, mask in zip(stems, masks, strict=True):
                white = 255 * mask
                if name == "worm":  # its object begins in row 28
                    white[27], white[28] = 120 * mask[28], 130 * mask[28]
                # In colour, as the release has most of them.
                Image.fromarray(np.stack([white] * 3, axis=-1)).save(
                    root / "GroundTruth" / name / folder / f"{stem}{kind}"
                )
        for stem, frame in zip(stems, frames, strict=True):
            Image.fromarray(frame).save(root / "JPEGImages" / name / f"{stem}{suffix}")
    (root / "ImageSets").mkdir()
    (root / "ImageSets" / "all.txt").write_text("".join(f"*{name}\n" for name in lists))
    for name, lines in lists.items():
        (root / "ImageSets" / f"{name}.txt").write_text("".join(f"{one}\n" for one in lines))
    return truths


def fbms59(root: Path) -> dict[str, dict[int, np.ndarray]]:
    """Two videos of Testset, one of Trainingset; returns the ids of labelled frames by place.

    camel01 and bear01 have coloured images of regions (PPM, white is background) for the first and
    the seventh frame, camel01 with a colour that is in no region; tennis has grey ones (PGM), and
    frames that count from 454. The descriptions name the frames as they were before JPEG.
    """
    truths = {}
    for seed, place in enumerate(("Testset/camel01", "Testset/tennis", "Trainingset/bear01")):
        frames, ids = moving_square(10, 84, 154, seed=seed)
        folder, name = root / place, Path(place).name
        grey = name == "tennis"
        stems = [f"tennis{454 + t}" if grey else f"{name}_{t + 1:04d}" for t in range(len(frames))]
        (folder / "GroundTruth").mkdir(parents=True)
        for stem, frame in zip(stems, frames, strict=True):
            Image.fromarray(frame).save(folder / f"{stem}.jpg", quality=95)
        names = [f"{stem}.{'pgm' if grey else 'ppm'}" for stem in stems]
        (folder / f"{name}.bmf").write_text("\n".join([f"{len(frames)} 1", *names]) + "\n")
        ids[:, 60:70, 20:40] = 2
        truths[name] = {index: ids[index] for index in (0, 6)}
        colours = [0, 150, 80] if grey else [0xFFFFFF, 0xFF0000, 0x00FF00]
        labels = [f"{stems[index]}{'.pgm' if grey else '_gt.ppm'}" for index in (0, 6)]
        for index, label in zip((0, 6), labels, strict=True):
            values = np.array(colours)[ids[index]]
            if name == "camel01":
                values[:5, :5] = 0x000001
            image = values if grey else np.stack([values >> 16, values >> 8, values], axis=-1) & 255
            Image.fromarray(image.astype(np.uint8)).save(folder / "GroundTruth" / label)
            if not grey:  # how sure the annotators were; not used
                probable = label.replace("_gt", "_PROB_gt")
                Image.fromarray(np.zeros((84, 154), np.uint8)).save(
                    folder / "GroundTruth" / probable, format="PPM"
                )
        text = ["Ground truth definition file; do not change!", "", "Total number of regions:", "3"]
        for region, colour in enumerate(colours):
            text += ["", f"Scale of region {region}:", str(colour)]
        text += ["", "Confusion penality matrix:", "0 1 1", "1 0 1", "1 1 0", ""]
        text += ["Total number of frames in this shot:", "10"]
        text += ["Total number of labeled frames for this shot:", "2"]
        for index, label in zip((0, 6), labels, strict=True):
            text += ["Frame number:", str(index), "File name:", label]
            text += ["Input file name:", names[index]]
        (folder / "GroundTruth" / f"{name}Def.dat").write_text("\r\n".join(text) + "\r\n")
    return truths


def movi_e(root: Path, count: int = 2) -> Path:
    """Frames under rgb and ids under seg; the folder of frames is what the data set's root is."""
    for index in range(count):
        frames, ids = moving_square(4, 64, 64, seed=index)
        write_frames(root / "rgb" / f"{index:04d}", frames, suffix=".png")
        write_annotations(root / "seg" / f"{index:04d}", 7 * ids)
    return root / "rgb"


def youtube_vos(root: Path, names: Sequence[str]) -> Path:
    """JPEGImages and Annotations with every fifth frame, and meta.json; returns train."""
    videos = {}
    for seed, name in enumerate(names):
        frames, ids = moving_square(10, seed=seed)
        for number, (frame, image) in enumerate(zip(frames, ids, strict=True)):
            write_frames(root / "train" / "JPEGImages" / name, frame[None], start=5 * number)
            write_annotations(root / "train" / "Annotations" / name, image[None], start=5 * number)
        numbers = [f"{5 * number:05d}" for number in range(10)]
        objects = {"1": numbers, "2": numbers[5:]}  # the second one appears late
        videos[name] = {
            "objects": {key: {"category": "dog", "frames": one} for key, one in objects.items()}
        }
    (root / "train" / "meta.json").write_text(json.dumps({"videos": videos}))
    return root / "train"


def youtube_vis(
    root: Path, count: int = 4, frames: int = 4, file: str = "train.json"
) -> tuple[Path, list[np.ndarray]]:
    """JPEGImages with every fifth frame and the JSON file; also the ids (T, H, W) of each video.

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
    (root / file).write_text(text)
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
            image[30:60, left : left + 30] = (220, 60 * index % 256, 40)
            truth[30:60, left : left + 30] = 1
            Image.fromarray(image).save(folder / f"videos/clip-{index}/{frame:05d}.png")
            Image.fromarray(truth).save(folder / f"truth/clip-{index}/{frame:05d}.png")
