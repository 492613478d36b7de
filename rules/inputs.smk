# What the jobs read and are told - input and params functions, in the order of the chain.
#
# A stage's output is a record of each batch of videos: results/{dataset}/records/{stage}/…/{batch}.json.
# It names each video's artefact, with what it was made from, and the videos that were left out. What a
# job computes is decided in the job, video by video (scripts/betrayed/engine/stamps.py).


def manifest(dataset):
    """The rows of a data set's manifest by video; waits until it has been made."""
    path = checkpoints.list_videos.get(dataset=dataset).output.manifest
    return _rows(path, Path(path).stat().st_mtime_ns)


@cache
def _rows(path, written):
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return {row["video"]: row for row in csv.DictReader(file)}


def batches(dataset, kinds=SHOWN, annotated=False):
    """The batches of a data set, in order; those with ground truth alone if so wanted.

    ``kinds``: COMPUTED, SHOWN, or single ones of videos that are whole, of pieces and of films.
    """
    rows = manifest(dataset).values()
    found = {row["batch"] for row in rows if row["annotations"] or not annotated}
    return sorted(batch for batch in found if batch.rstrip("0123456789") in kinds)


def videos_of_batch(wildcards):
    rows = manifest(wildcards.dataset).values()
    return [row["video"] for row in rows if row["batch"] == wildcards.batch]


def record(dataset, stage, batch):
    return f"results/{dataset}/records/{stage}/{batch}.json"


def records_of(dataset, stage, kinds=SHOWN, annotated=False):
    """The records that a stage leaves of all batches of a data set, see batches()."""
    return [record(dataset, stage, batch) for batch in batches(dataset, kinds, annotated)]


def all_manifests():
    """The manifests of all data sets in use, for a job that is planned from the start.

    Snakemake answers manifest() for one that exists already only when it was planned in the first
    pass; training data come in a later one, and training would run without its features.
    """
    training = [dataset for run in RUNS.values() for dataset in run.datasets]
    used = dict.fromkeys([*config["evaluate"], *training])
    return [f"results/{dataset}/videos.csv" for dataset in used]


def dataset_folders(wildcards):
    """Where a data set lies. Whether anything in there has changed is for dataset_signature."""
    dataset = DATASETS[wildcards.dataset]
    if dataset["make"]:
        return [dataset["root"], *filter(None, [dataset["annotations"]])]
    paths = map(str, needed_paths(resolve_root(dataset)))
    # Snakemake takes braces for wildcards; the signature notices what happens there all the same.
    return [ancient(path) for path in paths if not {"{", "}"} & set(path)]


def dataset_signature(wildcards):
    """Names, sizes and times of all files: the videos are listed again when one has changed."""
    dataset = DATASETS[wildcards.dataset]
    return "" if dataset["make"] else _signature(wildcards.dataset)


@cache
def _signature(name):
    settings = resolve_root(DATASETS[name])
    return signature(needed_paths(settings), watched_depth(settings))


def dataset_settings(wildcards):
    """A data set as the listing program wants it."""
    return as_json(asdict(resolve_root(DATASETS[wildcards.dataset])))


def film_settings(wildcards):
    """How films are worked on, as the listing program wants it; what joins them lists none anew."""
    own = {name: value for name, value in config["films"].items() if name != "alike"}
    return as_json(own) if DATASETS[wildcards.dataset]["layout"] == "folder" else "{}"


def batch_rows(wildcards):
    """What stands for the videos of a batch: their names, places and contents."""
    rows = manifest(wildcards.dataset).values()
    own = [row for row in rows if row["batch"] == wildcards.batch]
    return hashlib.sha256(as_json(own).encode()).hexdigest()


def weights_settings(wildcards):
    own = WEIGHTS[wildcards.weights].settings
    return as_json({**own["weights"], "backbone": own["features"]["backbone"]})


def weights_file(wildcards):
    """The file that the configuration names, so that another one under its name is noticed."""
    own = WEIGHTS[wildcards.weights].settings["weights"]
    return [own["path"]] if own["source"] == "file" else []


def training_data(wildcards):
    return BLOCKS[wildcards.block].settings["training"]


def training_features(wildcards):
    return features_to_train(wildcards.block)


def features_to_train(block):
    """The records of the batches that hold the training videos."""
    own = BLOCKS[block].settings["training"]
    rows = manifest(own["dataset"])
    films = {film_of(video) for video in rows}
    chosen = set(choose_videos(films, own["videos"], own["dataset"]))
    held = {row["batch"] for video, row in rows.items() if film_of(video) in chosen}
    stage = f"features/{BLOCKS[block].training_backbone}"
    return [
        record(own["dataset"], stage, batch)
        for batch in batches(own["dataset"], COMPUTED)
        if batch in held
    ]


def run_of_block(block):
    """The first run that uses a block: where several do, its clustering is the one that is shown."""
    return next(run for run in RUNS.values() if run.block == block)


def clip_of(wildcards):
    """Frames and features of the video that shows how a training went: the first one there is."""
    dataset = config["evaluate"][0]
    stages = {"frames": "frames", "features": f"features/{run_of_block(wildcards.block).backbone}"}
    first = batches(dataset, COMPUTED)[0]
    return {name: record(dataset, stage, first) for name, stage in stages.items()}


def training_pictures():
    """Of every block that is trained here: what the report shows of it."""
    return [f"results/blocks/{block}/clusters.h5" for block, run in BLOCKS.items() if run.datasets]


def block_of(wildcards):
    """The trained block: the one that the configuration names, or else what training says of ours."""
    return _named_block(wildcards) or f"results/blocks/{wildcards.block}/record.json"


def block_file(wildcards):
    return _named_block(wildcards) or f"results/blocks/{wildcards.block}/block.pt"


def _named_block(wildcards):
    """The file of the block that the configuration names; one of a hub is kept here."""
    named = BLOCKS[wildcards.block].settings["training"]["checkpoint"]
    downloaded = named and named.startswith(HUB)
    return f"resources/blocks/{wildcards.block}.pt" if downloaded else named


def attention_of(wildcards):
    run = CLUSTERS[wildcards.clusters]
    return record(wildcards.dataset, f"attention/{run.backbone}/{run.block}", wildcards.batch)


def clustering_mb(wildcards):
    """A resource, since the tracks do not depend on it: another one reruns nothing. 0: what is free."""
    return int(1000 * (CLUSTERS[wildcards.clusters].settings["clustering"]["memory_gb"] or 0))


def tracks_of(wildcards):
    """Nothing of films in pieces: each piece has tracks of its own."""
    if wildcards.batch.startswith(FILM):
        return []
    clusters = RUNS[wildcards.run].clusters
    return record(wildcards.dataset, f"tracks/{clusters}", wildcards.batch)


def cues_of(wildcards):
    """What objects are chosen by: nothing when only the size of the tracks counts."""
    run = RUNS[wildcards.run]
    if run.settings["objects"]["choice"] == "size":
        return {}
    stages = {
        "features": f"features/{run.backbone}",
        "fine_features": f"features/{run.fine_backbone}",
        "motion": f"motion/{run.motion}",
    }
    return {
        name: record(wildcards.dataset, stage, wildcards.batch) for name, stage in stages.items()
    }


def trajectories_of(run, dataset):
    """Measured together with motion, in a folder beside it."""
    return f"results/{dataset}/trajectories/{RUNS[run].motion}"


def cue_options(wildcards):
    """The same records, as options of the program."""
    options = [
        part
        for name, path in cues_of(wildcards).items()
        for part in (f"--{name.replace('_', '-')}", path)
    ]
    if options:
        folder = trajectories_of(wildcards.run, wildcards.dataset)
        options += ["--trajectories-folder", folder]
    return options


def learning_rows(wildcards):
    """What the odds of lying on one object are learnt from: the records of all videos.

    ``made`` are videos that are drawn, with exact masks; ``real`` all others, whose masks are not
    looked at.
    """
    run, rows = RUNS[wildcards.run], {"made": [], "real": []}
    stages = {
        "frames": "frames",
        "tracks": f"tracks/{run.clusters}",
        "features": f"features/{run.backbone}",
        "fine_features": f"features/{run.fine_backbone}",
        "motion": f"motion/{run.motion}",
    }
    for dataset in config["evaluate"]:
        kind = "made" if config["datasets"][dataset].get("make") else "real"
        rows[kind] += [
            {name: record(dataset, stage, batch) for name, stage in stages.items()}
            | {"trajectories": trajectories_of(wildcards.run, dataset)}
            for batch in batches(dataset, COMPUTED, annotated=kind == "made")
        ]
    return rows


def score_settings(wildcards):
    """How a video is scored; a protocol of the data set as a whole reruns none."""
    own = settings_of.scoring_settings(config, wildcards.dataset)
    # The paper scores tracks; everything else is scored as what a user gets.
    paper = RUNS[wildcards.run].settings["method"] == "paper"
    return as_json(
        {
            **own,
            "protocols": [name for name in own["protocols"] if name != POOLED],
            "partition": "tracks" if paper else "proposals",
        }
    )


def detections_of_dataset(wildcards):
    return records_of(wildcards.dataset, f"detections/{wildcards.run}", annotated=True)


def scored():
    """The (run, data set) that have ground truth."""
    evaluated = [(run, dataset) for run in RUNS for dataset in config["evaluate"]]
    return [one for one in evaluated if batches(one[1], annotated=True)]


def pooled():
    """The (run, data set) whose detections are scored together."""
    return [
        (run, dataset)
        for run, dataset in scored()
        if POOLED in settings_of.scoring_settings(config, dataset)["protocols"]
    ]


def score_rows(wildcards):
    """Where scores lie, for the tables: records of batches, and tables of whole data sets."""
    about = {
        (run, dataset): {
            "run": RUNS[run].name,
            "dataset": dataset,
            "benchmark": DATASETS[dataset].get("benchmark"),
        }
        for run, dataset in scored()
    }
    videos = [
        {**about[run, dataset], "record": path}
        for run, dataset in scored()
        for path in records_of(dataset, f"scores/{run}", annotated=True)
    ]
    data_sets = [
        {
            **about[run, dataset],
            "video": ALL,
            "path": f"results/{dataset}/average_precision/{run}.csv",
        }
        for run, dataset in pooled()
    ]
    return videos + data_sets


def score_files(wildcards):
    return [row.get("record") or row["path"] for row in score_rows(wildcards)]


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


def files_of(rows):
    """An input function: the records among rows."""
    return lambda wildcards: [row["record"] for row in rows(wildcards)]


def all_pictures(wildcards):
    return [
        path
        for run in RUNS
        for dataset in config["evaluate"]
        for path in records_of(dataset, f"pictures/{run}")
    ] + training_pictures()


def all_checked(wildcards):
    """The end of a run. Planned once videos are listed, or Snakemake takes what exists for new.

    Records of all stages are asked for by name: where what follows one exists already, Snakemake
    would not make it anew.
    """
    return ["results/tables/.sources/checked", *all_records()]


def all_records():
    stages = {"frames": KINDS}
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


def sweep_files():
    """The table of the sweep, and its picture; nothing where nothing is swept or scored."""
    if not config["sweep"] or not scored():
        return []
    forms = ["csv", "parquet", *(["svg"] if config["pictures"]["draw"] else [])]
    return [f"results/tables/sweep.{form}" for form in forms]


def all_tables(wildcards):
    """Likewise."""
    for dataset in config["evaluate"]:
        manifest(dataset)
    return ["results/tables/summary.csv", "results/tables/videos.csv", *sweep_files()]


def picture_settings(wildcards):
    """How pictures look; whether they are drawn at all redraws none."""
    return as_json({name: value for name, value in config["pictures"].items() if name != "draw"})


def masks_folder(wildcards):
    """Where masks lie; those of pieces out of the way."""
    name = "piece_masks" if wildcards.batch.startswith(PIECE) else "masks"
    return f"results/{wildcards.dataset}/{name}/{wildcards.run}"


def pieces_of(wildcards):
    """The records of the pieces of a batch's films: their masks, and what tells their looks."""
    rows = manifest(wildcards.dataset)
    films = set(videos_of_batch(wildcards))
    held = sorted(
        {
            row["batch"]
            for video, row in rows.items()
            if row["batch"].startswith(PIECE) and film_of(video) in films
        }
    )
    stages = {
        "masks": f"masks/{wildcards.run}",
        "features": f"features/{RUNS[wildcards.run].backbone}",
    }
    return {
        name: [record(wildcards.dataset, stage, batch) for batch in held]
        for name, stage in stages.items()
    }


def masks_of_dataset(wildcards):
    """The frames and masks of every video of a data set."""
    return {
        "frames": records_of(wildcards.dataset, "frames"),
        "masks": records_of(wildcards.dataset, f"masks/{wildcards.run}"),
    }


def all_exports(wildcards):
    """Likewise planned once videos are listed."""
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


def export_options(wildcards):
    """Which masks tools get, as options of the program."""
    own = config["exports"]
    most = own["most_objects"]
    return ["--level", own["level"], *(["--most", str(most)] if most else [])]


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


def all_attention_pictures(wildcards):
    return [
        path
        for run in RUNS
        for dataset in config["evaluate"]
        for path in records_of(dataset, f"attention_pictures/{run}", COMPUTED)
    ]


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


def reported_sweep(wildcards):
    """The table of the sweep; None where there is none."""
    return next((path for path in sweep_files() if path.endswith(".parquet")), None)


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
    files += filter(None, [reported_sweep(wildcards)])
    return list(dict.fromkeys(files))
