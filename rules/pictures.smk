# Pictures: an overlay video and a contact sheet for each video.
#   in   results/{dataset}/masks/{run}/{video}/, results/{dataset}/frames/{video}/frames.json
#   out  results/pictures/{run}/{dataset}/{video}/: overlay.mp4, sheet.png


rule draw_pictures:
    input:
        frames="results/{dataset}/frames/{video}/frames.json",
        objects="results/{dataset}/masks/{run}/{video}/objects.csv",
        tracks=tracks_of,
        code=program_sources("draw_pictures"),
    output:
        overlay="results/pictures/{run}/{dataset}/{video}/overlay.mp4",
        sheet=report("results/pictures/{run}/{dataset}/{video}/sheet.png", category="Videos"),
    log:
        text="results/logs/draw_pictures/{run}/{dataset}/{video}.log",
        usage="results/benchmarks/draw_pictures/{run}/{dataset}/{video}.tsv",
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory_of("draw_pictures", facts_of_video),
        runtime=runtime_of("draw_pictures", facts_of_video),
    params:
        folder=lambda wildcards, output: str(Path(output.sheet).parent),
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool light"
        " scripts/draw_pictures.py --frames {input.frames:q} --masks {input.objects:q}"
        " --tracks {input.tracks:q} --output-folder {params.folder:q} 2>&1 | tee {log.text:q}"
