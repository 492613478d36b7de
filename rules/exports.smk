# Exports: masks in the forms that servers and other tools take, logs as TensorBoard's. Not part of
# `all`: ask for `exports`. Which ones is a setting.
#   in   results/{dataset}/masks/{run}/{video}/, results/{dataset}/frames/{video}/frames.json,
#        results/blocks/{block}/training.csv
#   out  results/exports/{run}/{dataset}/{form}.zip, and unpacked {form}/, for servers
#        results/exports/{run}/{dataset}/{form}/ for tools
#        results/exports/tensorboard/{block}/ of blocks that were trained here


localrules:
    exports,


# All runs.
rule exports:
    input:
        all_exports,


rule export_for_servers:
    input:
        unpack(masks_of_dataset),
        manifest="results/{dataset}/videos.csv",
    output:
        archive="results/exports/{run}/{dataset}/{form}.zip",
    log:
        "results/logs/export_for_servers/{run}/{dataset}/{form}.log",
    benchmark:
        "results/benchmarks/export_for_servers/{run}/{dataset}/{form}.tsv"
    wildcard_constraints:
        form="|".join(SERVERS),
    conda:
        "../envs/light.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        code=source_digest("export_masks"),
    shell:
        "python scripts/export_masks.py --form {wildcards.form} --manifest {input.manifest:q}"
        " --frames {input.frames:q} --masks {input.masks:q} --threads {threads}"
        " --output {output.archive:q} 2>&1 | tee {log:q}"


rule export_for_tools:
    input:
        unpack(masks_of_dataset),
        manifest="results/{dataset}/videos.csv",
    output:
        folder=directory("results/exports/{run}/{dataset}/{form}"),
    log:
        "results/logs/export_for_tools/{run}/{dataset}/{form}.log",
    benchmark:
        "results/benchmarks/export_for_tools/{run}/{dataset}/{form}.tsv"
    wildcard_constraints:
        form="|".join(TOOLS),
    conda:
        "../envs/light.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(240),
    params:
        code=source_digest("export_masks"),
        chosen=export_options,
    shell:
        "python scripts/export_masks.py --form {wildcards.form} --manifest {input.manifest:q}"
        " --frames {input.frames:q} --masks {input.masks:q} {params.chosen:q}"
        " --threads {threads} --output {output.folder:q} 2>&1 | tee {log:q}"


rule export_training:
    input:
        record="results/blocks/{block}/record.json",
    output:
        folder=directory("results/exports/tensorboard/{block}"),
    log:
        "results/logs/export_training/{block}.log",
    benchmark:
        "results/benchmarks/export_training/{block}.tsv"
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory(1500),
        runtime=minutes(10),
    params:
        code=source_digest("export_training"),
        log="results/blocks/{block}/training.csv",
    shell:
        "python scripts/export_training.py --log {params.log:q} --output-folder {output.folder:q}"
        " 2>&1 | tee {log:q}"
