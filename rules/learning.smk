# Learning: the odds that two points lie on one object, from drawn videos with exact masks, and from the
# foregrounds of real ones, joined by twos. Not part of `all`: ask for `learn`, with
# presets/learning.yaml.
#   in   results/{dataset}/frames/{video}/, tracks/, features/, motion/ and trajectories/
#   out  results/same_object/{run}/: same_object.json (the networks), splits.csv, calibration.csv


localrules:
    learn,


rule learn:
    input:
        expand("results/same_object/{run}/same_object.json", run=RUNS),


rule list_learning_videos:
    # No `script:`, of which a new file alone would have hours of learning done again.
    input:
        manifests=all_manifests(),
    output:
        made="results/same_object/{run}/made.json",
        real="results/same_object/{run}/real.json",
    log:
        "results/logs/list_learning_videos/{run}.log",
    localrule: True
    conda:
        "../envs/light.yaml"
    params:
        rows=learning_rows,
    run:
        for kind, rows in params.rows.items():
            Path(output[kind]).write_text(as_json(rows))


rule learn_same_object:
    input:
        files=lambda wildcards: [
            path
            for rows in learning_rows(wildcards).values()
            for row in rows
            for path in row.values()
            if ".json" in path
        ],
        made="results/same_object/{run}/made.json",
        real="results/same_object/{run}/real.json",
    output:
        model="results/same_object/{run}/same_object.json",
        splits="results/same_object/{run}/splits.csv",
        calibration="results/same_object/{run}/calibration.csv",
    log:
        "results/logs/learn_same_object/{run}.log",
    benchmark:
        "results/benchmarks/learn_same_object/{run}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 8
    resources:
        mem_mb=memory(8000),
        runtime=minutes(120),
    params:
        # No listed(): the records that the lists name are input, by which lists that could not be
        # written are noticed.
        code=source_digest("learn_same_object"),
        objects=lambda wildcards: as_json(RUNS[wildcards.run].settings["objects"]),
        settings=lambda wildcards: as_json(
            {**config["learning"], "seed": RUNS[wildcards.run].settings["seed"]}
        ),
    shell:
        "python scripts/learn_same_object.py --videos {input.made:q} --unlabelled {input.real:q}"
        " --output {output.model:q}"
        " --splits {output.splits:q} --calibration {output.calibration:q}"
        " --objects {params.objects:q} --settings {params.settings:q} --processes {threads}"
        " 2>&1 | tee {log:q}"
