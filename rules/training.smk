# Training: the spatio-temporal block, from cached features alone.
#   in   results/{dataset}/features/{backbone}/{video}.h5 of the training videos
#   out  results/blocks/{block}/: block.pt, training.csv, curves.png


rule train_block:
    input:
        features=training_features,
    output:
        record="results/blocks/{block}/record.json",
    log:
        "results/logs/train_block/{block}.log",
    benchmark:
        "results/benchmarks/train_block/{block}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 8
    resources:
        # One for each clip of a step, as far as `--resources gpu=N` and the machine go.
        gpu=lambda wildcards: GPU * BLOCKS[wildcards.block].training.get("clips_per_step", 1),
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
