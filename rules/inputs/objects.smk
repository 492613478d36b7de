# From attention to objects: what clustering, choosing objects and learning their odds read.


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
    """The records that cues_of gives, as options of the program."""
    options = [
        part
        for name, path in cues_of(wildcards).items()
        for part in (f"--{name.replace('_', '-')}", path)
    ]
    if options:
        folder = trajectories_of(wildcards.run, wildcards.dataset)
        options += ["--trajectories-folder", folder]
    return options


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
