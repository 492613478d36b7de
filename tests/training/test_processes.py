"""Several processes train the same block as one; what goes wrong in one of them is told."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

import train_block
from betrayed.block.loading import load_block
from betrayed.engine import gpu_usage
from betrayed.engine.programs import run
from betrayed.engine.records import Failure, Made, Record
from betrayed.engine.stamps import STAMPS
from betrayed.errors import UserError
from betrayed.io.files import _machine
from betrayed.training import processes
from betrayed.training.loop import TrainSettings, train
from betrayed.training.processes import Processes, even_share, run_with_torchrun
from support.records import record_of
from support.tiny_features import features_file

pytestmark = pytest.mark.slow

SCRIPTS = Path(train_block.__file__).parent
SMALL = TrainSettings(
    steps=7, stride=2, heads=2, queries=3, positives=4, negatives=9, frame_positives=2,
    frame_negatives=5, learning_rate=1e-3, final_learning_rate=1e-4, checkpoint_every=2,
    clips_per_step=4, dropout=0.1, attention_dropout=0.4, precision="float32",
)  # fmt: skip


@pytest.fixture
def features(tmp_path):
    return [features_file(tmp_path / "features" / f"{name}.h5", seed=i)
            for i, name in enumerate(["bear", "camel"])]  # fmt: skip


@pytest.fixture
def signals():
    """Torchrun catches signals, and goes on doing so in the tests that follow."""
    names = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    before = {name: signal.getsignal(name) for name in names}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


def command(features, output, settings):
    """The program's command line; the features lie in two records, as if of two batches."""
    folder = features[0].parent
    records = [record_of(folder / f"{path.stem}.json", {path.stem: path}) for path in features]
    options = ["--output", str(output), "--settings", json.dumps(asdict(settings))]
    options += ["--record", str(output.with_name("record.json")), "--device", "cpu"]
    return [str(SCRIPTS / "train_block.py"), "--features", *map(str, records), *options]


def table(output):
    return np.loadtxt(output.with_name("training.csv"), delimiter=",", skiprows=1)


def test_two_processes_train_as_one_and_one_goes_on_from_them(features, tmp_path, signals, capfd):
    """Two train all steps and fail at the very end; one makes the last step again."""
    whole, output = (tmp_path / name / "block.pt" for name in ("whole", "shared"))
    train(features, whole, SMALL)
    output.mkdir(parents=True)
    capfd.readouterr()
    with pytest.raises(SystemExit):
        run_with_torchrun(2, command(features, output, SMALL))
    told = capfd.readouterr().err
    assert told.count("Traceback") == 1
    assert "IsADirectoryError" in told
    assert not output.with_name("record.json").exists()
    assert table(output) == pytest.approx(table(whole), abs=1e-5)
    output.rmdir()
    checkpoint = torch.load(output.with_name("checkpoint.pt"), weights_only=True)
    made_from = json.loads(checkpoint["signature"])[-1]  # what the program has named
    train(features, output, SMALL, made_from=made_from)
    assert "goes on after step 6" in capfd.readouterr().err
    assert table(output) == pytest.approx(table(whole), abs=1e-5)
    one, other = (load_block(path)[0].state_dict() for path in (whole, output))
    for name in one:
        torch.testing.assert_close(one[name], other[name], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("exits", "told"),
    [
        ([(1, "out of range"), (-15, None)], "out of range"),
        ([(1, "lost its peer"), (-9, None)], "SIGKILL"),
        ([(-15, None), (-15, None)], "SIGTERM"),
        ([(1, "error: no such file"), (-9, None)], "no such file"),
    ],
)
def test_of_several_that_end_the_one_that_failed_is_told(tmp_path, capsys, exits, told):
    """Where one fails the launcher ends the others: no lack of memory."""
    failures = {}
    for rank, (status, text) in enumerate(exits):
        file = tmp_path / f"{rank}.json"
        if text:
            message = text.replace("error: ", processes._USER_ERROR)
            extra = {"py_callstack": f"Traceback: {text}", "timestamp": "1"}
            file.write_text(json.dumps({"message": {"message": message, "extraInfo": extra}}))
        failures[rank] = ProcessFailure(rank, 100 + rank, status, str(file))
    with pytest.raises((UserError, SystemExit)) as caught:
        processes._explain(ChildFailedError("train", failures))
    assert told in str(caught.value) + capsys.readouterr().err


def test_all_begin_as_the_first_process(tmp_path, signals):
    """Each has random weights, and a checkpoint, of its own; the first one's count."""
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import sys, torch\n"
        f"sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "from betrayed.training.processes import process_group\n"
        "with process_group('cpu') as (processes, device):\n"
        "    torch.manual_seed(processes.rank)\n"
        "    drawn = torch.nn.Linear(3, 2)\n"
        "    own = drawn.weight.detach().clone()\n"
        "    processes.broadcast(drawn.parameters())\n"
        "    given = {'rank': processes.rank, 'weights': own}\n"
        "    first = processes.from_first(given if processes.rank == 0 else None)\n"
        "    assert first['rank'] == 0\n"
        "    assert torch.equal(first['weights'], drawn.weight)\n"
        "    assert torch.equal(own, drawn.weight) == (processes.rank == 0)\n"
        f"    open({str(tmp_path)!r} + f'/passed{{processes.rank}}', 'w')\n"
    )
    run_with_torchrun(2, [str(worker)])
    assert {path.name for path in tmp_path.glob("passed*")} == {"passed0", "passed1"}


def test_the_launcher_knows_what_its_processes_took(tmp_path, signals, monkeypatch):
    """The most of one of them, as a TSV of usage has it; None of one that used no GPU."""
    monkeypatch.setattr(gpu_usage, "_started", [])
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "from betrayed.engine import gpu_usage\n"
        "from betrayed.training.processes import process_group\n"
        "with process_group('cpu') as (processes, device):\n"
        "    gpu_usage._started += [[], [30.25]][processes.rank]\n"
    )
    assert gpu_usage.most_gpu_mb() is None
    run_with_torchrun(2, [str(worker)])
    assert gpu_usage.most_gpu_mb() == 30.2
    assert "BETRAYED_GPU_USAGE" not in os.environ


def test_what_is_wrong_is_told_once(features, tmp_path, signals, capfd):
    output = tmp_path / "block.pt"
    with h5py.File(features[0], "r+") as file:
        file["patch_tokens"][:] = np.nan
    call = command(features, output, SMALL)
    with pytest.raises(SystemExit) as ended:
        run(lambda: run_with_torchrun(2, call))
    assert ended.value.code == 1
    told = capfd.readouterr().err
    reason = f"error: {features[0]} cannot be used: patch_tokens holds values that are no finite"
    assert told.splitlines()[-1].startswith(reason)
    assert "Traceback" not in told
    assert told.count("error: ") == 1
    assert not output.exists()


def test_nobody_trains_on_when_the_launcher_is_killed():
    worker = (
        "import time; from betrayed.training.processes import process_group\n"
        "with process_group('cpu') as (processes, device):\n"
        "    print(processes, flush=True); time.sleep(60)\n"
    )
    launcher = (
        "import subprocess, sys; from pathlib import Path\n"
        "job = subprocess.Popen([sys.executable, '-c', sys.argv[1]])\n"
        "print(job.pid, flush=True); job.wait()\n"
    )
    as_torchrun = {"TORCHELASTIC_RUN_ID": "1", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
    as_torchrun |= {"MASTER_ADDR": "localhost", "MASTER_PORT": "0", "PYTHONPATH": str(SCRIPTS)}
    given = [sys.executable, "-c", launcher, worker]
    with subprocess.Popen(
        given, stdout=subprocess.PIPE, text=True, env=os.environ | as_torchrun
    ) as job:
        started = Path("/proc") / job.stdout.readline().strip()
        assert job.stdout.readline() == "Processes(rank=0, size=1)\n"
        job.kill()
    until = time.monotonic() + 10
    while started.exists() and "Z" not in (started / "stat").read_text().split(")")[1]:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_clips_are_shared_evenly():
    assert [list(Processes(rank, 2).share(4)) for rank in range(2)] == [[0, 2], [1, 3]]
    assert list(Processes().share(3)) == [0, 1, 2]
    with pytest.raises(UserError, match=r"clips_per_step is 8, but 3 processes .* Start 2, or"):
        Processes(0, 3).share(8)
    assert [even_share(8, most) for most in (0, 1, 2, 3, 7, 8, 9)] == [1, 1, 2, 2, 4, 8, 8]


def test_train_refuses_what_cannot_be_shared(features, tmp_path):
    with pytest.raises(UserError, match="clips_per_step is 4, but 3 processes"):
        train(features, tmp_path / "block.pt", SMALL, processes=Processes(0, 3))


@pytest.mark.parametrize(
    ("granted", "there", "expected"), [(8, 8, 4), (3, 8, 2), (8, 3, 2), (1, 8, 1), (0, 8, 1)]
)
def test_the_program_starts_as_many_processes_as_share_the_clips(
    features, tmp_path, monkeypatch, granted, there, expected
):
    def lease(device, count):
        assert device == ("auto" if granted else "cpu")
        return 0 if device == "cpu" else min(count, there)

    started = []
    monkeypatch.setattr(train_block, "lease_gpus", lease)
    monkeypatch.setattr(
        processes, "run_with_torchrun", lambda count, program: started.append(count)
    )
    call = command(features, tmp_path / "block.pt", replace(SMALL, steps=1))[:-2]
    monkeypatch.setattr("sys.argv", [*call, "--gpus", str(granted)])
    if expected > 1:  # its processes would have written the block
        monkeypatch.setattr(train_block, "make_stamped", lambda *given: given[3]())
        (tmp_path / "block.pt").touch()
    train_block.main()
    assert started == ([expected] if expected > 1 else [])
    assert ((tmp_path / "block.pt").stat().st_size == 0) == (expected > 1)


# The record


@pytest.fixture
def program(features, tmp_path, monkeypatch):
    """Call the program in this process; how many steps it made, and its record."""
    steps = []
    counted = train_block.make_stamped

    def make_stamped(*given):
        steps.append(given)
        counted(*given)

    monkeypatch.setattr(train_block, "make_stamped", make_stamped)
    output = tmp_path / "block" / "block.pt"
    call = command(features, output, replace(SMALL, steps=2))

    def start(*options):
        steps.clear()
        monkeypatch.setattr("sys.argv", [*call, *options])
        train_block.main()
        return len(steps), Record.read(output.with_name("record.json"))

    return start


def change(path, key):
    """Make features anew, as far as their record says."""
    (made,) = Record.read(path).videos.values()
    Record("cache_features", {path.stem: replace(made, key=key)}).write(path)


def test_a_block_that_was_made_from_the_same_is_not_trained_again(program, tmp_path):
    trained, record = program()
    block = tmp_path / "block" / "block.pt"
    (made,) = record.videos.values()
    assert trained == 1
    assert record == Record("train_block", {"block": made})
    assert made == Made(str(block), block.stat().st_size, made.key)
    assert program() == (0, record)
    change(tmp_path / "features" / "bear.json", "others")
    trained, other = program()
    assert trained == 1 and other.videos["block"].key != made.key
    # One video alone, which the change did not concern: another block, and again the first one.
    trained, one = program("--videos", '["camel"]')
    assert trained == 1 and one.videos["block"].key not in (made.key, other.videos["block"].key)
    change(tmp_path / "features" / "bear.json", "others still")
    assert program("--videos", '["camel"]') == (0, one)
    assert program("--videos", '["camel"]', "--redo", "1")[0] == 1
    block.with_name("training.csv").unlink()
    assert program("--videos", '["camel"]')[0] == 1
    settings = json.dumps(asdict(replace(SMALL, steps=3)))
    assert program("--videos", '["camel"]', "--settings", settings)[0] == 1


def test_what_a_killed_training_began_to_write_goes_with_the_next(program, tmp_path):
    snapshots = tmp_path / "block/snapshots"
    snapshots.mkdir(parents=True)
    process = f"{_machine()}-{2**22 + 1}"  # no process has such a number
    (snapshots / f".0000000.{process}.abcdefgh.pt").touch()
    assert program()[0] == 1
    assert [path for path in snapshots.iterdir() if path.name.startswith(".")] == []
    assert program()[0] == 0


def test_videos_without_features_are_handed_on(program, tmp_path, capfd):
    trained, before = program()
    path = tmp_path / "features" / "bear.json"
    failure = Failure("extract_frames", "cow.mp4 is cut short.")
    Record("cache_features", Record.read(path).videos, {"cow": failure}).write(path)
    trained, record = program()
    assert trained == 0  # nothing that it was made from is another
    assert record == Record("train_block", before.videos, {"cow": failure})
    assert "Training goes on without cow: cow.mp4 is cut short." in capfd.readouterr().err
    assert program("--videos", '["bear", "camel"]')[1].failures == {}
    with pytest.raises(UserError, match=r"could be read\.\ncow: cow\.mp4 is cut short"):
        program("--videos", '["cow"]')
    with pytest.raises(UserError, match=r"^training\.videos: .*'dog'.* There are: bear, camel"):
        program("--videos", '["dog"]')


def test_processes_that_torchrun_has_started_write_no_record(program, tmp_path, monkeypatch):
    @contextmanager
    def alone(wanted):
        yield Processes(), torch.device("cpu")

    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setattr(processes, "process_group", alone)
    with pytest.raises(UserError, match="does not exist"):
        program()
    assert {path.name for path in (tmp_path / "block").iterdir()} >= {"block.pt", "training.csv"}
    assert not (tmp_path / "block" / STAMPS).exists()
