"""The cost model: what it counts, what is known of a job, the fit, what a scheduler is asked."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode

from betrayed.clustering.memory import Budget
from betrayed.config.settings import runs
from betrayed.engine import costs, planning
from betrayed.features.vit import create_vit
from support.blocks import new_block
from support.paths import ROOT
from support.workflow_project import merged

COEFFICIENTS = costs.read_coefficients()
VIDEO = {"frames": 10, "pixels": 2_000_000, "aspect": 2.0, "annotations": 1, "decoded": 1}
VIT = {"tokens": 99, "dim": 10, "depth": 2, "views": 0, "side_pixels": 1000, "batch": 4}
#: Facts that every form can do with.
FACTS = {
    **VIDEO,
    **VIT,
    "threads": 2,
    "videos": 5,
    "json_mb": 2,
    "weights_mb": 3,
    "steps": 6,
    "clips": 4,
    "clip_frames": 3,
    "heads": 2,
    "mlp_ratio": 4.0,
    "queries": 8,
    "pairs": 60,
    "whole_map": 0,
    "processes": 2,
    "columns": 200,
    "window": 3,
    "memory_mb": 4000,
    "height": 100,
    "cell": 4,
    "edges": 1,
    "protocols": 5,
}


def run(**changes):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    return runs(merged(config, changes))[0]


def counted(module, *shapes):
    """Floating-point operations of a forward pass, as PyTorch counts them; nothing is computed."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module.eval()(*(torch.zeros(shape, device="meta") for shape in shapes))
    return counter.get_total_flops()


@pytest.mark.parametrize(
    ("name", "height", "width", "layer"),
    [
        ("vit_small_patch14_dinov2.lvd142m", 28, 56, -1),
        ("vit_base_patch8_224.dino", 32, 48, 4),
        ("vit_small_patch16_dinov3.lvd1689m", 224, 224, -1),  # with registers, which are left out
    ],
)
def test_the_operations_of_a_backbone_are_those_that_pytorch_counts(name, height, width, layer):
    with torch.device("meta"):
        model = create_vit(name)
    model.blocks = model.blocks[: range(len(model.blocks))[layer] + 1]
    settings = {"backbone": name, "height": height, "width": width, "layer": layer, "views": 3}
    facts = {**VIDEO, **planning.backbone_facts(settings, gpu=False), "threads": 2}
    flops = counted(model, (1, 3, height, width))
    assert costs.backbone_flops(facts) == pytest.approx(flops, rel=0.03)
    # Each view of each frame once, on two threads.
    seconds = costs.cache_features(facts)["seconds"]
    assert seconds["gflop"] == pytest.approx(10 * 3 * flops / 1e9 / 2, rel=0.03)


def test_the_operations_of_training_are_those_that_pytorch_counts():
    """A clip's passes take three times the forward one, of which the counter sees all products."""
    with torch.device("meta"):
        block = new_block(FACTS["dim"] * 8, heads=2)
    facts = {**FACTS, "dim": block.dim}
    shapes = (FACTS["clip_frames"], FACTS["tokens"], block.dim), (FACTS["clip_frames"], block.dim)
    clips = FACTS["steps"] * FACTS["clips"] / FACTS["processes"]
    seconds = costs.train_block(facts)["seconds"]
    assert seconds["gflop"] == pytest.approx(clips * 3 * counted(block, *shapes) / 1e9, rel=0.03)


def test_the_whole_map_costs_memory_and_more_queries_cost_time():
    usual = costs.train_block(FACTS)
    whole = costs.train_block({**FACTS, "whole_map": 1})
    heads, tokens = FACTS["heads"], FACTS["clip_frames"] * (FACTS["tokens"] + 1)
    assert whole["mb"]["known"] - usual["mb"]["known"] >= 4 * heads * tokens**2 / 1e6
    many = costs.train_block({**FACTS, "queries": 16})
    rows = many["seconds"]["gflop_rows"] / usual["seconds"]["gflop_rows"]
    assert 1 < rows <= 4  # twice the queries, and no more rows than there are tokens


def test_clustering_that_does_not_fit_makes_rows_again_and_takes_what_it_may():
    usual, little = (
        costs.cluster_tracks({**FACTS, "memory_mb": megabytes}) for megabytes in (4000, 1)
    )
    for term in ("gflop_rows", "gflop_sums"):
        assert little["seconds"][term] > usual["seconds"][term]
    assert little["mb"]["known"] == 1 < usual["mb"]["known"] < 4000


@pytest.mark.parametrize(("frames", "tokens", "keys"), [(2, 60, 1), (40, 500, 4)])
def test_clustering_counts_its_memory_as_its_budget_does(frames, tokens, keys):
    queries = torch.zeros(frames, 2, tokens, 6, dtype=torch.float16)
    columns = keys * tokens
    facts = {"frames": frames, "tokens": tokens, "dim": 12, "columns": columns, "window": 3}
    need = costs.clustering_mb(facts)
    arguments = (queries, torch.zeros(keys, 2, tokens, 6), 3, 1, costs.DIRECTIONS)
    assert Budget(*arguments, (need + 0.001) * 1e6).copies == 1
    assert Budget(*arguments, (need - 0.001) * 1e6).copies == 0


def test_sizes_that_are_known_are_those_of_the_files():
    """The dimensions of a backbone are read from its name, without torch."""
    for name in (
        "vit_small_patch14_dinov2.lvd142m",
        "vit_base_patch8_224.dino",
        "vit_large_patch16_dinov3.lvd1689m",
        "vit_giant_patch14_dinov2.lvd142m",
    ):
        with torch.device("meta"):
            model = create_vit(name)
        side = 2 * model.patch_embed.patch_size[0]
        settings = {"backbone": name, "height": side, "width": 3 * side, "layer": -1, "views": 0}
        facts = planning.backbone_facts(settings, gpu=False)
        assert (facts["dim"], facts["depth"]) == (model.embed_dim, len(model.blocks))
        assert facts["tokens"] == 12
    assert planning.backbone_facts({**settings, "layer": 2}, gpu=False)["depth"] == 3


def test_a_video_is_known_from_its_frames_then_its_settings_then_not_at_all(tmp_path):
    path = tmp_path / "frames.json"
    assert planning.video_facts(path)["frames"] == planning.TYPICAL["frames"]
    make = {"frames": 7, "height": 20, "width": 40}
    assert planning.video_facts(path, make)["pixels"] == 800
    record = {"count": 9, "height": 10, "width": 30, "annotations": ["a"], "instances": None}
    path.write_text(json.dumps(record))
    expected = {"frames": 9, "pixels": 300, "aspect": 3, "annotations": 1}
    assert planning.video_facts(path, make, annotations=2) == expected


def test_clips_are_shared_by_as_many_gpus_as_divide_them():
    shared = [planning.training_facts(run(training={"clips_per_step": 8}), n) for n in (0, 3, 8)]
    assert [facts["processes"] for facts in shared] == [1, 2, 8]


def test_a_coarser_clustering_needs_less():
    exact, rough = (
        costs.clustering_mb(planning.cluster_facts(run(clustering={"approximate": n}), 200))
        for n in (1, 4)
    )
    assert rough < exact


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("stage", costs.FORMS)
def test_costs_are_above_zero_and_more_work_costs_no_less(stage, gpu):
    one = costs.cost(stage, FACTS, COEFFICIENTS, gpu)
    assert one["seconds"] > 0 and one["mb"] > 0 and one["disk_mb"] > 0
    assert (one["gpu_mb"] > 0) == (gpu and stage in costs.GPU_FLOPS)
    more = {name: FACTS[name] * 50 for name in ("frames", "steps", "videos", "weights_mb")}
    many = costs.cost(stage, {**FACTS, **more}, COEFFICIENTS, gpu)
    assert all(many[name] >= one[name] for name in one)
    assert many["seconds"] > one["seconds"]


def test_a_gpu_that_was_measured_is_not_reckoned():
    own = {name: dict.fromkeys(terms, 2.0) for name, terms in _gpu_terms().items()}
    given = {**COEFFICIENTS, "gpu": {"export_attention": own}}
    found = costs.cost("export_attention", FACTS, given, gpu=True)
    assert found["seconds"] == pytest.approx(2 * sum(_gpu_terms()["seconds"].values()))
    assert found["gpu_mb"] == pytest.approx(2 * sum(_gpu_terms()["gpu_mb"].values()))


def _gpu_terms():
    return costs.stage_terms("export_attention", FACTS, gpu=True)


@pytest.mark.parametrize("expected", [0, 1, 1000, 36_000])
def test_a_scheduler_is_asked_for_more_than_expected_and_twice_as_much_at_each_attempt(expected):
    for ask, unit in ((costs.memory_mb, 1), (costs.runtime_minutes, 60)):
        first, second, third = (ask(expected, attempt) for attempt in (1, 2, 3))
        assert first > 1.2 * expected / unit
        assert (second, third) == pytest.approx((2 * first, 4 * first), rel=0.01)
        assert ask(expected + 100_000) > first


@pytest.mark.parametrize("stage", costs.FORMS)
def test_the_fit_finds_coefficients_again(stage, tmp_path, fitting):
    """Usage of made-up jobs on a CPU, whose costs follow the form."""
    generator = np.random.default_rng(0)
    wanted = {
        measure: {name: float(generator.uniform(0.5, 2)) for name in terms if name != costs.KNOWN}
        for measure, terms in costs.stage_terms(stage, FACTS).items()
    }
    folder = tmp_path / "benchmarks" / stage / "set"
    folder.mkdir(parents=True)
    for job in range(40):
        facts = {
            name: value * int(generator.integers(1, 20)) if value > 1 else value
            for name, value in FACTS.items()
        } | {
            name: int(generator.integers(2)) for name in ("edges", "decoded", "whole_map", "forked")
        }
        took = costs.cost(stage, facts, {"cpu": {stage: wanted}, "gpu": {}})
        usage = {**took, "start_up": 0, "cpu_seconds": 0, "gpu_mb": "", **facts}
        pd.DataFrame([usage]).to_csv(folder / f"{job}.tsv", sep="\t", index=False)
    (folder / "failed.tsv").touch()
    fitted, table = fitting.fit(fitting.read_usage([tmp_path]))
    for measure, coefficients in wanted.items():
        assert fitted["cpu"][stage][measure] == pytest.approx(coefficients, rel=0.01)
    assert (table["jobs"] == 40).all() and table["worst"].max() < 0.01


@pytest.fixture
def fitting():
    import importlib.util

    spec = importlib.util.spec_from_file_location("fitting", ROOT / "benchmarks" / "costs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_papers_settings_are_applied_to_the_data_sets(fitting):
    run_and_config = fitting.run_of(ROOT / "presets" / "paper.yaml")
    inference, training = fitting.applied(run_and_config, COEFFICIENTS)
    assert all(name in inference for name in fitting.DATASETS)
    assert "hours on 8" in inference and "hours of steps" in training
    stages = dict(fitting.inference(run_and_config[0], VIDEO, 5))
    assert "measure_motion" not in stages and stages["cache_features"]["tokens"] == 2400


def test_what_makes_a_stage_grow(fitting):
    """Features take twice as long for twice the frames, clustering for twice the key frames."""
    text = fitting.by_stage(fitting.run_of(ROOT / "presets" / "davis2016.yaml"), COEFFICIENTS)
    head, _, *rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()]
    table = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert table["cache_features"]["2 x frames"].startswith("2.0 / 1.0 / 2.0")
    assert table["cache_features"]["2 x key frames"] == table["cache_features"]["2 x steps"] == ""
    assert table["cluster_tracks"]["2 x key frames"].startswith("2.0 / ")
    assert float(table["train_block"]["2 x steps"].partition(" / ")[0]) > 1.9
    assert table["cache_features fine"]["seconds"] > table["cache_features"]["seconds"]
