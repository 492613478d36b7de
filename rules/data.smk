# Data sets: made here where the configuration says so, and listed once.
#   in   the data set's folder
#   out  results/{dataset}/videos.csv: its videos, where frames and ground truth lie, their batches
#        results/{dataset}/scans/: what films were found to hold when they were looked through
#        results/{dataset}/truth/: a file a video where one file holds the truth of all (youtube_vis)
#        or many videos (movi); empty for other layouts


rule make_dataset:
    output:
        videos=directory("resources/{dataset}/videos"),
        annotations=directory("resources/{dataset}/annotations"),
    log:
        "results/logs/make_dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/make_dataset/{dataset}.tsv"
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory(1500),
        runtime=minutes(60),
    params:
        code=source_digest("make_dataset"),
        folder=lambda wildcards, output: str(Path(output.videos).parent),
        settings=lambda wildcards: as_json(DATASETS[wildcards.dataset]["make"]),
    shell:
        "python scripts/make_dataset.py --output {params.folder:q}"
        " --settings {params.settings:q} 2>&1 | tee {log:q}"


checkpoint list_videos:
    input:
        folders=dataset_folders,
    output:
        manifest="results/{dataset}/videos.csv",
        truth=directory("results/{dataset}/truth"),
    log:
        "results/logs/list_videos/{dataset}.log",
    benchmark:
        "results/benchmarks/list_videos/{dataset}.tsv"
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(120),
        # How many jobs run side by side decides how videos are first put into batches; later runs
        # keep to that, so it must not rerun anything.
        parallel=jobs_side_by_side,
        least=LEAST_ON_GPU if ON_GPUS else LEAST_ON_CPU,
    params:
        code=source_digest("list_videos"),
        settings=dataset_settings,
        signature=dataset_signature,
        films=film_settings,
        batch_size=config["batch_size"] or 0,
        memory=lambda wildcards: f"results/{wildcards.dataset}/{MEMORY}",
    shell:
        "python scripts/list_videos.py --output {output.manifest:q} --truth {output.truth:q}"
        " --memory {params.memory:q} --films {params.films:q} --batch-size {params.batch_size}"
        " --parallel {resources.parallel} --least {resources.least} --settings {params.settings:q} 2>&1 | tee {log:q}"
