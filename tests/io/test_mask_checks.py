"""Masks that cannot be ids, by hand."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from betrayed.errors import UserError
from betrayed.io.mask_checks import MaskJudge
from betrayed.io.palette import read_ids
from support.naive_scoring import blobs


def judged(*masks, kind="ids"):
    judge = MaskJudge("truth/v", kind)
    for index, mask in enumerate(masks):
        judge.add(Path(f"truth/v/{index:05d}.png"), np.asarray(mask))
    return judge.finish()


def palette_png(path, ids, *colours):
    image = Image.fromarray(ids)
    image.putpalette(bytes(np.ravel(colours).tolist()))
    image.save(path)
    return path


BLACK, RED, GREEN, WHITE = (0, 0, 0), (128, 0, 0), (0, 128, 0), (255, 255, 255)


def test_palettes_may_differ_in_what_does_not_occur(tmp_path):
    judge = MaskJudge(tmp_path, "ids")
    two = square()
    two[20:30, 20:30] = 2
    judge.read(palette_png(tmp_path / "0.png", square(), BLACK, RED, WHITE))
    judge.read(palette_png(tmp_path / "1.png", two, BLACK, RED, GREEN))
    judge.read(palette_png(tmp_path / "2.png", two * 0, BLACK))
    Image.fromarray(two).save(tmp_path / "3.png")  # grey: it has no colours
    np.testing.assert_array_equal(judge.read(tmp_path / "3.png"), two)
    assert judge.finish() == {0, 1, 2}


@pytest.mark.parametrize("kind", ["ids", "foreground"])
def test_a_palette_of_which_the_background_is_not_black_is_refused(tmp_path, kind):
    """As programs sort palettes by how often a colour occurs: what is black is no longer 0."""
    sorted_ = palette_png(tmp_path / "0.png", 1 - square(), WHITE, BLACK)
    with pytest.raises(UserError, match=r"0\.png the id 0, .* \(255, 255, 255\), and black is 1"):
        MaskJudge(tmp_path, kind).read(sorted_)
    # Without black nothing says that it was sorted.
    MaskJudge(tmp_path, kind).read(palette_png(tmp_path / "1.png", square(), WHITE, RED))


def test_an_id_of_another_colour_than_before_is_refused(tmp_path):
    judge = MaskJudge(tmp_path, "ids")
    judge.read(palette_png(tmp_path / "0.png", square(), BLACK, RED, GREEN))
    with pytest.raises(UserError, match=r"The id 1 has the colour .* in .*0\.png, but .*1\.png"):
        judge.read(palette_png(tmp_path / "1.png", square(), BLACK, GREEN, RED))


def square(value=1, size=40):
    mask = np.zeros((size, size), np.uint8)
    mask[10:30, 10:30] = value
    return mask


def test_ids_are_ids():
    two = square()
    two[20:30, 20:30] = 2
    two[9, 9:31] = 255  # void, one pixel wide
    assert judged(two, square(7), np.zeros((40, 40), np.uint8)) == {0, 1, 2, 7, 255}
    assert judged(square(255), kind="foreground") == {0, 255}
    assert judged(np.zeros((4, 4), np.uint8)) == {0}
    assert judged() == set()


def test_an_object_of_one_pixel_and_a_line_are_ids():
    mask = square()
    mask[3, 3], mask[5] = 9, 4
    assert judged(mask) == {0, 1, 4, 9}


def test_a_smoothed_outline_is_refused_and_an_example_is_named():
    mask = square(200)
    mask[9, 10:30], mask[30, 10:30] = 66, 133
    with pytest.raises(UserError, match=r"truth/v have values in between .*00001\.png has 66, 133"):
        judged(np.zeros((40, 40), np.uint8), mask)
    with pytest.raises(UserError, match="values in between"):
        judged(mask, kind="foreground")


def test_three_objects_side_by_side_in_rising_order_are_no_smoothed_outline():
    stripes = np.repeat(np.arange(8, dtype=np.uint8), 5)[None].repeat(40, 0)
    assert judged(stripes) == set(range(8))
    stairs = np.add.outer(np.arange(40) // 4, np.arange(40) // 4).astype(np.uint8)
    assert len(judged(stairs[:16, :16])) == 7


def test_grey_values_that_change_little_by_little_are_refused():
    slope = (np.arange(200) // 5).astype(np.uint8)[None].repeat(40, 0)
    with pytest.raises(UserError, match="hold 39 values that change little by little"):
        judged(slope)
    # Fragments in the order of reading: as many, but the next row is another.
    cells = np.arange(64).reshape(8, 8).repeat(5, 0).repeat(5, 1)
    assert len(judged(cells.astype(np.uint8))) == 64


def test_specks_are_refused():
    mask = square(250)
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, 40, (2, 60))
    mask[rows, columns] = rng.integers(1, 12, 60)
    with pytest.raises(UserError, match=r"hold 12 ids, of which 11 are specks"):
        judged(mask)


def test_what_is_solid_in_another_frame_is_no_speck():
    specks = np.zeros((40, 40), np.uint8)
    specks[::5, ::5] = np.arange(1, 65).reshape(8, 8)
    solid = np.arange(1, 65).reshape(8, 8).repeat(5, 0).repeat(5, 1).astype(np.uint8)
    assert len(judged(specks, solid)) == 65
    with pytest.raises(UserError, match="specks"):
        judged(specks)


def test_zero_and_255_alone_need_to_be_called_a_foreground():
    with pytest.raises(UserError, match=r"annotation_kind: foreground .* or --kind foreground"):
        judged(square(255))
    with pytest.raises(UserError, match="holds 0 and 255 alone"):
        judged(np.full((4, 4), 255, np.uint8))
    assert judged(square(255), square(3)) == {0, 3, 255}


@pytest.mark.parametrize("seed", range(20))
def test_made_ids_pass(seed):
    rng = np.random.default_rng(seed)
    ids = blobs(rng, (4, 48, 64), [0, 1, 1, 2, 3, 9, 255])
    assert judged(*ids) == set(np.unique(ids))


def test_images_with_loss_are_no_ids(tmp_path):
    Image.fromarray(square(255)).save(tmp_path / "0.jpg")
    Image.fromarray(square(255)).save(tmp_path / "1.png", "JPEG")
    Image.fromarray(square(255)).save(tmp_path / "2.webp")
    Image.fromarray(square(255)).save(tmp_path / "3.tif", compression="jpeg")
    for name in ("0.jpg", "1.png", "2.webp", "3.tif"):
        with pytest.raises(UserError, match=rf"{name} was saved as .* ids come back as others"):
            read_ids(tmp_path / name)
    Image.fromarray(square(3).astype(np.float32)).save(tmp_path / "4.tif")
    with pytest.raises(UserError, match=r"4\.tif is a picture of floating point"):
        read_ids(tmp_path / "4.tif")
    Image.fromarray(square(3)).save(tmp_path / "5.tif", compression="tiff_lzw")
    assert read_ids(tmp_path / "5.tif").max() == 3


@pytest.mark.parametrize("seed", range(30))
def test_what_is_counted_of_masks_is_what_is_seen_pixel_by_pixel(seed):
    random = np.random.default_rng(seed)
    judge = MaskJudge("truth/v", "ids")
    counted = [0, 0, 0]
    example = None
    for _ in range(4):
        values = random.integers(0, 256, random.integers(1, 7))
        mask = random.choice(values, random.integers(1, 9, 2)).astype(
            random.choice([np.uint8, np.uint16, np.int32])
        )
        judge.add(Path("truth/v/0.png"), mask)
        lines = [*mask.astype(int).tolist(), *mask.astype(int).T.tolist()]
        middles = [[], []]  # of rows, and of columns
        for number, line in enumerate(lines):
            steps = [after - before for before, after in pairwise(line)]
            counted[0] += sum(step != 0 for step in steps)
            if len(np.unique(mask)) > 2:
                counted[1] += sum(0 < abs(step) <= 2 for step in steps)
                triples = zip(line, line[1:], line[2:], strict=False)
                middles[number >= len(mask)] += [b for a, b, c in triples if a < b < c or a > b > c]
        counted[2] += len(middles[0] + middles[1])
        example = example or sorted(set(middles[0] or middles[1]))
    assert [judge._changes, judge._small, judge._soft] == counted
    shown = judge._example[1] if judge._example else []
    assert shown == example[:: max(1, len(example) // 3)][:3]
