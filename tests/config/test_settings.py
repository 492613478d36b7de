import copy

import pytest
import yaml

from betrayed.config import settings
from betrayed.errors import UserError
from support.paths import ROOT

SCHEMA = yaml.safe_load((ROOT / "rules/schema.yaml").read_text())
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def changed(path, value):
    """The default configuration with one dotted key set."""
    config = copy.deepcopy(DEFAULT)
    place = config
    *parents, last = path.split(".")
    for part in parents:
        place = place[part]
    place[last] = value
    return config


def only_run(path=None, value=None):
    config = changed(path, value) if path else DEFAULT
    return settings.runs(config)[0]


def test_the_default_configuration_and_every_preset_are_valid():
    settings.check(DEFAULT, SCHEMA)
    presets = sorted((ROOT / "presets").glob("*.yaml"))
    assert presets
    for preset in presets:
        overlay = yaml.safe_load(preset.read_text())
        settings.check(settings._merged(DEFAULT, overlay), SCHEMA)


def test_random_stories_may_be_many():
    make = DEFAULT["datasets"]["made"]["make"]
    many = {**make, "stories": "random", "clips": 300}
    settings.check(changed("datasets.made.make", many), SCHEMA)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("clustering.tao", 1, r"clustering: unknown key 'tao'; known: tau, window, key_frame"),
        ("colour", 1, "the configuration: unknown key 'colour'; known: evaluate, datasets"),
        ("clustering.tau", "1e-4", r"clustering.tau: must be number, not '1e-4' .*write 1.0e-4"),
        ("clustering.tau", 0, "clustering.tau: must be more than 0, not 0"),
        ("training.steps", 0, "training.steps: must be at least 1, not 0"),
        ("datasets.made.make.clips", 7, "datasets.made.make.clips: must be at most 6, not 7"),
        ("training.steps", 1.5, "training.steps: must be integer, not 1.5"),
        ("training.dropout", 1, "training.dropout: must be less than 1, not 1"),
        ("features.facet", "keys", "features.facet: must be one of 'key', 'query'"),
        ("method", "papers", "method: must be one of 'better', 'paper', not 'papers'"),
        ("runs.low", {"method": "papers"}, "runs.low: method: must be one of 'better', 'paper'"),
        ("refinement.height", 448, "refinement: give height and width, or null for both"),
        ("runs.low", {"refinement": {"width": 448}}, "runs.low: refinement: give height and width"),
        ("device", "gpu", "device: must be one of 'auto', 'cpu', 'cuda', not 'gpu'"),
        ("features.precision", "mixed", "features.precision: must be one of 'auto', 'float32'"),
        ("features.batch_size", 0, "features.batch_size: must be at least 1, not 0"),
        ("clustering.memory_gb", 0, "clustering.memory_gb: must be more than 0, not 0"),
        ("objects.choice", "colour", "objects.choice: must be one of 'cues', 'size'"),
        ("objects.pixels", True, "objects.pixels: must be one of 'grabcut', 'none', not True"),
        ("objects.part_distance", 3, "objects.part_distance: must be at most 2, not 3"),
        ("objects.instances", "cut", "objects.instances: must be one of 'combined', 'trajectories"),
        ("objects.least_instances", 0, "objects.least_instances: must be at least 1, not 0"),
        ("objects.most_instances", 255, "objects.most_instances: must be at most 254, not 255"),
        ("objects.split", "low", "objects.split: must be number, not 'low'"),
        ("scoring.level", "tracks", "scoring.level: must be one of 'objects', 'parts'"),
        ("evaluate", ["mode"], r"'mode' is named but not described .*\(there: made, videos, davis"),
        ("weights.source", "file", "weights.path: must name a file"),
        ("training.final_learning_rate", 0.5, "final_learning_rate: must not exceed"),
        ("datasets.made.layout", "davis", "datasets.made.split: layout 'davis' needs one"),
        ("datasets.made.root", "here", "datasets.made.root: a data set that is made lies in"),
        ("datasets.made.protocols", ["J"], "datasets.made.protocols.0: must be one of 'davis2016'"),
        ("datasets.made.protocols", [], "datasets.made.protocols: "),
        ("datasets.videos.protocols", ["davis2016"], "nothing is scored without annotations"),
        ("scoring", {"protocols": ["davis2016"]}, "scoring: 'max_proposals' is missing"),
        ("runs.a/b", {}, "runs"),
        ("runs.low", {"clustering": {"tau": -1}}, "runs.low: clustering.tau: must be more than 0"),
        ("runs.low", {"clustering": {"tao": 1}}, "runs.low: clustering: unknown key 'tao'"),
        ("runs.low", {"scoring": {}}, "runs.low: unknown key 'scoring'; known: method, seed"),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(path, value, message):
    with pytest.raises(UserError, match=message):
        settings.check(changed(path, value), SCHEMA)


def test_a_data_set_is_scored_by_its_own_protocols():
    config = changed("datasets.made.protocols", ["davis2016"])
    assert settings.scoring_settings(config, "made") == {
        **DEFAULT["scoring"],
        "protocols": ["davis2016"],
    }
    assert settings.scoring_settings(DEFAULT, "made") == DEFAULT["scoring"]


def test_every_problem_is_named_at_once():
    config = changed("clustering.tau", 0)
    config["training"]["steps"] = 0
    with pytest.raises(UserError, match=r"clustering.tau(.|\n)*training.steps"):
        settings.check(config, SCHEMA)


# What each setting may change, from the first stage that depends on it: everything after it too.
STAGES = (
    "weights",
    "backbone",
    "fine_backbone",
    "training_backbone",
    "block",
    "motion",
    "clusters",
    "run",
)


@pytest.mark.parametrize(
    ("path", "value", "first_changed"),
    [
        ("clustering.tau", 0.2, {"clusters", "run"}),
        ("clustering.key_frame_ratio", 5, {"clusters", "run"}),
        ("clustering.approximate", 2, {"clusters", "run"}),
        ("clustering.memory_gb", 8, set()),  # changes nothing
        ("features.batch_size", 8, set()),  # rounding
        ("device", "cpu", set()),  # rounding
        ("features.precision", "bfloat16", set(STAGES) - {"weights", "motion"}),
        ("training.deterministic", True, {"block", "clusters", "run"}),
        ("objects.max_objects", 3, {"run"}),
        ("objects.choice", "size", {"run"}),
        ("objects.pixels", "none", {"run"}),
        ("objects.levels", 1, {"run"}),
        ("objects.instances", "appearance", {"run"}),
        ("objects.split", 0, {"run"}),
        ("scoring.level", "parts", set()),
        ("refinement", {"height": 448, "width": 784}, {"fine_backbone", "run"}),
        ("method", "paper", {"block", "clusters", "run"}),  # it drops attention in another way
        ("motion.height", 120, {"motion", "run"}),
        ("training.learning_rate", 2e-4, {"block", "clusters", "run"}),
        ("training.videos", ["a"], {"block", "clusters", "run"}),
        ("seed", 1, {"block", "clusters", "run"}),
        ("features.height", 448, {"backbone", "fine_backbone", "clusters", "run"}),
        ("training.views", 2, {"training_backbone", "block", "clusters", "run"}),
        ("features.facet", "key", set(STAGES) - {"weights", "motion"}),
        ("weights.sha256", "0" * 64, set(STAGES) - {"motion"}),
        ("scoring.protocols", ["davis2016"], set()),
        ("pictures", False, set()),
    ],
)
def test_a_setting_changes_the_identifiers_of_what_depends_on_it(path, value, first_changed):
    before, after = only_run(), only_run(path, value)
    assert {s for s in STAGES if getattr(before, s) != getattr(after, s)} == first_changed


def test_cues_without_a_weight_are_refused():
    config = changed("objects.motion_weight", 0)
    config["objects"] |= {"attention_weight": 0, "interior_weight": 0}
    assert config["objects"]["local_motion_weight"] > 0  # goes with a score, and is none
    with pytest.raises(UserError, match="objects: one of the cues' weights must be above 0"):
        settings.check(config, SCHEMA)
    config["objects"]["interior_weight"] = 0.1
    settings.check(config, SCHEMA)


def test_the_papers_method_wins_over_what_a_run_says():
    own = {
        "method": "paper",
        "training": {"output_dropout": "key", "steps": 7},
        "refinement": {"height": 448, "width": 784},
        "objects": {"choice": "cues", "pixels": "grabcut", "max_objects": 9},
        "clustering": {"tau": 1.0},
    }
    config = changed("runs", {"better": {}, "paper": own})
    settings.check(config, SCHEMA)
    better, paper = settings.runs(config)
    assert paper.settings["training"]["output_dropout"] == "attention"
    assert paper.settings["refinement"] == {"height": None, "width": None}
    objects = paper.settings["objects"]
    assert (objects["choice"], objects["pixels"]) == ("size", "none")
    # What the paper leaves open is the run's own.
    assert paper.settings["training"]["steps"] == 7
    assert (objects["max_objects"], paper.settings["clustering"]["tau"]) == (9, 1.0)
    assert better.settings == {name: DEFAULT[name] for name in settings.RUN_SECTIONS}
    assert (better.flat()["method"], paper.flat()["method"]) == ("better", "paper")
    assert settings.PAPER["objects"] == {"choice": "size", "pixels": "none"}  # still


def test_a_run_may_leave_the_papers_method():
    config = changed("method", "paper")
    config["runs"] = {"paper": None, "better": {"method": "better"}}
    settings.check(config, SCHEMA)
    paper, better = settings.runs(config)
    assert paper.settings["objects"]["choice"] == "size"
    assert better.settings["objects"] == DEFAULT["objects"]


def test_fine_features_are_those_of_the_tracks_unless_refined():
    plain, fine = only_run(), only_run("refinement", {"height": 448, "width": 784})
    assert plain.fine_features == plain.features
    assert plain.fine_backbone == plain.backbone == fine.backbone
    assert fine.fine_features == {**fine.features, "height": 448, "width": 784}
    # Cached once where another run has features of that size.
    config = changed("features.height", 448)
    config["features"]["width"] = 784
    assert fine.fine_backbone == settings.runs(config)[0].backbone != plain.backbone


def test_the_seed_matters_to_features_only_with_views():
    config = changed("training.views", 2)
    other = copy.deepcopy(config)
    other["seed"] = 1
    one, two = settings.runs(config)[0], settings.runs(other)[0]
    assert one.backbone == two.backbone
    assert one.training_backbone != two.training_backbone


def test_runs_share_what_they_have_in_common():
    config = changed("runs", {"a": {}, "b": {"clustering": {"tau": 0.1}}})
    one, two = settings.runs(config)
    assert (one.block, one.backbone) == (two.block, two.backbone)
    assert one.clusters != two.clusters
    assert one.run.startswith("a-tau0.05-")
    assert two.run.startswith("b-tau0.1-")
    assert two.flat()["clustering.tau"] == 0.1


def test_an_environment_variable_overrides_a_root(monkeypatch):
    dataset = {"root": "here", "root_variable": "SOME_ROOT"}
    monkeypatch.delenv("SOME_ROOT", raising=False)
    assert settings.dataset_root(dataset) == "here"
    monkeypatch.setenv("SOME_ROOT", "there")
    assert settings.dataset_root(dataset) == "there"
    assert settings.dataset_root({**dataset, "root_variable": None}) == "here"
