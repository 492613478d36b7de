"""Points with their truth, how well they are told apart, and which split is chosen."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from betrayed.io.palette import save_palette_png
from betrayed.objects.annotated_points import AnnotatedPoints, annotated_points
from betrayed.objects.learning import LearningSettings, draw_pairs
from betrayed.objects.observations import Seen
from betrayed.objects.validation import SPLITS, best_split, cross_validate, point_iou
from betrayed.video.video import Video


def seen_at(places, size):
    places = np.asarray(places, np.float32)
    pieces = np.where(np.isnan(places[..., 0]), -1, 1)
    nothing = np.zeros((len(places), 1))
    return Seen(places, pieces, np.ones(len(places)), nothing, nothing, nothing[:1], 1.0, size)


def annotated(folder, ids):
    """A video whose annotations are (T, H, W); None for a frame without."""
    paths = []
    for index, one in enumerate(ids):
        path = folder / f"{index:05d}.png"
        if one is not None:
            save_palette_png(path, np.asarray(one, np.uint8))
        paths.append(None if one is None else str(path))
    height, width = np.shape(next(one for one in ids if one is not None))
    record = {
        "video": "toy", "count": len(ids), "height": height, "width": width, "fps": None,
        "source": "toy", "frames": ["none.jpg"] * len(ids), "annotations": paths,
        "instances": None, "annotation_kind": "ids", "annotated_frames": len(ids), "objects": 2,
    }  # fmt: skip
    (folder / "frames.json").write_text(json.dumps(record))
    return Video.load(folder / "frames.json")


def test_points_lie_on_the_ids_of_the_videos_own_pixels(tmp_path):
    """The points' frames are twice as large as the video's."""
    truth = np.array([[0, 1, 1, 2], [255, 1, 2, 2]])
    video = annotated(tmp_path, [truth, None, truth])
    gone = [np.nan, np.nan]
    places = [[[0.4, column], gone, gone] for column in (0, 1, 2, 3, 4, 5, 6, 7)]
    places += [[[3, 1.2], [3, 1.2], [3, 3.4]]]  # void, not annotated, 1
    found = annotated_points(video, seen_at(places, (4, 8)))
    assert found.video == "toy"
    assert found.owners.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 0]
    assert found.on.sum() == 10 and found.on[8, :2].tolist() == [1, 1]
    assert annotated_points(video, seen_at(places[:7], (4, 8))) is None  # too few
    # Where objects are merged in the annotations, single ones are looked up.
    merged = replace(video, annotation_kind="foreground", instances=video.annotations)
    assert annotated_points(merged, seen_at(places, (4, 8))).owners.max() == 2


def test_iou_of_points_by_hand():
    on = np.zeros((4, 256))
    on[0, 1], on[1, 1], on[2, 2], on[3, 0] = 30, 10, 25, 5
    # Object 1: 30 of 40; object 2: 25 of 25 + 10 + 5.
    assert point_iou(on, np.array([0, 1, 1, 1])) == pytest.approx((30 / 40 + 25 / 40) / 2)
    assert point_iou(on, np.array([0, 0, 1, 2])) == 1
    # A single group is matched with one object alone.
    assert point_iou(on, np.zeros(4, int)) == pytest.approx(40 / 70 / 2)
    assert np.isnan(point_iou(on * 0.1, np.zeros(4, int)))


def test_the_best_split_is_the_lowest_that_loses_next_to_nothing():
    table = pd.DataFrame({"split": [-2.0, -1.0, -0.5, 0.0], "mIoU": [0.3, 0.52, 0.596, 0.6]})
    assert best_split(table) == -0.5
    assert best_split(table.assign(mIoU=[0.6, 0.5, 0.55, 0.6])) == -2


def toy(number, counts):
    """A video in which groups of points move and look in their own way."""
    rng = np.random.default_rng(number)
    own = np.repeat(np.arange(len(counts)), counts)
    ways = rng.permutation([[0, 3], [2, -2], [-3, 0]])[own]
    start = rng.uniform(0, 20, size=(len(own), 2)) + 30 * own[:, None]
    places = start[:, None] + ways[:, None] * np.arange(5)[None, :, None]
    looks = np.eye(4)[own] + rng.normal(size=(len(own), 4), scale=0.05)
    seen = Seen(
        places.astype(np.float32), np.repeat(own[:, None] + 1, 5, 1), np.full(len(own), 5.0),
        looks, looks - looks.mean(0), 0.0025 * np.eye(4), 500.0, (120, 160),
    )  # fmt: skip
    on = np.zeros((len(own), 256))
    on[np.arange(len(own)), own + 1] = 5
    return AnnotatedPoints(f"toy{number}", seen, on)


@pytest.mark.slow
def test_videos_are_told_apart_by_what_was_learnt_from_others():
    videos = [toy(number, (14, 12, 9)[: 1 + number % 3]) for number in range(9)]
    settings = LearningSettings(pairs=400, epochs=40, networks=1)
    samples = [draw_pairs(v.seen, v.owners, 400, np.random.default_rng(0)) for v in videos]
    splits, calibration = cross_validate(videos, samples, settings)
    assert splits["split"].tolist() == list(SPLITS)
    figures = splits[["mIoU", "cut", "whole", "right"]].to_numpy()
    assert ((figures >= 0) & (figures <= 1)).all()
    chosen = splits[splits["split"] == best_split(splits)].iloc[0]
    assert chosen["mIoU"] > 0.9
    assert list(calibration) == ["predicted", "same", "pairs"]
    assert calibration["pairs"].sum() == sum(len(same) for _, same in samples)
    assert calibration["same"].iloc[-1] > 0.9 > 0.1 > calibration["same"].iloc[0]


def test_no_video_with_a_single_object():
    videos = [toy(number, (14, 12)) for number in range(3)]
    samples = [draw_pairs(v.seen, v.owners, 100, np.random.default_rng(0)) for v in videos]
    splits, _ = cross_validate(videos, samples, LearningSettings(epochs=5, networks=1))
    assert splits["cut"].isna().all()
    assert best_split(splits) in SPLITS
