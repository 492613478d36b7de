"""Any folder of masks: its own ids, or a message that names it; in the workflow and the scorer."""

import io
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from betrayed.config.scoring import ScoreSettings
from betrayed.io.palette import save_palette_png
from betrayed.scoring.folders import find_videos, score_masks
from betrayed.video.annotations import read_annotations
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.properties import FEW, MANY, outcome
from support.videos_for_tests import cut

SIZE = (60, 80)
ALL = ScoreSettings(("davis2016", "davis2017-sequence", "davis2017-frame", "video-object"), 255)


@st.composite
def ids(draw) -> np.ndarray:
    """Ids (T, H, W): rectangles of four pixels a side and more, some void."""
    count = draw(st.integers(1, 4))
    masks = np.zeros((count, *SIZE), np.uint8)
    for _ in range(draw(st.integers(0, 6))):
        value = draw(st.sampled_from((1, 2, 3, 9, 100, 254, 255)))
        first = draw(st.integers(0, count - 1))
        top, left = draw(st.integers(0, SIZE[0] - 4)), draw(st.integers(0, SIZE[1] - 4))
        rows, columns = draw(st.integers(4, 40)), draw(st.integers(4, 40))
        masks[first:, top : top + rows, left : left + columns] = value
    return masks


def as_png(image: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def palette(mask: np.ndarray) -> bytes:
    file = io.BytesIO()
    save_palette_png(file, mask)
    return file.getvalue()


def jpeg(mask: np.ndarray) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "JPEG", quality=75)
    return Image.open(file)


def resized(mask: np.ndarray) -> Image.Image:
    large = Image.fromarray(mask).resize((3 * SIZE[1], 3 * SIZE[0]), Image.Resampling.BILINEAR)
    return large.resize(SIZE[::-1], Image.Resampling.BILINEAR)


def bright(mask: np.ndarray) -> np.ndarray:
    """What is not background, as 255."""
    return (mask > 0).astype(np.uint8) * 255


def probabilities(mask: np.ndarray) -> Image.Image:
    soft = Image.fromarray(bright(mask)).filter(ImageFilter.GaussianBlur(8))
    noise = np.random.default_rng(0).normal(0, 2, mask.shape)
    return Image.fromarray(np.clip(np.array(soft) + noise, 0, 255).astype(np.uint8))


#: Masks as they should be, and how people have them besides: each as a file's bytes.
SOUND = {
    "palette": palette,
    "grey": lambda mask: as_png(Image.fromarray(mask)),
    "16 bits": lambda mask: as_png(Image.fromarray(mask.astype(np.uint16))),
    "grey in colour": lambda mask: as_png(Image.fromarray(np.stack([mask] * 3, -1))),
    "grey with alpha": lambda mask: as_png(Image.fromarray(np.stack([mask] * 2, -1), "LA")),
}
SPOILT = {
    "smoothed": lambda mask: as_png(Image.fromarray(bright(mask)).filter(ImageFilter.BoxBlur(1))),
    "resized": lambda mask: as_png(resized(bright(mask))),
    "JPEG": lambda mask: jpeg(bright(mask)).fp.getvalue(),
    "JPEG saved as PNG": lambda mask: as_png(jpeg(bright(mask))),
    "probabilities": lambda mask: as_png(probabilities(mask)),
    "in colour": lambda mask: as_png(Image.fromarray(np.stack([mask, mask, 255 - mask], -1))),
    "cut out": lambda mask: as_png(Image.fromarray(np.stack([mask | 1, mask & 0], -1), "LA")),
    "noise": lambda mask: as_png(Image.fromarray(noise(mask.shape, 255))),
    "ids too high": lambda mask: as_png(Image.fromarray(mask.astype(np.uint16) * 600)),
}


def noise(shape, most: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, most, shape).astype(np.uint8)


DAMAGE = ("none", "cut", "empty", "missing", "another size", "text", "twice")


def write(folder, masks, form, damage, place):
    """Write masks in a form, and do damage to one of them."""
    folder.mkdir(parents=True)
    for index, mask in enumerate(masks):
        (folder / f"{index:05d}.png").write_bytes(form(mask))
    path = folder / f"{place % len(masks):05d}.png"
    match damage:
        case "cut":
            cut(path, 0.6)
        case "empty":
            path.write_bytes(b"")
        case "missing":
            path.unlink()
        case "another size":
            Image.fromarray(masks[0][:-3]).save(path)
        case "text":
            path.write_text("<html>404</html>")
        case "twice":
            shutil.copy(path, path.with_name(f"b{path.name}"))


def sound(kind: str, masks: np.ndarray) -> bool:
    """Whether ids may be read so: 0 and 255 alone are refused where 255 is void."""
    values = set(np.unique(masks)) - {0}
    return kind == "foreground" or values != {255}


def is_spoilt(name: str, masks: np.ndarray) -> bool:
    """Whether masks in a form are no ids; some forms do nothing to some masks."""
    if name in ("in colour", "cut out", "JPEG", "noise"):
        return True
    if name not in SPOILT or not masks.any():
        return False
    made = [np.array(Image.open(io.BytesIO(SPOILT[name](mask)))) for mask in masks]
    # JPEG leaves squares alone that lie where its own do, and little at the edge of others.
    return len(np.unique(made)) >= (10 if name == "JPEG saved as PNG" else 4)


def check_annotations(masks, name, damage, place, kind):
    form = {**SOUND, **SPOILT}[name]

    def read(folder):
        (folder / "video").mkdir()
        for index in range(len(masks)):
            Image.new("RGB", SIZE[::-1]).save(folder / "video" / f"{index}.png")
        write(folder / "truth", masks, form, damage, place)
        truth = folder / "truth"
        out = folder / "out"
        extract("v", folder / "video", out, annotations=truth, annotation_kind=kind)
        return read_annotations(Video.load(out / "frames.json"))[1]

    done, result = outcome(read, "truth")
    if is_spoilt(name, masks):
        assert done == "refused", f"{name} was read"
    elif damage != "none" and name in SOUND:
        assert done == "refused", f"{damage} was read"
    elif name in SOUND and sound(kind, masks):
        assert done == "done", result
        expected = (masks > 0).astype(np.uint8) if kind == "foreground" else masks
        np.testing.assert_array_equal(result, expected)
    elif name in SOUND:
        assert done == "refused" and "holds 0 and 255 alone" in result


def check_scores(masks, name, damage, place, kind):
    form = {**SOUND, **SPOILT}[name]

    def score(folder):
        write(folder / "truth" / "v", masks, palette, "none", 0)
        write(folder / "masks" / "v", masks, form, damage, place)
        settings = ScoreSettings(("davis2016",)) if kind == "foreground" else ALL
        videos = find_videos(folder / "truth", folder / "masks", settings, kind=kind)
        return score_masks(videos[0]).table

    done, result = outcome(score, "/v")
    if not sound(kind, masks) or (name != "ids too high" and is_spoilt(name, masks)):
        assert done == "refused", f"{name} was scored"
    # A second mask of one frame is left out here, as masks of further frames are.
    elif damage not in ("none", "twice") and name in SOUND:
        assert done == "refused", f"{damage} was scored"
    elif name in SOUND:
        assert done == "done", result
        figures = result[result["metric"].isin(["J_mean", "mIoU"])]["value"]
        assert (figures == 1).all()  # the truth itself


CASES = (
    ids(),
    st.sampled_from([*SOUND, *SPOILT]),
    st.sampled_from(DAMAGE),
    st.integers(0, 3),
    st.sampled_from(("ids", "foreground")),
)


@pytest.mark.slow
@FEW
@given(*CASES)
def test_some_annotations(masks, name, damage, place, kind):
    check_annotations(masks, name, damage, place, kind)


@pytest.mark.property
@MANY
@given(*CASES)
def test_many_annotations(masks, name, damage, place, kind):
    check_annotations(masks, name, damage, place, kind)


@pytest.mark.slow
@FEW
@given(*CASES)
def test_some_scores(masks, name, damage, place, kind):
    check_scores(masks, name, damage, place, kind)


@pytest.mark.property
@MANY
@given(*CASES)
def test_many_scores(masks, name, damage, place, kind):
    check_scores(masks, name, damage, place, kind)
