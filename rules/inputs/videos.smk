# Which videos there are: a data set's list, its batches, and the records that stages leave of them.
#
# A stage's output is a record of each batch of videos: results/{dataset}/records/{stage}/…/{batch}.json.
# It names each video's artefact, with what it was made from, and the videos that were left out. What a
# job computes is decided in the job, video by video (scripts/betrayed/engine/stamps.py).


def all_manifests():
    """The manifests of all data sets in use, for a job that is planned from the start.

    Snakemake answers manifest() for one that exists already only when it was planned in the first
    pass; training data come in a later one, and training would run without its features.
    """
    training = [dataset for run in RUNS.values() for dataset in run.datasets]
    used = dict.fromkeys([*config["evaluate"], *training])
    return [f"results/{dataset}/videos.csv" for dataset in used]


def manifest(dataset):
    """The rows of a data set's manifest by video; waits until it has been made."""
    return _rows(*written(dataset))


def written(dataset):
    """A data set's manifest, and when it was written; waits until it has been made."""
    path = checkpoints.list_videos.get(dataset=dataset).output.manifest
    return path, Path(path).stat().st_mtime_ns


@cache
def _rows(path, written):
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return {row["video"]: row for row in csv.DictReader(file)}


def batches(dataset, kinds=SHOWN, annotated=False):
    """The batches of a data set, in order; those with ground truth alone if so wanted.

    ``kinds``: COMPUTED, SHOWN, or single ones of KINDS.
    """
    rows = manifest(dataset).values()
    found = {row["batch"] for row in rows if row["annotations"] or not annotated}
    return sorted(batch for batch in found if batch.rstrip("0123456789") in kinds)


def videos_of_batch(wildcards):
    rows = manifest(wildcards.dataset).values()
    return [row["video"] for row in rows if row["batch"] == wildcards.batch]


def batch_rows(wildcards):
    """What stands for the videos of a batch: their names, places and contents."""
    rows = manifest(wildcards.dataset).values()
    planning = set(PLANNING) - {"batch"}
    own = [
        {name: value for name, value in row.items() if name not in planning}
        for row in rows
        if row["batch"] == wildcards.batch
    ]
    return hashlib.sha256(as_json(own).encode()).hexdigest()


@cache
def _shares(path, written):
    """What each batch has to do, as a share of the one that has most; see the column bytes."""
    sizes = {}
    for row in _rows(path, written).values():
        sizes[row["batch"]] = sizes.get(row["batch"], 0) + int(row.get("bytes") or 0)
    most = max(sizes.values(), default=0) or 1
    return {batch: size / most for batch, size in sizes.items()}


def urgency(stage):
    """The priority of a job of a stage on a GPU: long videos and full batches first.

    So the last jobs, for which others wait, are short ones.
    """

    def priority(wildcards):
        try:
            return stage + _shares(*written(wildcards.dataset))[wildcards.batch]
        except IncompleteCheckpointException:  # a first pass: it is planned anew
            return stage

    return priority


def urgency_of_features(wildcards):
    """What training waits for is before all others, whose turn comes while training goes on."""
    fine = wildcards.backbone not in {run.backbone for run in RUNS.values()}
    try:
        first = awaited_by_training(wildcards)
    except IncompleteCheckpointException:  # a first pass: it is planned anew
        first = False
    return urgency(TRAINED_ON if first else FINE if fine else PLAIN)(wildcards)


def urgency_of_frames(wildcards):
    """Frames need no GPU; but training waits for some of them, too."""
    first = wildcards.dataset in trained_datasets()
    return urgency(TRAINED_ON if first else 0)(wildcards)


def frames_before(wildcards):
    """What frames of a data set wait for: that all those are there that are trained on.

    Else short batches of others, whose frames are there sooner, would take the GPUs, and training
    would wait for them. Not ancient(): where these are made anew Snakemake would look at nothing else
    that could have changed, and leave the others as they are. So their jobs run, too, and find what
    is up to date.
    """
    trained = trained_datasets()
    return [] if wildcards.dataset in trained or not trained else TRAINED_FRAMES


def trained_frames(wildcards):
    """The records of the frames that a block is trained on."""
    found = {
        record(dataset, "frames", batch)
        for block, run in BLOCKS.items()
        for dataset in run.datasets
        for batch in batches_to_train(block)
    }
    return sorted(found)


def trained_datasets():
    """The data sets that a block is trained on, in order."""
    return sorted({dataset for run in RUNS.values() for dataset in run.datasets})


def jobs_side_by_side(wildcards):
    """For how many jobs at a time the videos of a data set are put into batches.

    For one fewer where it is only trained on: training is a job, too, and has a GPU while the others
    go on with the data sets that are segmented. With a batch for each GPU it would be one job more
    than rounds of all GPUs, and all but one would wait at the end.
    """
    only_trained_on = wildcards.dataset not in config["evaluate"]
    return PARALLEL - 1 if ON_GPUS and only_trained_on and PARALLEL > 2 else PARALLEL


def record(dataset, stage, batch):
    return f"results/{dataset}/records/{stage}/{batch}.json"


def records_of(dataset, stage, kinds=SHOWN, annotated=False):
    """The records that a stage leaves of all batches of a data set, see batches()."""
    return [record(dataset, stage, batch) for batch in batches(dataset, kinds, annotated)]


def files_of(rows):
    """An input function: the records among rows."""
    return lambda wildcards: [row["record"] for row in rows(wildcards)]


def listed(rows):
    """What stands for the rows of a list, as a parameter of whoever reads the list.

    Where it could not be written it is gone, and of a missing file Snakemake thinks that what was
    made of it before is as it should be.
    """
    return lambda wildcards: digest(rows(wildcards))
