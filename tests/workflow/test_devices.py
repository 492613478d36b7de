"""What jobs are told of devices: as many GPUs as were granted, and what the settings say."""

import csv
import os
import re

import pytest

from support.workflow_project import CHAIN, Project

PROGRAMS = ("cache_features", "train_block", "export_attention", "cluster_tracks")


def told(project, *options):
    """The values that a dry run of everything gives to --gpus and --device, by program."""
    forced = ("--forcerun", "extract_frames", "train_block")
    text = project.run("--dry-run", "--printshellcmds", *forced, *options)
    found = {}
    for program in PROGRAMS:
        commands = [line for line in text.splitlines() if f"scripts/{program}.py " in line]
        gpus, devices = (
            {value for line in commands for value in re.findall(rf"--{name} (\S+)", line)}
            for name in ("gpus", "device")
        )
        assert commands and len(devices) == 1
        found[program] = gpus, devices.pop()
    return found


@pytest.mark.parametrize(
    ("settings", "options", "single", "training", "device"),
    [
        ({}, (), "1", "4", "auto"),
        ({}, ("--resources", "gpu=0"), "0", "0", "auto"),
        ({}, ("--resources", "gpu=3"), "1", "3", "auto"),
        ({"device": "cuda"}, ("--resources", "gpu=8"), "1", "4", "cuda"),
        ({"device": "cpu"}, ("--resources", "gpu=8"), "0", "0", "cpu"),
    ],
)
def test_no_job_takes_more_gpus_than_it_was_granted(
    project, settings, options, single, training, device
):
    project.change({"training": {"clips_per_step": 4}, **settings})
    found = told(project, *options)
    assert found.pop("train_block") == ({training}, device)
    assert set(map(str, found.values())) == {str(({single}, device))}


@pytest.mark.parametrize(
    ("gpus", "options", "said"),
    [
        (0, (), "No GPU can be used here: everything is computed on the CPU."),
        (2, (), "Add --resources gpu=2."),
        (2, ("--resources", "gpu=2"), "2 of 2 GPUs used at a time, at most. But a job takes"),
    ],
)
def test_a_run_says_once_what_it_computes_on(project, gpus, options, said, tmp_path, monkeypatch):
    """The GPUs are those that a made nvidia-smi lists."""
    if gpus:
        lines = "".join(f"echo 'GPU {n}: Made (UUID: GPU-{n})'\n" for n in range(gpus))
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{lines}")
        (tmp_path / "nvidia-smi").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    rule = "--until", "list_runs", "--forcerun", "list_runs"
    assert said not in project.run(*rule, "--dry-run", *options)
    assert project.run(*rule, *options).count(said) == 1


def test_long_videos_and_what_training_waits_for_come_first(project):
    """The third video is not trained on; of the other two the longer one comes first."""
    project.change({"batch_size": 1})
    project.run("--until", "list_videos", "--forcerun", "list_videos")
    with (project.folder / "results/made/videos.csv").open(newline="") as file:
        videos = list(csv.DictReader(file))
    project.change({"training": {"videos": [row["name"] for row in videos[:2]]}})
    text = project.run("--dry-run", "--forcerun", "extract_frames", "train_block")
    most = max(int(row["bytes"]) for row in videos)
    expected = [int(row["bytes"]) / most for row in videos]
    jobs = re.split(r"^(?:local)?(?:rule|checkpoint) ", text, flags=re.MULTILINE)
    for rule in ("cache_features", "export_attention", "cluster_tracks"):
        found = {
            int(re.search(r"batch=(\d+)", job)[1]): float(re.search(r"priority: (\S+)", job)[1])
            for job in jobs
            if job.startswith(f"{rule}:")
        }
        before = {"cache_features": [5, 5, 1], "export_attention": [2] * 3}.get(rule, [4] * 3)
        assert found == pytest.approx(
            {n: share + more for n, (share, more) in enumerate(zip(expected, before, strict=True))}
        )
    (training,) = (job for job in jobs if job.startswith("train_block:"))
    assert "priority: 6" in training


def test_fine_features_come_before_attention_and_after_what_training_waits_for(project):
    project.change({"refinement": {"height": 112, "width": 210}})
    text = project.run("--dry-run", "--forcerun", "extract_frames")
    jobs = re.split(r"^rule ", text, flags=re.MULTILINE)
    found = [
        float(re.search(r"priority: (\S+)", job)[1])
        for job in jobs
        if job.startswith("cache_features:")
    ]
    assert sorted(found) == [4, 6]  # 3 and 5, and a share of 1: there is one batch


@pytest.mark.parametrize(
    ("options", "segmented", "trained_on"),
    [
        (("--resources", "gpu=8"), "8", "7"),  # with training itself these are eight jobs, too
        (("--resources", "gpu=2"), "2", "2"),
        (("--resources", "gpu=0"), "0", "0"),
    ],
)
def test_data_that_are_only_trained_on_leave_a_gpu_to_training(
    project, options, segmented, trained_on
):
    folder = {"make": None, "annotations": None, "root": "resources/made/videos"}
    project.change({"datasets": {"other": folder}, "training": {"dataset": "other"}})
    text = project.run("--dry-run", "--printshellcmds", "--forcerun", "list_videos", *options)
    found = dict(re.findall(r"--output results/(\w+)/videos.csv .* --parallel (\d+)", text))
    assert found == {"made": segmented, "other": trained_on}


def test_what_changes_rounding_at_most_reruns_nothing(project):
    project.change(
        {"device": "cpu", "features": {"batch_size": 3}, "clustering": {"memory_gb": 2.5}}
    )
    planned = project.planned()
    assert "list_runs" in planned  # the table of runs holds every setting
    assert not {rule for rules in CHAIN.values() for rule in rules} & set(planned)
    text = project.run("--dry-run", "--printshellcmds", "--forcerun", "extract_frames")
    assert set(re.findall(r"--batch-size (\d+)", text)) == {"3"}
    assert set(re.findall(r"--memory-mb (\d+)", text)) == {"2500"}


def test_products_of_numpy_have_one_thread_however_many_a_job_has(tmp_path):
    """What every Python of the run was given is written down as it starts."""
    project = Project(tmp_path / "project")
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        f"with open({str(tmp_path / 'given')!r}, 'a') as file:\n"
        "    print(*[os.environ.get(f'{one}_NUM_THREADS') for one in ('OPENBLAS', 'OMP')],"
        " *sys.orig_argv, file=file)\n"
    )
    project.environment = lambda: {**os.environ, "PYTHONPATH": str(tmp_path)}
    project.run("--until", "make_dataset", "--set-threads", "make_dataset=2")
    given = (tmp_path / "given").read_text().splitlines()
    jobs = [line.split()[:2] for line in given if " scripts/make_dataset.py " in line]
    assert jobs == [["1", "2"]]
