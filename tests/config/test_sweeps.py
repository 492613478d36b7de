"""Sweeps: which runs they stand for, what these are called, and what is refused."""

import re

import pytest

from betrayed.config.checks import check
from betrayed.config.runs import RUN_SECTIONS, runs
from betrayed.config.sweep_checks import SWEEPABLE
from betrayed.config.sweeps import label
from betrayed.errors import UserError
from support.configurations import DEFAULT, changed


def expanded(sweep, **more):
    config = check(changed(("sweep", sweep), *more.items()))
    return runs(config)


def faults(sweep, **more):
    with pytest.raises(UserError) as error:
        expanded(sweep, **more)
    return [line.removeprefix("  - ") for line in str(error.value).splitlines()[1:]]


def test_a_grid_has_every_value_with_every_other():
    found = expanded({"clustering.tau": [0.02, 0.1], "seed": [0, 1]})
    assert [
        (run.name, run.settings["clustering"]["tau"], run.settings["seed"]) for run in found
    ] == [
        ("tau=0.02,seed=0", 0.02, 0),
        ("tau=0.02,seed=1", 0.02, 1),
        ("tau=0.1,seed=0", 0.1, 0),
        ("tau=0.1,seed=1", 0.1, 1),
    ]
    assert found[3].swept == {"clustering.tau": 0.1, "seed": 1}
    # All else is as without a sweep.
    plain = runs(check(DEFAULT))[0]
    settings = {**plain.settings["clustering"], "tau": 0.1}
    assert found[2].settings == {**plain.settings, "clustering": settings, "seed": 0}


def test_zipped_lists_go_side_by_side():
    sweep = {"features.height": [224, 448], "features.width": [392, 784]}
    found = expanded(sweep, sweep_mode="zip")
    assert [run.name for run in found] == ["height=224,width=392", "height=448,width=784"]
    assert found[1].settings["features"]["width"] == 784
    # A value may come twice where the steps differ.
    found = expanded({"clustering.tau": [0.1, 0.1], "seed": [0, 1]}, sweep_mode="zip")
    assert [run.name for run in found] == ["tau=0.1,seed=0", "tau=0.1,seed=1"]


def test_every_run_is_swept_and_keeps_its_changes():
    own = {"default": {}, "paper": {"method": "paper", "clustering": {"window": 2}}, "b": None}
    found = expanded({"clustering.tau": [0.1, 0.2]}, runs=own)
    names = ["tau=0.1", "tau=0.2", "paper,tau=0.1", "paper,tau=0.2", "b,tau=0.1", "b,tau=0.2"]
    assert [run.name for run in found] == names
    assert [run.base for run in found] == ["default"] * 2 + ["paper"] * 2 + ["b"] * 2
    assert found[3].settings["clustering"] == {**DEFAULT["clustering"], "tau": 0.2, "window": 2}
    assert (found[3].settings["method"], found[1].settings["method"]) == ("paper", "better")


def test_without_a_sweep_runs_are_as_they_were():
    (run,) = expanded({})
    assert (run.name, run.base, run.swept) == ("default", "default", {})


@pytest.mark.parametrize(
    ("swept", "text"),
    [
        ({"clustering.tau": 1.0}, "tau=1"),
        ({"training.learning_rate": 1.0e-5}, "learning_rate=1e-05"),
        ({"objects.split": -0.5}, "split=-0.5"),
        ({"refinement.height": None, "training.deterministic": True},
         "height=null,deterministic=true"),
        ({"features.height": 224, "training.height": 322},
         "features.height=224,training.height=322"),
        ({"training.videos": ["car-*", "b c"]}, "videos=car+b-c"),
        ({"training.videos": []}, "videos=none"),
        ({"training.checkpoint": "../a b/block.pt"}, "checkpoint=..-a-b-block.pt"),
        ({"weights.path": "/ü/$x:{y}"}, "path=x-y"),
    ],
)  # fmt: skip
def test_names_are_short_and_safe_in_paths(swept, text):
    assert label(swept) == text
    assert re.fullmatch(r"[A-Za-z0-9._+=,-]+", text)


def test_every_setting_of_a_run_may_be_swept():
    assert {setting.partition(".")[0] for setting in SWEEPABLE} == set(RUN_SECTIONS)
    for setting in SWEEPABLE:
        section, _, name = setting.partition(".")
        value = DEFAULT[section][name] if name else DEFAULT[section]
        (run,) = expanded({setting: [value]})
        assert run.settings == runs(DEFAULT)[0].settings, setting


@pytest.mark.parametrize(
    ("sweep", "more", "fault"),
    [
        (None, {}, "sweep: must be a section of settings, not null"),
        ({"seed": 3}, {}, "sweep.seed: must be a list, not 3"),
        ({"seed": []}, {}, "sweep.seed: must hold at least 1 of them, not 0"),
        ({"tau": [1.0]}, {}, "sweep: unknown setting 'tau'; did you mean 'clustering.tau'?"),
        ({"clustering.tao": [1.0]}, {}, "sweep: unknown setting 'clustering.tao'; did you mean"),
        ({"clustering": [{"tau": 1.0}]}, {}, "sweep: 'clustering' is a section; name a setting of"),
        ({"scoring.level": ["parts"]}, {}, "sweep: 'scoring.level' is the same in all runs; a run"),
        ({"seed": [0, 0]}, {}, "sweep: 2 runs would be called 'seed=0'; give each value once"),
        ({"clustering.tau": [1, 1.0]}, {}, "sweep: 2 runs would be called 'tau=1'"),
        ({"training.videos": [["a*"], ["a?"]]}, {}, "sweep: 2 runs would be called 'videos=a'"),
        ({"training.videos": [["a" * 200]]}, {}, "sweep: the name 'videos=aaa"),
        ({"seed": [0]}, {"sweep_mode": "zap"}, "sweep_mode: must be one of 'grid', 'zip'"),
        (
            {"clustering.tau": [0.1, 0.2], "seed": [0]},
            {"sweep_mode": "zip"},
            "sweep: sweep_mode 'zip' takes lists of one length: clustering.tau has 2, seed has 1",
        ),
        (
            {"clustering.tau": [0.1]},
            {"runs": {"low": {"clustering": {"tau": 0.05}}}},
            "runs.low.clustering.tau: sweep sets it in every run",
        ),
        (
            {"seed": [1]},
            {"runs": {"low": {"seed": 2}}},
            "runs.low.seed: sweep sets it in every run",
        ),
        (
            {"clustering.tau": [0.1]},
            {"runs": {"low": {"clustering": 3}}},
            "sweep (low,tau=0.1): clustering: must be a section of settings, not 3",
        ),
        (
            {"clustering.tau": [0, 0.1], "seed": [0, 1]},
            {},
            "sweep (tau=0,seed=0), sweep (tau=0,seed=1): clustering.tau: must be more than 0",
        ),
        (
            {"objects.choice": ["size", "cues"]},
            {"method": "paper"},
            "sweep (choice=size), sweep (choice=cues): objects.choice: method 'paper' sets it to",
        ),
        ({"features.height": [225]}, {}, "sweep (height=225): features.height: must be a multiple"),
    ],
)
def test_each_fault_is_named(sweep, more, fault):
    (found,) = faults(sweep, **more)
    assert found.startswith(fault)


def test_all_faults_are_named_at_once():
    found = faults({"tau": [1], "seed": 3}, seed=-1, runs={"low": {"clustering": {"tau": 0}}})
    starts = ["sweep.seed: must be a list", "sweep: unknown setting 'tau'", "seed: must be at"]
    starts.append("runs.low: clustering.tau: must be more than 0")
    assert sorted(next((s for s in starts if f.startswith(s)), f) for f in found) == sorted(starts)


@pytest.mark.parametrize(
    ("sweep", "more", "first"),
    [
        ({"tau": [0.1], "seed": [0, -1]}, {}, "sweep: unknown setting 'tau'"),
        ({"seed": [0, -1]}, {"sweep_mode": "zap"}, "sweep_mode: must be one of"),
        ({"seed": [0, -1], "clustering.tau": [0.1]}, {"sweep_mode": "zip"}, "sweep: sweep_mode"),
        ({"seed": [0], "clustering.tau": [0.1, 0]}, {"sweep_mode": "zip"}, "sweep: sweep_mode"),
        ({"seed": [-1, -1]}, {}, "sweep: 2 runs would be called 'seed=-1'"),
        ({"seed": [-1]}, {"runs": {"low": {"seed": 2}}}, "runs.low.seed: sweep sets it"),
        ({"seed": [-1]}, {"runs": {"a/b": {}}}, "runs: the name 'a/b'"),
        ({"seed": [-1]}, {"runs": {"low": 3}}, "runs.low: must be a section"),
        ({"seed": [-1]}, {"runs": {}}, "runs: must have at least one entry"),
        ({"seed": [-1], "clustering.tau": 3}, {}, "sweep.clustering.tau: must be a list"),
    ],
)
def test_a_fault_hides_no_bad_value(sweep, more, first):
    one, other = sorted(faults(sweep, **more), key=lambda fault: not fault.startswith(first))
    assert one.startswith(first) and other.startswith("sweep (")
    assert "must be " in other and not other.startswith("sweep: ")


def test_lists_of_unequal_length_are_checked_beside_what_stands_beside_them():
    # 256 is no multiple of the patch of ViT-S/14, which is not what stands in its place.
    backbones = ["vit_small_patch14_dinov2.lvd142m", "vit_small_patch16_224.dino"]
    sizes = {"features.height": [224, 256, 512], "features.width": [224, 256, 512]}
    sweep = {"features.backbone": backbones, **sizes}
    own = {"training": {**DEFAULT["training"], "height": 224, "width": 224}}
    more = {"sweep_mode": "zip", "weights": {**DEFAULT["weights"], "source": "hub"}, **own}
    (found,) = faults(sweep, **more)
    assert found.startswith("sweep: sweep_mode 'zip' takes lists of one length")
