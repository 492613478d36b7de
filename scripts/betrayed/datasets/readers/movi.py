"""MOVi (Kubric) as it is downloaded: many videos a shard, each read from its place.

The release is made of TFRecord shards of TensorFlow Datasets, whose examples hold every frame and
every image of ids as a PNG (google-research/kubric, challenges/movi); VideoSAUR's copies are tars
with arrays, {key}.video.npy and {key}.segmentations.npy. Listing finds where each video lies, see
:mod:`betrayed.datasets.readers.movi_shards`; the frames stage writes its frames and ids as images.
"""

import dataclasses
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from betrayed.datasets.readers import tfrecords
from betrayed.errors import UserError
from betrayed.io.palette import ids_in, save_palette_png
from betrayed.io.progress import progress

#: Frames a second of all MOVi data sets.
FPS = 12.0
#: What a sample is made of.
PARTS = ("video", "segmentations")


@dataclass(frozen=True)
class Sample:
    """Where one video lies."""

    video: str
    shard: str
    number: int  # of its record or sample in the shard, from 0
    # Offset and length in bytes: of the "record" of a TFRecord shard; in a tar of "video" and,
    # where it has ground truth, "segmentations".
    parts: dict[str, tuple[int, int]]
    # Another content in the same place has another one: the record's checksum, the members' time.
    stamp: int

    @property
    def has_truth(self) -> bool:
        """Whether there are ids with the frames."""
        return "video" not in self.parts or "segmentations" in self.parts


def write_sample(path: str | Path, sample: Sample) -> None:
    """Write where one video lies as JSON."""
    text = json.dumps(dataclasses.asdict(sample), indent=1) + "\n"
    Path(path).write_text(text, encoding="utf-8")


def read_sample(path: str | Path) -> Sample:
    """Read what :func:`write_sample` wrote.

    Raises:
        UserError: the file is missing or not such a record.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        values["parts"] = {name: tuple(place) for name, place in values["parts"].items()}
        return Sample(**values)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Run the workflow to make it.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is no record of a video ({error}). Delete it and run the workflow again."
        ) from error


def read_arrays(sample: Sample) -> tuple[np.ndarray, np.ndarray | None]:
    """A video's frames (T, H, W, 3) uint8 and ids (T, H, W) uint8, None where it has none.

    Raises:
        UserError: the shard is missing or damaged there, or does not hold such arrays; the
            shard and the record are named in the error.
    """
    try:
        frames, ids = _from_tar(sample) if "video" in sample.parts else _from_record(sample)
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or not frames.size:
            raise ValueError(
                f"its frames are {frames.shape} {frames.dtype}, not (T, H, W, 3) uint8"
            )
        if ids is not None:
            ids = ids[..., 0] if ids.ndim == 4 else ids
            if ids.shape != frames.shape[:3] or ids.dtype.kind not in "ui" or ids.max() > 255:
                raise ValueError(f"its ids are {ids.shape} {ids.dtype}, its frames {frames.shape}")
            ids = ids.astype(np.uint8)
    except (ValueError, OSError, SyntaxError, KeyError, EOFError) as error:
        raise UserError(
            f"Record {sample.number} of {sample.shard}, the video {sample.video!r}, cannot be read "
            f"({error}). It must be MOVi as released, or VideoSAUR's tars; download it once more."
        ) from error
    return frames, ids


def write_images(
    sample: Sample, folder: str | Path, truth: bool
) -> tuple[list[str], list[str] | None, set[int], tuple[int, int]]:
    """Write a video's frames as 00000.png, … and its ids as truth-00000.png, … into ``folder``.

    Args:
        sample: the video.
        folder: where to write.
        truth: whether its ids are wanted.

    Returns:
        The names of the frames, those of the ids or None, the ids that occur, and the size
        (height, width).

    Raises:
        UserError: as :func:`read_arrays`; ids are wanted, but there are none.
    """
    frames, ids = read_arrays(sample)
    if truth and ids is None:
        raise UserError(f"{sample.shard} has no segmentations of the video {sample.video!r}.")

    def save(name: str, images: np.ndarray, write: Callable[[Path, np.ndarray], Any]) -> list[str]:
        names = [name.format(index) for index in range(len(images))]
        for one, image in zip(
            progress(names, f"writing {sample.video}", "image"), images, strict=True
        ):
            write(Path(folder) / one, image)
        return names

    files = save("{:05d}.png", frames, lambda path, image: Image.fromarray(image).save(path))
    if not truth:
        return files, None, set(), frames.shape[1:3]
    return files, save("truth-{:05d}.png", ids, save_palette_png), ids_in(ids), frames.shape[1:3]


def _from_record(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    example = tfrecords.read_record(sample.shard, sample.number, *sample.parts["record"])
    images = tfrecords.bytes_features(example, PARTS)
    if missing := [name for name in PARTS if name not in images]:
        raise ValueError(f"it has no {' and no '.join(missing)}")
    frames = np.stack([_decoded(image, "RGB") for image in images["video"]])
    return frames, np.stack([_decoded(image, "L") for image in images["segmentations"]])


def _decoded(image: bytes, mode: str) -> np.ndarray:
    with Image.open(io.BytesIO(image)) as picture:
        if picture.mode != mode:
            raise ValueError(f"an image of the kind {picture.mode} instead of {mode}")
        return np.array(picture)


def _from_tar(sample: Sample) -> tuple[np.ndarray, np.ndarray | None]:
    arrays = {}
    with open(sample.shard, "rb") as file:
        for name, (offset, length) in sample.parts.items():
            file.seek(offset)
            arrays[name] = np.load(io.BytesIO(file.read(length)), allow_pickle=False)
    return arrays["video"], arrays.get("segmentations")
