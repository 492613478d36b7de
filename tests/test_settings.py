import copy
from pathlib import Path

import pytest
import yaml

from betrayed import settings
from betrayed.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
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


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("clustering.tao", 1, r"clustering: unknown key 'tao'; known: tau, window, key_frame"),
        ("colour", 1, "the configuration: unknown key 'colour'; known: evaluate, datasets"),
        ("clustering.tau", "1e-4", r"clustering.tau: must be number, not '1e-4' .*write 1.0e-4"),
        ("clustering.tau", 0, "clustering.tau: must be more than 0, not 0"),
        ("training.steps", 0, "training.steps: must be at least 1, not 0"),
        ("training.steps", 1.5, "training.steps: must be integer, not 1.5"),
        ("training.dropout", 1, "training.dropout: must be less than 1, not 1"),
        ("features.facet", "keys", "features.facet: must be one of 'key', 'query'"),
        ("evaluate", ["mode"], r"data set 'mode' is named but not described .*\(there: made\)"),
        ("weights.source", "file", "weights.path: must name a file"),
        ("training.final_learning_rate", 0.5, "final_learning_rate: must not exceed"),
        ("datasets.made.layout", "davis", "datasets.made.split: layout 'davis' needs one"),
        ("datasets.made.root", "here", "datasets.made.root: a data set that is made lies in"),
        ("runs.a/b", {}, "runs"),
        ("runs.low", {"clustering": {"tau": -1}}, "runs.low: clustering.tau: must be more than 0"),
        ("runs.low", {"clustering": {"tao": 1}}, "runs.low: clustering: unknown key 'tao'"),
        ("runs.low", {"scoring": {}}, "runs.low: unknown key 'scoring'; known: seed, weights"),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(path, value, message):
    with pytest.raises(UserError, match=message):
        settings.check(changed(path, value), SCHEMA)


def test_every_problem_is_named_at_once():
    config = changed("clustering.tau", 0)
    config["training"]["steps"] = 0
    with pytest.raises(UserError, match=r"clustering.tau(.|\n)*training.steps"):
        settings.check(config, SCHEMA)


# What each setting may change, from the first stage that depends on it: everything after it too.
STAGES = ("weights", "backbone", "training_backbone", "block", "motion", "clusters", "run")


@pytest.mark.parametrize(
    ("path", "value", "first_changed"),
    [
        ("clustering.tau", 0.2, {"clusters", "run"}),
        ("clustering.key_frame_ratio", 5, {"clusters", "run"}),
        ("objects.max_objects", 3, {"run"}),
        ("motion.height", 120, {"motion", "run"}),
        ("training.learning_rate", 2e-4, {"block", "clusters", "run"}),
        ("training.videos", ["a"], {"block", "clusters", "run"}),
        ("seed", 1, {"block", "clusters", "run"}),
        ("features.height", 448, {"backbone", "clusters", "run"}),
        ("training.views", 2, {"training_backbone", "block", "clusters", "run"}),
        ("features.facet", "key", {"backbone", "training_backbone", "block", "clusters", "run"}),
        ("weights.sha256", "0" * 64, set(STAGES) - {"motion"}),
        ("scoring.protocols", ["davis2016"], set()),
        ("pictures", False, set()),
    ],
)
def test_a_setting_changes_the_identifiers_of_what_depends_on_it(path, value, first_changed):
    before, after = only_run(), only_run(path, value)
    assert {s for s in STAGES if getattr(before, s) != getattr(after, s)} == first_changed


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
