# Masks: the objects among the tracks, drawn at the video's own size.
#   in   results/{dataset}/tracks/{clusters}/{video}.h5, frames/{video}/frames.json, and for the choice
#        results/{dataset}/motion/{motion}/{video}.h5, trajectories/{motion}/{video}.h5, features/{backbone}/{video}.h5 (both sizes)
#   out  results/{dataset}/masks/{run}/{video}/: proposals/, parts/, foreground/, objects.csv


rule select_objects:
    input:
        unpack(cues_of),
        frames="results/{dataset}/frames/{video}/frames.json",
        tracks=tracks_of,
        odds="scripts/betrayed/objects/same_object.json",
        code=program_sources("select_objects"),
    output:
        objects="results/{dataset}/masks/{run}/{video}/objects.csv",
    log:
        text="results/logs/select_objects/{dataset}/{run}/{video}.log",
        usage="results/benchmarks/select_objects/{dataset}/{run}/{video}.tsv",
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory_of("select_objects", facts_of_objects),
        runtime=runtime_of("select_objects", facts_of_objects),
    params:
        cues=cue_options,
        settings=lambda wildcards: as_json(RUNS[wildcards.run].settings["objects"]),
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool light"
        " scripts/select_objects.py --frames {input.frames:q} --tracks {input.tracks:q}"
        " {params.cues:q} --output {output.objects:q}"
        " --settings {params.settings:q} 2>&1 | tee {log.text:q}"
