# Features: the frozen backbone's weights, and its patch tokens for every frame.
#   in   results/{dataset}/frames/{video}/frames.json
#   out  resources/weights/{weights}.safetensors
#        results/{dataset}/features/{backbone}/{video}.h5


rule fetch_weights:
    input:
        file=weights_file,
    output:
        weights="resources/weights/{weights}.safetensors",
    log:
        "results/logs/fetch_weights/{weights}.log",
    benchmark:
        "results/benchmarks/fetch_weights/{weights}.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=memory(6000),
        runtime=minutes(60),
    params:
        code=source_digest("fetch_weights"),
        settings=weights_settings,
    shell:
        "python scripts/fetch_weights.py --output {output.weights:q}"
        " --settings {params.settings:q} 2>&1 | tee {log:q}"


rule cache_features:
    input:
        frames="results/{dataset}/records/frames/{batch}.json",
        weights=lambda wildcards: f"resources/weights/{WEIGHTS_OF[wildcards.backbone]}.safetensors",
    output:
        record="results/{dataset}/records/features/{backbone}/{batch}.json",
    log:
        "results/logs/cache_features/{dataset}/{backbone}/{batch}.log",
    benchmark:
        "results/benchmarks/cache_features/{dataset}/{backbone}/{batch}.tsv"
    priority: urgency_of_features
    conda:
        "../envs/torch.yaml"
    threads: GPU_THREADS
    resources:
        gpu=GPU,
        device=config["device"],
        batch_size=lambda wildcards: BATCH_SIZES[wildcards.backbone],
        mem_mb=memory(6000),
        runtime=minutes(15, video=10),
        redo=redo("cache_features"),
    params:
        code=source_digest("cache_features"),
        folder=lambda wildcards: f"results/{wildcards.dataset}/features/{wildcards.backbone}",
        settings=lambda wildcards: as_json(FEATURES[wildcards.backbone]),
    shell:
        "python scripts/cache_features.py --frames {input.frames:q} --weights {input.weights:q}"
        " --settings {params.settings:q} --output-folder {params.folder:q}"
        " --record {output.record:q} --threads {threads}"
        " --device {resources.device} --gpus {resources.gpu}"
        " --batch-size {resources.batch_size} --redo {resources.redo} 2>&1 | tee {log:q}"
