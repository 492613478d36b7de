# The report, and pictures of attention. Not part of `all`: ask for `report_html` and for
# `attention_pictures`.
#   in   results/tables/ (that of the sweep where there is one), results/benchmarks/, results/blocks/{block}/training.csv, and of each video
#        frames.json, masks, tracks, features (attention of the backbone) and attention (of the block)
#   out  results/report.html, results/figures/ (those of the report, as SVG)
#        results/attention_pictures/{run}/{dataset}/{video}/: attention.mp4, attention.png, objects.png,
#        merging.svg


localrules:
    attention_pictures,


rule attention_pictures:
    input:
        all_attention_pictures,


rule draw_attention:
    input:
        unpack(attention_records_of),
    output:
        record="results/{dataset}/records/attention_pictures/{run}/{batch}.json",
    log:
        "results/logs/draw_attention/{run}/{dataset}/{batch}.log",
    benchmark:
        "results/benchmarks/draw_attention/{run}/{dataset}/{batch}.tsv"
    conda:
        "../envs/light.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(10, video=5),
        redo=redo("draw_attention"),
    params:
        code=source_digest("draw_attention"),
        folder="results/attention_pictures/{run}/{dataset}",
    shell:
        "python scripts/draw_attention.py --frames {input.frames:q} --objects {input.objects:q}"
        " --tracks {input.tracks:q} --features {input.features:q} --attention {input.attention:q}"
        " --output-folder {params.folder:q} --record {output.record:q} --processes {threads}"
        " --redo {resources.redo} 2>&1 | tee {log:q}"


rule list_report:
    input:
        manifests=all_manifests(),
    output:
        list="results/tables/.sources/report.json",
    log:
        "results/logs/list_report.log",
    localrule: True
    conda:
        "../envs/light.yaml"
    params:
        list=reported,
    script:
        "../scripts/write_list.py"


rule report_html:
    input:
        expand(
            "results/tables/{table}.parquet",
            table=["measurements", "summary", "objects", "leaderboard", "runs", "failures"],
        ),
        files=reported_files,
        list="results/tables/.sources/report.json",
        templates=expand(
            "scripts/betrayed/reporting/report/templates/{name}",
            name=["report.html.j2", "report.css", "tables.js", "player.js"],
        ),
    output:
        report="results/report.html",
        figures=directory("results/figures"),
    log:
        "results/logs/report_html.log",
    benchmark:
        "results/benchmarks/report_html/all.tsv"
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        code=source_digest("make_report"),
        reported=listed(reported),
        tables=lambda wildcards, input: str(Path(input[0]).parent),
        benchmarks="results/benchmarks",
        settings=as_json(config["report"]),
    shell:
        "python scripts/make_report.py --results {input.list:q} --tables {params.tables:q}"
        " --benchmarks {params.benchmarks:q} --settings {params.settings:q}"
        " --output {output.report:q} --figures {output.figures:q} 2>&1 | tee {log:q}"
