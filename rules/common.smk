# What the rules share: identifiers in paths, the claim on the folder, what schedulers are asked for.
import csv
import hashlib
import json
import os
import re
import signal
import sys
import time
from dataclasses import asdict
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from snakemake.exceptions import IncompleteCheckpointException
from snakemake.logging import logger
from snakemake.settings.types import DeploymentMethod

from betrayed.config.exports import SERVERS, TENSORBOARD, TOOLS
from betrayed.config.runs import digest
from betrayed.config.training import HUB
from betrayed.datasets.batching import LEAST_ON_CPU, LEAST_ON_GPU, trained_on
from betrayed.datasets.listing import followed_paths, needed_paths, watched_depth
from betrayed.datasets.manifest import MEMORY, PLANNING, drop_untrue_manifests
from betrayed.datasets.name_lists import choose_videos
from betrayed.datasets.pieces import FILM, KINDS, LONG, PIECE, WHOLE, film_of
from betrayed.datasets.presence import resolve_root
from betrayed.datasets.watching import signature
from betrayed.engine.records import drop_untrue
from betrayed.engine.folder_claim import check_writable, claim_folder
from betrayed.engine.gpus import require_gpu, usable_gpus, what_is_used
from betrayed.engine.interrupts import cancel_jobs, heed_interrupts
from betrayed.engine.result_folders import check_results_writable
from betrayed.engine.where_to_look import places_text
from betrayed.engine.sources import source_digest
from betrayed.errors import UserError
from betrayed.io import status

if workflow.is_main_process:
    try:
        # Snakemake writes there even where it only looks, and would end with a traceback.
        check_writable(Path(".snakemake"))
    except UserError as error:
        refuse(error)
    try:
        # Snakemake refuses by itself to write over what it cannot, before any job; with no advice.
        if Path("results").exists():
            check_writable(Path("results"))
    except UserError as error:
        logger.warning(f"warning: {error}")
    try:
        # Not while a run goes on: its records become true. Also where one only looks: which of the two
        # it is Snakemake does not tell yet, and a plan from untrue records would be wrong.
        with claim_folder(Path(".snakemake")):
            drop_untrue_manifests("results")
            drop_untrue("results", failures=not config["allow_failures"])
    except UserError:
        pass

# Videos side by side are a job's threads: NumPy's products are small ones, for which more threads wait
# for one another, awake. torch has threads of its own.
prefix = "set -euo pipefail; export OPENBLAS_NUM_THREADS=1; "
# Whoever shows how far the run is (scripts/snakemake_logger_plugin_betrayed) has the terminal: what
# jobs print is in their logs alone. Not by `exec >/dev/null`: with --sdm conda Snakemake reads what
# other commands print.
if workflow.is_main_process and os.environ.get(status.FOLDER):
    prefix += 'tee() (command tee "$@" >/dev/null); '
shell.prefix(prefix)
# Threads that wait for others sleep: spinning ones take the cores from other jobs.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Programs run with the Python that runs Snakemake, activated or not, unless conda brings one.
if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
    own = str(Path(sys.executable).parent)
    os.environ.update(PATH=os.pathsep.join([own, *os.get_exec_path()]))
# Jobs that can run at a time: one for each GPU, or for some cores.
ON_GPUS = config["device"] != "cpu" and bool(workflow.global_resources.get("gpu").value)
PARALLEL = workflow.global_resources.get("gpu").value or (workflow.cores or 1) // 4

DATASETS = config["datasets"]
# Identifiers in paths, and the run that says what each stands for (any one: they agree).
WEIGHTS = {run.weights: run for run in RUNS.values()}
FEATURES = {run.backbone: run.features for run in RUNS.values()}
FEATURES |= {run.fine_backbone: run.fine_features for run in RUNS.values()}
FEATURES |= {run.training_backbone: run.training_features for run in RUNS.values()}
WEIGHTS_OF = {run.backbone: run.weights for run in RUNS.values()}
WEIGHTS_OF |= {run.fine_backbone: run.weights for run in RUNS.values()}
WEIGHTS_OF |= {run.training_backbone: run.weights for run in RUNS.values()}
# Frames at a time; 0: the program chooses. It reruns nothing, so it is no part of the features.
BATCH_SIZES = {
    identifier: run.settings["features"].get("batch_size") or 0
    for run in RUNS.values()
    for identifier in (run.backbone, run.fine_backbone, run.training_backbone)
}
BLOCKS = {run.block: run for run in RUNS.values()}
MOTIONS = {run.motion: run.settings["motion"] for run in RUNS.values()}
CLUSTERS = {run.clusters: run for run in RUNS.values()}
GPU = 0 if config["device"] == "cpu" else 1  # that a job asks for; more only where it trains
GPU_THREADS = 4  # the most cores of a job that computes on one
# Priorities of jobs on GPUs, see urgency(): what training waits for; features at the refinement's
# size, which wait for nothing, while it goes on; then videos are finished one after another.
TRAINING, TRAINED_ON, TRACKS, FINE, ATTENTION, PLAIN = 6, 5, 4, 3, 2, 1
# That the frames are there that are trained on; of other training data it is another file.
TRAINED_FRAMES = "results/tables/.sources/frames_of_" + "+".join(
    sorted({dataset for run in RUNS.values() for dataset in run.datasets})
)
POOLED = "youtube-vis"  # the protocol that scores a data set as a whole,
ALL = "all"  # and what tables call that
# Which batches the chain works on, stage by stage up to the masks; and which of them people know:
# films in pieces have a batch of their own, see betrayed/datasets/pieces.py.
COMPUTED, SHOWN = (WHOLE, PIECE), (WHOLE, FILM)
CLAIM = []  # the folder's, while a run goes on
REDO = "BETRAYED_REDO"  # the variable that hands --forcerun to jobs
REPORT = "BETRAYED_REPORT"  # the variable by which make says what is typed for the report


def claim_this_folder():
    """One run at a time in a folder. Commands that only look claim nothing: `onstart:` calls this."""
    if not workflow.is_main_process:
        return
    try:
        CLAIM.append(claim_folder(Path(".snakemake")))
        check_results_writable(Path("results"))
    except UserError as error:
        refuse(error)


def say_what_is_used():
    """Say once what is computed on; a cluster's nodes are not seen from here: `onstart:` calls this.

    `device: cuda` is an error where there is no GPU.
    """
    if not workflow.is_main_process or not workflow.local_exec:
        return
    try:
        require_gpu(config["device"])
    except UserError as error:
        refuse(error)
    if config["device"] == "cpu":
        return
    usable, granted = len(usable_gpus()), workflow.global_resources.get("gpu").value
    said = what_is_used(usable, granted, workflow.cores, GPU_THREADS)
    logger.info(said, extra={"for_people": True})


def heed_signals():
    """On a cluster SIGTERM cancels what was submitted, as Ctrl-C does; `onstart:` calls this.

    Snakemake itself would wait for it, which may take hours, and be killed before.
    """
    if workflow.is_main_process and not workflow.local_exec:
        heed_interrupts(signal.SIGINT, signal.SIGTERM)


def cancel_what_is_left():
    """Of a run that failed no job goes on; those on SLURM have the name of the run."""
    name = getattr(workflow.scheduler._executor, "run_uuid", None)
    if workflow.is_main_process and name:
        cancel_jobs(name)


def give_up(error):
    """refuse() for what is found out once videos are listed: jobs that run are ended, too.

    Of an exception Snakemake would show the place in the code, and of what an exit says nothing.
    """
    logger.error(f"Error: {error}", extra={"gives_up": True})
    raise SystemExit(1)


def release_this_folder():
    while CLAIM:
        CLAIM.pop().close()


def tell_what_comes(outputs):
    """What all stages will make, once videos are listed, for whoever shows how far the run is.

    Snakemake itself tells only of jobs that it planned before.
    """
    if workflow.is_main_process and os.environ.get(status.FOLDER):
        logger.info("", extra={"awaited": outputs})


def tell_where_to_look():
    """For whoever shows the run: where nothing is to be done, Snakemake calls no `onsuccess:`."""
    if workflow.is_main_process and os.environ.get(status.FOLDER):
        logger.info("", extra={"where_to_look": where_to_look})


BEGUN = time.time()


def say_where_to_look(failed=False):
    """The last lines of a run that computed anything; of one that failed if it found anything."""
    if not workflow.is_main_process:
        return
    if failed and not any(map(os.path.exists, folders_of_masks())):
        return
    text = where_to_look(BEGUN if failed else None)
    logger.info(f"\n{text}\n", extra={"for_people": True})


def folders_of_masks():
    return [f"results/{dataset}/masks/{run}" for run in RUNS for dataset in config["evaluate"]]


def where_to_look(failed_since=None):
    """Where everything lies that is there by now."""
    sweep = [path for path in sweep_files() if not path.endswith(".parquet")]
    blocks = [block for block, run in BLOCKS.items() if run.datasets]
    same = "the same command with -- report_html behind it"
    usual = same if workflow.config_settings.overwrite_config else "make report"
    typed = os.environ.get(REPORT) or usual
    places = "results", folders_of_masks(), blocks, typed
    return places_text(*places, sweep=sweep, failed_since=failed_since)


# Deleting results starts no run, but would take them from one that goes on.
if any(option.startswith("--delete-") for option in sys.argv):
    claim_this_folder()


wildcard_constraints:
    dataset="|".join(map(re.escape, DATASETS)),
    batch="[flp]?[0-9]+",
    weights="[^/]+",
    backbone="[^/]+",
    block="[^/]+",
    motion="[^/]+",
    clusters="[^/]+",
    run="[^/]+",


def as_json(value):
    return json.dumps(value, sort_keys=True)


def memory(mb):
    """Megabytes to ask a scheduler for; twice as many at each further attempt (see retries)."""
    return lambda wildcards, attempt: mb * 2 ** (attempt - 1)


def minutes(start, video=0):
    """Minutes likewise: some to start with, and some for each video of the batch."""

    def runtime(wildcards, attempt):
        videos = len(videos_of_batch(wildcards)) if video else 0
        return int((start + video * videos) * 2 ** (attempt - 1))

    return runtime


def redo(rule_name):
    """Whether --forcerun or --forceall asks for a rule: then all videos are computed anew.

    A resource, not a parameter: it reruns nothing by itself.
    """
    return lambda wildcards: int(bool({rule_name, ALL} & set(forced_rules())))


def forced_rules():
    """The rules that are forced, or ALL. A cluster's job is told of none, but has the environment."""
    if workflow.is_main_process:
        asked = workflow.dag_settings
        os.environ[REDO] = ALL if asked.forceall else " ".join(map(str, asked.forcerun))
    return os.environ.get(REDO, "").split()
