"""Scoring masks that some other method made, by one command."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from betrayed.datasets.names import identifier
from betrayed.errors import UserError
from betrayed.scoring.average_precision import average_precision, match_detections
from betrayed.scoring.detections import detections
from betrayed.scoring.folders import find_videos, score_masks, unused
from betrayed.scoring.protocols import ScoreSettings
from betrayed.scoring.results import find_tracks, score_tracks, track_overlaps
from support.dataset_copies import as_lengths, as_text, davis2017, youtube_vis
from support.davis_tables import object_figures
from support.naive_scoring import blobs
from support.paths import SCRIPTS
from support.videos_for_tests import write_annotations

pytestmark = pytest.mark.slow

PROGRAM = SCRIPTS / "score_folder.py"


def run(*options, check=True):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, options)], capture_output=True, text=True
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def davis(tmp_path):
    """Truth of three videos, and masks of the two that the split names: one right, one noise."""
    root = davis2017(tmp_path / "DAVIS", ["bear", "swan"])
    truth = root / "Annotations_unsupervised" / "480p"
    write_annotations(truth / "train", np.ones((2, 8, 8), np.uint8))
    masks = tmp_path / "mymethod"
    shutil.copytree(truth / "bear", masks / "bear")
    noise = blobs(np.random.default_rng(0), (4, 48, 64), range(4))
    write_annotations(masks / "swan", noise)
    return truth, masks, root / "ImageSets" / "2017" / "val.txt"


def test_one_command_writes_the_same_tables_and_prints_the_summary(tmp_path, davis):
    truth, masks, split = davis
    output = tmp_path / "scores"
    done = run("--truth", truth, "--masks", masks, "--split", split, "--output", output)
    summary = pd.read_csv(output / "summary.csv")
    figures = summary[summary["protocol"] == "davis2017-sequence"]
    figures = figures[figures["metric"] == "J_mean"].set_index("video")["value"]
    assert set(figures.index) == {"bear", "swan", "all"}
    assert figures["bear"] == 1
    ids, found = (
        np.stack([np.array(Image.open(path)) for path in sorted((folder / "swan").iterdir())])
        for folder in (truth, masks)
    )
    expected = object_figures(ids, found)["J_mean"].mean()
    assert figures["swan"] == pytest.approx(expected, abs=1e-6)
    assert figures["all"] == pytest.approx((1 + expected) / 2, abs=1e-6)
    names = {"summary", "objects", "measurements", "runs", "leaderboard"}
    assert names <= {path.stem for path in output.glob("*.parquet")}
    # They are nobody's but who made them.
    assert set(pd.read_csv(output / "leaderboard.csv")["source"]) == {"masks scored here"}
    measured = pd.read_csv(output / "measurements.csv")
    assert measured["frame"].dropna().unique().tolist() == [0, 1, 2, 3]
    row = next(line for line in done.stdout.splitlines() if "davis2017-sequence" in line)
    assert row.split()[:2] == ["mymethod", "480p"]
    assert done.stderr == "", "a log of seconds needs no progress"
    assert "protocol/s" not in done.stderr  # one bar for all processes


def test_it_starts_without_torch_and_snakemake():
    """And offers no protocol of what masks have not: tracks of attention."""
    code = (
        "import score_folder, sys; print({'torch', 'snakemake'} & set(sys.modules))\n"
        "sys.argv = ['score_folder.py', '--help']; score_folder.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROGRAM.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("set()\n")
    assert "video-object-clip" in done.stdout and "tracks-object" not in done.stdout


def test_masks_of_all_processes_are_as_of_one(tmp_path, davis):
    truth, masks, split = davis
    for workers in (1, 2):
        options = ("--workers", workers, "--output", tmp_path / str(workers))
        run("--truth", truth, "--masks", masks, "--split", split, *options)
    one, two = ((tmp_path / name / "measurements.csv").read_bytes() for name in "12")
    assert one == two


def test_every_missing_mask_is_named_before_anything_is_scored(tmp_path, davis):
    truth, masks, split = davis
    (masks / "bear" / "00001.png").unlink()
    (masks / "bear" / "00003.png").unlink()
    shutil.rmtree(masks / "swan")
    options = ("--truth", truth, "--masks", masks, "--split", split, "--output", tmp_path / "out")
    done = run(*options, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: Masks are missing, files or folders: 3.")
    for name in ("bear/00001.png", "bear/00003.png", "swan"):
        assert f"  {masks / name}\n" in done.stderr + "\n"
    assert not (tmp_path / "out").exists()


def found(truth, masks, split=None, **settings):
    return find_videos(truth, masks, ScoreSettings(**settings), split, kind="ids")


def test_what_does_not_fit_is_named(tmp_path, davis):
    truth, masks, split = davis
    with pytest.raises(UserError, match=r"Masks are missing.*\n.*mymethod/train"):
        found(truth, masks)
    write_annotations(masks / "whale", np.ones((1, 8, 8), np.uint8))
    with pytest.raises(UserError, match=r"no such video in .*: whale"):
        found(truth, masks)
    assert [one.name for one in found(truth, masks, split)] == ["bear", "swan"]
    split.write_text("bear\nshark\n")
    with pytest.raises(UserError, match=r"no such video in .*: shark"):
        found(truth, masks, split)
    split.write_text("bear\n")
    Image.new("P", (10, 20)).save(masks / "bear" / "00002.png")
    with pytest.raises(UserError, match=r"bear/00002\.png is 10x20, not 64x48"):
        found(truth, masks, split)
    (masks / "bear" / "00002.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"bear/00002\.png is no image"):
        found(truth, masks, split)
    with pytest.raises(UserError, match=r"val\.csv cannot be read"):
        found(truth, masks, tmp_path / "val.csv")
    with pytest.raises(UserError, match=r"--masks: .*nowhere is not a folder"):
        found(truth, tmp_path / "nowhere")


def test_too_many_proposals_are_refused_and_ids_of_16_bits_are_read(davis):
    truth, masks, split = davis
    wide = np.zeros((48, 64), np.uint16)
    wide[0, :2] = 21, 300
    for path in (masks / "bear").iterdir():
        Image.fromarray(wide).save(path)
    (bear, _) = found(truth, masks, split, protocols=("davis2017-sequence",))
    with pytest.raises(UserError, match=r"mymethod/bear: .*300 proposals.*at most 20"):
        score_masks(bear)
    (bear, _) = found(truth, masks, split, protocols=("davis2017-frame",))
    assert not score_masks(bear).table.empty


def test_a_foreground_truth_is_told_from_void(tmp_path, davis):
    truth, masks, split = davis
    for path in truth.rglob("*.png"):
        Image.fromarray((np.array(Image.open(path)) > 0) * np.uint8(255)).save(path)
    done = run("--truth", truth, "--masks", masks, "--output", tmp_path / "out", "--split", split,
               check=False)  # fmt: skip
    assert "holds 0 and 255 alone" in done.stderr and "--kind foreground" in done.stderr
    run("--truth", truth, "--masks", masks, "--output", tmp_path / "out", "--split", split,
        "--kind", "foreground")  # fmt: skip
    summary = pd.read_csv(tmp_path / "out" / "summary.csv")
    bear = summary[(summary["video"] == "bear") & (summary["metric"] == "J&F")]
    assert bear["protocol"].tolist() == ["davis2016"] and bear["value"].tolist() == [1]


def test_frames_without_annotation_do_not_count(davis):
    truth, masks, split = davis
    for name in ("00000.png", "00002.png"):
        (truth / "bear" / name).unlink()
    bear = found(truth, masks, split)[0]
    assert bear.numbers == (1, 3)
    assert [path.name for path in bear.masks] == ["00001.png", "00003.png"]


# Tracks of YouTube-VIS


@pytest.fixture
def ytvis(tmp_path):
    """The file of truth, its ids, and as results the objects themselves with a wrong one first."""
    root, truths = youtube_vis(tmp_path / "ytvis")
    content = json.loads((root / "train.json").read_text())
    tracks = [
        {"video_id": one["video_id"], "category_id": 9, "score": 0.5 + one["id"] / 100}
        | {"segmentations": one["segmentations"]}
        for one in content["annotations"]
    ]
    wrong = np.zeros((48, 64), np.uint8)
    wrong[:2] = 1
    masks = [as_text(wrong), None, as_lengths(wrong), None]
    tracks.append({"video_id": 2, "category_id": 1, "score": 0.9, "segmentations": masks})
    (tmp_path / "results.json").write_text(json.dumps(tracks))
    return root / "train.json", tmp_path / "results.json", truths


def test_results_of_youtube_vis_are_scored_against_the_file_of_truth(tmp_path, ytvis):
    truth, results, _ = ytvis
    options = ("--truth", truth, "--masks", results, "--output", tmp_path / "out")
    done = run(*options, "--split", "1:3", "--dataset", "ytvis")
    summary = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert set(summary["video"]) == {"all"} and set(summary["videos"]) == {2}
    figures = summary.set_index("metric")["value"]
    # Ranked: a wrong one, then the four objects: precision 1/2, 2/3, 3/4, 4/5, so 4/5 throughout.
    assert figures["AP"] == pytest.approx(0.8, abs=1e-6)
    assert figures["AR1"] == pytest.approx(1 / 4)  # the best track of video 2 is the wrong one
    assert figures["AR10"] == 1
    assert "AP50" in done.stdout


def test_masks_that_overlap_keep_their_pixels_in_ap_and_go_to_the_best_elsewhere(ytvis):
    truth, results, _ = ytvis
    protocols = ("youtube-vis", "davis2017-sequence")
    video = find_tracks(truth, results, ScoreSettings(protocols), "3:4")[0]
    iou = track_overlaps(video.tracks, video.truth)
    assert iou.diagonal()[::-1].tolist() != [1, 1] and (iou == 1).sum() == 2
    scores = score_tracks(video)
    assert scores.detections.pivot(index="proposal", columns="object", values="iou").shape == (2, 2)
    row = scores.table[scores.table["metric"] == "J_mean"]
    # The band, with the higher score, covers what of the truth is the square's.
    assert row[row["object"].isna()]["value"].item() < 1


def test_ids_and_run_lengths_give_the_same_overlaps(tmp_path):
    """Where no masks overlap, the two ways of computing them agree."""
    rng = np.random.default_rng(0)
    ids, masks = (blobs(rng, (3, 24, 32), [0, 1, 1, 2, 3]) for _ in range(2))
    frames = [f"a/{index}.jpg" for index in range(3)]
    video = {"id": 5, "height": 24, "width": 32, "file_names": frames}

    def tracks(source, **more):
        return [
            {"video_id": 5, "segmentations": [as_lengths(frame == n) for frame in source], **more}
            for n in (1, 2, 3)
        ]

    truth, results = tmp_path / "truth.json", tmp_path / "results.json"
    truth.write_text(json.dumps({"videos": [video], "annotations": tracks(ids)}))
    results.write_text(json.dumps(tracks(masks, score=0.5)))
    (found,) = find_tracks(truth, results, ScoreSettings(("youtube-vis",)))
    expected = detections(ids, masks, pd.Series(0.5, [1, 2, 3]))
    pd.testing.assert_frame_equal(score_tracks(found).detections, expected)
    assert average_precision([match_detections(expected)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tracks: tracks[0].update(video_id=77), "track 1: there is no such video in"),
        (lambda tracks: tracks[1].update(score="high"), "track 2: score must be a number"),
        (lambda tracks: tracks[0]["segmentations"].pop(), "has 3 segmentations, but .* 4 frames"),
        (lambda tracks: tracks[8].update(segmentations=[{"size": [2, 2]}] * 4), "of the size"),
        (lambda tracks: tracks[8]["segmentations"][0].update(counts="23"), "cover 5 pixels"),
        (lambda tracks: tracks[8]["segmentations"][0].pop("counts"), "frame 0 is damaged"),
        (lambda tracks: tracks.clear(), "must hold a list of tracks"),
        (lambda tracks: tracks.__delitem__(slice(0, 8)), "no track in any of the 1 videos"),
    ],
)
def test_results_that_do_not_fit_are_named(ytvis, change, message):
    truth, results, _ = ytvis
    tracks = json.loads(results.read_text())
    change(tracks)
    results.write_text(json.dumps(tracks))
    with pytest.raises(UserError, match=message):
        find_tracks(truth, results, ScoreSettings(("youtube-vis",)), "0:1")


def test_a_folder_of_masks_beside_a_file_of_truth_is_refused(tmp_path, ytvis):
    truth, _, _ = ytvis
    with pytest.raises(UserError, match=r"--masks: .* is no file of results"):
        find_tracks(truth, tmp_path, ScoreSettings(("youtube-vis",)))


def test_folders_are_called_by_their_whole_names(tmp_path, davis):
    truth, masks, split = davis
    masks.rename(tmp_path / "mymethod-v1.2")
    options = ("--truth", truth, "--masks", tmp_path / "mymethod-v1.2", "--split", split)
    run(*options, "--output", tmp_path / "scores")
    assert pd.read_csv(tmp_path / "scores" / "runs.csv")["run"].tolist() == ["mymethod-v1.2"]


@pytest.mark.parametrize("below", ["", "scores"])
def test_an_output_that_cannot_be_written_is_refused_before_scoring(tmp_path, davis, below):
    truth, masks, split = davis
    (tmp_path / "taken").touch()
    options = ("--split", split, "--output", tmp_path / "taken" / below)
    done = run("--truth", truth, "--masks", masks, *options, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: --output: {tmp_path / 'taken'} is no folder")


def test_what_lies_where_masks_are_missing_is_named(davis):
    truth, masks, split = davis
    for path in (masks / "bear").iterdir():
        path.rename(path.with_name(f"frame_{path.name}"))
    shutil.rmtree(masks / "swan")
    settings = ScoreSettings(("davis2017-sequence",))
    with pytest.raises(UserError, match=r"mymethod has bear\."):
        find_videos(truth, masks, settings, split=split, kind="ids")
    (masks / "swan").mkdir()
    with pytest.raises(UserError, match=r"mymethod/bear has frame_00000\.png"):
        find_videos(truth, masks, settings, split=split, kind="ids")


def test_what_is_not_scored_is_said_once(davis, tmp_path):
    """Copies, masks of frames without annotation, other files; litter is none of these."""
    truth, masks, split = davis
    bear = masks / "bear"
    assert unused(found(truth, masks, split)) == []
    shutil.copy(bear / "00000.png", bear / "00000 (1).png")
    (bear / "notes.txt").touch()
    (bear / ".DS_Store").touch()
    (bear / "old").mkdir()
    (masks / "README.md").touch()
    (truth / "swan" / "00002.png").unlink()
    options = ("--truth", truth, "--masks", masks, "--split", split, "--output", tmp_path / "out")
    said = [line for line in run(*options).stderr.splitlines() if line.startswith("note: ")]
    assert said == [
        f"note: {bear}: 4 masks are scored. Left out, as no annotation has such a name: "
        "00000 (1).png, notes.txt, old.",
        f"note: {masks / 'swan'}: 3 masks are scored. Left out, as no annotation has such a name: "
        "00002.png.",
        f"note: {masks}: left out, as it is no folder of a video: README.md.",
    ]


def test_images_that_lie_deeper_are_found_for_people(davis, tmp_path):
    """A folder too many over the videos, in truth or masks; and one inside each, as ours have."""
    truth, masks, _ = davis
    settings = ScoreSettings(("davis2017-sequence",))

    def refused(truth, masks, *found):
        with pytest.raises(UserError) as error:
            find_videos(truth, masks, settings, kind="ids")
        assert "with the images right in it" in str(error.value)
        assert all(str(one) in str(error.value) for one in found)

    refused(truth.parent, masks, "--truth must be", truth / "bear")
    above = tmp_path / "above"
    shutil.copytree(masks, above / "480p")
    refused(truth, above, "--masks must be", above / "480p" / "bear")
    split = tmp_path / "split.txt"
    split.write_text("bear\nswan\n")
    with pytest.raises(UserError, match=f"There are images in {above}/480p/bear, .*--masks must"):
        find_videos(truth, above, settings, split, kind="ids")
    # A video that is missing beside others, which lie as they should.
    shutil.rmtree(above / "480p" / "swan")
    with pytest.raises(UserError, match=r"480p has bear\.\n"):
        find_videos(truth, above / "480p", settings, split, kind="ids")
    own = tmp_path / "own"
    for name in ("bear", "swan", "train"):
        shutil.copytree(truth / name, own / name / "proposals")
    refused(truth, own, own / "bear" / "proposals")


def test_masks_of_0_and_255_are_no_ids(tmp_path):
    ids = np.zeros((3, 24, 32), np.uint8)
    ids[:, 4:12, 4:12] = 1
    write_annotations(tmp_path / "truth" / "v", ids)
    write_annotations(tmp_path / "masks" / "v", ids * 255)
    places, settings = (tmp_path / "truth", tmp_path / "masks"), ScoreSettings(("davis2017-frame",))
    (video,) = find_videos(*places, settings, kind="ids")
    with pytest.raises(UserError, match=r"masks/v holds 0 and 255 alone.*--kind foreground"):
        score_masks(video)
    for kind in ("foreground", "ids"):
        (video,) = find_videos(*places, ScoreSettings(("davis2016",)), kind=kind)
        assert (score_masks(video).table["value"] == 1).any()


def test_videos_of_any_name_are_scored_and_litter_is_none(tmp_path):
    ids = np.zeros((2, 8, 8), np.uint8)
    ids[:, 2:6, 2:6] = 1
    names = ["x" * 255, "new\nline", "my clip (1)", "-rf", "日本", "%s {x}"]
    for name in names:
        for folder in ("truth", "masks"):
            write_annotations(tmp_path / folder / name, ids)
    for litter in ("__MACOSX", "@eaDir", ".cache"):
        for folder in ("truth", "masks"):
            (tmp_path / folder / litter).mkdir()
    output = tmp_path / "scores"
    run("--truth", tmp_path / "truth", "--masks", tmp_path / "masks", "--output", output)
    summary = pd.read_csv(output / "summary.csv")
    figures = summary[summary["metric"] == "J_mean"].groupby("video")["value"].min()
    assert set(figures.index) == {*names, "all"} and (figures == 1).all()
    files = {path.stem for path in (output / "scores").iterdir()}
    assert files == {identifier(name) for name in names}


def test_a_score_is_a_finite_number(ytvis):
    truth, results, _ = ytvis
    for score in (True, "0.9", None, 10**400, float("nan"), float("inf")):
        entries = json.loads(results.read_text())
        entries[0]["score"] = score
        results.write_text(json.dumps(entries))
        with pytest.raises(UserError, match=r"track 1: score must be a number that is finite"):
            find_tracks(truth, results, ScoreSettings(("youtube-vis",)))
