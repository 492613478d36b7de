# What the rules share: the checked settings, the videos of each data set, each program's sources.
import csv
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))
from betrayed.config import settings as settings_of
from betrayed.datasets.layouts.common import choose_videos
from betrayed.datasets.listing import needed_paths
from betrayed.datasets.presence import check_presence, resolve_root
from betrayed.engine.folder_claim import claim_folder
from betrayed.engine.sources import program_sources
from betrayed.engine.warm_client import SERVED
from betrayed.errors import UserError
from betrayed.scoring.scorers import check_scorer

try:
    settings_of.check(config, yaml.safe_load(Path(workflow.basedir, "rules/schema.yaml").open()))
    if workflow.is_main_process:
        check_presence(config)
        check_scorer(config["scoring"].get("scorer", "own"))
    if workflow.is_main_process and not workflow.dryrun:
        CLAIM = claim_folder(Path(".snakemake"))
        # Jobs are forked from a process that serves this one, unless the variable says 0 already.
        if os.environ.get(SERVED) != "0":
            os.environ[SERVED] = str(os.getpid())
except UserError as error:
    raise WorkflowError(str(error)) from None

DATASETS = config["datasets"]
RUNS = {run.run: run for run in settings_of.runs(config)}
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
POOLED = "youtube-vis"  # the protocol that scores a data set as a whole,
ALL = "all"  # and what tables call that


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
