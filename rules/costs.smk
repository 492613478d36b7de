# What jobs are expected to take: mem_mb and runtime (minutes) for a scheduler, from the cost model
# (scripts/betrayed/engine/costs.py). More is asked for at each attempt. Nothing of it reruns a job.
from betrayed.engine import costs, planning

COEFFICIENTS = costs.read_coefficients()
# Of `--resources gpu=N`; without it, what uses a GPU is expected to take as long as without one.
GPUS = GPU and (workflow.global_resources.get("gpu").value or 0)


def memory_of(stage, facts):
    """A job's mem_mb; ``facts`` are a function of its wildcards and input."""

    def mem_mb(wildcards, input, threads, attempt):
        return costs.memory_mb(expected(stage, facts(wildcards, input), threads)["mb"], attempt)

    return mem_mb


def runtime_of(stage, facts):
    """A job's runtime; see memory_of."""

    def runtime(wildcards, input, threads, attempt):
        seconds = expected(stage, facts(wildcards, input), threads)["seconds"]
        return costs.runtime_minutes(seconds, attempt)

    return runtime


def expected(stage, facts, threads):
    return costs.cost(stage, {**facts, "threads": threads}, COEFFICIENTS, gpu=GPUS > 0)


def facts_of_video(wildcards, input=None):
    dataset = DATASETS[wildcards.dataset]
    annotations = sum(bool(dataset[name]) for name in ("annotations", "instances"))
    path = f"results/{wildcards.dataset}/frames/{wildcards.video}/frames.json"
    return planning.video_facts(path, dataset["make"], annotations)


def facts_of_dataset(wildcards, input):
    dataset = DATASETS[wildcards.dataset]
    return planning.dataset_facts(dataset, settings_of.dataset_root(dataset))


def facts_of_weights(wildcards, input):
    return planning.weights_facts(WEIGHTS[wildcards.weights].features)


def facts_of_frames(wildcards, input):
    return {**facts_of_video(wildcards), "decoded": Path(input.source).is_file()}


def facts_of_features(wildcards, input):
    features = FEATURES[wildcards.backbone]
    return {**facts_of_video(wildcards), **planning.backbone_facts(features, GPUS > 0)}


def facts_of_training(wildcards, input):
    return planning.training_facts(BLOCKS[wildcards.block], GPUS)


def facts_of_attention(wildcards, input):
    features = planning.attention_facts(FEATURES[wildcards.backbone])
    return {**facts_of_video(wildcards), **features}


def facts_of_clusters(wildcards, input):
    frames = facts_of_video(wildcards)["frames"]
    return planning.cluster_facts(CLUSTERS[wildcards.clusters], frames)


def facts_of_motion(wildcards, input):
    return {**facts_of_video(wildcards), **MOTIONS[wildcards.motion]}


def facts_of_objects(wildcards, input):
    return {**facts_of_video(wildcards), **planning.object_facts(RUNS[wildcards.run])}


def facts_of_scores(wildcards, input):
    protocols = settings_of.scoring_settings(config, wildcards.dataset)["protocols"]
    return {**facts_of_video(wildcards), "protocols": len(protocols)}


def facts_of_pool(wildcards, input):
    return {"videos": len(input.detections)}


def facts_of_tables(wildcards, input):
    return {"videos": len(input)}
