# Features: the frozen backbone's weights, and its patch tokens for every frame.
#   in   results/{dataset}/frames/{video}/frames.json
#   out  resources/weights/{weights}.safetensors
#        results/{dataset}/features/{backbone}/{video}.h5


rule fetch_weights:
    input:
        file=weights_file,
        code=program_sources("fetch_weights"),
    output:
        weights="resources/weights/{weights}.safetensors",
    log:
        text="results/logs/fetch_weights/{weights}.log",
        usage="results/benchmarks/fetch_weights/{weights}.tsv",
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=memory_of("fetch_weights", facts_of_weights),
        runtime=runtime_of("fetch_weights", facts_of_weights),
    params:
        settings=weights_settings,
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool torch"
        " scripts/fetch_weights.py --output {output.weights:q}"
        " --settings {params.settings:q} 2>&1 | tee {log.text:q}"


rule cache_features:
    input:
        frames="results/{dataset}/frames/{video}/frames.json",
        weights=lambda wildcards: f"resources/weights/{WEIGHTS_OF[wildcards.backbone]}.safetensors",
        code=program_sources("cache_features"),
    output:
        features="results/{dataset}/features/{backbone}/{video}.h5",
    log:
        text="results/logs/cache_features/{dataset}/{backbone}/{video}.log",
        usage="results/benchmarks/cache_features/{dataset}/{backbone}/{video}.tsv",
    conda:
        "../envs/torch.yaml"
    threads: 4
    resources:
        gpu=GPU,
        device=config["device"],
        batch_size=lambda wildcards: BATCH_SIZES[wildcards.backbone],
        mem_mb=memory_of("cache_features", facts_of_features),
        runtime=runtime_of("cache_features", facts_of_features),
    params:
        settings=lambda wildcards: as_json(FEATURES[wildcards.backbone]),
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool torch"
        " scripts/cache_features.py --frames {input.frames:q} --weights {input.weights:q}"
        " --output {output.features:q} --settings {params.settings:q} --threads {threads}"
        " --device {resources.device} --gpus {resources.gpu} --batch-size {resources.batch_size}"
        " 2>&1 | tee {log.text:q}"
