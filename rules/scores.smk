# Scores: each video by every protocol, then all of them in tidy tables.
#   in   results/{dataset}/masks/{run}/{video}/, results/{dataset}/frames/{video}/frames.json
#   out  results/{dataset}/scores/{run}/{video}.csv
#        results/tables/: summary, objects and runs, each as .csv and .parquet


rule score_video:
    input:
        frames="results/{dataset}/frames/{video}/frames.json",
        objects="results/{dataset}/masks/{run}/{video}/objects.csv",
        tracks=tracks_of,
        code=program_sources("score_video"),
    output:
        scores="results/{dataset}/scores/{run}/{video}.csv",
    log:
        "results/logs/score_video/{dataset}/{run}/{video}.log",
    benchmark:
        "results/benchmarks/score_video/{dataset}/{run}/{video}.tsv"
    conda:
        "../envs/light.yaml"
    params:
        masks=lambda wildcards, input: str(Path(input.objects).parent),
        settings=as_json(config["scoring"]),
    shell:
        "python scripts/score_video.py --frames {input.frames:q} --masks {params.masks:q}"
        " --tracks {input.tracks:q} --output {output.scores:q} --settings {params.settings:q}"
        " 2>&1 | tee {log:q}"


def scored():
    """The (run, data set, video) that have ground truth."""
    return [one for one in evaluated() if manifest(one[1])[one[2]]["annotations"]]


def score_rows(wildcards):
    return [
        {
            "run": RUNS[run].name,
            "dataset": dataset,
            "video": video,
            "path": f"results/{dataset}/scores/{run}/{video}.csv",
        }
        for run, dataset, video in scored()
    ]


rule list_scores:
    input:
        manifests=expand("results/{dataset}/videos.csv", dataset=config["evaluate"]),
    output:
        scores="results/tables/.sources/scores.json",
        runs="results/tables/.sources/runs.json",
    log:
        "results/logs/list_scores.log",
    benchmark:
        "results/benchmarks/list_scores/all.tsv"
    localrule: True
    conda:
        "../envs/light.yaml"
    params:
        scores=score_rows,
        runs={run.name: {"run_id": name, **run.flat()} for name, run in RUNS.items()},
    run:
        Path(output.scores).write_text(as_json(params.scores))
        Path(output.runs).write_text(as_json(params.runs))


rule collect_tables:
    input:
        scores=lambda wildcards: [row["path"] for row in score_rows(wildcards)],
        list="results/tables/.sources/scores.json",
        runs="results/tables/.sources/runs.json",
        code=program_sources("collect_tables"),
    output:
        expand(
            "results/tables/{table}.{form}",
            table=["summary", "objects", "runs"],
            form=["csv", "parquet"],
        ),
    log:
        "results/logs/collect_tables.log",
    benchmark:
        "results/benchmarks/collect_tables/all.tsv"
    conda:
        "../envs/light.yaml"
    params:
        folder="results/tables",
    shell:
        "python scripts/collect_tables.py --scores {input.list:q} --runs {input.runs:q}"
        " --output-folder {params.folder:q} 2>&1 | tee {log:q}"
