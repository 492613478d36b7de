# Training: the spatio-temporal block, from cached features alone; and pictures of how it went. Or a
# block of a hub, trained before.
#   in   results/{dataset}/features/{backbone}/{video}.h5 of the training videos
#   out  results/blocks/{block}/: block.pt, training.csv, snapshots/; curves.png, clusters.h5 and
#        clusters.png, which are of the first video that is segmented
#        resources/blocks/{block}.pt, where training.checkpoint is hub:…


rule train_block:
    input:
        features=training_features,
    output:
        record="results/blocks/{block}/record.json",
    log:
        "results/logs/train_block/{block}.log",
    benchmark:
        "results/benchmarks/train_block/{block}.tsv"
    priority: TRAINING
    conda:
        "../envs/torch.yaml"
    threads: 8
    resources:
        # One for each clip of a step, as far as `--resources gpu=N` and the machine go.
        gpu=lambda wildcards: GPU * BLOCKS[wildcards.block].training["clips_per_step"],
        device=config["device"],
        mem_mb=memory(12000),
        runtime=minutes(600),
        redo=redo("train_block"),
    params:
        code=source_digest("train_block"),
        block=block_file,
        videos=lambda wildcards: as_json(training_data(wildcards)["videos"]),
        settings=lambda wildcards: as_json(BLOCKS[wildcards.block].training),
    shell:
        "python scripts/train_block.py --features {input.features:q} --videos {params.videos:q}"
        " --output {params.block:q} --record {output.record:q} --settings {params.settings:q}"
        " --threads {threads} --device {resources.device} --gpus {resources.gpu}"
        " --redo {resources.redo} 2>&1 | tee {log:q}"


rule draw_training:
    input:
        unpack(clip_of),
        block="results/blocks/{block}/record.json",
        training=training_features,
    output:
        curves="results/blocks/{block}/curves.png",
        clusters="results/blocks/{block}/clusters.h5",
        picture="results/blocks/{block}/clusters.png",
    log:
        "results/logs/draw_training/{block}.log",
    benchmark:
        "results/benchmarks/draw_training/{block}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        code=source_digest("draw_training"),
        block=block_file,
        settings=lambda wildcards: as_json(run_of_block(wildcards.block).clustering),
    shell:
        "python scripts/draw_training.py --block {params.block:q}"
        " --training-features {input.training:q} --frames {input.frames:q}"
        " --features {input.features:q} --settings {params.settings:q} --threads {threads}"
        " --curves {output.curves:q} --clusters {output.clusters:q} --picture {output.picture:q}"
        " 2>&1 | tee {log:q}"


rule fetch_block:
    output:
        block="resources/blocks/{block}.pt",
    log:
        "results/logs/fetch_block/{block}.log",
    benchmark:
        "results/benchmarks/fetch_block/{block}.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=memory(3000),
        runtime=minutes(30),
    params:
        code=source_digest("fetch_block"),
        name=lambda wildcards: BLOCKS[wildcards.block].settings["training"]["checkpoint"],
    shell:
        "python scripts/fetch_block.py --name {params.name:q} --output {output.block:q}"
        " 2>&1 | tee {log:q}"
