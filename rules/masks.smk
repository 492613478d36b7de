# Masks: which tracks are objects, drawn at the video's own size.
#   in   results/{dataset}/tracks/{clusters}/{video}.h5, and for the choice
#        results/{dataset}/motion/{motion}/{video}.h5, results/{dataset}/features/{backbone}/{video}.h5
#   out  results/{dataset}/masks/{run}/{video}/: proposals/, foreground/, objects.csv


rule select_objects:
    input:
        tracks=tracks_of,
        motion=motion_of,
        features=features_of,
        code=program_sources("select_objects"),
    output:
        objects="results/{dataset}/masks/{run}/{video}/objects.csv",
    log:
        "results/logs/select_objects/{dataset}/{run}/{video}.log",
    benchmark:
        "results/benchmarks/select_objects/{dataset}/{run}/{video}.tsv"
    conda:
        "../envs/light.yaml"
    params:
        settings=lambda wildcards: as_json(RUNS[wildcards.run].settings["objects"]),
    shell:
        "python scripts/select_objects.py --tracks {input.tracks:q} --motion {input.motion:q}"
        " --features {input.features:q} --output {output.objects:q}"
        " --settings {params.settings:q} 2>&1 | tee {log:q}"
