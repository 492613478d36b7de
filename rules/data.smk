# Data sets: made here where the configuration says so, and listed once.
#   in   the data set's folder
#   out  results/{dataset}/videos.csv: its videos, and where frames and ground truth lie
#        results/{dataset}/truth/: a file a video where one file holds the truth of all (youtube_vis)
#        or many videos (movi); empty for other layouts


rule make_dataset:
    input:
        code=program_sources("make_dataset"),
    output:
        videos=directory("resources/{dataset}/videos"),
        annotations=directory("resources/{dataset}/annotations"),
    log:
        text="results/logs/make_dataset/{dataset}.log",
        usage="results/benchmarks/make_dataset/{dataset}.tsv",
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory_of("make_dataset", facts_of_dataset),
        runtime=runtime_of("make_dataset", facts_of_dataset),
    params:
        folder=lambda wildcards, output: str(Path(output.videos).parent),
        settings=lambda wildcards: as_json(DATASETS[wildcards.dataset]["make"]),
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool light"
        " scripts/make_dataset.py --output {params.folder:q}"
        " --settings {params.settings:q} 2>&1 | tee {log.text:q}"


checkpoint list_videos:
    input:
        folders=dataset_folders,
        code=program_sources("list_videos"),
    output:
        manifest="results/{dataset}/videos.csv",
        truth=directory("results/{dataset}/truth"),
    log:
        text="results/logs/list_videos/{dataset}.log",
        usage="results/benchmarks/list_videos/{dataset}.tsv",
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory_of("list_videos", facts_of_dataset),
        runtime=runtime_of("list_videos", facts_of_dataset),
    params:
        settings=dataset_settings,
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool light"
        " scripts/list_videos.py --output {output.manifest:q} --truth {output.truth:q}"
        " --settings {params.settings:q} 2>&1 | tee {log.text:q}"
