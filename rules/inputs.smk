# What the jobs read and are told - input and params functions, in the order of the chain.


def manifest(dataset):
    """The rows of a data set's manifest by video; waits until it has been made."""
    path = checkpoints.list_videos.get(dataset=dataset).output.manifest
    with open(path, newline="") as file:
        return {row["video"]: row for row in csv.DictReader(file)}


def all_manifests():
    """The manifests of all data sets in use, for a job that is planned from the start.

    Snakemake answers manifest() for one that exists already only when it was planned in the first
    pass; training data come in a later one, and training would run without its features.
    """
    training = [dataset for run in RUNS.values() for dataset in run.datasets]
    used = dict.fromkeys([*config["evaluate"], *training])
    return [f"results/{dataset}/videos.csv" for dataset in used]


def evaluated():
    """Every (run, data set, video) that the configuration asks for."""
    return [
        (run, dataset, video)
        for run in RUNS
        for dataset in config["evaluate"]
        for video in manifest(dataset)
    ]


def dataset_folders(wildcards):
    """What the manifest depends on: a video that comes or goes changes these folders."""
    dataset = DATASETS[wildcards.dataset]
    if dataset["make"]:
        return [dataset["root"], *filter(None, [dataset["annotations"]])]
    return [str(path) for path in needed_paths(resolve_root(dataset))]


def dataset_settings(wildcards):
    """A data set as the listing program wants it."""
    return as_json(asdict(resolve_root(DATASETS[wildcards.dataset])))


def video_sources(wildcards):
    """What lies on the disk; a truth that is missing is for the program to complain about."""
    row = manifest(wildcards.dataset)[wildcards.video]
    kinds = ("source", "annotations", "instances")
    return {kind: row[kind] for kind in kinds if row[kind] and Path(row[kind]).exists()}


def truth_options(wildcards):
    """The folders of ground truth, as options of the program."""
    row = manifest(wildcards.dataset)[wildcards.video]
    kinds = [kind for kind in ("annotations", "instances") if row[kind]]
    return [part for kind in kinds for part in (f"--{kind}", row[kind])]


def video_rows(wildcards):
    """Every video that is segmented, once, whatever the runs."""
    return [
        {
            "dataset": dataset,
            "video": video,
            "path": f"results/{dataset}/frames/{video}/frames.json",
        }
        for dataset in config["evaluate"]
        for video in manifest(dataset)
    ]


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
    own = training_data(wildcards)
    backbone = BLOCKS[wildcards.block].training_backbone
    folder = f"results/{own['dataset']}/features/{backbone}"
    videos = choose_videos(manifest(own["dataset"]), own["videos"], own["dataset"])
    return [f"{folder}/{video}.h5" for video in videos]


def block_of(wildcards):
    """The trained block: the one that the configuration names, or else our own."""
    named = BLOCKS[wildcards.block].settings["training"]["checkpoint"]
    return named or f"results/blocks/{wildcards.block}/block.pt"


def attention_of(wildcards):
    run = CLUSTERS[wildcards.clusters]
    return f"results/{wildcards.dataset}/attention/{run.backbone}/{run.block}/{wildcards.video}.h5"


def clustering_mb(wildcards):
    """A resource, since the tracks do not depend on it: another one reruns nothing. 0: what is free."""
    return int(1000 * (CLUSTERS[wildcards.clusters].settings["clustering"]["memory_gb"] or 0))


def tracks_of(wildcards):
    clusters = RUNS[wildcards.run].clusters
    return f"results/{wildcards.dataset}/tracks/{clusters}/{wildcards.video}.h5"


def cues_of(wildcards):
    """What objects are chosen by: nothing when only the size of the tracks counts."""
    run, dataset, video = RUNS[wildcards.run], wildcards.dataset, wildcards.video
    if run.settings["objects"]["choice"] == "size":
        return {}
    return {
        "features": f"results/{dataset}/features/{run.backbone}/{video}.h5",
        "fine_features": f"results/{dataset}/features/{run.fine_backbone}/{video}.h5",
        "motion": f"results/{dataset}/motion/{run.motion}/{video}.h5",
        "trajectories": f"results/{dataset}/trajectories/{run.motion}/{video}.h5",
    }


def cue_options(wildcards):
    """The same files, as options of the program."""
    return [
        part
        for name, path in cues_of(wildcards).items()
        for part in (f"--{name.replace('_', '-')}", path)
    ]


def scored():
    """The (run, data set, video) that have ground truth."""
    return [one for one in evaluated() if manifest(one[1])[one[2]]["annotations"]]


def annotated_rows(wildcards):
    """What the odds of lying on one object are learnt from: the files of every annotated video."""
    run, rows = RUNS[wildcards.run], []
    for name, dataset, video in scored():
        if name == wildcards.run:
            rows.append(
                {
                    "frames": f"results/{dataset}/frames/{video}/frames.json",
                    "tracks": f"results/{dataset}/tracks/{run.clusters}/{video}.h5",
                    "features": f"results/{dataset}/features/{run.backbone}/{video}.h5",
                    "fine_features": f"results/{dataset}/features/{run.fine_backbone}/{video}.h5",
                    "motion": f"results/{dataset}/motion/{run.motion}/{video}.h5",
                    "trajectories": f"results/{dataset}/trajectories/{run.motion}/{video}.h5",
                }
            )
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
    folder = f"results/{wildcards.dataset}/detections/{wildcards.run}"
    videos = manifest(wildcards.dataset)
    return [f"{folder}/{video}.csv" for video, row in videos.items() if row["annotations"]]


def pooled():
    """The (run, data set) whose detections are scored together."""
    found = dict.fromkeys((run, dataset) for run, dataset, _ in scored())
    return [
        one for one in found if POOLED in settings_of.scoring_settings(config, one[1])["protocols"]
    ]


def score_rows(wildcards):
    videos = [
        {
            "run": RUNS[run].name,
            "dataset": dataset,
            "benchmark": DATASETS[dataset].get("benchmark"),
            "video": video,
            "path": f"results/{dataset}/scores/{run}/{video}.csv",
        }
        for run, dataset, video in scored()
    ]
    data_sets = [
        {
            "run": RUNS[run].name,
            "dataset": dataset,
            "benchmark": DATASETS[dataset].get("benchmark"),
            "video": ALL,
            "path": f"results/{dataset}/average_precision/{run}.csv",
        }
        for run, dataset in pooled()
    ]
    return videos + data_sets


def all_pictures(wildcards):
    return [
        f"results/pictures/{run}/{dataset}/{video}/sheet.png" for run, dataset, video in evaluated()
    ]


def masks_of_dataset(wildcards):
    """The frames and masks of every video of a data set."""
    run, dataset, videos = wildcards.run, wildcards.dataset, manifest(wildcards.dataset)
    return {
        "frames": [f"results/{dataset}/frames/{video}/frames.json" for video in videos],
        "objects": [f"results/{dataset}/masks/{run}/{video}/objects.csv" for video in videos],
    }


def all_exports(wildcards):
    exports = []
    for run in RUNS:
        for dataset in config["evaluate"]:
            layout = DATASETS[dataset]["layout"]
            forms = ["davis", *(["youtube_vis"] if layout == "youtube_vis" else [])]
            exports += [f"results/exports/{run}/{dataset}/{form}.zip" for form in forms]
    return exports
