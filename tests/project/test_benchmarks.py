"""The benchmarks run, and what they compare with computes the same."""

import json
import os
import re
import subprocess
import sys
from argparse import Namespace

import numpy as np
import pytest
import torch
import yaml

from betrayed.engine.records import Made, Record
from betrayed.engine.stamps import STAMPS
from betrayed.io.artefacts import create
from betrayed.training.losses import LossSettings, clip_losses
from support import naive_scoring
from support.blocks import new_block
from support.naive_clustering import naive_clustering
from support.naive_scoring import blobs
from support.paths import ROOT
from support.tiny_features import features_file

pytestmark = pytest.mark.slow

BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


def measured(program, *given, rounds=("--repeats", "1")):
    """What a benchmark prints, run once with one thread."""
    return subprocess.run(
        [sys.executable, f"benchmarks/{program}", *rounds, *given],
        cwd=BENCHMARKS.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def test_a_training_step_is_measured():
    told = measured("training_step.py", "--grid", "4x6")
    assert "3 frames of 24 tokens of width 384 (random)" in told
    assert "1 threads" in told
    assert re.search(r"^plain.* 1\.00 \(1\.00 to 1\.00\) +\d+ +1\.00$", told, re.M)
    assert len(re.findall(r"^library.*\d\.\d\d$", told, re.M)) == 2


def test_caching_is_measured():
    given = ["--backbone", "vit_tiny_patch16_224.augreg_in21k", "--size", "32x48", "--count", "3"]
    given += ["--frame-size", "48x64", "--repeats", "2", "--threads", "1", "--device", "cpu"]
    told = subprocess.run(
        [sys.executable, "benchmarks/caching.py", *given],
        cwd=BENCHMARKS.parent,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert "3 frames of 48x64 at 32x48, vit_tiny_patch16_224.augreg_in21k, 4 frames" in told
    assert re.search(r"^backbone, bare .* 1 \(1 to 1\)$", told, re.M)
    rates = re.findall(r"^(?:caching|attention export).* [\d.e+]+ \([\d.e+]+ to .*\)$", told, re.M)
    assert len(rates) == 3


def test_checksums_are_measured():
    given = ["--backbone", "vit_tiny_patch16_224.augreg_in21k", "--size", "64x96", "--count", "3"]
    told = measured("checksums.py", *given, "--frame-size", "96x128")
    assert len(re.findall(r"^\w+ +\d+\.\d+ +\d\.\d{3} \(.* to .*\)$", told, re.M)) == 5


def test_reading_is_measured():
    told = measured("row_reading.py", "--tokens", "1200", "--width", "32", "--count", "5")
    assert "Clips of 3 frames of 1200 tokens of width 32, float16." in told
    assert re.findall(r"^HDF5 +(\d) +\d+ +1\.00 \(1\.00 to 1\.00\)$", told, re.M) == ["1", "2"]
    assert len(re.findall(r"^library +\d +\d+ +\d+\.\d\d \(.* to .*\)$", told, re.M)) == 2


@pytest.mark.parametrize("measured", ["plain", "float32", "mixed"])
def test_a_step_on_a_features_file(tmp_path, measured):
    from training_step import prepare

    path = features_file(tmp_path / "bear.h5", views=2)
    step, clip = prepare(Namespace(measure=measured, features=str(path), frames=2))
    assert clip == "2 frames of 35 tokens of width 16 (from bear)"
    step()


@pytest.mark.parametrize("count", [9, 40])
def test_the_plain_version_has_the_same_losses(count):
    from plain_training import plain_loss

    torch.manual_seed(0)
    block = new_block(16, heads=2, dropout=0.0, attention_dropout=0.0)
    with torch.no_grad():
        block.attn.qkv.weight.mul_(6)  # far from uniform rows
    clip = torch.randn(3, count, 16), torch.randn(3, 16)
    positions = torch.randperm(count)[:4]
    settings = LossSettings(positives=5, negatives=20, frame_positives=3, frame_negatives=10)
    z, attention = block(*clip)
    mine = clip_losses(z, attention.rows, positions, settings).total
    plain = plain_loss(block, *clip, positions, settings)
    torch.testing.assert_close(plain, mine, atol=1e-5, rtol=0)
    for a, b in zip(
        *(torch.autograd.grad(x, block.attn.qkv.weight) for x in (plain, mine)), strict=True
    ):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_clustering_is_measured():
    told = measured("clustering.py", "--grid", "4x6", "--cases", "7x2")
    assert "7 frames of 24 tokens, 2 key frames (made), tau 0.05" in told
    assert re.search(r"^plain.* 1\.00 \(1\.00 to 1\.00\) +\d+ +1\.00 +1\.0000$", told, re.M)
    assert len(re.findall(r"^library, exact.* 1\.0000$", told, re.M)) == 2
    assert len(re.findall(r"^library, approximate.*\d\.\d{4}$", told, re.M)) == 2
    assert re.search(r"Work of the library \d\.\d\de\+\d\d, \d+\.\d\d of what is needed", told)


def test_the_growth_of_clustering_is_drawn(tmp_path):
    picture = tmp_path / "growth.png"
    told = measured("clustering.py", "--grid", "4x6", "--cases", "8x2", "--growth", str(picture))
    assert (
        len(re.findall(r"^(frames|tokens a frame|key frames) +\d+ +\d+\.\d\d$", told, re.M)) == 12
    )
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_clustering_takes_a_videos_attention(tmp_path):
    from clustering import attention

    factors = torch.randn(6, 2, 12, 4)
    with create(tmp_path / "bear.h5", "attention", {"video": "bear"}) as file:
        file["queries"], file["keys"] = factors.half().numpy(), factors.half().numpy()
        file.attrs["grid"] = (3, 4)
    given = Namespace(attention=str(tmp_path / "bear.h5"))
    queries, keys, grid, source = attention(given, 5, 2)
    assert (len(queries), grid, source) == (5, (3, 4), "bear")
    torch.testing.assert_close(keys, factors.half().float()[[0, 3]])
    with pytest.raises(SystemExit, match="has 6 frames, not 7"):
        attention(given, 7, 2)


@pytest.mark.parametrize("tau", [0.02, 0.3, 2.0])
def test_the_plain_clustering_has_the_same_labels(tau):
    from plain_clustering import neighbour_pairs, plain_clustering

    from clustering import made_attention

    queries = made_attention(7, (5, 6)).double()
    keys = queries[::4]
    labels, _ = naive_clustering(queries.numpy(), keys.numpy(), tau)
    assert labels.max() > 0, "one cluster tells nothing"
    assert (plain_clustering(queries, keys, tau) == labels).all()
    assert 7 * 30 <= neighbour_pairs(queries, keys, tau) < 7 * 30 * 90


def test_scoring_is_measured():
    told = measured("scoring.py", "--size", "40x60", "--cases", "3x5", "--whole", "4x9")
    assert "3 frames of 40x60, 4 objects, 5 proposals (made)" in told
    rows = re.findall(r"^(?:plain|library).* \d+ \(\d+ to \d+\) +\d+ +0\.0e\+00$", told, re.M)
    assert len(rows) == 2
    assert re.search(r"^4 frames .*; all protocols\.\n.* seconds, \d+ MB at the peak", told, re.M)


@pytest.mark.parametrize("seed", range(2))
def test_the_plain_scoring_agrees_with_naive(seed):
    from plain_scoring import plain_scores

    truth, masks = (
        blobs(np.random.default_rng(seed), (2, 13, 17), ids) for ids in ([0, 1, 2, 255], 4)
    )
    scores = plain_scores(truth, masks, 2, 4)  # proposal 4 is empty
    for t, g, p in np.ndindex(2, 2, 4):
        pair = (truth[t] == g + 1, masks[t] == p + 1, truth[t] == 255)
        assert scores[0, t, g, p] == pytest.approx(naive_scoring.jaccard(*pair), abs=1e-12)
        assert scores[1, t, g, p] == pytest.approx(naive_scoring.boundary_f(*pair), abs=1e-12)


def test_joining_and_overlays_are_measured():
    """And masks and pictures are those of the plain versions."""
    told = measured("overlay.py", "--size", "120x160", "--work", "40x60", "--count", "3")
    assert "3 pictures of 160x120" in told
    assert len(re.findall(r"\d\.\d\d \(\d+\.\d\d to \d+\.\d\d\)$", told, re.M)) == 5
    assert re.search(r"^veryfast 19\.5 .* 0?\.\d{4}$", told, re.M)


def test_starting_is_measured():
    """A workflow runs from frames to tables, with settings that are known."""
    told = measured("start_up.py", "--videos", "2", "--frames", "5", rounds=())
    assert "2 videos of 5 frames of 64x96, jobs of one thread." in told
    assert re.search(r"^Snakemake itself: \d+\.\d s$", told, re.M)
    assert re.search(r"^ *cache_features +1 +2 +\d+\.\d +\d+\.\d +\d+\.\d%$", told, re.M)
    assert re.search(r"^ *list_videos +1 +0 +\d+\.\d +0\.0 +100\.0%$", told, re.M)
    assert re.search(r"^ *all +15 +17 +\d+\.\d +\d+\.\d +\d+\.\d%$", told, re.M)


def test_shares_are_those_of_jobs_and_stamps(tmp_path):
    """Two jobs of 10 s and 2 s, three videos of 3 s; one that does none, one that was killed."""
    from start_up import stage_table

    records = tmp_path / "made" / "records" / "scores" / "a"
    (records / STAMPS).mkdir(parents=True)
    for video in range(4):
        stamp = {"recipe": {"stage": "score_video"}, "cpu_seconds": 3}
        (records / STAMPS / f"{video}.json").write_text(json.dumps(stamp))
    for batch, videos in (("0000", "01"), ("0001", "2")):
        made = {video: Made(f"{video}.csv", 1, "key") for video in videos}
        Record("score_video", made).write(records / f"{batch}.json")
    jobs = tmp_path / "cpu"
    jobs.mkdir()
    command = (
        "trap 'x' EXIT;  python scripts/{} --record 'made/records/scores/a/{}.json' 2>&1 | tee y"
    )
    ended = "0m0.500s 0m0.250s\n0m{}s 0m1.000s\n"
    (jobs / "11").write_text(f"{command.format('score_video.py', '0000')}\n{ended.format('8.250')}")
    # The number of a shell comes again; the last job of it was killed and left no record.
    (jobs / "12").write_text(
        f"{command.format('score_video.py', '0001')}\n{ended.format('0.250')}"
        f"python scripts/make_dataset.py --output z 2>&1 | tee y\n{ended.format('58.25')}"
        f"python scripts/list_all.py --output z\n{ended.format('2.250')}"
        f"{command.format('score_video.py', '0002')}\n{ended.format('7.000')}"
    )
    rows = stage_table(tmp_path).set_index("stage").T.to_dict("list")
    assert rows == {
        "score_video": [2, 3, 12, 9, 0.25],
        "list_all": [1, 0, 4, 0, 1],
        "stages of videos": [2, 3, 12, 9, 0.25],
        "all": [3, 3, 16, 9, pytest.approx(7 / 16)],
        "make_dataset": [1, 0, 60, 0, 1],
    }


def test_stories_are_as_long_and_as_large_as_the_demo():
    from start_up import stories

    own = yaml.safe_load((ROOT / "config.yaml").read_text())["datasets"]["made"]["make"]
    settings = stories(300)
    make = settings["datasets"]["stories"]["make"]
    assert make == own | {"stories": "random", "seed": 3, "clips": 300}
    assert settings["evaluate"] == [settings["training"]["dataset"]] == ["stories"]


def test_planning_is_measured():
    told = measured("planning.py", "--videos", "3", "--batch-size", "2", "--laid")
    figures = r" +3 +\d+\.\d +\d+\.\d +\d+"
    assert re.search(rf"^listing{figures} +\d+$", told, re.M)
    # Seven stages for each of two batches; the weights, the block, four lists, and what follows.
    assert re.search(rf"^first plan{figures} +{7 * 2 + 11}$", told, re.M)
    assert re.search(rf"^plan of nothing{figures} +0$", told, re.M)


def test_a_machine_with_eight_gpus_is_stood_in_for(tmp_path):
    given = ["--videos", "youtube-vis", "--count", "2", "--speed", "20", "--cores", "16"]
    command = [sys.executable, "benchmarks/eight_gpus.py", *given, "--output", str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert re.search(r"^2 videos, \d\d frames, 9 jobs on 8 GPUs\n", told)
    found = json.loads((tmp_path / "found.json").read_text())
    leases = [job for job in found["jobs"] if job["devices"]]
    # Of two videos that are trained on, each in a batch of its own.
    (training,) = (job for job in leases if job["stage"] == "train_block")
    before = [job for job in leases if job["ended"] <= training["leased"]]
    assert [job["fine"] for job in before if job["stage"] == "cache_features"].count(False) == 2
    assert not {"export_attention", "cluster_tracks"} & {job["stage"] for job in before}
    assert 0 < found["computing"] < found["busy"] < 1
    for job in leases:
        others = [one for one in leases if one is not job and one["devices"] == job["devices"]]
        assert all(one["ended"] <= job["leased"] or job["ended"] <= one["leased"] for one in others)
    drawn = tmp_path / "drawn.svg"
    subprocess.run(
        [*command[:2], "--draw", str(tmp_path), "--output", str(drawn)], cwd=ROOT, check=True
    )
    assert "YouTube-VIS-2019: 2 videos" in drawn.read_text()


def test_how_busy_gpus_are_by_hand(monkeypatch):
    import eight_gpus

    monkeypatch.setattr(eight_gpus, "GPUS", 2)
    jobs = [
        {"devices": ["0"], "leased": 1.0, "working": 2.0, "ended": 5.0},
        {"devices": ["1"], "leased": 1.0, "working": 1.5, "ended": 3.0},
        {"devices": ["0", "1"], "leased": 6.0, "working": 8.0, "ended": 9.0},
        {"devices": [], "leased": 0.0, "working": 0.0, "ended": 30.0},  # on processors alone
    ]
    # 4 + 2 + 2 · 3 of 2 · 8 seconds; 3 + 1.5 + 2 · 1 of them without starting.
    assert eight_gpus.shares(jobs) == {"window": 8.0, "busy": 0.75, "computing": 0.4062}
