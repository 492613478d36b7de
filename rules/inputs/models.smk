# The models: the backbone's weights, and the block with the features that it is trained on.


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
    """The records of the features of :func:`batches_to_train`."""
    stage = f"features/{BLOCKS[block].training_backbone}"
    dataset = BLOCKS[block].settings["training"]["dataset"]
    return [record(dataset, stage, batch) for batch in batches_to_train(block)]


def batches_to_train(block):
    """The batches that hold the training videos; of long films only some do."""
    own = BLOCKS[block].settings["training"]
    rows = manifest(own["dataset"])
    films = {film_of(video) for video in rows}
    try:
        chosen = set(choose_videos(films, own["videos"], own["dataset"], "training.videos"))
    except UserError as error:
        give_up(error)
    held = {row["batch"] for video, row in rows.items() if film_of(video) in chosen}
    long = trained_on([batch for batch in batches(own["dataset"], LONG) if batch in held])
    return [
        batch
        for batch in batches(own["dataset"], (*COMPUTED, LONG))
        if batch in held and (batch in long or not batch.startswith(LONG))
    ]


def awaited_by_training(wildcards):
    """Whether the features of a batch are among those that a block is trained on."""
    own = record(wildcards.dataset, f"features/{wildcards.backbone}", wildcards.batch)
    for block, run in BLOCKS.items():
        for dataset in run.datasets:
            if own in _features_to_train(block, written(dataset)):
                return True
    return False


@cache
def _features_to_train(block, written):
    return frozenset(features_to_train(block))


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


def run_of_block(block):
    """The first run that uses a block: where several do, its clustering is the one that is shown."""
    return next(run for run in RUNS.values() if run.block == block)


def clip_of(wildcards):
    """Frames and features of the video that shows how a training went: the first one there is."""
    dataset = config["evaluate"][0]
    stages = {"frames": "frames", "features": f"features/{run_of_block(wildcards.block).backbone}"}
    first = (batches(dataset, COMPUTED) or batches(dataset, LONG))[0]
    return {name: record(dataset, stage, first) for name, stage in stages.items()}


def training_pictures():
    """Of every block that is trained here: what the report shows of it."""
    return [f"results/blocks/{block}/clusters.h5" for block, run in BLOCKS.items() if run.datasets]
