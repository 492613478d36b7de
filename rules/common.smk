# What the rules share: the checked settings, the videos of each data set, each program's sources.
import csv
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))
from betrayed.config import settings as settings_of
from betrayed.config.checks import check
from betrayed.datasets.layouts.common import choose_videos
from betrayed.datasets.listing import needed_paths
from betrayed.datasets.presence import missing_data, resolve_root
from betrayed.engine.folder_claim import claim_folder
from betrayed.engine.sources import program_sources
from betrayed.engine.warm_client import SERVED
from betrayed.errors import UserError

try:
    # A job is no place to look for what was there when it was planned.
    config |= check(config, missing_data) if workflow.is_main_process else check(config)
    RUNS = {run.run: run for run in settings_of.runs(config)}
except UserError as error:
    raise WorkflowError(str(error)) from None

DATASETS = config["datasets"]
# Identifiers in paths, and the run that says what each stands for (any one: they agree).
WEIGHTS = {run.weights: run for run in RUNS.values()}
FEATURES = {run.backbone: run.features for run in RUNS.values()}
FEATURES |= {run.fine_backbone: run.fine_features for run in RUNS.values()}
FEATURES |= {run.training_backbone: run.training_features for run in RUNS.values()}
WEIGHTS_OF = {run.backbone: run.weights for run in RUNS.values()}
WEIGHTS_OF |= {run.fine_backbone: run.weights for run in RUNS.values()}
WEIGHTS_OF |= {run.training_backbone: run.weights for run in RUNS.values()}
BLOCKS = {run.block: run for run in RUNS.values()}
MOTIONS = {run.motion: run.settings["motion"] for run in RUNS.values()}
CLUSTERS = {run.clusters: run for run in RUNS.values()}
POOLED = "youtube-vis"  # the protocol that scores a data set as a whole,
ALL = "all"  # and what tables call that
CLAIM = []  # the folder's, while a run goes on


def claim_this_folder():
    """One run at a time in a folder. Commands that only look claim nothing: `onstart:` calls this."""
    if not workflow.is_main_process:
        return
    try:
        CLAIM.append(claim_folder(Path(".snakemake")))
    except UserError as error:
        raise WorkflowError(str(error)) from None
    # Jobs are forked from a process that serves this one, unless the variable says 0 already.
    if os.environ.get(SERVED) != "0":
        os.environ[SERVED] = str(os.getpid())


def release_this_folder():
    while CLAIM:
        CLAIM.pop().close()


# Deleting results starts no run, but would take them from one that goes on.
if any(option.startswith("--delete-") for option in sys.argv):
    claim_this_folder()


wildcard_constraints:
    dataset="[^/]+",
    video="[^/]+",
    weights="[^/]+",
    backbone="[^/]+",
    block="[^/]+",
    motion="[^/]+",
    clusters="[^/]+",
    run="[^/]+",


def as_json(value):
    return json.dumps(value, sort_keys=True)
