# Scores: how videos are scored, which ones are, and what the tables are made of.


def score_settings(wildcards):
    """How a video is scored; a protocol of the data set as a whole reruns none."""
    own = scoring_settings(config, wildcards.dataset)
    # The paper scores tracks; everything else is scored as what a user gets.
    paper = RUNS[wildcards.run].settings["method"] == "paper"
    return as_json(
        {
            **own,
            "protocols": [name for name in own["protocols"] if name != POOLED],
            "partition": "tracks" if paper else "proposals",
        }
    )


def detection_level(wildcards):
    """What list_detections is told of the level that is scored."""
    own = scoring_settings(config, wildcards.dataset)
    return ["--parts", str(own["max_proposals"])] if own["level"] == "parts" else []


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
        if POOLED in scoring_settings(config, dataset)["protocols"]
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


def table_files():
    """All that collect_tables writes, but the leaderboard for reading."""
    tables = ["measurements", "summary", "objects", "leaderboard", "runs"]
    return expand("results/tables/{table}.{form}", table=tables, form=["csv", "parquet"])


def sweep_files():
    """The table of the sweep, and its picture; nothing where nothing is swept or scored."""
    if not config["sweep"] or not scored():
        return []
    forms = ["csv", "parquet", *(["svg"] if config["pictures"]["draw"] else [])]
    return [f"results/tables/sweep.{form}" for form in forms]
