"""The workflow on a real SLURM of two virtual nodes, by the profile that comes with the project.

What is seen: that jobs are asked for and come back, that the tables are those of a run without a
cluster, and what faults leave behind. What is not: GPUs (jobs get numbers of devices that are
none, and compute on the CPU), and file systems of a network.
"""

import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress

import pytest

from betrayed.io.files import sha256
from support.slurm_cluster import cluster, jobs, tell, wait_for
from support.workflow_project import Project

pytestmark = pytest.mark.slurm

# A test looks at its jobs sooner, and its nodes are small.
SOON = ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10")
SMALL_NODES = ("--max-threads", "2", "--resources", "gpu=4")
OPTIONS = ("--workflow-profile", "profiles/slurm", *SOON, *SMALL_NODES)


TRAINING = ("--until", "train_block")


def run(project, *options, **how):
    return project.run(*OPTIONS, *options, **how)


@contextmanager
def running(project, *options):
    """A run that goes on inside the block, and is killed after it if it still does."""
    with (project.folder / "out.txt").open("w") as out:
        process = subprocess.Popen(
            project.command(*OPTIONS, *options),
            cwd=project.folder,
            env=project.environment(),
            stdout=out,
            stderr=out,
            start_new_session=True,
            # It is ignored where a script has started the tests with "&".
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def slurm_logs(project, rule):
    """What SLURM kept of the jobs of a rule, in the order of their numbers."""
    logs = (project.folder / ".snakemake" / "slurm_logs" / f"rule_{rule}").rglob("*.log")
    return [path.read_text() for path in sorted(logs, key=lambda path: int(path.stem))]


def block(project):
    """What training has left, but for its record."""
    (folder,) = (project.folder / "results" / "blocks").iterdir()
    return {name: (folder / name).read_bytes() for name in ("block.pt", "training.csv")}


def forget(project, *folders):
    for folder in folders:
        shutil.rmtree(project.folder / "results" / folder)


def slow_down(project, program, seconds=15, more=""):
    """Let a program wait before it begins, so that it can be caught; it reruns its stage."""
    path = project.folder / "scripts" / f"{program}.py"
    text = path.read_text()
    wait = f"    import time; ballast = {more or None}; time.sleep({seconds}); del ballast\n"
    changed, count = re.subn(r'(def main\(\) -> None:\n    """[^"]*"""\n)', rf"\1{wait}", text)
    assert count == 1
    path.write_text(changed)


def test_states_are_asked_of_the_accounts_where_there_are_any(tmp_path, package):
    """The first test: the cluster that the others share is not there yet."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with cluster(folder, accounts=True):
        project = Project(tmp_path / "project", package=package)
        text = run(project, "--verbose", "--until", "list_videos")
        kept = tell("sacct", "--noheader", "--parsable2", "-X", "--format=State").split()
    assert set(re.findall(r"\bcommand=(\w+)", text)) == {"sacct"}
    assert kept == ["COMPLETED"] * 2  # make_dataset, list_videos


def files_made(project):
    """The digests of features, motion, blocks, attention, tracks, masks, pictures and tables."""
    results = project.folder / "results"
    paths = [path for kind in ("h5", "pt", "png", "csv") for path in results.rglob(f"*.{kind}")]
    assert {"tracks", "features", "masks", "blocks"} <= {
        part for path in paths for part in path.relative_to(results).parts
    }
    return {str(path.relative_to(results)): sha256(path) for path in paths}


def test_the_files_are_those_of_one_machine(local, tmp_path, package):
    project = Project(tmp_path / "project", local.settings, package=package)
    text = run(project)
    assert project.tables() == local.tables()
    there, here = files_made(project), files_made(local)
    assert {name for name in there | here if there.get(name) != here.get(name)} == set()
    submitted = re.findall(r"Job \d+ has been submitted with SLURM jobid", text)
    assert len(submitted) > 15
    assert run(project).count("has been submitted") == 0  # nothing is left to do
    run(project, "--forcerun", "score_video", "--until", "score_video")
    logs = (project.folder / "results/logs/score_video").rglob("*.log")
    assert sorted(path.read_text().split(":")[1].split(",")[0] for path in logs) == [
        " 1 to compute",
        " 2 to compute",
    ]


def test_a_job_has_the_gpus_memory_and_time_of_its_rule(project):
    slow_down(project, "train_block", 30)
    with running(project, *TRAINING):
        wait_for(lambda: project.works("train_block"), "training")
        number = next(one for one in jobs() if one.endswith(str(project.folder))).split("|")[0]
        told = tell("scontrol", "show", "job", "--details", number)
    assert re.search(r"TresPerJob=gres:gpu:2\b|AllocTRES=.*gres/gpu=2\b", told), told
    assert "MinMemoryNode=12000M" in told, told
    assert "TimeLimit=10:00:00" in told, told


def test_out_of_memory_it_is_tried_again_with_twice_as_much(project):
    rules = project.folder / "rules" / "motion.smk"
    text = rules.read_text()
    assert "mem_mb=memory(3000)" in text
    rules.write_text(text.replace("mem_mb=memory(3000)", "mem_mb=memory(1200)"))
    # Held until it is seen: more than 1200 MB, less than 2400 with all that Python itself takes.
    slow_down(project, "measure_motion", 8, "b'x' * (1500 * 10**6)")
    forget(project, "made/motion", "made/records/motion")
    text = run(project, "--until", "measure_motion")
    assert "Trying to restart job" in text
    attempts = re.findall(r"mem_mb=(\d+)", "".join(slurm_logs(project, "measure_motion")))
    assert {"1200", "2400"} <= set(attempts)
    assert "4800" not in attempts


def test_the_main_process_is_killed_and_a_second_run_waits_for_its_job(project, local):
    forget(project, "blocks")
    slow_training(project)
    with running(project, *TRAINING) as first:
        wait_for(lambda: list(project.folder.glob("results/blocks/*/checkpoint.pt")), "checkpoint")
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    assert project.works("train_block")  # the job outlives it
    run(project)
    second_log = slurm_logs(project, "train_block")[-1]
    assert "is being made by process" in second_log
    assert "SLURM job" in second_log
    assert "goes on after step" not in second_log  # the first one's block is taken as it is
    assert not list((project.folder / "results").rglob("*.lock"))
    assert block(project) == block(local)
    assert project.tables() == local.tables()


def slow_training(project):
    """Training that waits after each checkpoint, with no other result."""
    path = project.folder / "scripts" / "betrayed" / "training" / "checkpoints.py"
    path.write_text(path.read_text() + SLOW)


SLOW = """

_save = save_checkpoint


def save_checkpoint(*arguments):  # noqa: F811
    import time

    _save(*arguments)
    time.sleep(5)
"""


def test_a_run_cancelled_by_ctrl_c_or_sigterm_takes_its_jobs_along(project, local):
    forget(project, "blocks")
    slow_training(project)
    for number in (signal.SIGINT, signal.SIGTERM):
        with running(project, *TRAINING) as process:
            wait_for(lambda: project.works("train_block"), "training")
            wait_for(lambda: list(project.folder.glob("results/blocks/*/checkpoint.pt")), "a step")
            if number == signal.SIGINT:  # as a terminal does
                os.killpg(process.pid, number)
            else:
                os.kill(process.pid, number)
            assert process.wait(120) == 1
            wait_for(lambda: not any(str(project.folder) in one for one in jobs()), "their end", 60)
    run(project, *TRAINING)
    assert "goes on after step" in slurm_logs(project, "train_block")[-1]
    assert block(project) == block(local)


def test_ctrl_c_while_jobs_are_being_submitted_leaves_none(project, tmp_path, monkeypatch):
    sbatch = tmp_path / "programs" / "sbatch"
    sbatch.parent.mkdir()
    first = tmp_path / "first"  # is submitted at once, the others while the run is being ended
    wait = f"mkdir {first} 2>/dev/null && sleep 1 || sleep 6"
    sbatch.write_text(f'#!/bin/sh\n{wait}\nexec {shutil.which("sbatch")} "$@"\n')
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sbatch.parent}{os.pathsep}{os.environ['PATH']}")
    project.change({"batch_size": 1})
    project.run("--until", "list_videos")
    forget(project, "made/frames", "made/records/frames")
    said = project.folder / "out.txt"
    with running(project, "--until", "extract_frames") as process:
        # Three jobs, of which two are submitted at a time.
        wait_for(lambda: "has been submitted" in said.read_text(), "first job")
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(120) == 1
    assert said.read_text().count("has been submitted") >= 2  # one at least after Ctrl-C
    wait_for(lambda: not any(str(project.folder) in one for one in jobs()), "their end", 60)


def test_a_node_dies_and_the_job_goes_on_on_another(project, local):
    forget(project, "blocks")
    slow_training(project)
    with running(project, *TRAINING) as process:
        wait_for(lambda: list(project.folder.glob("results/blocks/*/checkpoint.pt")), "checkpoint")
        job = next(one for one in jobs() if one.endswith(str(project.folder)))
        node = job.split("|")[1]
        tell("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        try:
            assert process.wait(600) == 0, (project.folder / "out.txt").read_text()[-4000:]
        finally:
            tell("scontrol", "update", f"nodename={node}", "state=resume", check=False)
    assert len(slurm_logs(project, "train_block")) == 2
    assert "goes on after step" in slurm_logs(project, "train_block")[-1]
    assert block(project) == block(local)
