# Scores: each video by every protocol, then all of them in tidy tables.
#   in   results/{dataset}/masks/{run}/{video}/, results/{dataset}/frames/{video}/frames.json
#   out  results/{dataset}/scores/{run}/{video}.csv
#        results/{dataset}/detections/{run}/{video}.csv, average_precision/{run}.csv (youtube-vis)
#        results/tables/: measurements, summary, objects, leaderboard and runs, each as .csv and
#        .parquet, and leaderboard.md


rule score_video:
    input:
        frames="results/{dataset}/frames/{video}/frames.json",
        objects="results/{dataset}/masks/{run}/{video}/objects.csv",
        tracks=tracks_of,
        code=program_sources("score_video"),
    output:
        scores="results/{dataset}/scores/{run}/{video}.csv",
    log:
        text="results/logs/score_video/{dataset}/{run}/{video}.log",
        usage="results/benchmarks/score_video/{dataset}/{run}/{video}.tsv",
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory_of("score_video", facts_of_scores),
        runtime=runtime_of("score_video", facts_of_scores),
    params:
        masks=lambda wildcards, input: str(Path(input.objects).parent),
        settings=score_settings,
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool light"
        " scripts/score_video.py --frames {input.frames:q} --masks {params.masks:q}"
        " --tracks {input.tracks:q} --output {output.scores:q} --settings {params.settings:q}"
        " 2>&1 | tee {log.text:q}"


rule list_detections:
    input:
        frames="results/{dataset}/frames/{video}/frames.json",
        objects="results/{dataset}/masks/{run}/{video}/objects.csv",
        code=program_sources("list_detections"),
    output:
        detections="results/{dataset}/detections/{run}/{video}.csv",
    log:
        text="results/logs/list_detections/{dataset}/{run}/{video}.log",
        usage="results/benchmarks/list_detections/{dataset}/{run}/{video}.tsv",
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory_of("score_video", facts_of_scores),
        runtime=runtime_of("score_video", facts_of_scores),
    params:
        masks=lambda wildcards, input: str(Path(input.objects).parent),
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool light"
        " scripts/list_detections.py --frames {input.frames:q} --masks {params.masks:q}"
        " --output {output.detections:q} 2>&1 | tee {log.text:q}"


# AP and AR rank the proposals of all videos together.
rule pool_detections:
    input:
        manifest="results/{dataset}/videos.csv",
        detections=detections_of_dataset,
        code=program_sources("pool_detections"),
    output:
        scores="results/{dataset}/average_precision/{run}.csv",
    log:
        text="results/logs/pool_detections/{dataset}/{run}.log",
        usage="results/benchmarks/pool_detections/{dataset}/{run}.tsv",
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory_of("collect_tables", facts_of_pool),
        runtime=runtime_of("collect_tables", facts_of_pool),
    params:
        folder=lambda wildcards: f"results/{wildcards.dataset}/detections/{wildcards.run}",
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool light"
        " scripts/pool_detections.py --manifest {input.manifest:q} --detections {params.folder:q}"
        " --output {output.scores:q} 2>&1 | tee {log.text:q}"


rule list_scores:
    input:
        manifests=all_manifests(),
    output:
        list="results/tables/.sources/scores.json",
    log:
        "results/logs/list_scores.log",
    localrule: True
    conda:
        "../envs/light.yaml"
    params:
        rows=score_rows,
    run:
        Path(output.list).write_text(as_json(params.rows))


rule list_runs:
    output:
        list="results/tables/.sources/runs.json",
    log:
        "results/logs/list_runs.log",
    localrule: True
    conda:
        "../envs/light.yaml"
    params:
        runs={run.name: {"run_id": name, **run.flat()} for name, run in RUNS.items()},
    run:
        Path(output.list).write_text(as_json(params.runs))


rule collect_tables:
    input:
        scores=lambda wildcards: [row["path"] for row in score_rows(wildcards)],
        list="results/tables/.sources/scores.json",
        runs="results/tables/.sources/runs.json",
        published="scripts/betrayed/reporting/published.csv",
        code=program_sources("collect_tables"),
    output:
        expand(
            "results/tables/{table}.{form}",
            table=["measurements", "summary", "objects", "leaderboard", "runs"],
            form=["csv", "parquet"],
        ),
        markdown="results/tables/leaderboard.md",
    log:
        text="results/logs/collect_tables.log",
        usage="results/benchmarks/collect_tables/all.tsv",
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory_of("collect_tables", facts_of_tables),
        runtime=runtime_of("collect_tables", facts_of_tables),
    params:
        folder=lambda wildcards, output: str(Path(output.markdown).parent),
        max_proposals=config["scoring"]["max_proposals"],
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool light"
        " scripts/collect_tables.py --scores {input.list:q} --runs {input.runs:q}"
        " --published {input.published:q} --max-proposals {params.max_proposals}"
        " --output-folder {params.folder:q} 2>&1 | tee {log.text:q}"
