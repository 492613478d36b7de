"""COCO files, read back by pycocotools, and by datumaro where it is installed.

datumaro wants other versions than the locked ones: what needs it runs in an environment of its own
and is skipped elsewhere; docs/exports.md says what was seen.
"""

import json
import shutil

import numpy as np
import pytest
from pycocotools.coco import COCO

from betrayed.exports.coco import export_coco
from support.masked_videos import LEVELS, SIZE, at


@pytest.mark.parametrize("level", LEVELS)
def test_coco_by_pycocotools_pixel_for_pixel(tmp_path, made, level):
    export_coco(at(made, level), tmp_path / "out")
    for one in made:
        name = one.video.video.name
        coco = COCO(tmp_path / "out" / "videos" / f"{name}.json")
        assert [image["file_name"] for image in coco.dataset["images"]] == [
            path.name for path in one.video.video.frames
        ]
        np.testing.assert_array_equal(drawn(coco, coco.dataset["images"]), one.levels[level])


def drawn(coco, images):
    """The tracks of some images as ids (T, H, W); pixels that two claim are an error."""
    ids = np.zeros((len(images), *SIZE), int)
    for place, image in enumerate(images):
        for one in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
            mask = coco.annToMask(one).astype(bool)
            assert not ids[place][mask].any()
            ids[place][mask] = one["track_id"]
            y, x = np.nonzero(mask)
            box = [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]
            assert (one["bbox"], one["area"]) == (box, mask.sum())
    return ids


def test_all_videos_in_one_file_have_tracks_of_their_own(tmp_path, made):
    export_coco(at(made, "objects"), tmp_path / "out", workers=2)
    coco = COCO(tmp_path / "out" / "all.json")
    images = coco.dataset["images"]
    assert [one["name"] for one in coco.dataset["videos"]] == ["clip-a", "clip-b"]
    assert [one["file_name"] for one in images][3:5] == ["clip-a/00003.png", "clip-b/00000.png"]
    assert [(one["video_id"], one["frame_id"]) for one in images][3:5] == [(1, 3), (2, 0)]
    ids = drawn(coco, images)
    np.testing.assert_array_equal(ids[:4], made[0].levels["objects"])
    second = made[1].levels["objects"].astype(int)
    np.testing.assert_array_equal(ids[4:], np.where(second > 0, second + 2, 0))
    identifiers = [one["id"] for one in coco.dataset["annotations"]]
    assert identifiers == [*range(1, len(identifiers) + 1)]


def test_an_annotation_says_its_track_and_its_score(tmp_path, made):
    export_coco(at(made, "objects"), tmp_path / "out")
    content = json.loads((tmp_path / "out" / "videos" / "clip-a.json").read_text())
    assert content["categories"] == [{"id": 1, "name": "object", "supercategory": ""}]
    first = content["annotations"][0]
    assert (first["track_id"], first["score"], first["category_id"]) == (1, 0.9, 1)
    # What CVAT makes a track of; see docs/exports.md.
    assert first["attributes"] == {"track_id": 1, "keyframe": True, "occluded": False}
    assert [one["track_id"] for one in content["annotations"] if one["image_id"] == 2] == [1]


@pytest.mark.parametrize("file", ["videos/clip-a.json", "all.json"])
def test_coco_by_datumaro(tmp_path, made, file):
    dm = pytest.importorskip("datumaro", reason="datumaro wants other versions than the locked")
    export_coco(at(made, "objects"), tmp_path / "out")
    target = tmp_path / "in" / "annotations" / "instances_default.json"
    target.parent.mkdir(parents=True)
    target.write_bytes((tmp_path / "out" / file).read_bytes())
    # Datumaro wants the images beside them.
    name = "." if file == "videos/clip-a.json" else "clip-a"
    shutil.copytree(made[0].video.frames.parent, tmp_path / "in" / "images" / "default" / name)
    found = {item.id: item for item in dm.Dataset.import_from(str(tmp_path / "in"), "coco")}
    prefix = "clip-a/" if file == "all.json" else ""
    for index, expected in enumerate(made[0].levels["objects"]):
        ids = np.zeros(SIZE, int)
        masks = [
            one
            for one in found[f"{prefix}{index:05d}"].annotations
            if one.type == dm.AnnotationType.mask  # and a box of each
        ]
        for each in masks:
            ids[each.image.astype(bool)] = each.attributes["track_id"]
            assert each.attributes["keyframe"] is True
        np.testing.assert_array_equal(ids, expected)
