"""What is refused before a run: each fault with its key, and all of them at once."""

import copy

import pytest
import torch
import yaml
from safetensors.torch import save_file

from betrayed.config import known_backbones, run_checks
from betrayed.config.checks import check
from betrayed.config.merging import merged
from betrayed.config.runs import runs
from betrayed.errors import UserError
from support.configurations import DEFAULT, changed
from support.paths import ROOT

FILE = {"source": "file", "path": "nowhere.pth", "sha256": None}


def faults(*changes):
    """What is wrong with a changed configuration, a line a fault."""
    with pytest.raises(UserError) as error:
        check(changed(*changes), lambda *_: ())
    head, *lines = str(error.value).splitlines()
    assert head == "The configuration cannot be used:"
    assert all(line.startswith("  - ") for line in lines)
    return [line.removeprefix("  - ") for line in lines]


def test_the_default_configuration_and_every_preset_are_sound():
    check(DEFAULT)
    presets = sorted((ROOT / "presets").glob("*.yaml"))
    assert presets
    for preset in presets:
        check(merged(DEFAULT, yaml.safe_load(preset.read_text())))


def test_what_was_left_out_is_filled_in_and_numbers_have_one_form():
    config = changed(("runs.other", None), ("training.mlp_ratio", 4))
    config["datasets"]["mine"] = {"root": "here"}
    del config["objects"]["levels"], config["scoring"]["level"]
    sound = check(config)
    assert sound["datasets"]["mine"] == {
        **DEFAULT["datasets"]["videos"],
        "root": "here",
        "root_variable": None,
        "benchmark": None,
    }
    assert (sound["objects"]["levels"], sound["scoring"]["level"]) == (4, "objects")
    assert isinstance(sound["training"]["mlp_ratio"], float)
    one, other = runs(config)[0], runs(DEFAULT)[0]
    assert one.run == other.run


def test_a_key_with_dots_is_told_as_it_is_written():
    with pytest.raises(UserError, match=r"write datasets: \{made: \{split: …\}\}"):
        check({**DEFAULT, "datasets.made.split": "x"})


def test_random_stories_may_be_many():
    make = DEFAULT["datasets"]["made"]["make"]
    check(changed(("datasets.made.make", {**make, "stories": "random", "clips": 300})))


# Every case is the one fault of its configuration.
@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        # Keys
        ("clustering.tao", 1, "clustering: unknown key 'tao'; did you mean 'tau'? known: tau, win"),
        ("colour", 1, "unknown key 'colour'; known: evaluate, datasets, method"),
        ("tau", 1, "unknown key 'tau'; did you mean 'clustering.tau'?"),
        ("runs.low", {"clustering.tau": 1}, "runs.low: unknown key 'clustering.tau'; write clus"),
        ("featurs", {}, "unknown key 'featurs'; did you mean 'features'? known: evaluate"),
        ("runs.low", {"scoring": {}}, "runs.low: unknown key 'scoring'; known: method, seed"),
        ("runs.low", {"tau": 1}, "runs.low: unknown key 'tau'; did you mean 'clustering.tau'?"),
        ("runs.low", {"clustering": {"tao": 1}}, "runs.low: clustering: unknown key 'tao'"),
        ("datasets.made.make.seeds", 1, "datasets.made.make: unknown key 'seeds'; did you mean"),
        ("datasets.made.lay", 1, "datasets.made: unknown key 'lay'; did you mean 'layout'?"),
        # Types and ranges
        ("clustering.tau", "1e-4", "clustering.tau: must be a number, not '1e-4' (YAML reads 1e-4"),
        ("clustering.tau", 0, "clustering.tau: must be more than 0, not 0"),
        ("clustering.tau", float("nan"), "clustering.tau: must be a finite number"),
        ("runs.low", {"clustering": {"tau": 0}}, "runs.low: clustering.tau: must be more than 0"),
        ("runs.low", {"clustering": 3}, "runs.low: clustering: must be a section of settings"),
        ("runs.low", 3, "runs.low: must be a section of settings, not 3"),
        ("clustering", None, "clustering: must be a section of settings, not null"),
        ("datasets", [], "datasets: must be a section of settings, not []"),
        ("runs", {}, "runs: must have at least one entry"),
        ("seed", -1, "seed: must be at least 0, not -1"),
        ("pictures.draw", "yes", "pictures.draw: must be true or false, not 'yes'"),
        ("pictures", False, "pictures: must be a section of settings, not false"),
        ("exports.formats", ["cocoa"], "exports.formats"),
        ("training.steps", 0, "training.steps: must be at least 1, not 0"),
        ("training.steps", 1.5, "training.steps: must be a whole number, not 1.5"),
        ("training.dropout", 0.995, "training.dropout: must be at most 0.99, not 0.995"),
        (
            "training.attention_dropout",
            1,
            "training.attention_dropout: must be at most 0.99, not 1",
        ),
        ("training.positive_margin", 2, "training.positive_margin: must be at most 1, not 2"),
        ("training.views", 101, "training.views: must be at most 100, not 101"),
        ("features.facet", "keys", "features.facet: must be one of 'key', 'query'"),
        (
            "method",
            "papers",
            "method: must be one of 'better', 'paper', not 'papers'; did you mean",
        ),
        ("runs.low", {"method": "papers"}, "runs.low: method: must be one of 'better', 'paper'"),
        ("objects.choice", "colour", "objects.choice: must be one of 'cues', 'size'"),
        ("objects.pixels", True, "objects.pixels: must be one of 'grabcut', 'none', not true"),
        ("objects.part_distance", 3, "objects.part_distance: must be at most 2, not 3"),
        ("objects.instances", "cut", "objects.instances: must be one of 'combined', 'trajectories"),
        ("objects.least_instances", 0, "objects.least_instances: must be at least 1, not 0"),
        ("objects.most_instances", 255, "objects.most_instances: must be at most 254, not 255"),
        ("objects.split", "low", "objects.split: must be a number, not 'low'"),
        ("scoring.level", "tracks", "scoring.level: must be one of 'objects', 'parts'"),
        ("scoring.protocols", [], "scoring.protocols: must name at least one protocol"),
        (
            "scoring.protocols",
            ["davis2016"] * 2,
            "scoring.protocols: has 'davis2016' more than once",
        ),
        ("scoring.scorer", "own", "scoring.scorer: must be one of 'built-in', 'davis2017-eval"),
        ("weights.sha256", "abc", "weights.sha256: must be of the form ^[0-9a-f]{64}$, not 'abc'"),
        ("datasets.made.protocols", ["J"], "datasets.made.protocols.0: must be one of 'davis2016'"),
        ("datasets.made.protocols", [], "datasets.made.protocols: must name at least one"),
        ("datasets.made.make.clips", 7, "datasets.made.make.clips: must be at most 6 when stories"),
        # Settings that contradict one another
        (
            "training",
            {**DEFAULT["training"], "semantic_weight": 0, "motion_weight": 0},
            "training.motion_weight: one of both losses must count: semantic_weight is 0, too",
        ),
        ("training.semantic_weight", 0, None),
        ("training.warmup_steps", 240, "training.warmup_steps: must be less than steps (240)"),
        ("training.warmup_steps", 239, None),
        ("motion.cell", 300, "motion.cell: must be at most height (240), not 300"),
        ("training.final_learning_rate", 0.5, "training.final_learning_rate: must not exceed"),
        ("objects.most_instances", 0, "objects.most_instances: must be at least 1, not 0"),
        ("objects.least_instances", 11, "objects.most_instances: must be at least least_instances"),
        (
            "objects.part_split",
            -1,
            "objects.part_split: must be at least split (-0.5), since parts",
        ),
        ("refinement.height", 448, "refinement.width: give height and width, or null for both"),
        ("runs.low", {"refinement": {"width": 448}}, "runs.low: refinement.width: give height and"),
        ("objects.max_objects", 254, None),
        ("objects.max_objects", 255, "objects.max_objects: must be at most 254, not 255"),
        # Data sets
        (
            "evaluate",
            ["mode"],
            "evaluate: 'mode' is not described under datasets; did you mean 'mad",
        ),
        ("evaluate", [], "evaluate: must name at least one data set"),
        (
            "training.dataset",
            "mode",
            "training.dataset: 'mode' is not described under datasets; did",
        ),
        (
            "datasets.made.root",
            "here",
            "datasets.made.root: of a data set that is made it must be r",
        ),
        (
            "datasets.made.annotations",
            "here",
            "datasets.made.annotations: of a data set that is made it must be resources/made/anno",
        ),
        ("datasets.made.annotations", None, None),
        ("datasets.made.layout", "youtube_vos", "datasets.made.layout: of a data set that is"),
        ("datasets.videos.root", "", "datasets.videos.root: must be given: the folder"),
        (
            "datasets.videos.layout",
            "davis",
            "datasets.videos.split: layout 'davis' needs one, such",
        ),
        ("datasets.videos.layout", "fbms", "datasets.videos.split: layout 'fbms' needs one, such"),
        (
            "datasets.videos.protocols",
            ["davis2016"],
            "datasets.videos.protocols: nothing is scored",
        ),
        (
            "datasets.tables",
            {"root": "x"},
            "datasets.tables: results/tables is taken; call the data",
        ),
        ("datasets.a/b", {"root": "x"}, "datasets: the name 'a/b' becomes part of paths"),
        ("runs.a b", {}, "runs: the name 'a b' becomes part of paths"),
        # Files
        ("weights", FILE, "weights.path: there is no file nowhere.pth"),
        ("weights", {**FILE, "path": None}, "weights.path: must name a file when source is 'file'"),
        (
            "weights.path",
            "x.pth",
            "weights.path: belongs to source 'file', but the source is 'pack",
        ),
        ("weights.sha256", "0" * 64, "weights.sha256: the package is verified without it"),
        ("training.checkpoint", "none.pt", "training.checkpoint: there is no file none.pt"),
        (
            "runs.low",
            {"training": {"checkpoint": "x.pt"}},
            "runs.low: training.checkpoint: there is",
        ),
        # What the backbone cannot do
        (
            "features.height",
            225,
            "features.height: must be a multiple of 14, the patch size of vit_s",
        ),
        (
            "training.width",
            390,
            "training.width: must be a multiple of 14, the patch size of vit_sma",
        ),
        (
            "training.height",
            3,
            "training.height: must be a multiple of 14, the patch size of vit_sma",
        ),
        ("refinement", {"height": 448, "width": 700}, None),
        ("refinement", {"height": 448, "width": 701}, "refinement.width: must be a multiple of 14"),
        (
            "training.heads",
            7,
            "training.heads: must divide 384, the width of vit_small_patch14_dinov",
        ),
        (
            "features.layer",
            12,
            "features.layer: vit_small_patch14_dinov2 has 12 blocks: must be from",
        ),
        ("features.layer", -13, "features.layer: vit_small_patch14_dinov2 has 12 blocks: must be"),
        ("features.layer", -12, None),
        # What made videos cannot give
        (
            "training.stride",
            12,
            "training.frames: a clip of 3 frames with stride 12 is 25 frames lo",
        ),
        ("training.stride", 11, None),
    ],
)
def test_a_fault_is_named_with_what_is_allowed(path, value, fault):
    if fault is None:
        check(changed((path, value)))
    else:
        (found,) = faults((path, value))
        assert found.startswith(fault)


def test_near_multiples_of_the_patch_are_given():
    assert "such as 224 or 238, not 225" in faults(("features.height", 225))[0]
    assert "such as 14, not 3" in faults(("training.height", 3))[0]


@pytest.mark.parametrize(
    ("backbone", "fault"),
    [
        (
            "vit_smal_patch14_dinov2",
            "timm has no ViT called 'vit_smal_patch14_dinov2' that the met",
        ),
        (
            "vit_small_patch14_dinov2.x",
            "timm has no weights of vit_small_patch14_dinov2 called 'x'",
        ),
        ("resnet50", "timm has no ViT called 'resnet50' that the method can use; look for names w"),
    ],
)
def test_backbones_that_there_are_not_are_refused_with_close_names(backbone, fault):
    found = faults(("features.backbone", backbone), ("weights.source", "hub"))
    assert [one.partition(f"features.backbone: {fault}")[0] for one in found] == [""]
    if "smal_" in backbone:
        assert "close names: vit_small_patch14_dinov2" in found[0]


def test_the_package_has_one_backbone():
    (found,) = faults(("features.backbone", "vit_base_patch14_dinov2.lvd142m"))
    assert found.startswith("weights.source: 'package' has vit_small_patch14_dinov2, not vit_base")


def test_a_facet_that_the_backbone_lacks_is_refused(monkeypatch):
    known = known_backbones.Backbone("vit_odd", 14, 12, 384, ("token",))
    monkeypatch.setattr(run_checks, "find_backbone", lambda name: known)
    (found,) = faults(("features.facet", "key"))
    assert found == "features.facet: vit_odd has no 'key' that the block can take; it has: 'token'"


def test_what_is_not_known_of_a_backbone_is_left_to_the_job(monkeypatch):
    monkeypatch.setattr(run_checks, "find_backbone", lambda name: None)
    check(changed(("features.height", 225), ("training.heads", 7)))


def test_a_checkpoint_is_taken_whatever_the_training_says(tmp_path):
    (tmp_path / "block.pt").touch()
    given = ("training.checkpoint", str(tmp_path / "block.pt"))
    unused = ("training.dataset", "none"), ("training.heads", 7), ("training.width", 390)
    check(changed(given, *unused))
    assert len(faults(*unused)) == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.pth", b"<!DOCTYPE html>"),
        ("empty.pt", b""),
        ("config.yaml", b"seed: 0\n"),
        ("short.safetensors", b"\x10\0\0\0\0\0\0\0"),
    ],
)
def test_a_file_that_holds_no_tensors_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    path = str(tmp_path / name)
    (fault,) = faults(("weights", {**FILE, "path": path}))
    assert fault.startswith(f"weights.path: {path} is no file of torch (.pt, .pth) or of safeten")
    (fault,) = faults(("training.checkpoint", path))
    assert fault.startswith(f"training.checkpoint: {path} is no file of torch (.pt, .pth); a down")


def test_files_as_torch_and_safetensors_write_them_are_taken(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "new.pth")
    torch.save({"a": torch.zeros(1)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file({"a": torch.zeros(1)}, tmp_path / "some.safetensors")
    for name in ("new.pth", "old.pth", "some.safetensors"):
        config = changed(("weights", {**FILE, "path": str(tmp_path / name)}))
        check(config, lambda *_: ())


def test_the_disk_is_not_looked_at_for_a_data_set_with_faults():
    """What is looked for there may be what is wrong."""
    config = changed(("datasets.made.make.clips", 7), ("datasets.videos.split", 3))
    config["evaluate"] = ["made", "videos", "davis2016-val"]
    looked = []

    def missing(name, dataset):
        looked.append(name)
        return [f"{name}: not there"]

    with pytest.raises(UserError) as error:
        check(config, missing)
    assert looked == ["davis2016-val"]
    assert str(error.value).count("\n") == 3


def test_what_was_found_before_is_named_with_the_rest():
    with pytest.raises(UserError) as error:
        check(changed(("seed", -1)), lambda *_: (), ["mine.yaml, line 3: …"])
    assert str(error.value).splitlines()[1:] == [
        "  - mine.yaml, line 3: …",
        "  - seed: must be at least 0, not -1",
    ]


def test_cues_without_a_weight_are_refused():
    none = [("objects.motion_weight", 0), ("objects.attention_weight", 0)]
    (found,) = faults(*none, ("objects.border_weight", 0))
    assert found == "objects.border_weight: one of the cues' weights must be above 0"
    assert DEFAULT["objects"]["local_motion_weight"] > 0  # goes with a score, and is none
    check(changed(*none, ("objects.border_weight", 0.1)))


def test_every_fault_of_all_sections_and_runs_is_named_at_once():
    """The faults of the issue that asked for this, all in one configuration."""
    found = faults(
        ("training.dropout", 0.995),
        ("training.heads", 7),
        ("motion.cell", 300),
        ("features.height", 225),
        ("training.dataset", "mad"),
        ("datasets.davis2016-val.layout", "davs"),
        ("colour", 1),
        ("runs.low", {"clustering": {"tau": 0}}),
        ("runs.other", {"training": {"checkpoint": "gone.pt"}}),
    )
    starts = [
        "unknown key 'colour'",
        "training.dropout: must be at most 0.99",
        "motion.cell: must be at most height",
        "datasets.davis2016-val.layout: must be one of",
        "features.height: must be a multiple of 14",
        "runs.low: clustering.tau: must be more than 0",
        "runs.other: training.checkpoint: there is no file gone.pt",
        "training.heads: must divide 384",
        "training.dataset: 'mad' is not described",
    ]
    assert sorted(next((s for s in starts if f.startswith(s)), f) for f in found) == sorted(starts)


def test_a_fault_of_many_runs_is_one_line():
    sweep = {f"low-{n}": {"clustering": {"tau": 0}, "seed": n} for n in range(7)}
    (found,) = faults(("runs", sweep))
    assert found == (
        "runs.low-0, runs.low-1, runs.low-2, runs.low-3 and 3 more: clustering.tau: must be more "
        "than 0, not 0"
    )


def test_data_sets_that_are_used_are_looked_for_and_no_others():
    looked = []

    def missing(name, dataset):
        looked.append((name, dataset["layout"]))
        return [f"{name}: gone"] if name == "videos" else []

    used = {"training": {"dataset": "davis2016-train"}}
    config = changed(("evaluate", ["made", "videos"]), ("runs", {"a": None, "b": used}))
    with pytest.raises(UserError, match=r"cannot be used:\n  - videos: gone$"):
        check(config, missing)
    assert looked == [("made", "folder"), ("videos", "folder"), ("davis2016-train", "davis")]


def test_the_configuration_is_left_as_it_was():
    config = changed(("method", "paper"), ("runs.low", {"clustering": {"tau": 1}}))
    before = copy.deepcopy(config)
    check(config)
    assert config == before
