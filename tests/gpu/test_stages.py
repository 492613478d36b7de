"""The stages that use a GPU, from file to file: what one device wrote the other goes on with."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from betrayed.block.export import begin_attention, export_attention
from betrayed.block.loading import load_block
from betrayed.clustering.tracking import begin_tracks, cluster_video
from betrayed.clustering.tracks import read_tracks
from betrayed.config.clustering import ClusterSettings
from betrayed.config.features import FeatureSettings
from betrayed.config.training import TrainSettings
from betrayed.engine.gpu_memory import release
from betrayed.engine.parallel import overlapped
from betrayed.errors import UserError
from betrayed.features.backbone import Backbone
from betrayed.features.caching import begin_features, write_features
from betrayed.io.artefacts import create, open_checked, provenance
from betrayed.io.prefetching import MOST_AHEAD
from betrayed.training import clips as training_clips
from betrayed.training.loop import train
from betrayed.training.processes import run_with_torchrun
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.blocks import new_block
from support.made_attention import made_attention
from support.paths import SCRIPTS
from support.records import record_of
from support.tiny_features import features_file

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
NAME = "vit_tiny_patch16_224.augreg_in21k"
SETTINGS = FeatureSettings(NAME, 64, 96, layer=3, precision="float32")
# Without dropout, which a GPU draws otherwise than a CPU.
SMALL = TrainSettings(
    steps=7, stride=2, heads=2, queries=3, positives=4, negatives=9, frame_positives=2,
    frame_negatives=5, learning_rate=1e-3, final_learning_rate=1e-4, checkpoint_every=2,
    dropout=0.0, attention_dropout=0.0, precision="float32",
)  # fmt: skip


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder, draw = tmp_path_factory.mktemp("video"), np.random.default_rng(0)
    (folder / "images").mkdir()
    base = draw.integers(0, 256, (80, 120, 3), dtype=np.uint8)
    for index in range(9):
        Image.fromarray(np.roll(base, 3 * index, axis=1)).save(folder / f"images/{index:05d}.png")
    extract("bear", folder / "images", folder / "bear")
    return Video.load(folder / "bear" / "frames.json")


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return Backbone(NAME, layer=3).model.state_dict()


def cached(video, state, device, path, settings=SETTINGS, batch_size=4, record=True):
    backbone = Backbone(NAME, device=device, layer=3, precision=settings.precision)
    if not record:
        backbone._recorder = None
    backbone.model.load_state_dict(state)
    write_features(video, settings, backbone, "0" * 64, path, batch_size)
    return backbone


@pytest.fixture
def features(tmp_path):
    return [features_file(tmp_path / "features" / f"{name}.h5", seed=i)
            for i, name in enumerate(["bear", "camel"])]  # fmt: skip


def test_from_frames_to_tracks(device, video, state, tmp_path):
    for where in (CPU, device):
        name = "expected" if where is CPU else "found"
        backbone = cached(video, state, where, tmp_path / f"{name}.h5")
    with (
        open_checked(tmp_path / "expected.h5", "features") as expected,
        open_checked(tmp_path / "found.h5", "features") as found,
    ):
        assert provenance(found)["device"] == device.type
        for dataset in ("patch_tokens", "class_tokens", "class_attention"):
            np.testing.assert_allclose(found[dataset][:], expected[dataset][:], atol=5e-3)
    torch.manual_seed(0)
    block = new_block(backbone.dim, heads=3)
    with torch.no_grad():
        block.attn.qkv.weight.mul_(6)
    facts = {"settings": {}, "features": {}, "step": 0, "dim": block.dim, "heads": 3}
    torch.save({"model_state_dict": block.state_dict(), **facts}, tmp_path / "block.pt")
    given = (tmp_path / "expected.h5", tmp_path / "block.pt")
    export_attention(*given, tmp_path / "expected-attention.h5", CPU)
    export_attention(*given, tmp_path / "found-attention.h5", device)
    with (
        open_checked(tmp_path / "expected-attention.h5", "attention") as expected,
        open_checked(tmp_path / "found-attention.h5", "attention") as found,
    ):
        for factor in ("queries", "keys"):
            np.testing.assert_allclose(found[factor][:], expected[factor][:], atol=5e-3, rtol=2e-3)
    settings = ClusterSettings(tau=0.02, key_frame_ratio=4)
    for where in (CPU, device):
        path = tmp_path / f"{where.type}-tracks.h5"
        cluster_video(tmp_path / "expected-attention.h5", path, settings, where)
    one, other = (read_tracks(tmp_path / f"{kind}-tracks.h5") for kind in ("cpu", device.type))
    assert one.labels.max() > 0, "one track tells nothing"
    np.testing.assert_array_equal(other.labels, one.labels)
    np.testing.assert_allclose(other.merges, one.merges, atol=1e-4)


def test_videos_that_are_read_ahead_and_end_behind_are_those_of_one_after_another(
    device, video, state, tmp_path
):
    backbone = cached(video, state, device, tmp_path / "alone.h5")
    torch.manual_seed(0)
    block = new_block(backbone.dim, heads=3)
    facts = {"settings": {}, "features": {}, "step": 0, "dim": block.dim, "heads": 3}
    torch.save({"model_state_dict": block.state_dict(), **facts}, tmp_path / "block.pt")
    paths = (tmp_path / "alone.h5", tmp_path / "block.pt", tmp_path / "attention-alone.h5")
    settings = ClusterSettings(tau=0.02, key_frame_ratio=4)
    export_attention(*paths, device)
    cluster_video(paths[-1], tmp_path / "tracks-alone.h5", settings, device)

    def cache(number):
        path = tmp_path / f"{number}.h5"
        return begin_features(video, SETTINGS, backbone, "0" * 64, path, 4, MOST_AHEAD)

    def attend(number):
        paths = (tmp_path / f"{number}.h5", tmp_path / "block.pt")
        output = tmp_path / f"attention-{number}.h5"
        return begin_attention(*paths, output, device, ahead=MOST_AHEAD)

    def cluster(number):  # of the same attention, since rounding may decide
        output = tmp_path / f"tracks-{number}.h5"
        return begin_tracks(paths[-1], output, settings, device, ahead=MOST_AHEAD)

    for begin, kind in ((cache, ""), (attend, "attention-"), (cluster, "tracks-")):
        list(overlapped(begin, lambda _, given: given()(), range(6)))
        for number in range(6):
            with (
                h5py.File(tmp_path / f"{kind}alone.h5") as expected,
                h5py.File(tmp_path / f"{kind}{number}.h5") as found,
            ):
                assert found.attrs["complete"] and set(found) == set(expected)
                for name in expected:
                    if name == "rounds":
                        assert len(found[name]) == len(expected[name])
                        continue
                    np.testing.assert_allclose(
                        found[name][:], expected[name][:], atol=5e-3, rtol=2e-3
                    )


def stop_after(monkeypatch, clips):
    """Let reading fail after some clips, as if the process had died there."""
    read, left = training_clips.read_clip, [clips]

    def fail(*arguments):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return read(*arguments)

    monkeypatch.setattr(training_clips, "read_clip", fail)


def table(output):
    return np.loadtxt(output.with_name("training.csv"), delimiter=",", skiprows=1)


def assert_near(one, other):
    assert table(other) == pytest.approx(table(one), abs=1e-3)
    weights = [load_block(path)[0].state_dict() for path in (one, other)]
    for name in weights[0]:
        torch.testing.assert_close(weights[1][name], weights[0][name], atol=3e-3, rtol=0)


@pytest.mark.parametrize("order", ["cpu first", "device first"])
def test_a_checkpoint_of_one_device_is_gone_on_with_on_the_other(
    device, features, tmp_path, monkeypatch, capsys, order
):
    whole, cut = (tmp_path / name / "block.pt" for name in ("whole", "cut"))
    train(features, whole, SMALL, CPU)
    first, second = (CPU, device) if order == "cpu first" else (device, CPU)
    # A single reader, so that all clips before the one that fails have been read.
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 5)
        train(features, cut, SMALL, first)
    capsys.readouterr()
    train(features, cut, SMALL, second)
    assert "goes on after step 4" in capsys.readouterr().err
    assert_near(whole, cut)


def test_a_deterministic_training_is_the_same_bit_for_bit(device, features, tmp_path, monkeypatch):
    """Undisturbed twice, and once stopped and gone on with; with dropout and in mixed precision."""
    settings = replace(
        SMALL, deterministic=True, dropout=0.1, attention_dropout=0.4, precision="mixed"
    )
    outputs = [tmp_path / name / "block.pt" for name in ("one", "two", "cut")]
    for output in outputs[:2]:
        train(features, output, settings, device)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 5)
        train(features, outputs[2], settings, device)
    train(features, outputs[2], settings, device)
    assert len({output.read_bytes() for output in outputs}) == 1
    assert len({output.with_name("training.csv").read_bytes() for output in outputs}) == 1


@pytest.fixture
def signals():
    """Torchrun catches signals, and goes on doing so in the tests that follow."""
    names = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    before = {name: signal.getsignal(name) for name in names}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


def call(features, output, settings, device):
    record = record_of(features[0].with_name("features.json"), {p.stem: p for p in features})
    options = ["--output", str(output), "--settings", json.dumps(asdict(settings))]
    options += ["--record", str(output.with_name("record.json")), "--gpus", "2"]
    program = [str(SCRIPTS / "train_block.py"), "--features", str(record), *options]
    return [*program, "--device", device.type]


def test_two_processes_on_one_device_train_as_one(device, features, tmp_path, signals, monkeypatch):
    """Over gloo, since NCCL wants a card for each."""
    if device.type == "cuda":
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", first_visible())
    settings = replace(SMALL, clips_per_step=4)
    whole, output = (tmp_path / name / "block.pt" for name in ("whole", "shared"))
    train(features, whole, settings, CPU)
    run_with_torchrun(2, call(features, output, settings, device))
    assert_near(whole, output)


def first_visible():
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]


@pytest.mark.gpu
def test_two_processes_on_two_cards_train_as_one(gpu, features, tmp_path, signals):
    """Over NCCL."""
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one GPU: NCCL between two is not tested")
    settings = replace(SMALL, clips_per_step=4)
    whole, output = (tmp_path / name / "block.pt" for name in ("whole", "shared"))
    train(features, whole, settings, CPU)
    run_with_torchrun(2, call(features, output, settings, gpu))
    assert_near(whole, output)


LEASE = (
    "import sys; from betrayed.engine.leasing import lease_gpus\n"
    "count = lease_gpus('cuda')\n"
    "import torch\n"
    "uuid = torch.cuda.get_device_properties(0).uuid\n"
    "print(count, torch.cuda.device_count(), uuid, flush=True)\n"
    "sys.stdin.read()\n"
)


@pytest.mark.gpu
def test_each_process_leases_a_real_gpu_and_one_more_waits(gpu):
    count = torch.cuda.device_count()
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    environment.pop("BETRAYED_LEASED_DEVICES", None)
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    jobs = []
    try:
        for _ in range(count + 1):
            given = [sys.executable, "-c", LEASE]
            jobs.append(subprocess.Popen(given, env=environment, text=True, **pipes))
            if len(jobs) <= count:
                jobs[-1].told = jobs[-1].stdout.readline().split()
        uuids = {job.told[2] for job in jobs[:-1]}
        assert [job.told[:2] for job in jobs[:-1]] == [["1", "1"]] * count
        assert len(uuids) == count, "two processes have one GPU"
        wanted = f"1 of {count} GPUs wanted"
        assert any(wanted in jobs[-1].stderr.readline() for _ in range(3))
        jobs[0].kill()
        assert jobs[-1].stdout.readline().split()[2] == jobs[0].told[2]
    finally:
        for job in jobs:
            with job:
                job.kill()


@pytest.mark.gpu
def test_batches_are_halved_in_a_small_gpu(memory_cap, gpu, video, state, tmp_path, capsys):
    settings = replace(SETTINGS, height=896, width=896)
    cached(video, state, gpu, tmp_path / "whole.h5", settings, batch_size=1, record=False)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    cached(video, state, gpu, tmp_path / "whole.h5", settings, batch_size=1, record=False)
    single = torch.cuda.max_memory_reserved()
    cached(video, state, gpu, tmp_path / "whole.h5", settings, batch_size=8, record=False)
    several = torch.cuda.max_memory_reserved()
    assert several > 1.2 * single, "between them no cap tells"
    memory_cap((single + several) / 2)
    backbone = cached(
        video, state, gpu, tmp_path / "found.h5", settings, batch_size=8, record=False
    )
    assert "Memory ran out at 8 frames at a time" in capsys.readouterr().err
    assert backbone.most_frames < 8
    with (
        open_checked(tmp_path / "whole.h5", "features") as whole,
        open_checked(tmp_path / "found.h5", "features") as found,
    ):
        np.testing.assert_allclose(
            found["patch_tokens"][:], whole["patch_tokens"][:], atol=5e-3, rtol=2e-3
        )


@pytest.mark.gpu
def test_what_no_halving_helps_is_told(memory_cap, gpu, video, state, features, tmp_path):
    release()
    held = torch.cuda.memory_reserved()  # by libraries, for the streams of earlier tests
    memory_cap(held + 100e6)
    settings = replace(SETTINGS, height=2048, width=2048)
    with pytest.raises(UserError, match=r"[Mm]emory .*features\.height"):
        cached(video, state, gpu, tmp_path / "x.h5", settings)
    large = [features_file(tmp_path / "large.h5", grid=(60, 90), dim=384)]
    memory_cap(held + 60e6)
    with pytest.raises(UserError, match=r"Memory ran out \(training\).*training\.height"):
        train(large, tmp_path / "out" / "block.pt", replace(SMALL, heads=8), gpu)


@pytest.mark.gpu
def test_clustering_takes_less_where_a_gpu_has_less(memory_cap, gpu, tmp_path, capsys):
    """A window's rows of 0.9 GB are kept, until the GPU has no room for them."""
    queries = made_attention(12, (40, 60), noise=0.01, slope=0.1).numpy()
    path = tmp_path / "attention.h5"
    with create(path, "attention", {"video": "made"}) as file:
        file["queries"], file["keys"] = queries, queries
        file.attrs.update(grid=(40, 60), frame_size=(80, 120), count=12)
    settings = ClusterSettings(tau=0.05, key_frame_ratio=1)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    cluster_video(path, tmp_path / "whole.h5", settings, gpu, memory=8e9)
    memory_cap(torch.cuda.max_memory_allocated() - 0.4e9)
    capsys.readouterr()
    cluster_video(path, tmp_path / "less.h5", settings, gpu, memory=8e9)
    assert "clustering starts anew" in capsys.readouterr().err
    whole, less = (read_tracks(tmp_path / f"{name}.h5").labels for name in ("whole", "less"))
    np.testing.assert_array_equal(less, whole)
