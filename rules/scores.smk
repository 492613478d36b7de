# Scores: each video by every protocol, then all of them in tidy tables.
#   in   results/{dataset}/masks/{run}/{video}/, results/{dataset}/frames/{video}/frames.json
#   out  results/{dataset}/scores/{run}/{video}.csv
#        results/{dataset}/detections/{run}/{video}.csv, average_precision/{run}.csv (youtube-vis)
#        results/tables/: measurements, summary, objects, leaderboard and runs, each as .csv and
#        .parquet, and leaderboard.md


rule score_video:
    input:
        frames="results/{dataset}/records/frames/{batch}.json",
        objects="results/{dataset}/records/masks/{run}/{batch}.json",
        tracks=tracks_of,
    output:
        record="results/{dataset}/records/scores/{run}/{batch}.json",
    log:
        "results/logs/score_video/{dataset}/{run}/{batch}.log",
    benchmark:
        "results/benchmarks/score_video/{dataset}/{run}/{batch}.tsv"
    conda:
        "../envs/light.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(10, video=5),
        redo=redo("score_video"),
    params:
        code=source_digest("score_video"),
        folder="results/{dataset}/scores/{run}",
        settings=score_settings,
    shell:
        "python scripts/score_video.py --frames {input.frames:q} --objects {input.objects:q}"
        " --tracks {input.tracks:q} --settings {params.settings:q} --output-folder {params.folder:q}"
        " --record {output.record:q} --processes {threads} --redo {resources.redo}"
        " 2>&1 | tee {log:q}"


rule list_detections:
    input:
        frames="results/{dataset}/records/frames/{batch}.json",
        objects="results/{dataset}/records/masks/{run}/{batch}.json",
    output:
        record="results/{dataset}/records/detections/{run}/{batch}.json",
    log:
        "results/logs/list_detections/{dataset}/{run}/{batch}.log",
    benchmark:
        "results/benchmarks/list_detections/{dataset}/{run}/{batch}.tsv"
    conda:
        "../envs/light.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(10, video=5),
        redo=redo("list_detections"),
    params:
        code=source_digest("list_detections"),
        folder="results/{dataset}/detections/{run}",
        level=detection_level,
    shell:
        "python scripts/list_detections.py --frames {input.frames:q} --objects {input.objects:q}"
        " --output-folder {params.folder:q} --record {output.record:q} {params.level:q}"
        " --processes {threads} --redo {resources.redo} 2>&1 | tee {log:q}"


# AP and AR rank the proposals of all videos together.
rule pool_detections:
    input:
        detections=detections_of_dataset,
    output:
        scores="results/{dataset}/average_precision/{run}.csv",
    log:
        "results/logs/pool_detections/{dataset}/{run}.log",
    benchmark:
        "results/benchmarks/pool_detections/{dataset}/{run}.tsv"
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        code=source_digest("pool_detections"),
    shell:
        "python scripts/pool_detections.py --detections {input.detections:q}"
        " --output {output.scores:q} 2>&1 | tee {log:q}"


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
        list=score_rows,
    script:
        "../scripts/write_list.py"


rule list_runs:
    output:
        settings="results/tables/.sources/runs.json",
    log:
        "results/logs/list_runs.log",
    localrule: True
    conda:
        "../envs/light.yaml"
    params:
        # Digits that stand for them: Snakemake prints a parameter that has changed.
        runs=digest(settings_of_runs(RUNS.values())),
    script:
        "../scripts/list_runs.py"


rule collect_tables:
    input:
        scores=score_files,
        list="results/tables/.sources/scores.json",
        runs="results/tables/.sources/runs.json",
        published="scripts/betrayed/reporting/published.csv",
    output:
        table_files(),
        markdown="results/tables/leaderboard.md",
    log:
        "results/logs/collect_tables.log",
    benchmark:
        "results/benchmarks/collect_tables/all.tsv"
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory(3000),
        runtime=minutes(60),
    params:
        code=source_digest("collect_tables"),
        scores=listed(score_rows),
        runs=digest(settings_of_runs(RUNS.values())),
        folder=lambda wildcards, output: str(Path(output.markdown).parent),
        max_proposals=config["scoring"]["max_proposals"],
    shell:
        "python scripts/collect_tables.py --scores {input.list:q} --runs {input.runs:q}"
        " --published {input.published:q} --max-proposals {params.max_proposals}"
        " --output-folder {params.folder:q} 2>&1 | tee {log:q}"
