"""How far a run is: worked out by hand from what jobs and programs say."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

from betrayed.engine.run_progress import (
    STAGES,
    RunProgress,
    rate_text,
    reason_of_failure,
    time_text,
    up_to_date,
)
from betrayed.engine.where_to_look import places_text
from betrayed.io.status import FOLDER, read_status
from support.paths import ROOT, SCRIPTS


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def progress(clock, tmp_path):
    """Of a data set of 3 batches with 4, 4 and 2 videos, of which the last one has no truth."""
    rows = [(f"v{one}", f"{one // 4:04d}", "yes" if one < 9 else "") for one in range(10)]
    text = "video,batch,annotations\n" + "".join(",".join(row) + "\n" for row in rows)
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "videos.csv").write_text(text)
    return RunProgress(clock, tmp_path)


def start(progress, tmp_path, job, batch, rule="cluster_tracks", **others):
    record = tmp_path / "records" / "".join(others.values()) / f"{batch}.json"
    wildcards = {"dataset": "made", "batch": batch, **others}
    progress.started(job, rule, wildcards, [str(record)])
    record.parent.mkdir(parents=True, exist_ok=True)
    return record


def test_a_stage_counts_the_videos_of_all_batches_that_are_to_come(progress, clock, tmp_path):
    start(progress, tmp_path, 1, "0000")
    (row,) = progress.rows()
    assert (row.title, row.done, row.total, row.unit) == ("cluster into tracks", 0, 10, "video")
    assert row.rate is None and row.left is None and not row.over
    clock.now += 20
    progress.finished(1)
    start(progress, tmp_path, 2, "0001")
    clock.now += 20
    # Of the second batch one video is done, and of the next one half: 5.5 in 40 s; 4.5 are left.
    said = {"cluster_tracks": [{"video": (1, 4), "frame": (12, 24)}]}
    (row,) = progress.rows(said)
    assert row.done == 5.5 and row.rate == pytest.approx(5.5 / 40)
    assert row.left == pytest.approx(4.5 / (5.5 / 40))
    assert rate_text(row) == "8.2 videos/min" and time_text(row.left) == "0:33"


def test_a_batch_that_is_up_to_date_is_not_waited_for(progress, tmp_path):
    start(progress, tmp_path, 1, "0000").with_stem("0001").write_text("{}")
    assert progress.rows()[0].total == 4 + 2
    # Its job begins all the same: then it counts.
    start(progress, tmp_path, 2, "0001")
    assert progress.rows()[0].total == 10


def test_jobs_that_were_planned_count_before_they_begin(progress, tmp_path):
    # Of two runs over three batches; the first one's have 10 videos.
    progress.planned({"cluster_tracks": 6, "train_block": 2})
    start(progress, tmp_path, 1, "0000", clusters="one")
    assert progress.rows()[0].total == 20
    for job, batch in enumerate(("0000", "0001", "0002"), 2):
        start(progress, tmp_path, job, batch, clusters="two")
    assert progress.rows()[0].total == 20
    progress.started(9, "train_block", {"block": "b"}, [])
    progress.finished(9)
    row = progress.rows()[0]
    assert (row.title, row.done, row.total, row.over) == ("train the block", 1, 2, False)


def test_runs_that_were_told_of_count_before_any_of_their_jobs_begins(progress, tmp_path):
    """Of a sweep over three values and two seeds, planned when the videos were not listed."""
    records = [
        tmp_path / "made" / "records" / "tracks" / clusters / f"000{batch}.json"
        for clusters in ("one", "two", "three")
        for batch in range(3)
    ]
    records[-1].parent.mkdir(parents=True)
    records[-1].write_text("{}")  # of the last run the batch of two videos is there
    blocks = [f"results/blocks/{seed}/record.json" for seed in "ab"]
    progress.awaited([*map(str, records), *blocks, "results/blocks/a/clusters.h5"])
    assert progress.rows() == []  # nothing has begun

    def begin(job, place):
        wildcards = {"dataset": "made", "batch": records[place].stem}
        progress.started(job, "cluster_tracks", wildcards, [str(records[place])])

    for place in range(3):
        begin(place, place)
        records[place].parent.mkdir(parents=True, exist_ok=True)
        records[place].write_text("{}")
        progress.finished(place)
    progress.started(20, "train_block", {"block": "a"}, ["results/blocks/a/record.json"])
    progress.finished(20)
    training, tracks = progress.rows()
    assert (training.done, training.total, training.over) == (1, 2, False)
    assert (tracks.done, tracks.total, tracks.over) == (10, 28, False)
    # The same once more, as Snakemake plans anew: what has run since is no less to do.
    progress.awaited([*map(str, records), *blocks, "results/blocks/a/clusters.h5"])
    assert progress.rows()[1].total == 28
    for place in range(3, 8):
        begin(place, place)
        progress.finished(place)
    tracks = progress.rows()[1]
    assert (tracks.done, tracks.total, tracks.over) == (28, 28, True)
    # What was there already and is made anew all the same counts when it begins.
    begin(8, 8)
    assert progress.rows()[1].total == 30


def test_a_stage_that_does_no_videos_without_truth_awaits_none(progress, tmp_path):
    records = [
        str(tmp_path / "made" / "records" / "scores" / "one" / f"000{batch}.json")
        for batch in (0, 1, 2)
    ]
    progress.awaited(records)
    wildcards = {"dataset": "made", "batch": "0000", "run": "one"}
    progress.started(1, "score_video", wildcards, records[:1])
    assert progress.rows()[0].total == 9


def test_each_run_has_its_batches_and_scores_only_those_with_truth(progress, tmp_path):
    start(progress, tmp_path, 1, "0000", rule="score_video", run="one")
    assert progress.rows()[0].total == 9
    start(progress, tmp_path, 2, "0000", rule="score_video", run="two")
    assert progress.rows()[0].total == 18


@pytest.mark.parametrize(
    ("rule", "batch", "videos"),
    [
        ("extract_frames", "", 1 + 3 + 1),
        ("cluster_tracks", "p", 1 + 3),
        ("select_objects", "p", 1 + 3),
        ("segment_pieces", "l", 2),
        ("join_pieces", "f", 1),
        *((rule, "f", 1 + 1) for rule in ("score_video", "list_detections", "draw_pictures")),
    ],
)
def test_a_stage_does_films_or_their_pieces(clock, tmp_path, rule, batch, videos):
    """Of a data set with a whole video and a film of three pieces, all with truth; two are long."""
    kinds = ["", *3 * ["p"], *2 * ["l"], "f"]
    rows = [f"v{place},{kind}0000,yes\n" for place, kind in enumerate(kinds)]
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "videos.csv").write_text("video,batch,annotations\n" + "".join(rows))
    progress = RunProgress(clock, tmp_path)
    start(progress, tmp_path, 1, f"{batch}0000", rule)
    assert progress.rows()[0].total == videos


def test_time_when_nothing_of_a_stage_runs_does_not_count(progress, clock, tmp_path):
    start(progress, tmp_path, 1, "0000")
    clock.now += 10
    progress.finished(1)
    clock.now += 1000
    start(progress, tmp_path, 2, "0001")
    clock.now += 10
    progress.finished(2)
    (row,) = progress.rows()
    assert row.seconds == 20 and row.rate == pytest.approx(8 / 20) and row.left is None
    assert not row.over  # two videos are to come
    start(progress, tmp_path, 3, "0002")
    progress.finished(3, failed=True)
    (row,) = progress.rows()
    assert row.over and row.failed == 1 and row.done == 8


def test_what_was_up_to_date_is_done_but_no_part_of_the_rate(progress, clock, tmp_path):
    start(progress, tmp_path, 1, "0000")
    clock.now += 10
    progress.finished(1, kept=up_to_date("bar\ncluster_tracks: 1 to compute, 3 up to date\n"))
    (row,) = progress.rows()
    assert (row.done, row.kept) == (4, 3) and row.rate == pytest.approx(1 / 10)
    assert up_to_date("train_block: 1 to compute\n") == 0


def test_what_was_left_out_is_told_of_videos_and_no_part_of_the_rate(progress, clock, tmp_path):
    start(progress, tmp_path, 1, "0000")
    progress.started(2, "train_block", {"block": "b"}, ["results/blocks/b/record.json"])
    clock.now += 10
    for job in (1, 2):
        progress.finished(job, left_out=3)
    training, tracks = progress.rows()
    assert (tracks.done, tracks.left_out) == (4, 3) and tracks.rate == pytest.approx(1 / 10)
    assert (training.done, training.left_out) == (1, 0)


def test_training_counts_steps_and_other_stages_jobs(progress, clock):
    progress.started(1, "train_block", {"block": "b"}, ["results/blocks/b/record.json"])
    clock.now += 10
    (row,) = progress.rows({"train_block": [{"step": (60, 240)}]})
    assert (row.done, row.total, row.unit) == (60, 240, "step")
    assert row.rate == 6 and row.left == pytest.approx(30) and rate_text(row) == "6.0 steps/s"
    progress.finished(1)
    (row,) = progress.rows()
    assert (row.done, row.total, row.unit) == (1, 1, "job") and row.over and rate_text(row) == ""


def test_the_second_of_two_trainings_is_a_share_of_both(progress, clock):
    for job, block in enumerate("ab"):
        progress.started(job, "train_block", {"block": block}, [])
        clock.now += 100
        if job == 0:
            progress.finished(job)
    (row,) = progress.rows({"train_block": [{"step": (60, 240)}]})
    assert (row.done, row.total, row.unit) == (1.25, 2, "job")
    # 1.25 in 200 s: three quarters more take 120 s.
    assert row.left == pytest.approx(120) and rate_text(row) == ""


def test_stages_stand_in_the_order_of_the_chain_and_small_jobs_have_none(progress):
    for job, rule in enumerate(("list_runs", "draw_pictures", "extract_frames", "all")):
        progress.started(job, rule, {}, [])
    assert [row.title for row in progress.rows()] == ["extract frames", "draw overlays"]


def test_every_stage_is_a_rule():
    rules = "\n".join(path.read_text() for path in (ROOT / "rules").rglob("*.smk"))
    for name in STAGES:
        assert f"rule {name}:" in rules or f"checkpoint {name}:" in rules, name


def test_every_stage_that_does_videos_is_named_on_the_screen():
    """Whoever adds a stage would otherwise see nothing of it while it runs."""
    rules = "\n".join(path.read_text() for path in (ROOT / "rules").rglob("*.smk"))
    parts = re.split(r"^(?:rule|checkpoint) (\w+):", rules, flags=re.MULTILINE)[1:]
    stages = {name for name, text in zip(*[iter(parts)] * 2, strict=True) if "    redo=" in text}
    assert {"cache_features", "measure_motion"} < stages
    unnamed = stages - set(STAGES)
    assert not unnamed, f"Say what people read of it in STAGES of engine/run_progress.py: {unnamed}"


def test_times_as_people_read_them():
    assert [time_text(one) for one in (0, 7.4, 59.6, 750, 3723)] == [
        "0:00", "0:07", "1:00", "12:30", "1:02:03",
    ]  # fmt: skip


def test_the_reason_of_a_failure_is_what_the_log_says_last():
    log = "error: clip is left out: x\nbar 3%\rbar 5%\nerror: It is full.\nFree some."
    assert reason_of_failure(log) == ["error: It is full.", "Free some."]
    assert reason_of_failure("a\n" * 20 + "ValueError: b") == ["a"] * 7 + ["ValueError: b"]
    assert reason_of_failure("") == []


PROGRAM = """
import sys, time
sys.path.insert(0, {scripts!r})
from betrayed.io.progress import progress
from betrayed.io.status import report
report("video", 2, 5)
for frame in progress(range(4), "frames", "frame"):
    pass
print("told", flush=True)
sys.stdin.read()
"""


def test_programs_say_how_far_they_are_while_they_live(tmp_path):
    program = tmp_path / "cache_features.py"
    program.write_text(PROGRAM.format(scripts=str(SCRIPTS)))
    folder = tmp_path / "status"
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, program],
        env={**os.environ, FOLDER: str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout.readline() == "told\n"
        assert read_status(folder) == {"cache_features": [{"video": (2, 5), "frame": (4, 4)}]}
        told = running.communicate()[1]
    assert told == ""  # a loop that is over at once leaves no line in a log
    assert read_status(folder) == {}
    (folder / "broken-1.json").write_text("{")
    (folder / "x-nonumber.json").write_text(json.dumps({"program": "x", "counts": {}}))
    assert read_status(folder) == {}


def test_the_end_says_where_everything_lies(tmp_path):
    results = tmp_path / "results"
    assert places_text(results, [], [], "make report") == "Report: make report"
    folders = ("made/masks/run", "pictures", "attention_pictures", "tables", "blocks/b", "exports")
    for name in folders:
        (results / name).mkdir(parents=True)
    for name in (
        "tables/leaderboard.md",
        "tables/summary.csv",
        "tables/sweep.csv",
        "blocks/b/clusters.png",
        "report.html",  # last: one older than the tables is said to be
    ):
        (results / name).touch()
    (results / "tables" / "leaderboard.csv").write_text("board,value\na,0.5\n")
    given = results, [str(results / "made/masks/run"), "gone"], ["b"], "make report"
    sweep = [str(results / "tables" / name) for name in ("sweep.csv", "sweep.svg")]
    text = places_text(*given, sweep=sweep)
    assert text.splitlines() == [
        f"Masks:     {results}/made/masks/run/",
        f"Overlays:  {results}/pictures/",
        f"Attention: {results}/attention_pictures/",
        f"Tables:    {results}/tables/leaderboard.md, {results}/tables/sweep.csv",
        f"Training:  {results}/blocks/b/clusters.png",
        f"Exports:   {results}/exports/",
        f"Report:    {results}/report.html",
    ]
    assert "sweep.csv" not in places_text(*given)  # an earlier run's, where nothing is swept
    # A run that fails may have come to its tables, or not.
    board = results / "tables" / "leaderboard.md"
    for since, said in ((0.0, ""), (time.time() + 60, " (from before this run)")):
        lines = places_text(*given, failed_since=since).splitlines()
        assert f"Tables:    {board}{said}" in lines
    os.utime(results / "report.html", (1, 1))
    assert "report.html (older than the tables: make report)" in places_text(
        results, [], [], "make report"
    )


def test_where_nothing_was_scored_the_empty_leaderboard_is_not_named(tmp_path):
    tables = tmp_path / "tables"
    tables.mkdir()
    for name in ("leaderboard.md", "videos.csv"):
        (tables / name).write_text("anything\n")
    (tables / "leaderboard.csv").write_text("board,value\n")
    assert f"Tables: {tables}/videos.csv" in places_text(tmp_path, [], [], "make report")
    (tables / "leaderboard.csv").write_text("board,value\na,0.5\n")
    assert f"Tables: {tables}/leaderboard.md" in places_text(tmp_path, [], [], "make report")
