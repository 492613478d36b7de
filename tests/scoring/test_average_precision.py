"""AP and AR worked by hand; COCO's own code is in test_scoring_independent.py."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from betrayed.engine.records import Record
from betrayed.errors import UserError
from betrayed.scoring.average_precision import METRICS, average_precision, match_detections
from betrayed.scoring.detection_table import as_table, read_detections
from betrayed.scoring.detections import detections, video_detections
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.paths import SCRIPTS
from support.records import record_of
from support.videos_for_tests import moving_square, write_annotations, write_frames

PROGRAMS = SCRIPTS


def scored(*values):
    return pd.Series(values, index=range(1, len(values) + 1), dtype=float)


def figures(*videos):
    return average_precision(match_detections(as_table(*video)) for video in videos)


def test_overlaps_are_summed_over_frames_before_they_are_divided():
    """Proposal 4 has 2 of 3 pixels and 0 of 1: 2 of a union of 4, not the mean of 2/3 and 0."""
    truth = np.array([[[1, 1, 1, 0]], [[1, 0, 0, 0]]])
    masks = np.array([[[4, 4, 0, 0]], [[0, 0, 0, 0]]])
    table = detections(truth, masks, pd.Series({4: 0.7}))
    found = {"proposal": 4, "score": 0.7, "crowd": 0, "object": 1, "iou": 0.5}
    assert table.to_dict("records") == [found]


def test_void_counts_for_nobody_and_late_objects_count():
    truth = np.array([[[255, 1, 0, 0]], [[255, 1, 9, 9]]])
    masks = np.array([[[1, 1, 0, 0]], [[2, 0, 3, 3]]])
    table = detections(truth, masks, scored(0.9, 0.8, 0.7))
    overlaps = table.pivot(index="proposal", columns="object", values="iou")
    assert overlaps.index.tolist() == [1, 3]  # proposal 2 lies on void alone
    assert overlaps.columns.tolist() == [1, 9]
    assert overlaps.to_numpy().tolist() == [[0.5, 0], [0, 1]]


def test_what_lies_in_a_crowd_is_neither_right_nor_wrong():
    """A detection of which 0.72 lies in a crowd is wrong from the threshold 0.75 on alone."""
    iou, scores = np.array([[0.1], [1.0]]), scored(0.9, 0.8)
    table = as_table(iou, scores, [1], np.array([0.72, 0]))
    matches = match_detections(table)
    assert matches.ignored[:, 0].tolist() == [True] * 5 + [False] * 5
    assert not matches.ignored[:, 1].any()
    found = average_precision([matches])
    assert (found["AP50"], found["AP75"]) == (1, 0.5)
    assert found["AP"] == pytest.approx(0.75)
    # It takes a place among those that count, all the same.
    assert (found["AR1"], found["AR10"]) == (0, 1)


def test_void_of_images_of_ids_is_a_crowd_to_what_lies_in_it():
    truth = np.array([[[255, 255, 255, 0], [1, 1, 0, 0]]])
    masks = np.array([[[1, 1, 1, 1], [2, 2, 0, 0]]])
    table = detections(truth, masks, scored(0.9, 0.8))
    assert table["crowd"].tolist() == [0.75, 0]
    assert average_precision([match_detections(table)])["AP75"] == 1


def test_an_object_is_preferred_to_a_crowd():
    table = as_table(np.array([[0.5]]), scored(0.9), [1], np.array([1.0]))
    matches = match_detections(table)
    assert matches.hits[:, 0].tolist() == [True] + [False] * 9
    assert matches.ignored[:, 0].tolist() == [False] + [True] * 9


def test_one_side_alone_is_kept():
    nothing, one = np.zeros((1, 1, 2), int), np.array([[[3, 0]]])
    objects = detections(one, nothing, scored())
    assert objects["object"].tolist() == [3] and objects["proposal"].isna().all()
    found = detections(nothing, one, pd.Series({3: 0.5}))
    assert found["proposal"].tolist() == [3] and found["object"].isna().all()
    assert detections(nothing, nothing, scored()).empty
    matches = match_detections(objects)
    assert matches.objects == 1 and matches.hits.shape == (10, 0)
    assert average_precision([matches]) == dict.fromkeys(METRICS, 0.0)
    assert average_precision([match_detections(found)]) == {}


def test_perfect_tracks():
    assert figures((np.eye(3), scored(0.9, 0.8, 0.7), [1, 2, 3])) == {
        **dict.fromkeys(["AP", "AP50", "AP75", "AR10", "AR100"], 1.0),
        "AR1": pytest.approx(1 / 3),
    }


def test_a_wrong_detection_before_the_right_ones_halves_nothing_but_precision():
    """Ranked: wrong, right, right of two objects: precision 1/2 then 2/3, so 2/3 at each recall."""
    iou = np.array([[0.1, 0.1], [1, 0], [0, 1]])
    found = figures((iou, scored(0.9, 0.8, 0.7), [1, 2]))
    assert found["AP"] == pytest.approx(2 / 3)
    assert (found["AR1"], found["AR10"]) == (0, 1)


def test_precision_is_read_at_101_recalls():
    """One of two objects found, ranked first: precision 1 at the recalls 0 to 0.50, 51 of 101."""
    assert figures((np.array([[1, 0]]), scored(0.9), [1, 2]))["AP"] == pytest.approx(51 / 101)


def test_thresholds_are_reached_by_what_equals_them():
    """IoU 0.75 counts at 0.50, 0.55, … 0.75: six of ten."""
    found = figures((np.array([[0.75]]), scored(0.9), [1]))
    assert found == pytest.approx(
        {"AP": 0.6, "AP50": 1, "AP75": 1, "AR1": 0.6, "AR10": 0.6, "AR100": 0.6}
    )


def test_an_object_is_found_once_and_the_best_free_one_is_taken():
    """The second detection also fits object 1 better, which is taken, but object 2 at 0.6."""
    iou = np.array([[0.9, 0.0], [0.8, 0.6]])
    found = figures((iou, scored(0.9, 0.8), [1, 2]))
    assert found["AP50"] == 1
    assert found["AP75"] == pytest.approx(51 / 101)


def test_detections_of_all_videos_are_ranked_together():
    """A wrong detection of another video between the two right ones: precision 1, then 2/3."""
    right = (np.eye(2), scored(0.9, 0.3), [1, 2])
    wrong = (np.zeros((1, 0)), scored(0.5), [])
    assert figures(right, wrong)["AP"] == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)


def test_of_a_video_a_hundred_detections_count():
    iou = np.zeros((101, 1))
    iou[100] = 1
    late = figures((iou, scored(*np.linspace(1, 0, 101)), [1]))
    assert late == dict.fromkeys(METRICS, 0.0)
    iou[[99, 100]] = iou[[100, 99]]
    found = figures((iou, scored(*np.linspace(1, 0, 101)), [1]))
    assert (found["AR10"], found["AR100"]) == (0, 1)
    assert found["AP"] == pytest.approx(1 / 100)


def test_an_identity_switch_costs():
    """Each half of the video under another id: half of the union, found at 0.5 alone."""
    truth = np.ones((2, 2, 2), int)
    masks = np.stack([np.full((2, 2), 1), np.full((2, 2), 2)])
    table = detections(truth, masks, scored(0.9, 0.8))
    assert average_precision([match_detections(table)])["AP"] == pytest.approx(0.1)


# From masks to figures


@pytest.fixture
def clips(tmp_path):
    """Videos of a square: proposal 2, with the best score in the first; the third has no truth."""
    for name, scores in [("a", [0.2, 0.9]), ("b", [0.8, 0.1]), ("c", [0.5, 0.6])]:
        frames, ids = moving_square(4)
        source = write_frames(tmp_path / "videos" / name, frames)
        truth = write_annotations(tmp_path / "truth" / name, ids) if name != "c" else None
        extract(name, source, tmp_path / "frames" / name, annotations=truth)
        found = np.where(ids == 1, 2, 0)
        found[:, 0, 0] = 1
        masks = tmp_path / "masks" / name
        write_annotations(masks / "proposals", found)
        table = pd.DataFrame({"proposal": [1, 2, 0], "score": [*scores, 1.0]})
        table.to_csv(masks / "objects.csv", index=False)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("several", [["abc"], ["bc", "a"]], ids=["one batch", "two batches"])
def test_the_programs_pool_all_videos_with_truth(clips, several):
    records = []
    for number, names in enumerate(several):
        record, output = clips / "records" / f"{number}.json", clips / "found"
        options = ["--record", record, "--output-folder", output, "--processes", "2"]
        for kind, file in (("frames", "frames.json"), ("objects", "objects.csv")):
            folder = clips / ("masks" if kind == "objects" else kind)
            artefacts = {name: folder / name / file for name in names}
            options += [f"--{kind}", record_of(clips / f"{kind}{number}.json", artefacts)]
        subprocess.run([sys.executable, PROGRAMS / "list_detections.py", *options], check=True)
        made = {name: str(output / f"{name}.csv") for name in names if name != "c"}
        found = Record.read(record)
        assert {name: one.artefact for name, one in found.videos.items()} == made
        assert not found.failures  # without ground truth there is nothing to list
        records.append(record)
    options = ["--detections", *records, "--output", clips / "all.csv"]
    subprocess.run([sys.executable, PROGRAMS / "pool_detections.py", *options], check=True)
    table = pd.read_csv(clips / "all.csv")
    assert table["object"].isna().all() and table["frame"].isna().all()
    assert set(table["protocol"]) == {"youtube-vis"}
    values = table.set_index("metric")["value"]
    # Ranked: right, wrong, wrong, right: precision 1 up to a recall of 1/2, then 2/4.
    assert values["AP"] == pytest.approx((51 + 50 / 2) / 101)
    assert (values["AR1"], values["AR10"]) == (0.5, 1)


def test_parts_take_the_place_of_objects(clips):
    """One object of two parts, which are the true objects, and a track: with the parts' scores."""
    truth = np.array([[[1, 1, 2, 2, 0, 0]] * 4] * 4, np.uint8)
    whole, parts = np.where(truth > 0, 1, 2 * (truth == 0)), truth
    for kind, ids in (("truth/d", truth), ("m/proposals", whole), ("m/parts", parts)):
        write_annotations(clips / kind, ids.astype(np.uint8))
    write_frames(clips / "videos" / "d", np.zeros((4, 4, 6, 3), np.uint8))
    extract("d", clips / "videos" / "d", clips / "d", annotations=clips / "truth" / "d")
    (clips / "m" / "objects.csv").write_text(
        "proposal,part,part_of,track,score\n1,,,,.9\n2,,,5,.2\n0,1,1,,.8\n0,2,1,,.7\n"
    )
    video = Video.load(clips / "d" / "frames.json")
    table = video_detections(video, clips / "m")
    assert table[["proposal", "score"]].drop_duplicates().to_numpy().tolist() == [
        [1, 0.9],
        [2, 0.2],
    ]
    assert table["iou"].max() == 0.5
    table = video_detections(video, clips / "m", parts=20)
    perfect = table[table["iou"] == 1]
    assert perfect[["proposal", "score", "object"]].to_numpy().tolist() == [
        [1, 0.8, 1],
        [2, 0.7, 2],
    ]
    # A second track as well: there is room for three.
    with (clips / "m" / "objects.csv").open("a") as file:
        file.write("3,,,6,.1\n")
    table = video_detections(video, clips / "m", parts=20)
    assert table.groupby("proposal")["score"].first().to_dict() == {1: 0.8, 2: 0.7, 3: 0.2}


def test_tables_come_back_from_files_and_damaged_ones_are_named(clips):
    video = Video.load(clips / "frames" / "a" / "frames.json")
    table = video_detections(video, clips / "masks" / "a")
    path = clips / "a.csv"
    for one in (table, as_table(np.zeros((0, 1)), scored(), [1]), as_table([], scored(), [])):
        one.to_csv(path, index=False)
        pd.testing.assert_frame_equal(read_detections(path), one)
    path.write_text("proposal,score\n1,0.5\n")
    with pytest.raises(
        UserError, match=r"a\.csv must have the columns proposal, score, crowd, object"
    ):
        read_detections(path)
    path.write_text("")
    with pytest.raises(UserError, match=r"a\.csv is no table of detections"):
        read_detections(path)
    (clips / "masks" / "a" / "objects.csv").write_text("proposal,score\n1,0.5\n")
    with pytest.raises(UserError, match=r"masks/a: proposal 2 is in the masks, but not in"):
        video_detections(video, clips / "masks" / "a")
