# Masks: the objects among the tracks, drawn at the video's own size.
#   in   results/{dataset}/tracks/{clusters}/{video}.h5, frames/{video}/frames.json, and for the choice
#        results/{dataset}/motion/{motion}/{video}.h5, trajectories/{motion}/{video}.h5, features/{backbone}/{video}.h5 (both sizes)
#   out  results/{dataset}/masks/{run}/{video}/: proposals/, parts/, foreground/, objects.csv
#        results/{dataset}/piece_masks/{run}/{piece}/: likewise, of pieces of films; these are joined


rule select_objects:
    input:
        unpack(cues_of),
        frames="results/{dataset}/records/frames/{batch}.json",
        tracks=tracks_of,
        odds="scripts/betrayed/objects/same_object.json",
    output:
        record="results/{dataset}/records/masks/{run}/{batch}.json",
    log:
        "results/logs/select_objects/{dataset}/{run}/{batch}.log",
    benchmark:
        "results/benchmarks/select_objects/{dataset}/{run}/{batch}.tsv"
    wildcard_constraints:
        batch="p?[0-9]+",
    conda:
        "../envs/light.yaml"
    threads: 4
    resources:
        mem_mb=memory(6000),
        runtime=minutes(10, video=10),
        redo=redo("select_objects"),
    params:
        code=source_digest("select_objects"),
        folder=masks_folder,
        cues=cue_options,
        settings=lambda wildcards: as_json(RUNS[wildcards.run].settings["objects"]),
    shell:
        "python scripts/select_objects.py --frames {input.frames:q} --tracks {input.tracks:q}"
        " {params.cues:q} --settings {params.settings:q} --output-folder {params.folder:q}"
        " --record {output.record:q} --processes {threads} --redo {resources.redo}"
        " 2>&1 | tee {log:q}"


rule join_pieces:
    input:
        unpack(pieces_of),
        manifest=ancient("results/{dataset}/videos.csv"),
        frames="results/{dataset}/records/frames/{batch}.json",
    output:
        record="results/{dataset}/records/masks/{run}/{batch}.json",
    log:
        "results/logs/join_pieces/{dataset}/{run}/{batch}.log",
    benchmark:
        "results/benchmarks/join_pieces/{dataset}/{run}/{batch}.tsv"
    wildcard_constraints:
        batch="f[0-9]+",
    conda:
        "../envs/light.yaml"
    threads: 4
    resources:
        mem_mb=memory(3000),
        runtime=minutes(10, video=60),
        redo=redo("join_pieces"),
    params:
        code=source_digest("join_pieces"),
        folder=masks_folder,
        videos=batch_rows,
        settings=lambda wildcards: as_json({"alike": config["films"]["alike"]}),
    shell:
        "python scripts/join_pieces.py --manifest {input.manifest:q} --frames {input.frames:q}"
        " --masks {input.masks:q} --features {input.features:q} --settings {params.settings:q}"
        " --output-folder {params.folder:q} --record {output.record:q} --processes {threads}"
        " --redo {resources.redo} 2>&1 | tee {log:q}"
