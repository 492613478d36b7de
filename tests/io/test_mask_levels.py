import shutil

import numpy as np
import pytest
from PIL import Image

from betrayed.errors import UserError
from betrayed.io.mask_levels import LEVELS, mask_ids
from support.masked_videos import masked_video


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_is_what_was_written(tmp_path, level):
    made = masked_video(tmp_path, "one")
    for index, ids in enumerate(made.levels[level]):
        found = mask_ids(made.video.masks, index, level)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, ids)


def test_of_many_those_of_highest_rank_are_kept_by_hand(tmp_path):
    folder = masked_video(tmp_path, "one").video.masks
    column = slice(10, 14), 18  # object 1; above it lies the track
    above = slice(4, 10), 20  # object 2
    ids = mask_ids(folder, 0, "objects", most=1, rest=255)
    assert set(ids[column]) == {1} and set(ids[above]) == {255}
    assert set(mask_ids(folder, 0, "objects", most=1)[above]) == {0}
    assert np.unique(mask_ids(folder, 0, "proposals", most=2)).tolist() == [0, 1, 2]
    assert np.unique(mask_ids(folder, 0, "parts", most=3)).tolist() == [0, 1, 2, 3]
    # It is one, however many objects are shown.
    assert np.unique(mask_ids(folder, 0, "foreground", most=1)[above]).tolist() == [1]


def test_foreground_that_is_no_proposal_is_the_rest(tmp_path):
    folder = masked_video(tmp_path, "one").video.masks
    everywhere = Image.fromarray(np.full((33, 47), 255, np.uint8))
    everywhere.save(folder / "foreground" / "00000.png")
    assert mask_ids(folder, 0, "objects", rest=255)[0, 0] == 255
    assert mask_ids(folder, 0, "objects")[0, 0] == 0


def test_without_parts_objects_stand_in_their_place(tmp_path):
    made = masked_video(tmp_path, "one")
    shutil.rmtree(made.video.masks / "parts")
    np.testing.assert_array_equal(mask_ids(made.video.masks, 0, "parts"), made.levels["objects"][0])


def test_what_does_not_fit_is_named(tmp_path):
    folder = masked_video(tmp_path, "one").video.masks
    with pytest.raises(ValueError, match="level must be one of objects, parts"):
        mask_ids(folder, 0, "things")
    Image.new("L", (8, 4)).save(folder / "foreground" / "00000.png")
    with pytest.raises(UserError, match=r"00000\.png is 47x33, but that of the foreground is 8x4"):
        mask_ids(folder, 0, "objects")
    (folder / "foreground" / "00001.png").unlink()
    with pytest.raises(UserError, match=r"foreground/00001\.png is missing"):
        mask_ids(folder, 1, "objects")
