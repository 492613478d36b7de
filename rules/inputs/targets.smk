# What is asked for in the end: each target's files, over all runs and data sets.


def all_checked(wildcards):
    """The end of a run. Planned once videos are listed, or Snakemake takes what exists for new.

    Tables and records of all stages are asked for by name: where what follows one exists already,
    Snakemake would not make it anew.
    """
    records = all_records()
    drawn = training_pictures() if config["pictures"]["draw"] else []
    tell_what_comes([*records, *drawn])
    return ["results/tables/.sources/checked", *all_tables(wildcards), *records]


def all_records():
    stages = {"frames": (WHOLE, PIECE, FILM)}
    for name, run in RUNS.items():
        own = [f"features/{run.backbone}", f"attention/{run.backbone}/{run.block}"]
        own.append(f"tracks/{run.clusters}")
        if run.settings["objects"]["choice"] != "size":
            own += [f"features/{run.fine_backbone}", f"motion/{run.motion}"]
        stages |= dict.fromkeys(own, COMPUTED)
        stages[f"masks/{name}"] = KINDS
        if config["pictures"]["draw"]:
            stages[f"pictures/{name}"] = SHOWN
    paths = [
        path
        for dataset in config["evaluate"]
        for stage, kinds in stages.items()
        for path in records_of(dataset, stage, kinds)
    ]
    paths += [
        path
        for name, dataset in scored()
        for path in records_of(dataset, f"scores/{name}", annotated=True)
    ]
    paths += [
        path
        for name, dataset in pooled()
        for path in records_of(dataset, f"detections/{name}", annotated=True)
    ]
    for block, run in BLOCKS.items():
        if run.datasets:
            paths += [f"results/blocks/{block}/record.json", *features_to_train(block)]
    return list(dict.fromkeys(paths))


def all_tables(wildcards):
    """Planned once videos are listed, as all_checked is."""
    for dataset in config["evaluate"]:
        manifest(dataset)
    own = [f"results/tables/{name}" for name in ("leaderboard.md", "videos.csv", "videos.parquet")]
    return [*table_files(), *own, *sweep_files()]


def frame_rows(wildcards):
    """The records of all videos that are segmented, once, whatever the runs."""
    return [
        {"dataset": dataset, "record": path}
        for dataset in config["evaluate"]
        for path in records_of(dataset, "frames")
    ]


def last_rows(wildcards):
    """The records that every failure is handed down to."""
    last = "pictures" if config["pictures"]["draw"] else "masks"
    rows = [
        {"dataset": dataset, "record": path}
        for run in RUNS
        for dataset in config["evaluate"]
        for path in [
            *records_of(dataset, f"{last}/{run}"),
            *records_of(dataset, f"scores/{run}", annotated=True),
        ]
    ]
    trained = {run.block: run.datasets[0] for run in RUNS.values() if run.datasets}
    return rows + [
        {"dataset": dataset, "record": f"results/blocks/{block}/record.json"}
        for block, dataset in trained.items()
    ]


def all_pictures(wildcards):
    return [
        path
        for run in RUNS
        for dataset in config["evaluate"]
        for path in records_of(dataset, f"pictures/{run}")
    ] + training_pictures()


def picture_settings(wildcards):
    """How pictures look; whether they are drawn at all redraws none."""
    return as_json({name: value for name, value in config["pictures"].items() if name != "draw"})


def all_attention_pictures(wildcards):
    return [
        path
        for run in RUNS
        for dataset in config["evaluate"]
        for path in records_of(dataset, f"attention_pictures/{run}", COMPUTED)
    ]


def all_exports(wildcards):
    """Planned once videos are listed, as all_checked is."""
    for dataset in config["evaluate"]:
        manifest(dataset)
    forms = config["exports"]["formats"]
    masks = [
        f"results/exports/{run}/{dataset}/{form}" + (".zip" if form in SERVERS else "")
        for run in RUNS
        for dataset in config["evaluate"]
        for form in forms
        if form in SERVERS + TOOLS
    ]
    # A block that was taken from elsewhere has no log.
    trained = [block for block, run in BLOCKS.items() if run.datasets]
    logs = [f"results/exports/{TENSORBOARD}/{block}" for block in trained]
    return masks + (logs if TENSORBOARD in forms else [])
