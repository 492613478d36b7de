import json
import math
import os
import shutil
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import train_block
from betrayed.block.loading import load_block
from betrayed.engine import programs
from betrayed.engine.programs import run
from betrayed.engine.records import Made
from betrayed.errors import UserError
from betrayed.features.reading import read_clip
from betrayed.training import clips as training_clips
from betrayed.training import loop
from betrayed.training.checkpoints import fitting_checkpoint
from betrayed.training.clip_steps import ClipSteps
from betrayed.training.clips import draw_clip, draw_step_clip, load_clip, training_videos
from betrayed.training.log import TrainingLog
from betrayed.training.loop import TrainSettings, learning_rate, train, weight_decay_groups
from betrayed.training.losses import clip_losses
from betrayed.training.snapshots import snapshot_file, snapshot_steps
from support.blocks import new_block
from support.records import record_of
from support.tf32 import TF32
from support.tiny_features import DIM, features_file

pytestmark = pytest.mark.slow

NAMES = ("total", "semantic", "motion", "entropy")
SMALL = TrainSettings(
    steps=7, stride=2, heads=2, queries=3, positives=4, negatives=9, frame_positives=2,
    frame_negatives=5, learning_rate=1e-3, final_learning_rate=1e-4, checkpoint_every=2,
)  # fmt: skip


@pytest.fixture
def features(tmp_path):
    return [features_file(tmp_path / "features" / f"{name}.h5", seed=i)
            for i, name in enumerate(["bear", "camel"])]  # fmt: skip


def weights(path):
    return load_block(path)[0].state_dict()


def assert_same(one, other):
    assert all(torch.equal(a, b) for a, b in zip(one.values(), other.values(), strict=True))


def test_outputs(features, tmp_path):
    output = tmp_path / "block" / "block.pt"
    train(features, output, replace(SMALL, attention_dropout=0.0))
    assert {p.name for p in output.parent.iterdir()} == {"block.pt", "training.csv", "snapshots"}
    lines = output.with_name("training.csv").read_text().splitlines()
    assert lines[0] == "step,loss,semantic,motion,entropy,learning_rate"
    assert [line.split(",")[0] for line in lines[1:]] == [str(i) for i in range(1, 8)]
    first = [float(value) for value in lines[1].split(",")]
    assert first[1] == pytest.approx(first[2] + first[3], abs=1e-6)
    assert first[4] == pytest.approx(math.log(3 * 35), abs=0.1)  # rows start uniform
    assert first[5] == 1e-3
    assert float(lines[-1].split(",")[5]) == pytest.approx(1e-4)
    block, info = load_block(output)
    assert not block.training
    assert (info["dim"], info["heads"], info["step"]) == (DIM, 2, 7)
    assert info["settings"]["steps"] == 7
    assert info["features"]["backbone"] == "tiny"
    assert "video" not in info["features"]


def test_snapshots_are_kept_ever_further_apart():
    assert snapshot_steps(240, 5) == [0, 10, 22, 49, 108]
    assert snapshot_steps(60000, 5) == [0, 10, 88, 775, 6817]
    assert snapshot_steps(7, 5) == [0, 1, 2, 3, 4]
    assert snapshot_steps(3, 5) == [0, 1, 2]
    assert snapshot_steps(1, 5) == [0]
    assert snapshot_steps(240, 1) == [0]
    assert snapshot_steps(240, 0) == snapshot_steps(1, 0) == []


def test_a_snapshot_is_the_block_of_a_training_until_there(features, tmp_path):
    output = tmp_path / "block.pt"
    settings = replace(SMALL, steps=2, snapshots=2)
    train(features, output, settings)
    kept = sorted(path.name for path in (tmp_path / "snapshots").iterdir())
    assert kept == ["0000000.pt", "0000001.pt"]
    block, info = load_block(snapshot_file(output, 1))
    assert info["step"] == 1 and info["features"]["backbone"] == "tiny"
    # One step more, at the last and smallest rate, makes the block of it.
    for name, value in weights(output).items():
        moved = (value - block.state_dict()[name]).abs().max()
        assert moved <= 2 * settings.final_learning_rate + 1e-4, name
    first = load_block(snapshot_file(output, 0))[0].state_dict()
    assert any((value != first[name]).any() for name, value in weights(output).items())
    # Those of a training with other steps go.
    train(features, output, replace(settings, snapshots=0))
    assert not (tmp_path / "snapshots").exists()


def test_keeping_snapshots_changes_no_weight(features, tmp_path):
    for name, count in (("with", 4), ("without", 0)):
        train(features, tmp_path / name / "block.pt", replace(SMALL, snapshots=count))
    assert_same(*(weights(tmp_path / name / "block.pt") for name in ("with", "without")))


def test_same_seed_same_bytes_and_other_seed_not(features, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(features, tmp_path / name / "block.pt", replace(SMALL, seed=seed))
    read = {
        file: [(tmp_path / name / file).read_bytes() for name in "abc"]
        for file in ("block.pt", "training.csv")
    }
    for one, same, other in read.values():
        assert one == same
        assert one != other


def stop_after(monkeypatch, clips):
    """Let reading fail after some clips, as if the process had died there."""
    read, left = training_clips.read_clip, [clips]

    def fail(*arguments):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return read(*arguments)

    monkeypatch.setattr(training_clips, "read_clip", fail)


@pytest.mark.parametrize("stopped", [1, 5, 6])
def test_a_resumed_run_equals_an_undisturbed_one(features, tmp_path, monkeypatch, stopped, capsys):
    settings = replace(SMALL, dropout=0.2, attention_dropout=0.5)
    train(features, tmp_path / "whole" / "block.pt", settings)
    output = tmp_path / "cut" / "block.pt"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, stopped)
        train(features, output, settings)
    left = {p.name for p in output.parent.iterdir()} if output.parent.exists() else set()
    assert left == ({"checkpoint.pt", "snapshots"} if stopped >= 2 else {"snapshots"})
    train(features, output, settings)
    told = capsys.readouterr().err
    assert (f"goes on after step {stopped - stopped % 2}" in told) == (stopped >= 2)
    assert {p.name for p in output.parent.iterdir()} == {"block.pt", "training.csv", "snapshots"}
    kept = [f"snapshots/{path.name}" for path in output.with_name("snapshots").iterdir()]
    assert len(kept) == len(snapshot_steps(SMALL.steps, SMALL.snapshots)) > 2
    for name in ("block.pt", "training.csv", *kept):
        whole, resumed = (tmp_path / run / name for run in ("whole", "cut"))
        assert whole.read_bytes() == resumed.read_bytes()


@pytest.mark.parametrize("change", ["settings", "features", "damage", "empty"])
def test_a_checkpoint_that_does_not_fit_is_left_aside(
    features, tmp_path, monkeypatch, capsys, change
):
    output = tmp_path / "cut" / "block.pt"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 5)
        train(features, output, SMALL)
    checkpoint, settings = output.with_name("checkpoint.pt"), SMALL
    if change == "settings":
        settings = replace(SMALL, learning_rate=2e-3)
    elif change == "features":
        features_file(features[1], count=10, seed=5)
    else:
        content = checkpoint.read_bytes()
        checkpoint.write_bytes(content[: len(content) // 2 if change == "damage" else 0])
    train(features, output, settings)
    told = capsys.readouterr().err
    assert ("damaged" if change in ("damage", "empty") else "other settings") in told
    assert "starts anew" in told
    train(features, tmp_path / "fresh" / "block.pt", settings)
    assert_same(weights(output), weights(tmp_path / "fresh" / "block.pt"))


def test_after_ctrl_c_no_checkpoint_is_left_aside(tmp_path, monkeypatch):
    (tmp_path / "checkpoint.pt").touch()
    heard = threading.Event()
    heard.set()
    monkeypatch.setattr(programs, "_interrupted", heard)
    with pytest.raises(KeyboardInterrupt):
        fitting_checkpoint(tmp_path / "checkpoint.pt", "", "float32")


def test_checkpoint_interval_may_change_in_between(features, tmp_path, monkeypatch, capsys):
    output = tmp_path / "cut" / "block.pt"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 5)
        train(features, output, SMALL)
    train(features, output, replace(SMALL, checkpoint_every=100))
    assert "goes on after step 4" in capsys.readouterr().err


def test_losses_and_entropy_fall(tmp_path):
    features = [features_file(tmp_path / "square.h5", count=12, grid=(6, 9))]
    settings = replace(SMALL, steps=200, learning_rate=3e-3, checkpoint_every=1000)
    train(features, tmp_path / "block.pt", settings)
    table = np.loadtxt(tmp_path / "training.csv", delimiter=",", skiprows=1)
    early, late = table[:10].mean(0), table[-10:].mean(0)
    assert late[2] < 0.8 * early[2]  # semantic
    assert late[3] < 0.9 * early[3]  # motion
    assert late[4] < early[4] - 0.1  # entropy


def test_schedule_by_hand():
    settings = replace(SMALL, steps=5, learning_rate=1.0, final_learning_rate=0.2)
    rates = [learning_rate(step, settings) for step in range(5)]
    half = math.sqrt(0.5)
    assert rates == pytest.approx([1, 0.6 + 0.4 * half, 0.6, 0.6 - 0.4 * half, 0.2])
    warm = replace(settings, steps=7, warmup_steps=2)
    assert [learning_rate(step, warm) for step in range(7)] == pytest.approx([0.5, 1.0, *rates])
    assert learning_rate(0, replace(settings, steps=1)) == 1.0


def test_weight_decay_spares_biases_and_norms():
    block = new_block(8, heads=2)
    names = {id(p): name for name, p in block.named_parameters()}
    decayed, spared = weight_decay_groups(block, 0.1)
    assert decayed["weight_decay"] == 0.1
    assert spared["weight_decay"] == 0.0
    assert {names[id(p)] for p in decayed["params"]} == {
        "attn.qkv.weight", "attn.proj.weight", "mlp.fc1.weight", "mlp.fc2.weight",
    }  # fmt: skip
    assert len(decayed["params"]) + len(spared["params"]) == len(names)


def test_several_clips_give_the_mean_of_their_gradients(features):
    """One step of plain descent from two clips, against the clips one by one."""
    videos = training_videos(features, 3, 2, "error")
    settings = replace(SMALL, clips_per_step=2, precision="float32")
    torch.manual_seed(0)
    block = new_block(DIM, 2, dropout=0.0, attention_dropout=0.0)
    optimizer = torch.optim.SGD(block.parameters(), lr=0.0)
    drawn = [draw_step_clip(0, number, videos, settings) for number in range(2)]
    loaded = [load_clip(one, torch.device("cpu")) for one in drawn]
    steps = ClipSteps(block, settings, "float32")
    values = loop._train_step(loaded, 0.0, steps, optimizer, 2)
    together = [p.grad.clone() for p in block.parameters()]
    optimizer.zero_grad()
    for number, one in enumerate(drawn):
        clip = one.clip
        z, attention = block(*read_clip(clip.video.path, clip.frames, clip.view))
        losses = clip_losses(z, attention.rows, torch.from_numpy(clip.positions), settings)
        torch.testing.assert_close(
            values[number], torch.stack([getattr(losses, name) for name in NAMES]).detach()
        )
        (losses.total / 2).backward()
    for mine, theirs in zip(together, [p.grad for p in block.parameters()], strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_step_waits_for_no_figure(features):
    """Nothing of a step is brought to the host, as ``.item()`` does; looking comes a step late."""

    class Brought(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, operation, types, given=(), options=None):
            Brought.count += operation.overloadpacket is torch.ops.aten._local_scalar_dense
            return operation(*given, **(options or {}))

    videos = training_videos(features, 3, 2, "error")
    settings = replace(SMALL, clips_per_step=3)
    block = new_block(DIM, 2)
    optimizer = torch.optim.AdamW(block.parameters(), fused=True)
    drawn = [draw_step_clip(0, number, videos, settings) for number in range(3)]
    loaded = [load_clip(one, torch.device("cpu")) for one in drawn]
    with Brought():
        steps = ClipSteps(block, settings, "float32")
        loop._train_step(loaded, 1e-3, steps, optimizer, 3)
        assert Brought.count == 0
        torch.zeros(1).item()
    assert Brought.count == 1


def test_clips_are_read_ahead_in_other_threads(features, tmp_path, monkeypatch):
    plain, stepped, read = loop._train_step, [], []

    def reading(*given):
        read.append(threading.get_ident())
        return read_clip(*given)

    def stepping(clips, *given):
        own = list(clips)
        until = time.monotonic() + 20
        while len(read) < min(2 * (len(stepped) + 1) + 2, 14) and time.monotonic() < until:
            time.sleep(0.001)
        stepped.append(len(read))
        return plain(own, *given)

    monkeypatch.setattr(training_clips, "read_clip", reading)
    monkeypatch.setattr(loop, "_train_step", stepping)
    train(features, tmp_path / "block.pt", replace(SMALL, clips_per_step=2))
    assert stepped == [4, 6, 8, 10, 12, 14, 14], "two clips are read while a step is made"
    assert threading.get_ident() not in read


def test_the_log_is_a_step_late_and_names_what_went_wrong(features):
    videos = training_videos(features, 3, 2, "error")
    log = TrainingLog(SMALL, videos, [])
    assert log.last() == ""
    log.add(torch.tensor([[1.0, 0.25, 0.75, 4.0], [3.0, 0.75, 2.25, 2.0]]), 0.1)
    assert log.rows == []
    log.add(torch.tensor([[5.0, 1.0, 4.0, 3.0], [math.nan, 1.0, math.nan, 3.0]]), 0.2)
    assert log.rows == [[1, 2.0, 0.5, 1.5, 3.0, 0.1]]
    assert log.last() == "loss 2.000, entropy 3.00"
    path = draw_step_clip(1, 1, videos, SMALL).clip.video.path
    with pytest.raises(UserError, match=rf"The loss is nan at step 2 \(on {path}\)"):
        log.settle()


def test_the_precision_that_was_used_is_recorded(features, tmp_path, monkeypatch, capsys):
    for there, expected in ((True, "mixed"), (False, "float32")):
        monkeypatch.setattr(loop, "multiplies_bfloat16", lambda device, there=there: there)
        output = tmp_path / expected / "block.pt"
        train(features, output, replace(SMALL, steps=2))
        stored = torch.load(output, weights_only=True)
        assert (stored["precision"], stored["device"]) == (expected, "cpu")
        assert f"precision {expected})" in capsys.readouterr().err


def test_going_on_in_another_precision_is_told(features, tmp_path, monkeypatch, capsys):
    output = tmp_path / "cut" / "block.pt"
    monkeypatch.setattr(loop, "multiplies_bfloat16", lambda device: True)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 5)
        train(features, output, SMALL)
    monkeypatch.setattr(loop, "multiplies_bfloat16", lambda device: False)
    train(features, output, SMALL)
    told = capsys.readouterr().err
    assert "goes on after step 4" in told
    assert "Until there its precision was mixed; here it is float32." in told


def test_deterministic_algorithms_are_taken_while_training(features, tmp_path, monkeypatch):
    plain, seen = loop._train_step, []

    def watched(*given):
        state = torch.are_deterministic_algorithms_enabled(), os.environ["CUBLAS_WORKSPACE_CONFIG"]
        seen.append(state)
        return plain(*given)

    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    train(features, tmp_path / "plain" / "block.pt", SMALL)
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    monkeypatch.setattr(loop, "_train_step", watched)
    train(features, tmp_path / "set" / "block.pt", replace(SMALL, deterministic=True))
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG")
    assert set(seen) == {(True, ":4096:8")}
    assert not torch.are_deterministic_algorithms_enabled()
    assert_same(*(weights(tmp_path / name / "block.pt") for name in ("plain", "set")))


def test_products_in_training_are_no_tf32(features, tmp_path):
    torch.set_float32_matmul_precision("high")
    try:
        with TF32() as emulated:
            train(features, tmp_path / "block.pt", replace(SMALL, precision="float32"))
        assert emulated.products == 0
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_clip_that_does_not_fit_is_told_with_what_to_set(features, tmp_path, monkeypatch):
    def never(*given):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(loop, "_train_step", never)
    with pytest.raises(UserError, match=r"ran out \(training\)\. Lower training\.height"):
        train(features, tmp_path / "block.pt", SMALL)


def test_clips_stay_in_the_video_and_reach_all_of_it(tmp_path):
    paths = [features_file(tmp_path / "a.h5", count=7, views=3)]
    paths += [features_file(tmp_path / "b.h5", count=5, views=3, grid=(4, 6))]
    videos = training_videos(paths, 3, 2, "error")
    generator = np.random.default_rng(0)
    clips = [draw_clip(videos, 3, 2, 30, generator) for _ in range(300)]
    assert {(c.video.name, c.frames) for c in clips} == {
        ("a", (0, 2, 4)), ("a", (1, 3, 5)), ("a", (2, 4, 6)), ("b", (0, 2, 4)),
    }  # fmt: skip
    assert {c.view for c in clips} == {0, 1, 2}
    assert sum(c.video.name == "b" for c in clips) == pytest.approx(150, abs=40)
    for clip in clips:
        assert len(set(clip.positions)) == (30 if clip.video.name == "a" else 24)
        assert clip.positions.max() < clip.video.tokens


def test_views_and_grids_of_different_sizes_train(tmp_path):
    paths = [features_file(tmp_path / "a.h5", views=2)]
    paths += [features_file(tmp_path / "b.h5", views=2, grid=(4, 6))]
    train(paths, tmp_path / "out" / "block.pt", replace(SMALL, clips_per_step=3))
    assert (tmp_path / "out" / "block.pt").is_file()


def test_mixed_precision_stays_near(features, tmp_path):
    tables = []
    for precision in ("float32", "mixed"):
        train(features, tmp_path / precision / "block.pt", replace(SMALL, precision=precision))
        path = tmp_path / precision / "training.csv"
        tables.append(np.loadtxt(path, delimiter=",", skiprows=1))
    for column in (2, 4):  # semantic loss, entropy; the motion loss jumps where two rows swap
        assert tables[1][:, column] == pytest.approx(tables[0][:, column], abs=0.05)
    assert not np.array_equal(*tables)


def test_a_short_video_is_an_error_or_left_out(features, tmp_path, capsys):
    short = features_file(tmp_path / "features" / "short.h5", count=4)
    output = tmp_path / "out" / "block.pt"
    with pytest.raises(UserError, match=r"short .* has 4 frames, .* needs 5.*skip"):
        train([*features, short], output, SMALL)
    skipping = replace(SMALL, short_videos="skip")
    train([*features, short], output, skipping)
    said = capsys.readouterr().err
    assert "1 of 3 videos are shorter" in said and "not trained on them: short.\n" in said
    with pytest.raises(UserError, match=r"No video has the 5 computed frames.*STEP=.*BLOCK="):
        train([short], output, skipping)


def test_unfit_features_are_refused(features, tmp_path):
    other = features_file(tmp_path / "other.h5", backbone="another")
    wide = features_file(tmp_path / "wide.h5", dim=32)
    output = tmp_path / "out" / "block.pt"
    with pytest.raises(UserError, match="backbone"):
        train([*features, other], output, SMALL)
    with pytest.raises(UserError, match="width 32"):
        train([*features, wide], output, SMALL)
    with pytest.raises(UserError, match="heads"):
        train(features, output, replace(SMALL, heads=3))
    with pytest.raises(UserError, match="does not exist"):
        train([tmp_path / "none.h5"], output, SMALL)


def test_a_loss_that_is_not_finite_is_told(features, tmp_path, monkeypatch):
    """As where a learning rate is too high: the losses are NaN from the third step on."""
    plain, steps = loop._train_step, []

    def diverged(*given):
        steps.append(plain(*given))
        return steps[-1] * (math.nan if len(steps) > 2 else 1)

    monkeypatch.setattr(loop, "_train_step", diverged)
    with pytest.raises(UserError, match=r"nan at step 3 .*training\.learning_rate \(now 0\.001\)"):
        train(features, tmp_path / "block.pt", SMALL)
    assert not (tmp_path / "block.pt").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("stride", 0), ("learning_rate", 0.0), ("dropout", 1.0), ("seed", -1)],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        replace(SMALL, **{name: value})


def test_program(features, tmp_path, monkeypatch, capsys):
    record = record_of(tmp_path / "features.json", {path.stem: path for path in features})
    output = tmp_path / "out" / "block.pt"

    def call(settings, *given):
        arguments = [*given, "--output", str(output), "--settings", settings, "--device", "cpu"]
        arguments += ["--record", str(output.with_name("record.json"))]
        monkeypatch.setattr("sys.argv", ["train_block.py", *arguments])
        run(train_block.main)

    for steps in (2, 3):
        call(f'{{"steps": {steps}, "stride": 1, "heads": 2}}', "--features", str(record))
        assert load_block(output)[1]["step"] == steps
    with pytest.raises(SystemExit):
        call('{"step": 2}', "--features", str(record))
    assert "step" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        call("{}", "--features", str(tmp_path / "none.json"))
    assert "none.json does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("change", ["copied", "features", "program"])
def test_an_unfinished_training_is_known_by_what_it_is_made_from(
    features, tmp_path, monkeypatch, capsys, change
):
    """Not by the times of files: a copied folder goes on, other features of equal size do not."""
    project = tmp_path / "project"
    shutil.move(tmp_path / "features", project / "features")

    def call():
        paths = {path.stem: Path("features", path.name) for path in features}
        arguments = ["--features", str(record_of(Path("features.json"), paths))]
        arguments += ["--output", "block/block.pt", "--record", "block/record.json"]
        settings = {name: value for name, value in asdict(SMALL).items() if value is not None}
        arguments += ["--settings", json.dumps(settings), "--device", "cpu"]
        monkeypatch.setattr("sys.argv", ["train_block.py", *arguments])
        run(train_block.main)

    monkeypatch.chdir(project)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 5)
        call()
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, copy_function=shutil.copyfile)  # as cp -r: with new times
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    monkeypatch.chdir(copy)
    if change == "features":
        monkeypatch.setattr(
            "support.records.Made", lambda *given: Made(*given[:2], f"another {given[2]}")
        )
    elif change == "program":
        monkeypatch.setattr(train_block, "source_digest", lambda stage: "another")
    call()
    told = capsys.readouterr().err
    assert ("goes on after step 4" in told) == (change == "copied")
    assert ("comes from other settings, features or program" in told) == (change != "copied")
