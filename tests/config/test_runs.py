import copy
import re

import pytest

from betrayed.config.checks import check
from betrayed.config.runs import (
    PAPER,
    RUN_SECTIONS,
    dataset_root,
    digest,
    runs,
    scoring_settings,
)
from betrayed.errors import UserError
from support.configurations import DEFAULT, changed


def only_run(path=None, value=None):
    config = changed((path, value)) if path else DEFAULT
    return runs(config)[0]


def test_a_data_set_is_scored_by_its_own_protocols():
    config = changed(("datasets.made.protocols", ["davis2016"]))
    assert scoring_settings(config, "made") == {
        **DEFAULT["scoring"],
        "protocols": ["davis2016"],
    }
    assert scoring_settings(DEFAULT, "made") == DEFAULT["scoring"]


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


CHANGES = [
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
    ("training.learning_rate", 3e-4, {"block", "clusters", "run"}),
    ("training.videos", ["a"], {"block", "clusters", "run"}),
    ("seed", 1, {"block", "clusters", "run"}),
    ("features.height", 448, {"backbone", "fine_backbone", "clusters", "run"}),
    ("training.views", 2, {"training_backbone", "block", "clusters", "run"}),
    ("features.facet", "key", set(STAGES) - {"weights", "motion"}),
    (
        "weights",
        {"source": "hub", "path": None, "sha256": "0" * 64},
        set(STAGES) - {"motion"},
    ),
    ("scoring.protocols", ["davis2016"], set()),
    ("pictures.style", "outline", set()),
    ("exports.formats", ["coco"], set()),
]


@pytest.mark.parametrize(("path", "value", "first_changed"), CHANGES)
def test_a_setting_changes_the_identifiers_of_what_depends_on_it(path, value, first_changed):
    before, after = only_run(), only_run(path, value)
    assert {s for s in STAGES if getattr(before, s) != getattr(after, s)} == first_changed


def test_every_section_of_a_run_has_a_case():
    sections = {path.partition(".")[0] for path, *_ in CHANGES}
    lost = set(RUN_SECTIONS) - sections
    assert not lost, (
        f"Add to CHANGES a setting of each, and to STAGES the name of its property: {lost}"
    )


# What the makers of a stage are told, by the identifier under which they write.
TOLD = {
    "backbone": "features",
    "fine_backbone": "fine_features",
    "training_backbone": "training_features",
    "block": "training",
    "clusters": "clustering",
}


@pytest.mark.parametrize(("path", "value"), [change[:2] for change in CHANGES])
def test_runs_that_share_an_identifier_tell_its_maker_the_same(path, value):
    before, after = only_run(), only_run(path, value)
    for identifier, told in TOLD.items():
        if getattr(before, identifier) == getattr(after, identifier):
            assert getattr(before, told) == getattr(after, told), identifier


def test_the_papers_method_wins_over_what_a_run_says():
    own = {
        "method": "paper",
        "training": {"output_dropout": "key", "steps": 7},
        "refinement": {"height": 448, "width": 784},
        "objects": {"choice": "cues", "pixels": "grabcut", "max_objects": 9},
        "clustering": {"tau": 1.0},
    }
    config = changed(("runs", {"better": {}, "paper": own}))
    check(config)
    better, paper = runs(config)
    assert paper.settings["training"]["output_dropout"] == "attention"
    assert paper.settings["refinement"] == {"height": None, "width": None}
    objects = paper.settings["objects"]
    assert (objects["choice"], objects["pixels"]) == ("size", "none")
    # What the paper leaves open is the run's own.
    assert paper.settings["training"]["steps"] == 7
    assert (objects["max_objects"], paper.settings["clustering"]["tau"]) == (9, 1.0)
    assert better.settings == {name: DEFAULT[name] for name in RUN_SECTIONS}
    assert (better.flat()["method"], paper.flat()["method"]) == ("better", "paper")
    assert PAPER["objects"] == {"choice": "size", "pixels": "none"}  # still


def test_a_run_may_leave_the_papers_method():
    config = changed(("method", "paper"))
    config["runs"] = {"paper": None, "better": {"method": "better"}}
    check(config)
    paper, better = runs(config)
    assert paper.settings["objects"]["choice"] == "size"
    assert better.settings["objects"] == DEFAULT["objects"]


def test_fine_features_are_those_of_the_tracks_unless_refined():
    plain, fine = only_run(), only_run("refinement", {"height": 448, "width": 784})
    assert plain.fine_features == plain.features
    assert plain.fine_backbone == plain.backbone == fine.backbone
    assert fine.fine_features == {**fine.features, "height": 448, "width": 784}
    # Cached once where another run has features of that size.
    config = changed(("features.height", 448))
    config["features"]["width"] = 784
    assert fine.fine_backbone == runs(config)[0].backbone != plain.backbone


def test_the_seed_matters_to_features_only_with_views():
    config = changed(("training.views", 2))
    other = copy.deepcopy(config)
    other["seed"] = 1
    one, two = runs(config)[0], runs(other)[0]
    assert one.backbone == two.backbone
    assert one.training_backbone != two.training_backbone


def test_runs_share_what_they_have_in_common():
    config = changed(("runs", {"a": {}, "b": {"clustering": {"tau": 0.1}}}))
    one, two = runs(config)
    assert (one.block, one.backbone) == (two.block, two.backbone)
    assert one.clusters != two.clusters
    assert one.run.startswith("a-tau0.05-")
    assert two.run.startswith("b-tau0.1-")
    assert two.flat()["clustering.tau"] == 0.1


def test_an_environment_variable_overrides_a_root(monkeypatch):
    dataset = {"root": "here", "root_variable": "SOME_ROOT"}
    monkeypatch.delenv("SOME_ROOT", raising=False)
    assert dataset_root(dataset) == "here"
    monkeypatch.setenv("SOME_ROOT", "there")
    assert dataset_root(dataset) == "there"
    assert dataset_root({**dataset, "root_variable": None}) == "here"


def test_two_settings_with_one_identifier_are_refused(monkeypatch):
    assert re.search(r"-[0-9a-f]{12}$", only_run().run)
    monkeypatch.setattr("betrayed.config.runs.DIGITS", 1)
    monkeypatch.setattr("betrayed.config.runs._STANDS_FOR", {})
    assert digest({"tau": 0.1}) == digest({"tau": 0.1})
    with pytest.raises(UserError, match="Two settings have the same identifier"):
        for number in range(17):
            digest({"tau": number})
