# What the report shows of each run and batch.


def attention_records(run, dataset, batch):
    """What a run leaves of a batch that shows where attention lies, and what was found by it."""
    own = RUNS[run]
    stages = {
        "frames": "frames",
        "objects": f"masks/{run}",
        "tracks": f"tracks/{own.clusters}",
        "features": f"features/{own.backbone}",
        "attention": f"attention/{own.backbone}/{own.block}",
    }
    if batch.startswith(FILM):  # it has no tracks, nor attention: its pieces have
        stages = {name: stages[name] for name in ("frames", "objects")}
    return {name: record(dataset, stage, batch) for name, stage in stages.items()}


def attention_records_of(wildcards):
    return attention_records(wildcards.run, wildcards.dataset, wildcards.batch)


def reported_batches(wildcards):
    """The records of every run and batch that the report shows."""
    return [
        {"run": RUNS[run].name, "dataset": dataset, **attention_records(run, dataset, batch)}
        for run in RUNS
        for dataset in config["evaluate"]
        for batch in batches(dataset)
    ]


def reported_runs():
    """The runs, and the log of each one's training unless it took a block that was trained before."""
    return [
        {
            "name": run.name,
            "run_id": name,
            "block": run.block,
            "training": f"results/blocks/{run.block}/training.csv" if run.datasets else None,
            "clusters": f"results/blocks/{run.block}/clusters.h5" if run.datasets else None,
        }
        for name, run in RUNS.items()
    ]


def reported_sweep():
    """The table of the sweep; None where there is none."""
    return next((path for path in sweep_files() if path.endswith(".parquet")), None)


def reported(wildcards):
    """All that the report's program is told."""
    return {
        "runs": reported_runs(),
        "batches": reported_batches(wildcards),
        "sweep": reported_sweep(),
    }


def reported_files(wildcards):
    """All of these records, and the logs, each once."""
    files = [
        path
        for row in reported_batches(wildcards)
        for name, path in row.items()
        if name not in ("run", "dataset")
    ]
    files += [f"results/blocks/{run.block}/record.json" for run in RUNS.values() if run.datasets]
    files += training_pictures()
    files += filter(None, [reported_sweep()])
    tell_what_comes([*all_records(), *training_pictures()])
    return list(dict.fromkeys(files))
