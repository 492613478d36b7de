"""The arrays of each frame's objects, as supervision takes them."""

import numpy as np
import pytest

from betrayed.exports.arrays import read_detections
from betrayed.exports.videos import numbers_in
from support.masked_videos import LEVELS, SIZE


@pytest.mark.parametrize("level", LEVELS)
def test_arrays_as_supervision_takes_them(made, level):
    sv = pytest.importorskip("supervision")
    for one in made:
        arrays = list(read_detections(one.video.frames, one.video.masks, level))
        assert len(arrays) == len(one.frames)
        for found, expected in zip(arrays, one.levels[level], strict=True):
            detections = sv.Detections(**found)
            ids = np.zeros(SIZE, int)
            for mask, track in zip(detections.mask, detections.tracker_id, strict=True):
                ids[mask] = track
            np.testing.assert_array_equal(ids, expected)
            boxes = sv.mask_to_xyxy(found["mask"], coordinate_convention="exclusive")
            np.testing.assert_array_equal(detections.xyxy, boxes)


def test_scores_and_absence_in_arrays(made):
    arrays = list(read_detections(made[0].video.frames, made[0].video.masks, "objects"))
    assert arrays[0]["confidence"].tolist() == pytest.approx([0.9, 0.5])
    assert arrays[1]["tracker_id"].tolist() == [1]  # the second is absent from frame 1
    alone = list(read_detections(made[0].video.frames, made[0].video.masks, "parts", most=3))
    assert alone[0]["tracker_id"].tolist() == [1, 2, 3]
    assert alone[0]["confidence"].tolist() == pytest.approx([0.8, 0.7, 0.6])
    empty = np.zeros((4, *SIZE), np.uint8)
    assert numbers_in(empty[0]) == []


def test_a_frame_without_objects_gives_empty_arrays(made):
    from betrayed.exports.arrays import detections

    found = detections(np.zeros(SIZE, np.uint8), {1: 0.9})
    assert {name: array.shape for name, array in found.items()} == {
        "xyxy": (0, 4),
        "mask": (0, *SIZE),
        "confidence": (0,),
        "class_id": (0,),
        "tracker_id": (0,),
    }
