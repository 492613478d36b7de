# Training: the spatio-temporal block, from cached features alone.
#   in   results/{dataset}/features/{backbone}/{video}.h5 of the training videos
#   out  results/blocks/{block}/: block.pt, training.csv, curves.png


rule list_training_features:
    input:
        manifest=lambda wildcards: f"results/{training_data(wildcards)['dataset']}/videos.csv",
    output:
        list="results/blocks/{block}/features.txt",
    log:
        "results/logs/list_training_features/{block}.log",
    localrule: True
    conda:
        "../envs/light.yaml"
    params:
        features=training_features,
    run:
        Path(output.list).write_text("".join(f"{path}\n" for path in params.features))


rule train_block:
    input:
        features=training_features,
        # Ancient: written anew when the manifest changes, mostly with the same content. When the
        # training videos do change, so do the features above.
        list=ancient("results/blocks/{block}/features.txt"),
        code=program_sources("train_block"),
    output:
        block="results/blocks/{block}/block.pt",
        table="results/blocks/{block}/training.csv",
        curves=report("results/blocks/{block}/curves.png", category="Training"),
    log:
        text="results/logs/train_block/{block}.log",
        usage="results/benchmarks/train_block/{block}.tsv",
    conda:
        "../envs/torch.yaml"
    threads: 8
    resources:
        # One for each clip of a step, as far as `--resources gpu=N` and the machine go.
        gpu=lambda wildcards: GPU * BLOCKS[wildcards.block].training.get("clips_per_step", 1),
        device=config["device"],
        mem_mb=memory_of("train_block", facts_of_training),
        runtime=runtime_of("train_block", facts_of_training),
    params:
        settings=lambda wildcards: as_json(BLOCKS[wildcards.block].training),
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool torch"
        " scripts/train_block.py --features-list {input.list:q} --output {output.block:q}"
        " --settings {params.settings:q} --threads {threads} --gpus {resources.gpu}"
        " --device {resources.device}"
        " 2>&1 | tee {log.text:q}"
