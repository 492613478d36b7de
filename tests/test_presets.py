"""The presets: each plans its whole chain, holds what it says, and names data that are missing."""

import shutil

import numpy as np
import pytest
import torch
import yaml
from dataset_copies import davis2017, movi_e, plain_videos, youtube_vis
from workflow_project import ROOT, Project, merged

from betrayed.block import SpatioTemporalBlock
from betrayed.frames import Video
from betrayed.settings import runs as runs_of


def davis_layout(root, splits, annotations):
    """The folders of DAVIS with one small sequence a split, two for val."""
    plain_videos(root / "plain", count=3)
    for index, (split, names) in enumerate(splits.items()):
        listing = root / "ImageSets" / f"{split}.txt"
        listing.parent.mkdir(parents=True, exist_ok=True)
        listing.write_text("".join(f"{name}\n" for name in names))
        for name in names:
            source = root / "plain" / "videos" / f"clip-{index}"
            shutil.copytree(source, root / "JPEGImages" / "480p" / name)
            truth = root / "plain" / "truth" / f"clip-{index}"
            shutil.copytree(truth, root / annotations / "480p" / name)


def papers_data(folder, monkeypatch):
    """Tiny copies of the data sets of presets/paper.yaml, and the variables that name them."""
    monkeypatch.setenv("DAVIS2017_ROOT", str(davis2017(folder / "davis2017", ["bear", "dog"])))
    monkeypatch.setenv("YOUTUBE_VIS_ROOT", str(youtube_vis(folder / "ytvis")[0]))
    monkeypatch.setenv("MOVI_E_ROOT", str(movi_e(folder / "movi_e" / "validation")))


# The tiny copy of YouTube-VIS has four videos, not 2,238.
FEW_VIDEOS = {
    "datasets": {
        "youtube-vis-2019-train": {"split": "0:1,3:"},
        "youtube-vis-2019-held-out": {"split": "1:3"},
    }
}
PRESETS = {
    "davis2016.yaml": ("davis2016-train", "davis2016-val"),
    "paper.yaml": (
        "youtube-vis-2019-train",
        "davis2017-val",
        "youtube-vis-2019-held-out",
        "movi-e-validation",
    ),
    "videos.yaml": ("videos", "videos"),
}


def test_every_preset_is_tested():
    """The ablation, which goes on top of another one, has a test of its own."""
    names = {path.name for path in (ROOT / "presets").glob("*.yaml")}
    assert set(PRESETS) == names - {"ablation.yaml"}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_plans_its_whole_chain(tmp_path, monkeypatch, preset):
    project = Project(tmp_path / "project")
    davis_layout(
        tmp_path / "davis2016", {"2016/train": ["a"], "2016/val": ["b", "c"]}, "Annotations"
    )
    (tmp_path / "davis2016" / "Annotations_instances" / "480p").mkdir(parents=True)
    plain_videos(tmp_path / "plain", count=2)
    monkeypatch.setenv("DAVIS2016_ROOT", str(tmp_path / "davis2016"))
    monkeypatch.setenv("VIDEOS", str(tmp_path / "plain" / "videos"))
    papers_data(tmp_path, monkeypatch)
    project.settings = FEW_VIDEOS if preset == "paper.yaml" else {}
    overlay = ["--configfile", f"presets/{preset}"]
    # The manifests for real: what follows is planned once they say which videos there are.
    project.run(*overlay, *(f"results/{dataset}/videos.csv" for dataset in set(PRESETS[preset])))
    plan = project.planned(*overlay)
    assert plan["train_block"] == 1
    # The paper preset scores three tiny data sets of two videos each, and trains on two others.
    videos = 6 if preset == "paper.yaml" else 2
    trained = {"paper.yaml": 2, "davis2016.yaml": 1, "videos.yaml": 0}[preset]
    assert plan["extract_frames"] == videos + trained
    assert plan["cluster_tracks"] == plan["select_objects"] == plan["draw_pictures"] == videos
    assert plan["collect_tables"] == 1
    # Motion is measured for the choice of objects alone, of which the paper has none; DAVIS has
    # features at two sizes.
    assert plan.get("measure_motion", 0) == (0 if preset == "paper.yaml" else videos)
    of_videos = 2 * videos if preset == "davis2016.yaml" else videos
    assert plan["cache_features"] == of_videos + trained
    if preset != "videos.yaml":
        assert plan["score_video"] == videos
    exports = project.planned(*overlay, "exports")
    assert exports["export_davis"] == (3 if preset == "paper.yaml" else 1)
    assert exports.get("export_youtube_vis", 0) == (preset == "paper.yaml")
    assert exports["select_objects"] == videos and "collect_tables" not in exports


def test_the_papers_data_reach_scoring(tmp_path, monkeypatch):
    """Each data set as people have it: its truth has every object, an unchanged JSON is kept."""
    project = Project(tmp_path / "project")
    papers_data(tmp_path, monkeypatch)
    project.settings = FEW_VIDEOS
    overlay = ["--configfile", "presets/paper.yaml"]
    names = {
        "davis2017-val": ("bear", {0, 1}),
        "youtube-vis-2019-held-out": ("0265b171f9", {0, 1, 2}),
        "movi-e-validation": ("0001", {0, 7}),
    }
    targets = [f"results/{name}/frames/{video}/frames.json" for name, (video, _) in names.items()]
    project.run(*overlay, *targets)
    monkeypatch.chdir(project.folder)
    for target, (_, ids) in zip(targets, names.values(), strict=True):
        video = Video.load(target)
        assert set(np.unique([video.annotation(index) for index in range(video.count)])) == ids
    assert project.planned(*overlay, *targets) == {}
    # The same content, written later: listed again, and no video is touched.
    truth = tmp_path / "ytvis" / "train.json"
    truth.write_text(truth.read_text() + "\n")
    project.run(*overlay, "results/youtube-vis-2019-held-out/videos.csv")
    assert project.planned(*overlay, *targets) == {}


def test_a_data_set_that_is_missing_is_named_with_its_variable(tmp_path, monkeypatch):
    project = Project(tmp_path / "project")
    papers_data(tmp_path, monkeypatch)
    monkeypatch.setenv("MOVI_E_ROOT", str(tmp_path / "nowhere"))
    monkeypatch.delenv("YOUTUBE_VIS_ROOT")
    (tmp_path / "davis2017" / "ImageSets" / "2017" / "val.txt").unlink()
    project.settings = FEW_VIDEOS
    overlay = ["--configfile", "presets/paper.yaml"]
    text = project.run("--dry-run", *overlay, check=False)
    assert f"movi-e-validation: missing: {tmp_path / 'nowhere'}. " in text
    assert "the environment variable MOVI_E_ROOT (now set)" in text
    assert "youtube-vis-2019-train: missing: data/youtube-vis-2019/train. " in text
    assert "YOUTUBE_VIS_ROOT (now not set)" in text
    assert "davis2017/ImageSets/2017/val.txt" in text
    # A file of one line after the preset does without the others.
    papers_data(tmp_path / "again", monkeypatch)
    monkeypatch.setenv("MOVI_E_ROOT", str(tmp_path / "nowhere"))
    project.settings = {**FEW_VIDEOS, "evaluate": ["davis2017-val"]}
    project.run("--dry-run", *overlay)


def test_the_paper_preset_holds_the_papers_settings():
    """Against the numbers that the paper and its release state."""
    paper = merged(
        yaml.safe_load((ROOT / "config.yaml").read_text()),
        yaml.safe_load((ROOT / "presets/paper.yaml").read_text()),
    )
    training, clustering = paper["training"], paper["clustering"]
    assert (training["height"], training["width"]) == (192, 384)
    assert (training["frames"], training["stride"]) == (3, 4)
    assert (training["learning_rate"], training["final_learning_rate"]) == (1e-5, 1e-6)
    assert (training["dropout"], training["attention_dropout"]) == (0.1, 0.4)
    assert (training["queries"], training["positives"], training["negatives"]) == (8, 30, 200)
    assert (training["frame_positives"], training["frame_negatives"]) == (10, 50)
    assert (training["steps"], training["weight_decay"], training["heads"]) == (60000, 0.1, 8)
    assert (paper["features"]["height"], paper["features"]["width"]) == (320, 480)
    assert paper["features"]["facet"] == "key"
    assert paper["features"]["backbone"] == "vit_small_patch8_224.dino"
    clustering.pop("memory_gb")  # changes nothing
    assert clustering == {"tau": 1.0, "window": 3, "key_frame_ratio": 10, "approximate": 1}
    assert paper["method"] == "paper"
    assert runs_of(paper)[0].training["output_dropout"] == "attention"
    splits = {name: one["split"] for name, one in paper["datasets"].items()}
    assert splits["youtube-vis-2019-held-out"] == "600:900"  # the 300 videos of SOLV
    assert splits["youtube-vis-2019-train"] == "0:600,900:"
    assert training["dataset"] == "youtube-vis-2019-train"
    assert paper["evaluate"] == ["davis2017-val", "youtube-vis-2019-held-out", "movi-e-validation"]


def test_the_ablation_shares_what_its_runs_have_in_common(tmp_path, monkeypatch):
    """Two videos: features of each size once, a block only where training differs."""
    project = Project(tmp_path / "project")
    davis_layout(
        tmp_path / "davis2016", {"2016/train": ["a"], "2016/val": ["b", "c"]}, "Annotations"
    )
    (tmp_path / "davis2016" / "Annotations_instances" / "480p").mkdir(parents=True)
    monkeypatch.setenv("DAVIS2016_ROOT", str(tmp_path / "davis2016"))
    project.settings = {}
    overlay = ["--configfile", "presets/davis2016.yaml", "--configfile", "presets/ablation.yaml"]
    project.run(*overlay, *(f"results/davis2016-{split}/videos.csv" for split in ("train", "val")))
    plan = project.planned(*overlay)
    runs = yaml.safe_load((ROOT / "presets/ablation.yaml").read_text())["runs"]
    assert plan["select_objects"] == plan["score_video"] == 2 * (1 + len(runs))
    # Three seeds; at the other size the method itself, each loss, the weight, steps, views, and the
    # dropout of the paper, which its run has too.
    assert plan["train_block"] == 3 + 7
    # And clusterings of their own: tau, the ratio, the paper's tau.
    assert plan["cluster_tracks"] == 2 * (10 + 3)
    assert "draw_pictures" not in plan


def test_a_release_checkpoint_takes_the_place_of_training(tmp_path, package):
    """As people have it: under the release's names, with its backbone and optimiser beside."""
    project = Project(tmp_path / "project", package=package)
    torch.manual_seed(0)
    state = SpatioTemporalBlock(384).state_dict()
    weights = {f"temporal_transformer.0.{name}": value for name, value in state.items()}
    stored = {"model_state_dict": {**weights, "backbone.norm.weight": torch.ones(384)}}
    torch.save(stored | {"iteration": 60000}, project.folder / "release.pth")
    project.change({"training": {"checkpoint": "release.pth"}, "method": "paper"})
    project.change({"datasets": {"made": {"make": {"clips": 1}}}, "pictures": False})
    project.run()
    assert b"davis2017-sequence" in project.tables()["summary.csv"]
    assert not (project.folder / "results" / "blocks").exists()
    assert not (project.folder / "results" / "made" / "motion").exists()
    assert project.planned() == {}
