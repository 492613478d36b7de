"""The workflow, run for real on tiny videos: what reruns, what survives a kill, what fails."""

import csv
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from dataset_copies import davis2017, movi_e, youtube_vis
from PIL import Image
from workflow_project import ROOT, Project, merged

from betrayed.block import SpatioTemporalBlock
from betrayed.frames import Video
from betrayed.settings import runs as runs_of

CHAIN = {
    "objects": ["select_objects", "score_video", "draw_pictures"],
    "tracks": ["cluster_tracks"],
    "attention": ["export_attention"],
    "training": ["train_block"],
    "features": ["cache_features"],
}


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project whose workflow has run to the end; tests copy it and leave it alone."""
    project = Project(tmp_path_factory.mktemp("workflow") / "finished")
    project.run()
    return project


@pytest.fixture
def project(finished, tmp_path):
    return finished.copy(tmp_path / "project")


def rules_of(*, since):
    """The rules that rerun per video when a stage has changed, and the table."""
    names = list(CHAIN)
    later = names[: names.index(since) + 1]
    return {rule for name in later for rule in CHAIN[name]} | {"collect_tables"}


def rows(project, table="summary"):
    path = project.folder / "results" / "tables" / f"{table}.csv"
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_tables_and_pictures_are_there(finished):
    table = rows(finished)
    assert list(table[0]) == ["run", "dataset", "video", "protocol", "metric", "value"]
    protocols = {row["protocol"] for row in table}
    assert {"davis2016", "davis2017-sequence", "davis2017-frame", "video-object"} <= protocols
    videos = {row["video"] for row in table} - {"all"}
    assert len(videos) == 3
    assert all(0 <= float(row["value"]) <= 1 for row in table if row["metric"] == "J_mean")
    pictures = list((finished.folder / "results" / "pictures").rglob("overlay.mp4"))
    assert len(pictures) == 3


def test_every_job_leaves_a_log_and_a_benchmark(finished):
    results = finished.folder / "results"
    for rule in {rule for rules in CHAIN.values() for rule in rules} | {"fetch_weights"}:
        assert list((results / "logs" / rule).rglob("*.log")) or list(
            (results / "logs").glob(f"{rule}*.log")
        )
        assert list((results / "benchmarks" / rule).rglob("*.tsv"))


def test_a_second_run_has_nothing_to_do(finished):
    assert finished.planned() == {}


@pytest.mark.parametrize(
    ("change", "since"),
    [
        ({"objects": {"levels": 1}}, "objects"),
        ({"clustering": {"tau": 0.2}}, "tracks"),
        ({"training": {"learning_rate": 2.0e-3}}, "training"),
        ({"features": {"height": 112}, "training": {"height": 112}}, "features"),
    ],
)
def test_a_changed_setting_reruns_its_stage_and_what_follows(project, change, since):
    project.change(change)
    plan = project.planned()
    helpers = {"list_scores", "list_runs", "list_training_features"}
    assert set(plan) - helpers == rules_of(since=since)
    per_video = {*CHAIN["objects"], *CHAIN["tracks"], *CHAIN["features"]}
    assert all(plan[rule] == 3 for rule in set(plan) & per_video)


def test_refinement_adds_features_and_reruns_the_choice_of_objects(project):
    project.change({"refinement": {"height": 126, "width": 224}})
    plan = project.planned()
    assert set(plan) - {"list_scores", "list_runs"} == rules_of(since="objects") | {
        "cache_features"
    }
    assert plan["cache_features"] == 3


def test_the_papers_method_without_training_anew(project):
    """Motion and the fine features that are there are left alone; a block of its own is trained."""
    project.change({"refinement": {"height": 126, "width": 224}, "method": "paper"})
    plan = project.planned()
    assert set(plan) - {"list_scores", "list_runs", "list_training_features"} == rules_of(
        since="training"
    )


def test_a_touched_file_changes_nothing(project):
    for path in [*project.folder.glob("scripts/betrayed/*.py"), project.folder / "config.yaml"]:
        os.utime(path)
    assert project.planned() == {}


@pytest.mark.parametrize(
    ("module", "since"),
    [
        ("pixels.py", "objects"),
        ("affinity.py", "objects"),
        ("merge_tree.py", "tracks"),
        ("clustering.py", "tracks"),
        ("losses.py", "training"),
        ("backbone.py", "features"),
    ],
)
def test_an_edited_module_reruns_the_stage_that_uses_it(project, module, since):
    path = project.folder / "scripts" / "betrayed" / module
    path.write_text(path.read_text() + "\n# edited\n")
    plan = project.planned()
    expected = {
        "objects": "select_objects",
        "tracks": "cluster_tracks",
        "training": "train_block",
        "features": "cache_features",
    }
    before = {
        "objects": {"cluster_tracks", "measure_motion", "cache_features"},
        "tracks": {"train_block", "cache_features", "export_attention"},
        "training": {"cache_features"},
        "features": {"extract_frames"},
    }
    assert expected[since] in plan
    assert "collect_tables" in plan
    assert not before[since] & set(plan)


def test_two_settings_side_by_side_keep_both_results(project):
    first = rows(project)
    project.change({"runs": {"default": {}, "fine": {"clustering": {"tau": 0.01}}}})
    plan = project.planned()
    assert "train_block" not in plan
    assert "export_attention" not in plan
    assert plan["cluster_tracks"] == 3
    project.run()
    both = rows(project)
    assert [row for row in both if row["run"] == "default"] == first
    assert len([row for row in both if row["run"] == "fine"]) == len(first)
    assert len({row["run"] for row in rows(project, "runs")}) == 2
    assert project.planned() == {}


def plain_videos(folder, count=3, frames=10):
    """Folders of frames with a square that moves, and their truth."""
    for index in range(count):
        for kind in ("videos", "truth"):
            (folder / kind / f"clip-{index}").mkdir(parents=True)
        noise = np.random.default_rng(index).integers(0, 90, (84, 154, 3), dtype=np.uint8)
        for frame in range(frames):
            image, truth = noise.copy(), np.zeros((84, 154), np.uint8)
            left = 10 + 8 * frame
            image[30:60, left : left + 30] = (220, 60 * index, 40)
            truth[30:60, left : left + 30] = 1
            Image.fromarray(image).save(folder / f"videos/clip-{index}/{frame:05d}.png")
            Image.fromarray(truth).save(folder / f"truth/clip-{index}/{frame:05d}.png")


OWN = {
    "evaluate": ["own"],
    "datasets": {
        "own": {
            "layout": "folder",
            "root": "data/videos",
            "root_variable": None,
            "annotations": "data/truth",
            "instances": None,
            "annotation_kind": "ids",
            "split": None,
            "videos": [],
            "make": None,
        }
    },
    "training": {"dataset": "own", "videos": ["clip-0", "clip-1"]},
}


@pytest.fixture(scope="session")
def own_finished(tmp_path_factory, package):
    project = Project(tmp_path_factory.mktemp("own") / "own", OWN, package)
    plain_videos(project.folder / "data", count=2)
    project.run()
    return project


def test_an_added_video_brings_its_own_chain_and_the_tables(own_finished, tmp_path):
    project = own_finished.copy(tmp_path / "project")
    plain_videos(tmp_path / "more", count=3)
    for kind in ("videos", "truth"):
        shutil.copytree(tmp_path / "more" / kind / "clip-2", project.folder / f"data/{kind}/clip-2")
    text = project.run()
    assert "train_block" not in text
    counts = {}
    for line in text.splitlines():
        if line.startswith(("rule ", "localrule ", "checkpoint ")):
            rule = line.split()[1].rstrip(":")
            counts[rule] = counts.get(rule, 0) + 1
    per_video = {"extract_frames", "measure_motion", "cache_features", "export_attention"}
    per_video |= {*CHAIN["objects"], *CHAIN["tracks"]}
    assert {rule: counts.get(rule) for rule in per_video} == dict.fromkeys(per_video, 1)
    assert counts["collect_tables"] == 1
    assert {row["video"] for row in rows(project)} == {"clip-0", "clip-1", "clip-2", "all"}


def test_a_changed_frame_reruns_that_video_only(own_finished, tmp_path):
    project = own_finished.copy(tmp_path / "project")
    folder = project.folder / "data/videos/clip-1"
    image = Image.open(folder / "00003.png").transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    image.save(folder / "new.png")
    (folder / "new.png").replace(folder / "00003.png")
    plan = project.planned()
    assert plan["extract_frames"] == 1


def test_killed_in_the_middle_of_every_stage_it_gives_the_same_tables(finished, tmp_path, package):
    """One project, killed in each stage in turn: every run goes on past where the last one died."""
    project = Project(tmp_path / "project", package=package)
    stages = (
        "make_dataset extract_frames cache_features train_block export_attention cluster_tracks "
        "select_objects draw_pictures score_video"
    )
    for program in stages.split():
        # Training is killed once it has left a checkpoint, however long that takes.
        training = program == "train_block"
        usual = math.inf if training else finished.usual_seconds(program)
        project.run_and_kill(program, usual)
        if training:
            assert len(list(project.folder.glob("results/blocks/*/checkpoint.pt"))) == 1
    text = project.run()
    assert "rule train_block" not in text
    assert project.tables() == finished.tables()
    assert project.planned() == {}
    logs = project.folder.glob("results/logs/train_block/*.log")
    assert "goes on after step" in next(logs).read_text()
    name = next(finished.folder.glob("results/blocks/*/training.csv")).relative_to(finished.folder)
    assert (project.folder / name).read_bytes() == (finished.folder / name).read_bytes()


@pytest.mark.parametrize(
    ("program", "gone"),
    [
        ("measure_motion", ["made/motion", "made/masks", "made/scores", "pictures", "tables"]),
        ("collect_tables", ["tables"]),
    ],
)
def test_killed_in_a_stage_by_itself_it_gives_the_same_tables(project, finished, program, gone):
    """Motion is measured beside other stages in an order that is free; tables are made in one."""
    usual = project.usual_seconds(program)
    for folder in gone:
        shutil.rmtree(project.folder / "results" / folder)
    project.run_and_kill(program, usual)
    project.run()
    assert project.tables() == finished.tables()


def test_the_same_seed_gives_the_same_tables_byte_for_byte(finished, tmp_path, package):
    again = Project(tmp_path / "again", package=package)
    again.run()
    assert again.tables() == finished.tables()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clustering": {"tao": 1}}, "clustering: unknown key 'tao'"),
        ({"training": {"steps": "many"}}, "training.steps: must be integer"),
        ({"clustering": {"tau": -1.0}}, "clustering.tau: must be more than 0"),
    ],
)
def test_a_bad_configuration_is_refused_before_any_job(tmp_path, settings, message):
    project = Project(tmp_path / "project", settings)
    text = project.run(check=False)
    assert message in text
    assert not (project.folder / "results").exists()


def test_a_bad_video_stops_only_its_own_chain(own_finished, tmp_path):
    project = own_finished.copy(tmp_path / "project")
    plain_videos(tmp_path / "more", count=4)
    for clip in ("clip-2", "clip-3"):
        for kind in ("videos", "truth"):
            shutil.copytree(tmp_path / "more" / kind / clip, project.folder / f"data/{kind}/{clip}")
    (project.folder / "data/videos/clip-2/00004.png").unlink()
    text = project.run("--keep-going", check=False)
    assert "clip-2" in text
    assert "4" in text
    assert not list(project.folder.glob("results/own/features/*/clip-2.h5"))
    assert list(project.folder.glob("results/own/scores/*/clip-3.csv"))


def test_a_features_file_cut_short_is_refused_by_name(project):
    path = next(project.folder.glob("results/made/features/*/*.h5"))
    os.truncate(path, path.stat().st_size // 2)
    shutil.rmtree(project.folder / "results/made/attention")
    text = project.run("--keep-going", check=False)
    assert f"{Path(path).name} is not a whole HDF5 file" in text


def test_a_second_snakemake_in_the_same_folder_is_refused(project):
    from betrayed.workplace import claim

    kept = claim(project.folder / ".snakemake")
    project.change({"clustering": {"tau": 0.2}})
    assert "Another snakemake is at work" in project.run(check=False)
    kept.close()


def test_only_what_a_method_needs_is_planned(tmp_path):
    """From the start: the paper's measures no motion, and has features at one size alone."""
    project = Project(tmp_path / "project", {"refinement": {"height": 126, "width": 224}})
    project.run("results/made/videos.csv")
    better = project.planned()
    assert (better["measure_motion"], better["cache_features"]) == (3, 6)
    project.change({"method": "paper"})
    paper = project.planned()
    assert "measure_motion" not in paper
    assert (paper["select_objects"], paper["cache_features"]) == (3, 3)
    # Side by side: the features once, a block and tracks for each.
    project.change({"method": "better", "runs": {"default": {}, "paper": {"method": "paper"}}})
    both = project.planned()
    assert (both["measure_motion"], both["cache_features"], both["train_block"]) == (3, 6, 2)
    assert both["cluster_tracks"] == both["select_objects"] == 6
    project.change({"training": {"output_dropout": "attention"}})
    assert project.planned()["cluster_tracks"] == 3
    project.change({"runs": {"paper": {"method": "papers"}}})
    text = project.run("--dry-run", check=False)
    assert "runs.paper: method: must be one of 'better', 'paper', not 'papers'" in text


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
    assert clustering == {"tau": 1.0, "window": 3, "key_frame_ratio": 10}
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
    # Three seeds at each size; two losses, the weight, two of steps, two of views, the dropout
    # (which the paper's runs have too), and keys.
    assert plan["train_block"] == 6 + 9
    # And clusterings of their own: three taus, two ratios, the paper's two.
    assert plan["cluster_tracks"] == 2 * (15 + 7)
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
