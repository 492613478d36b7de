"""The presets: each plans its whole chain, holds what it says, and names data that are missing."""

import json
import shutil
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
import yaml

from betrayed.config.runs import runs as runs_of
from betrayed.video.annotations import read_annotation
from betrayed.video.video import Video
from support.blocks import new_block
from support.dataset_copies import (
    davis2016,
    davis2017,
    fbms59,
    movi_e,
    plain_videos,
    segtrackv2,
    youtube_vis,
    youtube_vos,
)
from support.paths import ROOT
from support.workflow_project import Project, computed, merged


def all_copies(folder, monkeypatch):
    """Tiny copies of all data sets that presets name, and the variables that say where they lie."""
    davis2016(folder / "davis2016", ["a"], ["b", "c"])
    davis2017(folder / "davis2017", ["bear", "dog"], ["camel"], ["aerobatics"])
    youtube_vis(folder / "ytvis")
    youtube_vis(folder / "ytvis2021", file="instances.json")
    youtube_vos(folder / "youtube-vos", ["0a", "0b", "f0"])
    movi_e(folder / "movi_e" / "validation")
    movi_e(folder / "movi_e" / "train")
    segtrackv2(folder / "segtrackv2")
    fbms59(folder / "fbms59")
    plain_videos(folder / "plain", count=2)
    places = {
        "DAVIS2016_ROOT": "davis2016",
        "DAVIS2017_ROOT": "davis2017",
        "YOUTUBE_VIS_ROOT": "ytvis",
        "YOUTUBE_VIS_2021_ROOT": "ytvis2021",
        "YOUTUBE_VOS_ROOT": "youtube-vos/train",
        "MOVI_E_ROOT": "movi_e/validation/rgb",
        "MOVI_E_TRAIN_ROOT": "movi_e/train/rgb",
        "SEGTRACKV2_ROOT": "segtrackv2",
        "FBMS59_ROOT": "fbms59",
        "VIDEOS": "plain/videos",
    }
    for variable, place in places.items():
        monkeypatch.setenv(variable, str(folder / place))


# The tiny copies of YouTube-VIS have four videos, not 2,238 and 2,985.
FEW_VIDEOS = {
    "datasets": {
        "youtube-vis-2019-train": {"split": "0:1,3:"},
        "youtube-vis-2019-held-out": {"split": "1:3"},
        "youtube-vis-2021-train": {"split": ":-3"},
        "youtube-vis-2021-held-out": {"split": "-3:"},
    }
}


@dataclass(frozen=True)
class Plan:
    """What a preset plans for its tiny copy: videos that are segmented, and trained on besides."""

    evaluate: tuple[str, ...]
    training: str
    videos: int
    trained: int = 1
    settings: dict = field(default_factory=dict)
    scored: bool = True
    motion: bool = True  # measured for the choice of objects alone, of which the paper has none
    sizes: int = 2  # at which each video has features


PLANS = {
    "davis2016.yaml": Plan(("davis2016-val",), "davis2016-train", 2),
    "davis2017.yaml": Plan(("davis2017-val",), "davis2017-train", 2),
    "segtrackv2.yaml": Plan(("segtrackv2",), "segtrackv2", 3, trained=0),
    "fbms59.yaml": Plan(("fbms59-test",), "fbms59-train", 2),
    "movi-e.yaml": Plan(("movi-e-validation",), "movi-e-train", 2, trained=2),
    "youtube-vis-2019.yaml": Plan(
        ("youtube-vis-2019-held-out",), "youtube-vis-2019-train", 2, trained=2, settings=FEW_VIDEOS
    ),
    "youtube-vis-2021.yaml": Plan(
        ("youtube-vis-2021-held-out",), "youtube-vis-2021-train", 3, settings=FEW_VIDEOS
    ),
    "youtube-vos.yaml": Plan(("davis2017-val",), "youtube-vos-train", 2, trained=2),
    "paper.yaml": Plan(
        ("davis2017-val", "youtube-vis-2019-held-out", "movi-e-validation"),
        "youtube-vis-2019-train",
        videos=6,
        trained=2,
        settings=FEW_VIDEOS,
        motion=False,
        sizes=1,
    ),
    "videos.yaml": Plan(("videos",), "videos", 2, trained=0, scored=False, sizes=1),
}


#: Presets whose videos are drawn, what to ask them for, and what that plans before they are drawn.
STORIES = {
    "learning.yaml": (["learn"], {"make_dataset": 3, "learn_same_object": 1}),
    "judging.yaml": ([], {"make_dataset": 2, "list_videos": 2}),
}


@pytest.mark.parametrize("preset", STORIES)
def test_a_preset_of_made_videos_draws_them_first(tmp_path, monkeypatch, preset):
    all_copies(tmp_path, monkeypatch)
    targets, wanted = STORIES[preset]
    plan = Project(tmp_path / "project").planned("--configfile", f"presets/{preset}", *targets)
    assert {rule: plan.get(rule, 0) for rule in wanted} == wanted


def test_every_preset_is_tested():
    """The ablation, which goes on top of another one, and those of made videos have their own."""
    names = {path.name for path in (ROOT / "presets").glob("*.yaml")}
    one_sided = set(PLANS) ^ (names - {"ablation.yaml", *STORIES})
    assert not one_sided, (
        f"{one_sided}: give each preset a line in PLANS; in all_copies a tiny copy of its data, "
        "and the variable that says where it lies. A preset that is gone has no line"
    )


def listed(preset, wanted, folder, monkeypatch):
    """A project whose manifests are made, for real, from tiny copies, and the preset's options."""
    project = Project(folder / "project")
    all_copies(folder, monkeypatch)
    project.settings = {**wanted.settings, "batch_size": 1}  # so that jobs are videos
    overlay = ["--configfile", f"presets/{preset}"]
    names = {*wanted.evaluate, wanted.training}
    project.run(*overlay, *(f"results/{name}/videos.csv" for name in names))
    return project, overlay


@pytest.mark.parametrize("preset", PLANS)
def test_a_preset_plans_its_whole_chain(tmp_path, monkeypatch, preset):
    wanted = PLANS[preset]
    project, overlay = listed(preset, wanted, tmp_path, monkeypatch)
    plan = project.planned(*overlay, "all", "exports")
    assert plan["train_block"] == 1
    assert plan["extract_frames"] == wanted.videos + wanted.trained
    for rule in ("cluster_tracks", "select_objects", "draw_pictures"):
        assert plan[rule] == wanted.videos
    assert plan["collect_tables"] == 1
    assert plan.get("measure_motion", 0) == (wanted.videos if wanted.motion else 0)
    assert plan["cache_features"] == wanted.sizes * wanted.videos + wanted.trained
    assert plan.get("score_video", 0) == (wanted.videos if wanted.scored else 0)
    instances = [name for name in wanted.evaluate if name.startswith("youtube-vis")]
    assert ("list_detections" in plan) == bool(instances)
    assert plan.get("pool_detections", 0) == len(instances)
    forms = 2 if preset.startswith("youtube-vis") else 1
    assert plan["export_for_servers"] == forms * len(wanted.evaluate)


def test_the_other_parts_of_davis2017(tmp_path, monkeypatch):
    """The server has the annotations of test-dev: these are exported, and not scored."""
    videos = {
        "davis2017-test-dev": 1,
        "davis2017-semi-supervised-test-dev": 1,
        "davis2017-semi-supervised-val": 2,
    }
    wanted = Plan((*videos,), "davis2017-train", 4, settings={"evaluate": [*videos]})
    project, overlay = listed("davis2017.yaml", wanted, tmp_path, monkeypatch)
    exported = project.planned(*overlay, "exports")
    assert exported["select_objects"] == 4 and exported["export_for_servers"] == 3
    assert "collect_tables" not in exported
    plan = project.planned(*overlay)
    assert plan["score_video"] == 2 and plan["collect_tables"] == 1


@pytest.mark.parametrize("year", ["2019", "2021"])
def test_the_servers_youtube_vis_is_exported_and_not_scored(tmp_path, monkeypatch, year):
    """The held-out videos' preset, and valid in their place; the file has no annotations."""
    name = f"youtube-vis-{year}-valid"
    root, _ = youtube_vis(
        tmp_path / "valid", count=2, file="valid.json" if year == "2019" else "instances.json"
    )
    file = next(root.glob("*.json"))
    content = json.loads(file.read_text())
    del content["annotations"]
    file.write_text(json.dumps(content))
    monkeypatch.setenv(f"YOUTUBE_VIS_{'' if year == '2019' else '2021_'}VALID_ROOT", str(root))
    wanted = Plan(
        (name,), f"youtube-vis-{year}-train", 2, settings={**FEW_VIDEOS, "evaluate": [name]}
    )
    project, overlay = listed(f"youtube-vis-{year}.yaml", wanted, tmp_path, monkeypatch)
    plan = project.planned(*overlay, "all", "exports")
    assert plan["select_objects"] == plan["export_for_servers"] == 2
    assert "score_video" not in plan and "pool_detections" not in plan


def test_the_papers_data_reach_scoring(tmp_path, monkeypatch):
    """Each data set as people have it: its truth has every object, an unchanged JSON is kept."""
    project = Project(tmp_path / "project")
    all_copies(tmp_path, monkeypatch)
    project.settings = FEW_VIDEOS
    overlay = ["--configfile", "presets/paper.yaml"]
    names = {
        "davis2017-val": ("bear", {0, 1}),
        "youtube-vis-2019-held-out": ("0265b171f9", {0, 1, 2}),
        "movi-e-validation": ("0001", {0, 7}),
    }
    targets = [f"results/{name}/records/frames/0000.json" for name in names]
    project.run(*overlay, *targets)
    monkeypatch.chdir(project.folder)
    for name, (title, ids) in names.items():
        video = Video.load(f"results/{name}/frames/{title}/frames.json")
        found = [read_annotation(video, index) for index in range(video.count)]
        assert set(np.unique(found)) == ids
    assert project.planned(*overlay, *targets) == {}
    # The same content, written later: listed again, and no video is touched.
    truth = tmp_path / "ytvis" / "train.json"
    truth.write_text(truth.read_text() + "\n")
    assert not computed(project.run(*overlay, *targets))
    assert project.planned(*overlay, *targets) == {}


def test_a_data_set_that_is_missing_is_named_with_its_variable(tmp_path, monkeypatch):
    project = Project(tmp_path / "project")
    all_copies(tmp_path, monkeypatch)
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
    # So is each sequence of a split that is not there.
    davis2017(tmp_path / "part", ["bear", "dog"])
    for folder in ("JPEGImages", "Annotations_unsupervised"):
        shutil.rmtree(tmp_path / "part" / folder / "480p" / "dog")
    monkeypatch.setenv("DAVIS2017_ROOT", str(tmp_path / "part"))
    project.settings = {**FEW_VIDEOS, "evaluate": ["davis2017-val"]}
    text = project.run("--dry-run", *overlay, check=False)
    assert f"missing: {tmp_path}/part/JPEGImages/480p/dog, " in text
    assert f"{tmp_path}/part/Annotations_unsupervised/480p/dog. Its root" in text
    # A file of one line after the preset does without the others.
    all_copies(tmp_path / "again", monkeypatch)
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
    # What VideoSAUR's own scripts hold out: the last 300 of 2021; of 2019 the 200 between 1838 and
    # 2038, which TensorFlow Datasets calls validation.
    assert splits["youtube-vis-2021-held-out"] == "-300:"
    assert splits["youtube-vis-2021-train"] == ":-300"
    assert splits["youtube-vis-2019-videosaur"] == "1838:2038"
    assert splits["youtube-vis-2019-held-out"] == "600:900"  # the 300 videos of SOLV
    assert splits["youtube-vis-2019-train"] == "0:600,900:"
    assert training["dataset"] == "youtube-vis-2019-train"
    assert paper["evaluate"] == ["davis2017-val", "youtube-vis-2019-held-out", "movi-e-validation"]


def test_the_ablation_shares_what_its_runs_have_in_common(tmp_path, monkeypatch):
    """Two videos: features of each size once, a block only where training differs."""
    project = Project(tmp_path / "project")
    all_copies(tmp_path, monkeypatch)
    project.settings = {}
    overlay = ["--configfile", "presets/davis2016.yaml", "--configfile", "presets/ablation.yaml"]
    project.run(*overlay, *(f"results/davis2016-{split}/videos.csv" for split in ("train", "val")))
    plan = project.planned(*overlay)
    runs = yaml.safe_load((ROOT / "presets/ablation.yaml").read_text())["runs"]
    assert plan["select_objects"] == plan["score_video"] == 1 + len(runs)
    # Three seeds; at the other size the method itself, each loss, the weight, steps, views, and the
    # dropout of the paper, which its run has too.
    assert plan["train_block"] == 3 + 7
    # And clusterings of their own: tau, the ratio, the paper's tau.
    assert plan["cluster_tracks"] == 10 + 3
    assert "draw_pictures" not in plan


def test_a_release_checkpoint_takes_the_place_of_training(tmp_path, package):
    """As people have it: under the release's names, with its backbone and optimiser beside."""
    project = Project(tmp_path / "project", package=package)
    torch.manual_seed(0)
    state = new_block(384).state_dict()
    weights = {f"temporal_transformer.0.{name}": value for name, value in state.items()}
    stored = {"model_state_dict": {**weights, "backbone.norm.weight": torch.ones(384)}}
    torch.save(stored | {"iteration": 60000}, project.folder / "release.pth")
    project.change({"training": {"checkpoint": "release.pth"}, "method": "paper"})
    project.change({"datasets": {"made": {"make": {"clips": 1}}}, "pictures": {"draw": False}})
    project.run()
    assert b"davis2017-sequence" in project.tables()["summary.csv"]
    assert not (project.folder / "results" / "blocks").exists()
    for kind in ("motion", "trajectories"):
        assert not (project.folder / "results" / "made" / kind).exists()
    assert project.planned() == {}
