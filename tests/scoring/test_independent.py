"""Scores against independent implementations: TrackEval, scikit-learn, pycocotools.

None of them is part of this project, and none of what is compared here is shared with them.
"""

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from pycocotools import mask as coco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn.metrics import adjusted_rand_score
from trackeval.metrics import JAndF, TrackMAP

from betrayed.config.scoring import ScoreSettings
from betrayed.exports.run_lengths import encode_ids
from betrayed.io.run_lengths import decode_mask
from betrayed.scoring.average_precision import average_precision, match_detections
from betrayed.scoring.davis import METRICS, pairwise_scores
from betrayed.scoring.detection_table import as_table
from betrayed.scoring.detections import detections
from betrayed.scoring.results import find_tracks, score_tracks
from support.dataset_copies import as_text
from support.davis_tables import video_figures
from support.naive_scoring import blobs, relabel


def encoded(mask):
    return coco.encode(np.asfortranarray(mask, np.uint8))


def clip(seed, proposals=5, frames=9, size=(40, 60)):
    """Ids (T, H, W) of three objects and of so many proposals, the first three like them."""
    rng = np.random.default_rng(seed)
    truth = blobs(rng, (frames, *size), [0, 0, 1, 2, 3])
    masks = blobs(rng, (frames, *size), [0] * 40 + list(range(1, proposals + 1)))
    truth[0, 0, :3] = 1, 2, 3
    masks[0, 0, -1] = proposals
    # Each object is followed in a share of the frames of its own, or no IoU would be high.
    followed = rng.random((frames, 4)) < rng.uniform(0.4, 1, 4)
    at_hand = np.take_along_axis(followed, truth.reshape(frames, -1), axis=1).reshape(truth.shape)
    return truth, np.where(at_hand & (truth > 0), np.minimum(truth, proposals), masks)


# TrackEval


def trackeval_data(truth, masks, objects, proposals):
    """What its metric wants: the masks that are present in each frame, encoded, with their ids."""

    def present(ids, count):
        there = [[n for n in range(count) if (frame == n + 1).any()] for frame in ids]
        return there, [
            [encoded(frame == n + 1) for n in numbers]
            for frame, numbers in zip(ids, there, strict=True)
        ]

    gt_ids, gt_dets = present(truth, objects)
    tracker_ids, tracker_dets = present(masks, proposals)
    return {
        "num_timesteps": len(truth),
        "num_gt_ids": objects,
        "num_tracker_ids": proposals,
        "gt_ids": gt_ids,
        "gt_dets": gt_dets,
        "tracker_ids": tracker_ids,
        "tracker_dets": tracker_dets,
    }


@pytest.mark.parametrize("proposals", [1, 3, 7])
@pytest.mark.parametrize("seed", range(3))
def test_j_and_f_agree_with_trackeval(seed, proposals):
    truth, masks = clip(seed, proposals)
    metric = JAndF()
    metric.optim_type = "J&F"
    expected = metric.eval_sequence(trackeval_data(truth, masks, 3, proposals))
    found = video_figures(truth, "davis2017-sequence", proposals=masks)
    for name in METRICS:
        theirs = expected[name.replace("_", "-").title()]
        assert found[name] == pytest.approx(theirs, abs=1e-12), name
    assert found["J&F"] == pytest.approx(expected["J&F"], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_tracks_map_agrees_with_trackeval(seed):
    """TrackEval's TrackMAP over all areas and lengths, which counts every detection."""
    clips = [clip(10 * seed + one, proposals=2 + one) for one in range(3)]
    metric = TrackMAP({"USE_AREA_RANGES": False, "USE_TIME_RANGES": False, "PRINT_CONFIG": False})
    results, ours = {}, []
    for place, (truth, masks) in enumerate(clips):
        scores = track_scores(masks, seed + place)
        order = scores.sort_values(ascending=False).index
        results[str(place)] = metric.eval_sequence(
            {
                "gt_track_ids": [1, 2, 3],
                "dt_track_ids": order.tolist(),
                "gt_tracks": [frames_of(truth, number) for number in (1, 2, 3)],
                "dt_tracks": [frames_of(masks, number) for number in order],
                "dt_track_scores": scores[order].tolist(),
                "iou_type": "mask",
            }
        )
        ours.append(match_detections(detections(truth, masks, scores)))
    expected = metric.combine_sequences(results)
    figures = average_precision(ours)
    assert 0 < figures["AP50"] < 1
    assert figures["AP"] == pytest.approx(np.mean(expected["AP_all"]), abs=1e-9)
    assert figures["AP50"] == pytest.approx(expected["AP_all"][0], abs=1e-9)
    assert figures["AR100"] == pytest.approx(np.mean(expected["AR_all"]), abs=1e-9)


def frames_of(ids, number):
    """A track as TrackEval keeps it: the encoded masks by frame."""
    return {t: encoded(frame == number) for t, frame in enumerate(ids) if (frame == number).any()}


def track_scores(masks, seed):
    numbers = np.unique(masks[masks > 0])
    return pd.Series(np.random.default_rng(seed).permutation(len(numbers)) / 10, numbers)


# scikit-learn


@pytest.mark.parametrize("seed", range(5))
def test_fg_ari_agrees_with_scikit_learn(seed):
    """Of each frame, with what is left over as one segment (SOLV), and over the clip."""
    truth, labels = clip(seed)
    truth[0, 5:9] = 255
    inside = (truth > 0) & (truth < 255)
    expected = [
        adjusted_rand_score(ids[counts], segments[counts])
        for ids, segments, counts in zip(truth, relabel(truth, labels), inside, strict=True)
        if counts.any()
    ]
    found = video_figures(truth, "video-object", partition=labels)
    assert found["FG-ARI"] == pytest.approx(np.mean(expected), abs=1e-12)
    found = video_figures(truth, "video-object-clip", partition=labels)
    expected = adjusted_rand_score(truth[inside], labels[inside])
    assert found["FG-ARI"] == pytest.approx(expected, abs=1e-12)


# pycocotools


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_agree_with_pycocotools(seed):
    """J of every pair of a frame, and the encoding of ids."""
    truth, masks = clip(seed)
    similarity, _ = pairwise_scores(truth, masks, 3, 5)
    for t, (ids, proposals) in enumerate(zip(truth, masks, strict=True)):
        objects, found = encode_ids(ids), encode_ids(proposals)
        for g, p in product(objects, found):
            expected = coco.iou([found[p]], [objects[g]], [0]).item()
            assert similarity[t, g - 1, p - 1] == pytest.approx(expected, abs=1e-12)
        for number, mask in found.items():
            np.testing.assert_array_equal(
                decode_mask(mask["counts"], *ids.shape), proposals == number
            )


def coco_figures(videos, overlaps):
    """COCOeval's six figures of detections whose IoUs are given.

    Args:
        videos: for each the scores of its detections, the number of its objects, and that of its
            crowds, if any.
        overlaps: for each (D, G), with detections as they are given, objects before crowds.
    """
    images = [{"id": image, "height": 1, "width": 1} for image in range(1, len(videos) + 1)]
    common = {"category_id": 1, "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 0}
    truth, found = COCO(), []
    annotations: list[dict] = []
    for image, (scores, objects, *crowds) in enumerate(videos, 1):
        for number in range(objects + sum(crowds)):
            one = {"id": len(annotations) + 1, "image_id": image, **common}
            annotations.append(one | {"iscrowd": int(number >= objects)})
        found += [{"image_id": image, "score": score, **common} for score in scores]
    truth.dataset = {
        "info": {},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "object"}],
    }
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
    evaluation.params.useCats = 0
    given = dict(enumerate(overlaps, 1))

    def iou(image, _category):
        """As COCO's code wants them: by falling score, no more than 100."""
        order = np.argsort([-score for score in videos[image - 1][0]], kind="mergesort")[:100]
        return given[image][order] if given[image].size else []

    evaluation.computeIoU = iou
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return dict(
        zip(["AP", "AP50", "AP75"], evaluation.stats[:3], strict=True),
        **dict(zip(["AR1", "AR10", "AR100"], evaluation.stats[6:9], strict=True)),
    )


@pytest.mark.parametrize("seed", range(8))
def test_ap_and_ar_agree_with_cocos_own_code(seed, capsys):
    """Videos with and without objects and detections, equal scores and overlaps among them."""
    rng = np.random.default_rng(seed)
    videos, overlaps, ours = [], [], []
    for _ in range(12):
        count, objects = rng.integers([0, 0], [130 if seed == 7 else 9, 5])
        scores = rng.integers(0, 6, count) / 5 if seed % 2 else rng.random(count)
        iou = rng.choice([0, 0.3, 0.5, 0.62, 0.75, 0.75, 0.95, 1], (count, objects))
        videos.append((scores.tolist(), int(objects)))
        overlaps.append(iou)
        numbered = pd.Series(scores, index=range(1, count + 1), dtype=float)
        ours.append(match_detections(as_table(iou, numbered, range(1, objects + 1))))
    expected = coco_figures(videos, overlaps)
    assert average_precision(ours) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_crowds_are_ignored_as_cocos_own_code_does(seed, capsys):
    rng = np.random.default_rng(100 + seed)
    videos, overlaps, ours = [], [], []
    for _ in range(12):
        count, objects, crowds = rng.integers([0, 0, 0], [9, 4, 3])
        scores = rng.integers(0, 6, count) / 5 if seed % 2 else rng.random(count)
        values = [0, 0, 0.3, 0.5, 0.62, 0.75, 0.75, 0.95, 1]
        iou = rng.choice(values, (count, objects + crowds))
        videos.append((scores.tolist(), int(objects), int(crowds)))
        overlaps.append(iou)
        numbered = pd.Series(scores, index=range(1, count + 1), dtype=float)
        shares = iou[:, objects:].max(axis=1, initial=0)
        table = as_table(iou[:, :objects], numbered, range(1, objects + 1), shares)
        ours.append(match_detections(table))
    assert average_precision(ours) == pytest.approx(coco_figures(videos, overlaps), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_files_of_tracks_with_crowds_score_as_cocos_masks_of_all_frames_in_one(
    seed, tmp_path, capsys
):
    """A video's frames one below another are an image to COCO, and its tracks masks."""
    rng = np.random.default_rng(seed)
    truth, results = {"videos": [], "annotations": []}, []
    images, annotations, found = [], [], []
    for video in range(1, 6):
        names = [f"v{video}/{index:05d}.jpg" for index in range(3)]
        truth["videos"].append({"id": video, "height": 24, "width": 32, "file_names": names})
        images.append({"id": video, "height": 72, "width": 32})
        ids, masks = (blobs(rng, (3, 24, 32), [0, 1, 1, 2, 3, 4]) for _ in range(2))
        masks = np.where(rng.random(3)[:, None, None] < 0.6, ids, masks)
        for number in np.unique(ids[ids > 0]):
            is_crowd = int(number > 2)
            own = {"id": len(annotations) + 1, "category_id": 1, "iscrowd": is_crowd}
            frames = [as_text(frame == number) for frame in ids]
            truth["annotations"].append(own | {"video_id": video, "segmentations": frames})
            tall = coco.encode(np.asfortranarray(ids.reshape(72, 32) == number, np.uint8))
            area = int(coco.area(tall))
            annotations.append(own | {"image_id": video, "segmentation": tall, "area": area})
        for number in np.unique(masks[masks > 0]):
            score = float(rng.random())
            frames = [as_text(frame == number) for frame in masks]
            common = {"category_id": 1, "score": score}
            results.append(common | {"video_id": video, "segmentations": frames})
            tall = coco.encode(np.asfortranarray(masks.reshape(72, 32) == number, np.uint8))
            found.append(common | {"image_id": video, "segmentation": tall})
    for name, content in (("truth", truth), ("results", results)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    videos = find_tracks(
        tmp_path / "truth.json", tmp_path / "results.json", ScoreSettings(("youtube-vis",))
    )
    figures = average_precision(match_detections(score_tracks(one).detections) for one in videos)

    reference = COCO()
    categories = [{"id": 1, "name": "object"}]
    reference.dataset = {"info": {}, "images": images, "annotations": annotations}
    reference.dataset["categories"] = categories
    reference.createIndex()
    evaluation = COCOeval(reference, reference.loadRes(found), "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert list(figures.values()) == pytest.approx(
        [*evaluation.stats[:3], *evaluation.stats[6:9]], abs=1e-12
    )


@pytest.mark.parametrize("seed", range(3))
def test_tracks_of_one_frame_are_cocos_masks(seed, capsys):
    """Then COCO overlaps the masks itself, from what this project encodes."""
    truth, found, ours = COCO(), [], []
    images, annotations = [], []
    for image in range(1, 6):
        ids, masks = (part[:1] for part in clip(10 * seed + image))
        scores = track_scores(masks, image)
        ours.append(match_detections(detections(ids, masks, scores)))
        images.append({"id": image, "height": ids.shape[1], "width": ids.shape[2]})
        for mask in encode_ids(ids[0].astype(np.uint8)).values():
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "segmentation": mask,
                    "area": int(coco.area(mask)),
                    "iscrowd": 0,
                }
            )
        found += [
            {"image_id": image, "category_id": 1, "segmentation": mask, "score": scores[number]}
            for number, mask in encode_ids(masks[0].astype(np.uint8)).items()
        ]
    truth.dataset = {
        "info": {},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "object"}],
    }
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(found), "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    figures = average_precision(ours)
    assert list(figures.values()) == pytest.approx(
        [*evaluation.stats[:3], *evaluation.stats[6:9]], abs=1e-12
    )
