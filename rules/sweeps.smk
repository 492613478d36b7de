# Sweeps: their table and their picture. Made only where the configuration has a sweep.
#   in   results/tables/summary.parquet
#   out  results/tables/sweep.csv, .parquet and .svg


rule list_sweep:
    output:
        swept="results/tables/.sources/sweep.json",
    log:
        "results/logs/list_sweep.log",
    localrule: True
    conda:
        "../envs/light.yaml"
    params:
        # In their order, which is that of the table.
        runs=digest([[run.name, *run.swept.items()] for run in RUNS.values()]),
    script:
        "../scripts/list_runs.py"


rule collect_sweep:
    input:
        summary="results/tables/summary.parquet",
        list="results/tables/.sources/sweep.json",
    output:
        csv="results/tables/sweep.csv",
        parquet="results/tables/sweep.parquet",
    log:
        "results/logs/collect_sweep.log",
    benchmark:
        "results/benchmarks/collect_sweep/all.tsv"
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory(1500),
        runtime=minutes(30),
    params:
        code=source_digest("collect_sweep"),
        runs=digest([[run.name, *run.swept.items()] for run in RUNS.values()]),
        folder=lambda wildcards, output: str(Path(output.csv).parent),
    shell:
        "python scripts/collect_sweep.py --summary {input.summary:q} --runs {input.list:q}"
        " --output-folder {params.folder:q} 2>&1 | tee {log:q}"


rule draw_sweep:
    input:
        table="results/tables/sweep.parquet",
    output:
        picture="results/tables/sweep.svg",
    log:
        "results/logs/draw_sweep.log",
    benchmark:
        "results/benchmarks/draw_sweep/all.tsv"
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory(1500),
        runtime=minutes(30),
    params:
        code=source_digest("draw_sweep"),
    shell:
        "python scripts/draw_sweep.py --table {input.table:q} --output {output.picture:q}"
        " 2>&1 | tee {log:q}"
