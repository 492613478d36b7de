import cv2
import numpy as np
import pytest

from betrayed.objects.pixels import enlarge_mask, refined_small

THING, GROUND = (190, 120, 60), (70, 110, 150)


def picture(inside, seed=0, noise=12):
    """A frame of two noisy colours."""
    colours = np.where(inside[..., None], THING, GROUND)
    noisy = colours + np.random.default_rng(seed).normal(size=colours.shape, scale=noise)
    return noisy.clip(0, 255).astype(np.uint8)


def refine_mask(mask, frame):
    """A mask at the frame's size, as the masks of a video are refined."""
    small = refined_small(mask, frame)
    return mask if small is None else enlarge_mask(small, mask.shape)


def ball(size=(120, 160), centre=(60, 80), radius=30):
    y, x = np.mgrid[: size[0], : size[1]]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def near_outline(mask, pixels):
    """Where a mask has both sides within so many pixels."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.dilate(mask.astype(np.uint8), disk) != cv2.erode(mask.astype(np.uint8), disk)


@pytest.mark.parametrize(
    ("size", "radius", "off"),
    [((120, 160), 30, 2), ((121, 163), 30, 2), ((240, 320), 60, 3), ((481, 641), 120, 6)],
)
def test_outlines_move_to_the_edges_of_the_image(size, radius, off):
    centre = (size[0] // 2, size[1] // 2)
    truth = ball(size, centre, radius)
    rough = {
        "moved": ball(size, (centre[0], centre[1] + off), radius),
        "too large": ball(size, centre, radius + off),
        "too small": ball(size, centre, radius - off),
    }
    for mask in rough.values():
        found = refine_mask(mask, picture(truth))
        assert (found.shape, found.dtype) == (size, bool)
        assert (found != truth).sum() < (mask != truth).sum() / 5


def test_blocks_of_tokens_become_a_ball():
    truth = ball((240, 320), (120, 160), 60)
    blocks = truth[4::8, 4::8].repeat(8, axis=0).repeat(8, axis=1)
    found = refine_mask(blocks, picture(truth))
    assert (found != truth).sum() < (blocks != truth).sum() / 5


def test_only_a_band_along_the_outline_may_change():
    """A sixtieth of the height on both sides, here two pixels: other things of the colour stay."""
    truth = ball()
    image = picture(truth | ball(centre=(20, 20), radius=10))
    mask = ball(centre=(60, 85), radius=32)
    mask[90:110, 120:150] = True  # foreground of the ground's colour
    found = refine_mask(mask, image)
    band = near_outline(mask, 2)
    np.testing.assert_array_equal(found[~band], mask[~band])
    assert (found != mask)[band].any()


def test_the_band_grows_with_the_frame():
    truth = ball((480, 640), (240, 320), 100)
    mask = ball((480, 640), (240, 320), 130)  # 30 pixels off, 8 may change
    found = refine_mask(mask, picture(truth))
    assert found[near_outline(mask, 10)].sum() < mask[near_outline(mask, 10)].sum()
    np.testing.assert_array_equal(*(one[~near_outline(mask, 10)] for one in (found, mask)))


def test_the_same_for_the_same_input():
    truth = ball()
    mask, image = ball(centre=(60, 82)), picture(truth, noise=120)  # colours that overlap
    given = mask.copy(), image.copy()
    first = refine_mask(mask, image)
    threads = cv2.getNumThreads()
    for count, seed in ((1, 0), (2, 1), (2, 2)):
        cv2.setNumThreads(count)
        cv2.setRNGSeed(seed)  # whatever was drawn before
        np.testing.assert_array_equal(refine_mask(mask, image), first)
    cv2.setNumThreads(threads)
    np.testing.assert_array_equal(mask, given[0])
    np.testing.assert_array_equal(image, given[1])


@pytest.mark.parametrize("size", [(120, 160), (480, 854), (1, 1), (7, 300), (300, 2)])
def test_with_one_side_alone_the_mask_stays(size):
    image = picture(np.zeros(size, bool))
    for mask in (np.zeros(size, bool), np.ones(size, bool)):
        assert refine_mask(mask, image) is mask


def test_a_speck_has_no_colours_to_learn():
    mask = np.zeros((120, 160), bool)
    mask[50:54, 60:64] = True
    for one in (mask, ~mask):
        assert refine_mask(one, picture(mask)) is one


@pytest.mark.parametrize("size", [(30, 40), (41, 7), (5, 61), (600, 9), (250, 333)])
def test_any_size(size):
    inside = np.zeros(size, bool)
    inside[:, : size[1] // 2] = True
    found = refine_mask(inside, picture(inside))
    assert (found.shape, found.dtype) == (size, bool)
    assert (found != inside).mean() < 0.05


def test_an_image_of_one_colour_keeps_what_is_sure():
    mask = ball()
    found = refine_mask(mask, np.full((120, 160, 3), 90, np.uint8))
    band = near_outline(mask, 2)
    np.testing.assert_array_equal(found[~band], mask[~band])
