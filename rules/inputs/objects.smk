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
    """What objects are chosen by: nothing when only the size of the tracks counts.

    What objects of pieces look like is measured on features, whatever they are chosen by.
    """
    run = RUNS[wildcards.run]
    stages = {"features": f"features/{run.backbone}"}
    if run.settings["objects"]["choice"] != "size":
        stages["fine_features"] = f"features/{run.fine_backbone}"
        stages["motion"] = f"motion/{run.motion}"
    elif not wildcards.batch.startswith(PIECE):
        return {}
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
    if RUNS[wildcards.run].settings["objects"]["choice"] != "size":
        folder = trajectories_of(wildcards.run, wildcards.dataset)
        options += ["--trajectories-folder", folder]
    if wildcards.batch.startswith(PIECE):
        options += ["--looks"]
    return options


def masks_folder(wildcards):
    """Where masks lie; those of pieces out of the way."""
    name = "piece_masks" if wildcards.batch.startswith((PIECE, LONG)) else "masks"
    return f"results/{wildcards.dataset}/{name}/{wildcards.run}"


def pieces_of(wildcards):
    """The records of the masks of the pieces of a batch's films."""
    rows = manifest(wildcards.dataset)
    films = set(videos_of_batch(wildcards))
    held = sorted(
        {
            row["batch"]
            for video, row in rows.items()
            if row["batch"].startswith((PIECE, LONG)) and film_of(video) in films
        }
    )
    return [record(wildcards.dataset, f"masks/{wildcards.run}", batch) for batch in held]


def long_block(wildcards):
    """The block for a run's pieces of long films."""
    return block_of(_of_run(wildcards))


def long_block_file(wildcards):
    return block_file(_of_run(wildcards))


def _of_run(wildcards):
    """What inputs that go by a block's identifier need of a run."""
    return SimpleNamespace(block=RUNS[wildcards.run].block)


def long_settings(wildcards):
    """All that decides what is found in a piece of a long film."""
    run = RUNS[wildcards.run]
    return as_json(
        {
            "features": run.features,
            "fine_features": run.fine_features,
            "clustering": run.clustering,
            "motion": run.settings["motion"],
            "objects": run.settings["objects"],
        }
    )


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
