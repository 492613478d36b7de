"""How a training went: the clusters of a clip at each step, and what is drawn of it."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from betrayed.block.loading import load_block
from betrayed.clustering.snapshots import cluster_by_blocks
from betrayed.config.clustering import ClusterSettings
from betrayed.config.training import TrainSettings
from betrayed.engine.records import Failure, Made, Record
from betrayed.errors import UserError
from betrayed.features.reading import read_clip
from betrayed.reporting.training_clusters import TrainingClusters, aligned, read_training_clusters
from betrayed.reporting.training_pictures import clip_frames, clusters_drawn, curves_drawn
from betrayed.training.loop import train
from support.naive_clustering import naive_clustering
from support.paths import SCRIPTS
from support.tiny_features import features_file
from support.tiny_results import tiny_video


def test_the_clip_lies_in_the_middle():
    assert list(clip_frames(24, 4, 4)) == [5, 9, 13, 17]
    assert list(clip_frames(10, 4, 3)) == [0, 3, 6, 9]
    assert list(clip_frames(9, 4, 3)) == [1, 4, 7]
    assert list(clip_frames(2, 4, 4)) == [0]
    assert list(clip_frames(1, 4, 4)) == [0]


def test_colours_stay_where_they_were():
    # By size the last step's are 1, 0, 2 → 0, 1, 2; before, its 5 lies mostly in the first, its 3
    # in the second, and 0 in neither that is left.
    last = np.array([1, 1, 1, 1, 0, 0, 0, 2])
    before = np.array([5, 5, 5, 0, 3, 3, 4, 1])
    found = aligned(np.stack([before, last]))
    assert found[1].tolist() == [0, 0, 0, 0, 1, 1, 1, 2]
    assert found[0][[0, 1, 2]].tolist() == [0, 0, 0] and found[0][[4, 5]].tolist() == [1, 1]
    assert found[0][7] == 2
    # Those without a partner have numbers of their own that no other step has.
    assert sorted({found[0][3], found[0][6]}) == [3, 4]


def test_aligning_keeps_partitions_and_the_most_tokens():
    generator = np.random.default_rng(0)
    for _ in range(20):
        labels = generator.integers(0, 5, (4, 30))
        found = aligned(labels)
        for one, other in zip(labels, found, strict=True):
            pairs = set(zip(one.tolist(), other.tolist(), strict=True))
            assert len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


def test_what_is_written_is_read_and_others_are_refused(tmp_path):
    labels = np.arange(24).reshape(2, 3, 2, 2) % 5
    written = TrainingClusters("frames.json", [1, 5, 9], [0, 7], labels, 0.05)
    written.write(tmp_path / "a.h5", {})
    read = read_training_clusters(tmp_path / "a.h5")
    assert (read.video, read.frames, read.steps) == ("frames.json", [1, 5, 9], [0, 7])
    assert (read.labels == labels).all() and read.tau == 0.05 and read.counts == [5, 5]
    TrainingClusters.empty(0.1).write(tmp_path / "b.h5", {})
    assert read_training_clusters(tmp_path / "b.h5").counts == []
    features_file(tmp_path / "c.h5")
    with pytest.raises(UserError, match="holds features"):
        read_training_clusters(tmp_path / "c.h5")


def test_a_strip_has_a_row_a_step_with_its_clusters():
    labels = np.zeros((3, 2, 2, 3), int)
    labels[1, :, 0], labels[2, :, 1, 2] = 1, 4
    clusters = TrainingClusters("", [3, 8], [0, 10, 1200], labels, 0.05)
    grey = np.full((20, 30, 3), 100, np.uint8)
    with clusters_drawn(clusters, lambda index: grey) as figure:
        panels = figure.axes
        assert len(panels) == 4 * 2
        titles = [panel.get_ylabel() for panel in panels[::2]]
        assert titles == ["the frames", "step 0\n1 cluster", "step 10\n2 clusters",
                          "step 1,200\n2 clusters"]  # fmt: skip
        assert [panel.get_title() for panel in panels[:2]] == ["frame 3", "frame 8"]
        pictures = [panel.images[0].get_array() for panel in panels]
    assert (pictures[0] == 100).all() and len(np.unique(pictures[2].reshape(-1, 3), axis=0)) == 1
    tall = np.full((600, 2, 3), 100, np.uint8)
    with clusters_drawn(clusters, lambda index: tall) as figure:
        assert figure.get_figheight() < 30
    # The upper row is another cluster at the second step, and has the other colour's tint alone.
    upper, lower = pictures[4][2], pictures[4][-2]
    assert (upper != lower).any() and len(np.unique(pictures[4].reshape(-1, 3), axis=0)) == 2
    # The upper row stays in the large one, the lower has the corner's colour: most tokens that way.
    assert (pictures[6][2, 0] == upper[0]).all() and (pictures[6][-2, -2] == lower[0]).all()


def test_curves_with_the_entropy_of_uniform_rows():
    log = pd.DataFrame({"step": range(1, 41), "semantic": 0.5, "motion": 1.0, "entropy": 3.0})
    with curves_drawn(log, 6.9) as figure:
        losses, entropy = figure.axes
        assert [one.get_text() for one in losses.get_legend().get_texts()] == ["semantic", "motion"]
        assert 6.9 in [line.get_ydata()[0] for line in entropy.lines]
    with curves_drawn(log[["step", "semantic"]]) as figure:
        assert len(figure.axes[0].lines) == 2


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A block with its snapshots, trained on tiny features."""
    folder = tmp_path_factory.mktemp("trained")
    features = features_file(folder / "toy.h5", count=6, grid=(12, 20))
    settings = TrainSettings(
        steps=8, learning_rate=1e-2, heads=2, queries=3, stride=1, snapshots=3, positives=4,
        negatives=20, frame_positives=2, frame_negatives=5, final_learning_rate=1e-3,
    )  # fmt: skip
    train([features], folder / "block.pt", settings)
    return folder, features


@pytest.mark.slow
def test_clusters_are_those_of_the_plain_method(trained):
    folder, features = trained
    blocks = [*sorted(folder.glob("snapshots/*.pt")), folder / "block.pt"]
    tokens = read_clip(features, [0, 4])[0]
    steps, labels = cluster_by_blocks(blocks, tokens, ClusterSettings(tau=0.02))
    assert steps == [0, 1, 3, 8] and labels.shape == (4, 2, 240)
    for path, own in [(blocks[0], labels[0]), (blocks[-1], labels[-1])]:
        with torch.inference_mode():
            queries, keys = load_block(path)[0].queries_keys(tokens)
        expected = naive_clustering(queries.numpy(), keys.numpy(), 0.02, 3)[0]
        assert (own == expected).all()


@pytest.mark.slow
def test_the_program_draws_what_training_left(trained, tmp_path):
    folder, features = trained
    frames = tiny_video(tmp_path / "video")["frames"]
    records = {"frames": {"toy": frames}, "features": {"toy": str(features)}}
    for name, videos in records.items():
        made = {video: Made(path, 0, "key") for video, path in videos.items()}
        Record(name, made).write(tmp_path / f"{name}.json")
    killed = folder / "snapshots/.0000003.5bce98f7-1.abcdefgh.pt"
    killed.write_bytes(b"what a killed training began to write")
    done = draw(folder, tmp_path)
    killed.unlink()
    assert done.returncode == 0, done.stderr
    found = read_training_clusters(tmp_path / "clusters.h5")
    assert found.steps == [0, 1, 3, 8] and found.frames == [1, 2, 3, 4]
    assert found.labels.shape == (4, 4, 12, 20) and found.video == frames
    for name in ("curves.png", "clusters.png"):
        assert min(Image.open(tmp_path / name).size) > 100
    # Of videos that could not be read there is nothing to show, and the run goes on.
    Record("frames", {}, {"toy": Failure("frames", "damaged")}).write(tmp_path / "frames.json")
    done = draw(folder, tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_training_clusters(tmp_path / "clusters.h5").counts == []


def draw(folder, tmp_path):
    options = ["--block", folder / "block.pt", "--settings", json.dumps({"tau": 0.02})]
    options += ["--training-features", tmp_path / "features.json"]
    for name in ("frames", "features"):
        options += [f"--{name}", tmp_path / f"{name}.json"]
    for name, file in (("curves", "curves.png"), ("clusters", "clusters.h5")):
        options += [f"--{name}", tmp_path / file]
    options += ["--picture", tmp_path / "clusters.png"]
    command = [sys.executable, SCRIPTS / "draw_training.py", *options]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)
