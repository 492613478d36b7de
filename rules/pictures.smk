# Pictures: an overlay video and a contact sheet for each video.
#   in   results/{dataset}/masks/{run}/{video}/, results/{dataset}/frames/{video}/frames.json
#   out  results/pictures/{run}/{dataset}/{video}/: overlay.mp4, sheet.png


rule draw_pictures:
    input:
        frames="results/{dataset}/records/frames/{batch}.json",
        objects="results/{dataset}/records/masks/{run}/{batch}.json",
        tracks=tracks_of,
    output:
        record="results/{dataset}/records/pictures/{run}/{batch}.json",
    log:
        "results/logs/draw_pictures/{run}/{dataset}/{batch}.log",
    benchmark:
        "results/benchmarks/draw_pictures/{run}/{dataset}/{batch}.tsv"
    conda:
        "../envs/light.yaml"
    threads: 4
    resources:
        mem_mb=memory(3000),
        runtime=minutes(10, video=5),
        redo=redo("draw_pictures"),
    params:
        code=source_digest("draw_pictures"),
        folder="results/pictures/{run}/{dataset}",
        settings=picture_settings,
        tracks=lambda wildcards, input: ["--tracks", input.tracks] if input.tracks else [],
    shell:
        "python scripts/draw_pictures.py --frames {input.frames:q} --objects {input.objects:q}"
        " {params.tracks:q} --output-folder {params.folder:q} --record {output.record:q}"
        " --settings {params.settings:q} --processes {threads} --redo {resources.redo} 2>&1 | tee {log:q}"
