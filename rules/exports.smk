# Exports: masks in the form that benchmarks' servers take. Not part of `all`: ask for `exports`.
#   in   results/{dataset}/masks/{run}/{video}/, results/{dataset}/frames/{video}/frames.json
#   out  results/exports/{run}/{dataset}/davis.zip, and unpacked davis/{video}/{frame}.png
#        results/exports/{run}/{dataset}/youtube_vis.zip, and unpacked youtube_vis/results.json


localrules:
    exports,


# All runs; youtube_vis for data sets of that layout.
rule exports:
    input:
        all_exports,


rule export_davis:
    input:
        unpack(masks_of_dataset),
        manifest="results/{dataset}/videos.csv",
    output:
        archive="results/exports/{run}/{dataset}/davis.zip",
    log:
        "results/logs/export_davis/{run}/{dataset}.log",
    benchmark:
        "results/benchmarks/export_davis/{run}/{dataset}.tsv"
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory(1500),
        runtime=minutes(60),
    params:
        code=source_digest("export_masks"),
    shell:
        "python scripts/export_masks.py --form davis --manifest {input.manifest:q}"
        " --frames {input.frames:q} --masks {input.masks:q} --output {output.archive:q}"
        " 2>&1 | tee {log:q}"


rule export_youtube_vis:
    input:
        unpack(masks_of_dataset),
        manifest="results/{dataset}/videos.csv",
    output:
        archive="results/exports/{run}/{dataset}/youtube_vis.zip",
    log:
        "results/logs/export_youtube_vis/{run}/{dataset}.log",
    benchmark:
        "results/benchmarks/export_youtube_vis/{run}/{dataset}.tsv"
    conda:
        "../envs/light.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        code=source_digest("export_masks"),
    shell:
        "python scripts/export_masks.py --form youtube_vis --manifest {input.manifest:q}"
        " --frames {input.frames:q} --masks {input.masks:q} --threads {threads}"
        " --output {output.archive:q} 2>&1 | tee {log:q}"
