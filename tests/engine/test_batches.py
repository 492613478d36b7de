"""A batch computes what is missing or out of date, video by video, and says what became of each."""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from betrayed.engine import batches, programs, sole_maker
from betrayed.engine.batches import Batch
from betrayed.engine.records import Failure, Made, Record, drop_untrue, read_checked
from betrayed.engine.stamps import check_stamped, make_stamped
from betrayed.errors import ShortageError, UserError
from betrayed.io import files
from betrayed.io.artefacts import create


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batches, "source_digest", lambda stage: f"code of {stage}")
    return tmp_path


def frames_record(keys, failures=None):
    """The record of an earlier stage, with a file for each video."""
    videos = {}
    for video, key in keys.items():
        path = Path(f"frames/{video}.txt")
        path.parent.mkdir(exist_ok=True)
        path.write_text(video)
        videos[video] = Made(str(path), len(video), key, images=f"{key}-images")
    path = Path("results/made/records/frames/0000.json")
    Record("extract_frames", videos, failures or {}).write(path)
    return path


def write(log, task):
    """The work of the stage under test: the video's name in capitals, unless it is bad."""
    with open(log, "a") as file:
        file.write(f"{task.video}\n")
    text = task.inputs["frames"].read_text()
    if text.startswith("bad"):
        raise UserError(f"{task.inputs['frames']} is damaged. Copy it again.")
    if text.startswith("broken"):
        raise ZeroDivisionError
    if text.startswith("large"):
        raise ShortageError("Memory ran out.")
    task.output.write_text(text.upper())


def slowly(log, task):
    """The same in a while; whoever comes in meanwhile is found out."""
    with open(log, "a") as file:
        file.write(f"{task.video}\n")
    part = task.output.with_suffix(".part")
    part.touch(exist_ok=False)
    time.sleep(0.3)
    part.rename(task.output)


def run(keys, *, settings=None, processes=1, failures=None, redo=False, **options):
    """Run the stage; the videos that were computed, and the record."""
    log = Path("log")
    log.write_text("")
    record = Path("results/made/records/shout/a/0000.json")
    batch = Batch(
        "shout",
        record,
        lambda video: [f"results/made/shout/a/{video}.txt"],
        inputs={"frames": frames_record(keys, failures)},
        settings=settings,
        redo=redo,
        **options,
    )
    batch.run(lambda: partial(write, log), processes)
    return sorted(log.read_text().split()), Record.read(record)


@pytest.mark.parametrize("processes", [1, 2])
def test_all_are_computed_once(processes):
    done, record = run({"bear": "1", "dog": "2"}, processes=processes)
    assert done == ["bear", "dog"]
    assert {video: Path(made.artefact).read_text() for video, made in record.videos.items()} == {
        "bear": "BEAR",
        "dog": "DOG",
    }
    assert run({"bear": "1", "dog": "2"}, processes=processes) == ([], record)


def test_added_changed_and_removed_videos_cost_themselves():
    _, before = run({"bear": "1", "dog": "2"})
    done, record = run({"bear": "1", "dog": "2", "cat": "3"})
    assert done == ["cat"]
    assert record.videos["bear"] == before.videos["bear"]
    assert run({"bear": "1", "dog": "other", "cat": "3"})[0] == ["dog"]
    done, record = run({"bear": "1", "dog": "other"})
    assert done == []
    assert set(record.videos) == {"bear", "dog"}


def test_settings_files_code_and_missing_artefacts_count(monkeypatch):
    run({"bear": "1"})
    assert run({"bear": "1"}, settings={"tau": 0.1})[0] == ["bear"]
    assert run({"bear": "1"}, settings={"tau": 0.1})[0] == []
    assert run({"bear": "1"}, settings={"tau": 0.1}, files={"weights": "00"})[0] == ["bear"]
    assert run({"bear": "1"})[0] == ["bear"]  # back again: what is there was made from others
    Path("results/made/shout/a/bear.txt").write_text("cut")
    assert run({"bear": "1"})[0] == ["bear"]
    Path("results/made/shout/a/bear.txt").unlink()
    assert run({"bear": "1"})[0] == ["bear"]
    monkeypatch.setattr(batches, "source_digest", lambda stage: "edited")
    assert run({"bear": "1"})[0] == ["bear"]
    assert run({"bear": "1"}, redo=True)[0] == ["bear"]


def test_ground_truth_counts_where_it_is_read():
    run({"bear": "1"}, images_only=["frames"])
    path = frames_record({"bear": "1"})
    record = json.loads(path.read_text())
    record["videos"]["bear"]["key"] = "other truth"
    changed = {"bear": Made(**record["videos"]["bear"])}
    for images_only, done in ((["frames"], []), ([], ["bear"])):
        Record("extract_frames", changed).write(path)
        batch = Batch(
            "shout",
            "results/made/records/shout/a/0000.json",
            lambda video: [f"results/made/shout/a/{video}.txt"],
            inputs={"frames": path},
            images_only=images_only,
        )
        assert batch.waiting() == done


@pytest.mark.parametrize("processes", [1, 2])
def test_a_bad_video_is_named_and_the_others_go_on(processes, capfd):
    earlier = {"gone": Failure("extract_frames", "gone.mp4 is cut short.")}
    done, record = run({"ant": "0", "bad": "1", "cat": "2"}, processes=processes, failures=earlier)
    assert done == ["ant", "bad", "cat"]
    assert set(record.videos) == {"ant", "cat"}
    reason = "frames/bad.txt is damaged. Copy it again."
    assert record.failures == earlier | {"bad": Failure("shout", reason)}
    assert f"bad is left out: {reason}" in capfd.readouterr().err
    assert run({"ant": "0", "bad": "1", "cat": "2"}, processes=processes)[0] == ["bad"]


def test_after_ctrl_c_no_video_is_bad(monkeypatch):
    """What is there of it stays: a library may have made an error of the interruption."""
    run({"bad": "1"})
    record = Path("results/made/records/shout/a/0000.json")
    artefact = Path("results/made/shout/a/bad.txt")
    artefact.write_text("made before")
    before = record.read_bytes()
    heard = threading.Event()
    heard.set()
    monkeypatch.setattr(programs, "_interrupted", heard)
    with pytest.raises(KeyboardInterrupt):
        run({"bad": "1"})
    assert artefact.read_text() == "made before"
    assert record.read_bytes() == before


def test_nothing_is_left_of_a_video_that_turned_bad():
    def make(task):
        text = task.inputs["frames"].read_text()
        if text.startswith("bad"):
            raise UserError(text)
        task.output.write_text("table")
        (task.output.parent / "00000.png").write_text("mask")

    def outputs(video):
        return [f"masks/{video}/objects.csv", f"masks/{video}", f"points/{video}.h5"]

    def work(text, key):
        record = frames_record({"bear": key, "cat": "1"})
        Path("frames/bear.txt").write_text(text)
        Batch("shout", "r/0000.json", outputs, inputs={"frames": record}).run(lambda: make)

    Path("points").mkdir()
    work("bear", "1")
    Path("points/bear.h5").write_text("points")
    assert len(list(Path("masks/bear").iterdir())) == 2
    work("bad now", "2")
    assert sorted(Path("masks").iterdir()) == [Path("masks/cat")]
    assert not list(Path("points").iterdir())
    assert set(Record.read("r/0000.json").failures) == {"bear"}


def next_stage(record):
    """What a stage reads from the one under test, after both have run."""
    batch = Batch(
        "listen",
        "results/made/records/listen/0000.json",
        lambda video: [f"results/made/listen/{video}.txt"],
        inputs={"shout": record},
    )
    batch.run(lambda: lambda task: task.output.write_text(task.inputs["shout"].read_text()))
    return Record.read("results/made/records/listen/0000.json")


def test_an_input_that_has_changed_leaves_out_its_video_and_names_the_file():
    run({"bear": "1", "dog": "2"})
    record = "results/made/records/shout/a/0000.json"
    path = Path("results/made/shout/a/bear.txt")
    path.write_text("BEAS")  # of the same size
    with pytest.raises(UserError, match=r"bear\.txt is not what shout wrote"):
        read_checked(record)
    heard = next_stage(record)
    assert set(heard.videos) == {"dog"}
    assert heard.failures["bear"].reason == (
        f"{path} is not what shout wrote: it has another checksum now. Delete {path} and run the "
        "workflow again; it will be made anew."
    )
    path.unlink()
    assert run({"bear": "1", "dog": "2"})[0] == ["bear"]
    assert set(next_stage(record).videos) == {"bear", "dog"}
    assert set(read_checked(record, everything=True).videos) == {"bear", "dog"}


@pytest.mark.parametrize("fault", ["flipped", "cut", "gone"])
def test_every_file_of_a_folder_counts(fault):
    def make(task):
        task.output.write_text("table")
        (task.output.parent / "00000.png").write_bytes(bytes(range(200)))
        (task.output.parent / "large.h5").write_bytes(b"it has checksums of its own")

    Batch(
        "shout",
        "r/0000.json",
        lambda video: [f"masks/{video}/objects.csv", f"masks/{video}"],
        inputs={"frames": frames_record({"bear": "1"})},
    ).run(lambda: make)
    stamp = json.loads(Path("r/videos/bear.json").read_text())
    assert set(stamp["sha256"]) == {"masks/bear/objects.csv", "masks/bear/00000.png"}
    assert set(next_stage("r/0000.json").videos) == {"bear"}
    Path("results/made/listen/bear.txt").unlink()
    mask = Path("masks/bear/00000.png")
    if fault == "gone":
        mask.unlink()
    else:
        held = bytearray(mask.read_bytes())
        held[100] ^= 1
        mask.write_bytes(held if fault == "flipped" else held[:100])
    reason = next_stage("r/0000.json").failures["bear"].reason
    assert reason.startswith(f"{mask} is ")
    assert "Delete masks/bear/objects.csv and run the workflow again" in reason
    assert read_checked("r/0000.json").videos  # the artefact itself is whole
    with pytest.raises(UserError, match=r"00000\.png is"):
        read_checked("r/0000.json", everything=True)


def features(path, **made_by):
    with create(path, "features", made_by) as file:
        file["rows"] = [1, 2, 3]


def test_an_artefact_in_the_place_of_another_is_told():
    """Of the same size, whole, and under good checksums: that of another video, or setting."""

    def make(task):
        features(task.output, video=task.video, tau=1)

    Batch(
        "shout",
        "r/0000.json",
        lambda video: [f"{video}.h5"],
        inputs={"frames": frames_record({"ant": "1", "bee": "2", "cow": "3"})},
    ).run(lambda: make)
    assert set(next_stage_of_bytes("r/0000.json").videos) == {"ant", "bee", "cow"}
    shutil.copy("bee.h5", "ant.h5")
    features("cow.h5", video="cow", tau=2)
    Path("bee.h5").write_bytes(b"damaged: its reader says so")
    shutil.rmtree("results/made/records/listen")
    failures = next_stage_of_bytes("r/0000.json").failures
    assert set(failures) == {"ant", "cow"}
    assert failures["ant"].reason == (
        "ant.h5 is not what shout wrote: it was made with video = 'bee', and not with 'ant'. "
        "Delete ant.h5 and run the workflow again; it will be made anew."
    )
    assert "it was made with tau = 2, and not with 1." in failures["cow"].reason


def next_stage_of_bytes(record):
    batch = Batch(
        "listen",
        "results/made/records/listen/0000.json",
        lambda video: [f"results/made/listen/{video}.txt"],
        inputs={"shout": record},
    )
    batch.run(lambda: lambda task: task.output.write_bytes(task.inputs["shout"].read_bytes()))
    return Record.read("results/made/records/listen/0000.json")


def test_a_block_that_is_not_the_stamped_one_is_told():
    Path("blocks").mkdir()
    block, stamp = Path("blocks/block.pt"), Path("blocks/videos/block.json")
    block.write_text("of elsewhere: there is no stamp")
    check_stamped(block)
    make_stamped(stamp, {"stage": "train_block"}, [block], lambda: block.write_text("trained"))
    check_stamped(block)
    block.write_text("other")
    with pytest.raises(UserError, match=r"block\.pt is not what train_block wrote.*Delete bl"):
        check_stamped(block)


def test_a_stamp_says_what_its_work_took_of_the_processor_and_that_of_its_programs():
    block, stamp = Path("blocks/block.pt"), Path("blocks/videos/block.json")
    block.parent.mkdir()
    burn = "import time\nwhile time.process_time() < 0.3: pass"

    def work():
        subprocess.run([sys.executable, "-c", burn], check=True)
        time.sleep(0.5)
        block.write_text("trained")

    began = sum(os.times()[:4])
    make_stamped(stamp, {"stage": "train_block"}, [block], work)
    values = json.loads(stamp.read_text())
    most = sum(os.times()[:4]) - began + 0.05  # which counts hundredths
    assert 0.3 <= values["cpu_seconds"] <= most
    assert values["seconds"] >= 0.8


def test_a_damaged_stamp_is_named():
    run({"bear": "1"})
    stamp = Path("results/made/records/shout/a/videos/bear.json")
    stamp.write_text(stamp.read_text()[:-20])
    with pytest.raises(UserError, match=r"bear\.json is no stamp of a video.*Delete .*bear\.txt"):
        read_checked("results/made/records/shout/a/0000.json")
    assert run({"bear": "1"})[0] == ["bear"]


def test_copied_and_moved_results_are_not_computed_again(tmp_path, monkeypatch):
    """Nothing that decides what is computed depends on times or on where the project lies."""
    keys = {"bear": "1", "dog": "2"}
    _, before = run(keys)
    copy = tmp_path.parent / f"{tmp_path.name}-copy"
    shutil.copytree(tmp_path, copy, copy_function=shutil.copy)  # as cp -r: all times are new
    monkeypatch.chdir(copy)
    assert run(keys) == ([], before)
    assert not drop_untrue("results", failures=False)
    moved = copy.rename(tmp_path.parent / f"{tmp_path.name}-moved")
    for number, path in enumerate(sorted(moved.rglob("*"))):
        os.utime(path, (1e9 - number, 1e9 - number))
    monkeypatch.chdir(moved)
    assert run(keys) == ([], before)
    assert set(next_stage("results/made/records/shout/a/0000.json").videos) == set(keys)


def test_what_a_killed_job_left_goes_with_the_next_one():
    run({"bear": "1"})
    ended = subprocess.Popen(["true"])
    ended.wait()
    machine, _, _ = files._process().partition("-")
    folders = ("shout/a", "records/shout/a", "records/shout/a/videos")
    left = [
        Path("results/made") / folder / f".{name}.{machine}-{ended.pid}.ab_d1234{suffix}"
        for folder, name, suffix in zip(
            folders, ("bear", "0000", "bear"), (".txt", ".json", ".json"), strict=True
        )
    ]
    others = [left[0].with_name(left[0].name.replace(".bear.", ".dog."))]  # another batch's
    others.append(left[0].with_name(f".bear.{machine}-{os.getpid()}.ab_d1234.txt"))  # it lives
    for path in [*left, *others]:
        path.write_text("half")
    assert run({"bear": "1"})[0] == []
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in others)


def test_what_is_no_videos_fault_ends_the_job_and_keeps_what_is_done():
    with pytest.raises(ZeroDivisionError):
        run({"ant": "0", "broken": "1", "cat": "2"})
    assert not Path("results/made/records/shout/a/0000.json").exists()
    assert run({"ant": "0", "cat": "2"})[0] == ["cat"]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_shortage_is_no_videos_fault(processes):
    """The job ends, so that a scheduler tries it again with more."""
    with pytest.raises(ShortageError, match="Memory ran out"):
        run({"ant": "0", "large": "1"}, processes=processes)
    assert not Path("results/made/records/shout/a/0000.json").exists()
    assert not Path("results/made/shout/a/large.txt").exists()
    done, record = run({"ant": "0"})
    assert done in ([], ["ant"]) and record.failures == {}


def test_an_artefact_under_way_has_no_stamp():
    """Killed while it is made anew, and then asked for what was there before: made again."""
    run({"bear": "1"})
    with pytest.raises(ZeroDivisionError):
        Path("frames/bear.txt").write_text("broken")
        batch = Batch(
            "shout",
            "results/made/records/shout/a/0000.json",
            lambda video: [f"results/made/shout/a/{video}.txt"],
            inputs={"frames": "results/made/records/frames/0000.json"},
            settings="others",
        )
        batch.run(lambda: partial(write, "log"))
    assert run({"bear": "1"})[0] == ["bear"]


def test_a_video_needs_all_its_inputs_and_may_not_be_wanted():
    first = frames_record({"ant": "0", "bear": "1"})
    Record("other", {"bear": Made("x", 1, "k")}, {"ant": Failure("other", "no")}).write("o.json")
    inputs = {"frames": first, "other": "o.json"}
    batch = Batch("shout", "r/0000.json", lambda video: [video], inputs=inputs)
    assert batch.videos == ["bear"]
    assert batch.failures == {"ant": Failure("other", "no")}
    none = Batch("shout", "r/0000.json", lambda v: [v], inputs=inputs, wanted=lambda task: False)
    none.run(lambda: None)
    assert Record.read("r/0000.json") == Record("shout", {}, {"ant": Failure("other", "no")})


def test_a_folder_counts_with_all_in_it():
    def make(task):
        task.output.parent.mkdir(parents=True, exist_ok=True)
        task.output.write_text("table")
        (task.output.parent / "00000.png").write_text("mask")

    def batch():
        return Batch(
            "shout",
            "r/0000.json",
            lambda video: [f"masks/{video}/objects.csv", f"masks/{video}"],
            inputs={"frames": frames_record({"bear": "1"})},
        )

    batch().run(lambda: make)
    assert batch().waiting() == []
    Path("masks/bear/00000.png").unlink()
    assert batch().waiting() == ["bear"]


def test_the_first_stage_has_sources():
    def batch(content):
        return Batch("shout", "r/0000.json", lambda v: [f"{v}.txt"], sources={"bear": content})

    batch("a").run(lambda: lambda task: task.output.write_text("x"), keys=lambda task: ("k", "i"))
    assert Record.read("r/0000.json").videos == {"bear": Made("bear.txt", 1, "k", "i")}
    assert batch("a").waiting() == []
    assert batch("b").waiting() == ["bear"]


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("redo", [False, True])
def test_two_jobs_at_once_compute_each_video_once(processes, redo, monkeypatch):
    """The main process was killed, its job goes on, and the next run submits the same once more."""
    monkeypatch.setattr(sole_maker, "_SECONDS", (0.01, 0.02))
    keys = {"ant": "0", "bear": "1", "cat": "2"}
    if redo:
        run(keys)
    frames, log = frames_record(keys), Path("log")
    log.write_text("")

    def job(number):
        # Dealt anew between the two runs: the videos lie in another batch.
        record = f"results/made/records/shout/a/{number:04}.json"
        outputs = lambda video: [f"results/made/shout/a/{video}.txt"]  # noqa: E731
        batch = Batch("shout", record, outputs, inputs={"frames": frames}, redo=redo)
        batch.run(lambda: partial(slowly, log), processes)

    jobs = [multiprocessing.get_context("fork").Process(target=job, args=(i,)) for i in range(2)]
    for one in jobs:
        one.start()
    for one in jobs:
        one.join(60)
    assert [one.exitcode for one in jobs] == [0, 0]
    done = sorted(log.read_text().split())
    assert done == sorted(keys)
    first, second = (Record.read(f"results/made/records/shout/a/000{i}.json") for i in range(2))
    assert first == second
    assert set(first.videos) == set(keys)
    assert not list(Path("results").rglob("*.lock"))
