"""Fit what each stage takes to what its jobs took, and apply it to data sets on paper.

    python benchmarks/costs.py results …          # fit to the usage in these folders of results
    python benchmarks/costs.py results … --write  # and let the workflow ask schedulers for that
    python benchmarks/costs.py --stages           # each stage, and what makes it grow
    python benchmarks/costs.py --apply            # three data sets, on one and on eight GPUs

Jobs leave their usage under results/benchmarks. Coefficients are fitted by least squares of
relative errors, none below 0: a job of a second counts as much as one of an hour. Forms of the
costs and what is assumed of GPUs: scripts/betrayed/engine/costs.py.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.optimize import nnls

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from betrayed.config.settings import Run, runs  # noqa: E402
from betrayed.engine import costs, planning  # noqa: E402
from betrayed.errors import UserError  # noqa: E402

COLUMNS = ["stage", "measure", "on", "jobs", "error", "worst"]
# Cores beside each GPU, for the stages without one, and threads that the rules give to a job.
CORES, THREADS = 16, 4
# What is doubled in turn, and the facts that double with it. Key frames stay as many while frames
# double, and are doubled alone.
GROWS = {
    "frames": ["frames"],
    "tokens": ["tokens", "side_pixels", "columns"],
    "key frames": ["columns"],
    "steps": ["steps"],
}
# Frames as DAVIS and MOVi-E have them. YouTube-VIS: every fifth frame, 27.5 a video, most 720 high.
DATASETS = {
    "DAVIS-2017 val": (30, 1_999, 480, 854),
    "DAVIS-2017 train": (60, 4_219, 480, 854),
    "YouTube-VIS-2019 train": (2_238, 61_000, 720, 1280),
    "YouTube-VIS-2019 all": (2_883, 79_000, 720, 1280),
    "MOVi-E": (9_749 + 250, 24 * (9_749 + 250), 256, 256),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", nargs="*", type=Path, help="folders of results, to fit to")
    parser.add_argument("--write", action="store_true", help="write the coefficients")
    parser.add_argument("--stages", action="store_true", help="print what each stage takes")
    parser.add_argument("--apply", action="store_true", help="print the costs of data sets")
    parser.add_argument(
        "--configfile",
        type=Path,
        help="settings; default: the paper's, with --stages presets/davis2016.yaml",
    )
    arguments = parser.parse_args()
    if not (arguments.results or arguments.stages or arguments.apply):
        parser.error("give folders of results, --stages or --apply")
    coefficients = costs.read_coefficients()
    if arguments.results:
        fitted, table = fit(read_usage(arguments.results))
        print(table.to_string(index=False, formatters=dict.fromkeys(COLUMNS[-2:], "{:.0%}".format)))
        coefficients = {"measured_on": machine(), **combined(coefficients, fitted)}
        if arguments.write:
            costs.COEFFICIENTS.write_text(json.dumps(coefficients, indent=1) + "\n")
    if arguments.stages or arguments.apply:
        print(f"Coefficients: {coefficients['measured_on']}\n")
    if arguments.stages:
        given = run_of(arguments.configfile or ROOT / "presets" / "davis2016.yaml")
        print(by_stage(given, coefficients))
    if arguments.apply:
        given = run_of(arguments.configfile or ROOT / "presets" / "paper.yaml")
        for text in applied(given, coefficients):
            print(text)


def read_usage(folders: list[Path]) -> dict[str, pd.DataFrame]:
    """The usage of all jobs under folders of results, a table for each stage.

    Raises:
        UserError: there is none.
    """
    found: dict[str, list[pd.DataFrame]] = {}
    for folder in folders:
        for path in sorted((folder / "benchmarks").glob("*/**/*.tsv")):
            if not path.stat().st_size:  # of a job that did not come to its end
                continue
            stage = path.relative_to(folder / "benchmarks").parts[0]
            found.setdefault(stage, []).append(pd.read_csv(path, sep="\t"))
    if not found:
        raise UserError(f"There is no usage under {', '.join(map(str, folders))}.")
    return {stage: pd.concat(tables, ignore_index=True) for stage, tables in found.items()}


def fit(usage: dict[str, pd.DataFrame]) -> tuple[dict[str, dict], pd.DataFrame]:
    """Coefficients of each stage and measure that jobs have been seen of, CPU and GPU apart.

    Returns:
        ``cpu`` and ``gpu``, each stage → measure → term → coefficient; and a table of how many
        jobs there were, and their median and largest relative error.
    """
    fitted: dict[str, dict] = {"cpu": {}, "gpu": {}}
    rows = []
    for stage, jobs in usage.items():
        for where, some in jobs.groupby(np.where(jobs["gpu_mb"].isna(), "cpu", "gpu")):
            measures = fitted[where].setdefault(stage, {})
            for measure in (*costs.MEASURES, *(["gpu_mb"] if where == "gpu" else [])):
                measures[measure], errors = fit_one(stage, measure, some, where == "gpu")
                rows.append((stage, measure, where, len(errors), np.median(errors), max(errors)))
    return fitted, pd.DataFrame(rows, columns=COLUMNS)


def fit_one(
    stage: str, measure: str, jobs: pd.DataFrame, gpu: bool = False
) -> tuple[dict[str, float], np.ndarray]:
    """Coefficients of one measure, and the relative error of each job."""
    terms = pd.DataFrame(
        [costs.stage_terms(stage, facts, gpu)[measure] for facts in jobs.to_dict("records")]
    )
    told = terms.notna().all(axis=1).to_numpy()  # jobs from before their program wrote all facts
    terms, took = terms[told], jobs[measure].to_numpy(float)[told]
    known = terms.pop(costs.KNOWN).to_numpy() if costs.KNOWN in terms else np.zeros(len(took))
    weights = 1 / np.maximum(took, 1e-3)
    coefficients = np.zeros(0)
    if len(terms.columns):
        scale = terms.max().clip(lower=1e-9).to_numpy()  # terms of like size are solved better
        weighted = terms.to_numpy() / scale * weights[:, None]
        coefficients = nnls(weighted, (took - known) * weights)[0] / scale
    expected = known + terms.to_numpy() @ coefficients
    named = dict(zip(terms.columns, map(rounded, coefficients), strict=True))
    return named, np.abs(expected - took) * weights


def rounded(value: float) -> float:
    return float(f"{value:.4g}")


def combined(before: dict, fitted: dict) -> dict:
    """Coefficients with those that have been fitted anew; stages without jobs keep theirs."""
    return {where: {**before[where], **fitted[where]} for where in ("cpu", "gpu")}


def machine() -> str:
    import torch

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
    return f"{os.cpu_count()} cores, {model or platform.machine()}, torch {torch.__version__}"


def run_of(overlay: Path) -> tuple[Run, dict]:
    """The first run of the default settings with an overlay, and all of them."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for name, value in yaml.safe_load(overlay.read_text()).items():
        both = isinstance(value, dict) and isinstance(config.get(name), dict)
        config[name] = {**config[name], **value} if both else value
    return runs(config)[0], config


def by_stage(given: tuple[Run, dict], coefficients: dict) -> str:
    """A table of what a job of each stage takes, and how often that when one thing doubles.

    A job is a video of the length and size of DAVIS' on two cores without a GPU, forked from a
    process that has its libraries; ``train_block`` is the whole training. A factor is left out
    where nothing grows.
    """
    run, config = given
    _, frames, height, width = DATASETS["DAVIS-2017 val"]
    video = {**planning.sized(round(frames / 30), height, width), "annotations": 1, "decoded": 0}
    jobs = inference(run, video, len(config["scoring"]["protocols"]), gpu=False)
    jobs.insert(2, ("train_block", planning.training_facts(run, gpus=0)))
    rows = []
    for name, facts in jobs:
        stage, facts = name.partition(" ")[0], {**facts, "threads": 2, "forked": 1}
        once = costs.cost(stage, facts, coefficients)
        row = {"stage": name, "seconds": f"{once['seconds']:.1f}", "MB": f"{once['mb']:.0f}"}
        row["disk MB"] = f"{once['disk_mb']:.1f}"
        for what, names in GROWS.items():
            doubled = {fact: 2 * facts[fact] for fact in names if fact in facts}
            twice = costs.cost(stage, {**facts, **doubled}, coefficients)
            factors = [f"{twice[one] / once[one]:.1f}" for one in costs.MEASURES]
            row[f"2 x {what}"] = " / ".join(factors) if set(factors) != {"1.0"} else ""
        rows.append(row)
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)


def applied(given: tuple[Run, dict], coefficients: dict) -> list[str]:
    """Tables of what data sets take: each stage a video, then all of it on some GPUs."""
    run, config = given
    protocols = len(config["scoring"]["protocols"])
    rows = []
    for name, (videos, frames, height, width) in DATASETS.items():
        video = {**planning.sized(frames / videos, height, width), "annotations": 1, "decoded": 0}
        jobs = inference(run, video, protocols)
        took = {stage: one_cost(stage, facts, coefficients) for stage, facts in jobs}
        rows.append({"data set": name, "videos": videos, **total(took, videos)})
    table = pd.DataFrame(rows)
    trained = pd.DataFrame([training(run, gpus, coefficients) for gpus in (1, 8)])
    text = "Inference, from frames to scores and pictures:\n\n" + table.to_markdown(index=False)
    return [text, "\nTraining, on YouTube-VIS-2019 train:\n\n" + trained.to_markdown(index=False)]


def inference(run: Run, video: dict, protocols: int, gpu: bool = True) -> list[tuple[str, dict]]:
    """The jobs of one video that is not trained on, and the facts of each."""
    features = planning.backbone_facts(run.features, gpu)
    jobs = [
        ("extract_frames", video),
        ("cache_features", {**video, **features}),
        ("export_attention", {**video, **planning.attention_facts(run.features)}),
        ("cluster_tracks", planning.cluster_facts(run, video["frames"])),
        ("select_objects", {**video, **planning.object_facts(run)}),
        ("score_video", {**video, "protocols": protocols}),
        ("draw_pictures", video),
    ]
    if run.settings["objects"]["choice"] == "cues":
        jobs.append(("measure_motion", {**video, **run.settings["motion"]}))
        if run.fine_backbone != run.backbone:
            fine = planning.backbone_facts(run.fine_features, gpu)
            jobs.append(("cache_features fine", {**video, **fine}))
    return jobs


def one_cost(stage: str, facts: dict, coefficients: dict) -> dict[str, float]:
    name = stage.partition(" ")[0]
    # On one machine the workflow forks its jobs from a process that has loaded the libraries.
    return costs.cost(name, {**facts, "threads": THREADS, "forked": 1}, coefficients, gpu=True)


def total(took: dict[str, dict], videos: int) -> dict[str, str]:
    """All videos: hours on one and on eight GPUs with their cores, memory of the largest job."""
    on_gpu = sum(one["seconds"] for one in took.values() if one["gpu_mb"]) * videos / 3600
    on_cpu = sum(one["seconds"] for one in took.values() if not one["gpu_mb"]) * videos / 3600
    return {
        "GPU-hours": f"{on_gpu:.2f}",
        "core-hours": f"{on_cpu:.1f}",
        **{f"hours on {n}": f"{on_gpu / n + on_cpu / (n * CORES):.2f}" for n in (1, 8)},
        "host GB a job": f"{max(one['mb'] for one in took.values()) / 1e3:.1f}",
        "GPU GB a job": f"{max(one['gpu_mb'] for one in took.values()) / 1e3:.1f}",
        "disk GB": f"{sum(one['disk_mb'] for one in took.values()) * videos / 1e3:.1f}",
    }


def training(run: Run, gpus: int, coefficients: dict) -> dict[str, str]:
    """Features of the training videos, and the training itself."""
    videos, frames, height, width = DATASETS["YouTube-VIS-2019 train"]
    backbone = planning.backbone_facts(run.training_features, gpu=True)
    video = planning.sized(frames / videos, height, width)
    cached = one_cost("cache_features", {**video, **backbone}, coefficients)
    trained = one_cost("train_block", planning.training_facts(run, gpus), coefficients)
    return {
        "GPUs": gpus,
        "hours of features": f"{cached['seconds'] * videos / gpus / 3600:.1f}",
        "hours of steps": f"{trained['seconds'] / 3600:.1f}",
        "host GB a job": f"{max(cached['mb'], trained['mb']) / 1e3:.1f}",
        "GPU GB a job": f"{max(cached['gpu_mb'], trained['gpu_mb']) / 1e3:.1f}",
        "disk GB": f"{cached['disk_mb'] * videos / 1e3:.0f}",
    }


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
