"""Measure what joining masks and drawing overlays cost a picture, side by side with plain versions.

Three moving objects, one of them of two parts, over a made picture of 1080p. "plain" computes on
whole pictures with NumPy alone, and encodes by the preset that was taken before; both take turns.
Seconds are the process's own, on one thread. The results of plain and library are compared: masks
must be equal, overlays within a level. The last table has x264's presets on the overlays: bytes,
PSNR and SSIM (of luminance, in blocks of 8) against the pictures that were encoded.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import av
import cv2
import numpy as np
from PIL import Image
from turns import spread

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from betrayed.io import video_writing
from betrayed.io.mask_levels import mask_ids
from betrayed.io.palette import count_ids, save_palette_png
from betrayed.io.style import colour_table
from betrayed.objects.joining import _at_size
from betrayed.reporting.pictures import overlay

PLAIN = {"crf": "20", "preset": "fast"}
PRESETS = [("fast", "20"), ("faster", "20"), ("veryfast", "19.5"), ("superfast", "19")]
OPACITY = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="rounds; default 5")
    parser.add_argument("--size", default="1080x1920", metavar="HxW", help="default 1080x1920")
    parser.add_argument("--work", default="360x640", metavar="HxW", help="of pieces' masks")
    parser.add_argument("--count", type=int, default=24, help="pictures encoded; default 24")
    parser.add_argument("--film", type=Path, help="whose first pictures are encoded; default: made")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    size, work = (tuple(map(int, text.split("x"))) for text in (arguments.size, arguments.work))
    both = [objects(work, index) for index in range(arguments.count)]
    frames = pictures(arguments.film, size, arguments.count)
    with tempfile.TemporaryDirectory() as name:
        compare(Path(name), both, frames, arguments.repeats)


def objects(size: tuple[int, int], index: int) -> np.ndarray:
    """256 times an object, and its part: three ellipses that move."""
    height, width = size
    whose, parts = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    for number, (y, x, tall, wide) in enumerate(
        [(0.5, 0.45, 0.3, 0.12), (0.7, 0.8, 0.12, 0.1), (0.2, 0.15, 0.1, 0.06)], 1
    ):
        centre = round(width * x) + 2 * index, round(height * y)
        axes = round(width * wide), round(height * tall)
        cv2.ellipse(whose, centre, axes, 20, 0, 360, number, -1)
        cv2.ellipse(parts, centre, axes, 20, 0, 360, number, -1)
    parts[(whose == 1) & (np.arange(height)[:, None] < height // 2)] = 4
    return (whose.astype(np.uint16) << 8) + np.where(whose > 0, parts, 0)


def pictures(film: Path | None, size: tuple[int, int], count: int) -> list[np.ndarray]:
    """(H, W, 3) uint8: of a film, or a coarse pattern that moves."""
    if film is not None:
        with av.open(str(film)) as container:
            decoded = container.decode(video=0)
            found = [next(decoded).to_ndarray(format="rgb24") for _ in range(count)]
        return [cv2.resize(one, size[::-1]) for one in found]
    coarse = np.random.default_rng(0).integers(20, 230, (size[0] // 16 + 1, size[1] // 16 + 1, 3))
    ground = cv2.resize(coarse.astype(np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    return [np.roll(ground, 3 * index, axis=1) for index in range(count)]


def compare(folder: Path, both: list[np.ndarray], frames: list[np.ndarray], repeats: int) -> None:
    """Both versions of each step in turns, and the presets."""
    size = frames[0].shape[:2]
    large, parts = _at_size(both[0], size)
    for kind, ids in (("proposals", large), ("parts", parts)):
        (folder / kind).mkdir()
        save_palette_png(folder / kind / "00000.png", ids)
    (folder / "foreground").mkdir()
    Image.fromarray((large > 0).astype(np.uint8) * 255).save(folder / "foreground/00000.png")
    drawn = [
        overlay(one, _at_size(ids, size)[0], "both", OPACITY)
        for one, ids in zip(frames, both, strict=True)
    ]
    steps = {
        "enlarge objects and parts": (
            lambda: plain_at_size(both[0], size),
            lambda: _at_size(both[0], size),
        ),
        "count pixels": (
            lambda: np.bincount(large.ravel(), minlength=256),
            lambda: count_ids(large),
        ),
        "read a mask": (
            lambda: plain_mask_ids(folder),
            lambda: mask_ids(folder, 0, "objects", rest=255),
        ),
        "mix colours": (
            lambda: plain_overlay(frames[0], large),
            lambda: overlay(frames[0], large, "both", OPACITY),
        ),
        f"encode {len(drawn)} pictures": (
            lambda: encode(folder, drawn, PLAIN),
            lambda: encode(folder, drawn),
        ),
    }
    print(f"{len(frames)} pictures of {size[1]}x{size[0]}, one thread, {repeats} rounds")
    print(f"{'':28}{'plain ms':>24}{'library ms':>24}{'times as fast':>24}")
    for name, (plain, library) in steps.items():
        agree(name, plain(), library())
        times = [(seconds(plain), seconds(library)) for _ in range(repeats)]
        milliseconds = [spread([1e3 * one[side] for one in times], 1) for side in (0, 1)]
        ratios = spread([one / other for one, other in times], 2)
        print(f"{name:28}{milliseconds[0]:>24}{milliseconds[1]:>24}{ratios:>24}")
    print(f"\n{'x264':16}{'ms a picture':>14}{'kB a picture':>14}{'PSNR':>8}{'SSIM':>8}")
    for preset, crf in PRESETS:
        began = time.process_time()
        encode(folder, drawn, {"preset": preset, "crf": crf})
        each = 1e3 * (time.process_time() - began) / len(drawn)
        quality = decoded_quality(folder, drawn)
        bytes_each = (folder / "overlay.mp4").stat().st_size / len(drawn) / 1e3
        name = f"{preset} {crf}"
        print(f"{name:16}{each:14.1f}{bytes_each:14.1f}{quality[0]:8.2f}{quality[1]:8.4f}")


def agree(name: str, plain: object, library: object) -> None:
    """End where both versions differ."""
    pairs = zip(plain, library, strict=True) if isinstance(plain, tuple) else [(plain, library)]
    for one, other in pairs:
        if one is not None and abs(np.subtract(one, other, dtype=float)).max() > 1 * (
            name == "mix colours"
        ):
            sys.exit(f"{name}: plain and library differ")


def seconds(compute: Callable[[], object]) -> float:
    began = time.process_time()
    compute()
    return time.process_time() - began


def plain_at_size(both: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Each object enlarged by itself, and in it each of its parts."""
    whose, parts = (both >> 8).astype(np.uint8), (both & 255).astype(np.uint8)
    large = plain_upsampled(whose, np.unique(whose), size)
    large_parts = np.zeros(size, np.uint8)
    for number in np.unique(whose[whose > 0]):
        own = np.where(whose == number, parts, 0)
        found = np.unique(own[own > 0])
        inside = large == number
        large_parts[inside] = plain_upsampled(own, found, size)[inside]
    return large, large_parts


def plain_upsampled(labels: np.ndarray, names: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    most, result = np.zeros(size, np.float32), np.zeros(size, labels.dtype)
    for name in names:
        soft = cv2.resize((labels == name).astype(np.float32), size[::-1])
        more = soft > most
        most[more], result[more] = soft[more], name
    return result


def plain_mask_ids(folder: Path) -> np.ndarray:
    with Image.open(folder / "foreground/00000.png") as image:
        foreground = np.array(image) > 0
    with Image.open(folder / "proposals/00000.png") as image:
        ids = np.array(image)
    np.bincount(ids.ravel(), minlength=256)  # which ids there are was counted, too
    return np.where(foreground, np.where(ids > 0, ids, 255), 0).astype(np.uint8)


def plain_overlay(frame: np.ndarray, ids: np.ndarray) -> np.ndarray:
    result, covered = frame.copy(), ids > 0
    mixed = (1 - OPACITY) * frame[covered] + OPACITY * colour_table()[ids[covered]]
    result[covered] = mixed.round()
    width = max(1, round(min(ids.shape) / 360))
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    result[cv2.dilate(ids, square) != cv2.erode(ids, square)] = 255
    return result


def encode(folder: Path, drawn: list[np.ndarray], options: dict[str, str] | None = None) -> None:
    with mock.patch.object(video_writing, "_H264", options or video_writing._H264):
        video_writing.write_video(folder / "overlay.mp4", drawn, 30)


def decoded_quality(folder: Path, drawn: list[np.ndarray]) -> tuple[float, float]:
    """Mean PSNR and SSIM of the luminance of an encoded film."""
    psnr, ssim = [], []
    with av.open(str(folder / "overlay.mp4")) as container:
        for frame, right in zip(container.decode(video=0), drawn, strict=True):
            own, wanted = (
                cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32)
                for one in (frame.to_ndarray(format="rgb24"), right)
            )
            psnr.append(10 * np.log10(255**2 / max(1e-9, np.mean((own - wanted) ** 2))))
            ssim.append(structural_similarity(own, wanted))
    return float(np.mean(psnr)), float(np.mean(ssim))


def structural_similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Wang et al. 2004, with means over blocks of 8 by 8 pixels."""
    blur = lambda image: cv2.blur(image, (8, 8))  # noqa: E731
    means = blur(one), blur(other)
    spreads = [
        blur(image * image) - mean**2 for image, mean in zip((one, other), means, strict=True)
    ]
    shared = blur(one * other) - means[0] * means[1]
    light, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * means[0] * means[1] + light) * (2 * shared + contrast)
    below = (means[0] ** 2 + means[1] ** 2 + light) * (sum(spreads) + contrast)
    return float((above / below).mean())


if __name__ == "__main__":
    main()
