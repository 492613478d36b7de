# Failures: the videos that were left out, and why. A run that left out some ends with an error.
#   in   records of the last stages, which earlier ones hand their failures down to
#   out  results/tables/failures.csv and .parquet


rule list_records:
    input:
        manifests=all_manifests(),
    output:
        list="results/tables/.sources/records.json",
    log:
        "results/logs/list_records.log",
    localrule: True
    conda:
        "../envs/light.yaml"
    params:
        list=last_rows,
    script:
        "../scripts/write_list.py"


rule collect_failures:
    input:
        records=files_of(last_rows),
        list="results/tables/.sources/records.json",
    output:
        csv="results/tables/failures.csv",
        parquet="results/tables/failures.parquet",
    log:
        "results/logs/collect_failures.log",
    benchmark:
        "results/benchmarks/collect_failures/all.tsv"
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory(1500),
        runtime=minutes(30),
    params:
        code=source_digest("collect_failures"),
        records=listed(last_rows),
        folder=lambda wildcards, output: str(Path(output.csv).parent),
    shell:
        "python scripts/collect_failures.py --records {input.list:q}"
        " --output-folder {params.folder:q} 2>&1 | tee {log:q}"


# Last, so that everything else is finished when it fails.
rule check_failures:
    input:
        all_tables,
        pictures=all_pictures if config["pictures"]["draw"] else [],
        failures="results/tables/failures.csv",
    output:
        touch("results/tables/.sources/checked"),
    log:
        "results/logs/check_failures.log",
    localrule: True
    conda:
        "../envs/light.yaml"
    params:
        code=source_digest("check_failures"),
        allow=int(config["allow_failures"]),
    shell:
        "python scripts/check_failures.py --failures {input.failures:q} --allow {params.allow}"
        " 2>&1 | tee {log:q}"
