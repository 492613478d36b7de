# Masks: the objects among the tracks, drawn at the video's own size.
#   in   results/{dataset}/tracks/{clusters}/{video}.h5, frames/{video}/frames.json, and for the choice
#        results/{dataset}/motion/{motion}/{video}.h5, trajectories/{motion}/{video}.h5, features/{backbone}/{video}.h5 (both sizes)
#   out  results/{dataset}/masks/{run}/{video}/: proposals/, parts/, foreground/, objects.csv
#        results/{dataset}/piece_masks/{run}/{piece}/: likewise, of pieces of films, with looks.h5; these
#        are joined. Those of long films come from the film in one job, which leaves nothing else.


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


rule segment_pieces:
    input:
        manifest=ancient("results/{dataset}/videos.csv"),
        weights=lambda wildcards: f"resources/weights/{RUNS[wildcards.run].weights}.safetensors",
        block=long_block,
        odds="scripts/betrayed/objects/same_object.json",
    output:
        record="results/{dataset}/records/masks/{run}/{batch}.json",
    log:
        "results/logs/segment_pieces/{dataset}/{run}/{batch}.log",
    benchmark:
        "results/benchmarks/segment_pieces/{dataset}/{run}/{batch}.tsv"
    wildcard_constraints:
        batch="l[0-9]+",
    priority: urgency(TRACKS)
    conda:
        "../envs/torch.yaml"
    threads: GPU_THREADS
    resources:
        gpu=GPU,
        device=config["device"],
        batch_size=lambda wildcards: BATCH_SIZES[RUNS[wildcards.run].backbone],
        clustering_mb=lambda wildcards: int(
            1000 * (RUNS[wildcards.run].settings["clustering"]["memory_gb"] or 0)
        ),
        scratch="",  # a folder on a disk of the node's own, where it has one
        mem_mb=memory(8000),
        runtime=minutes(15, video=40),
        redo=redo("segment_pieces"),
    params:
        code=source_digest("segment_pieces"),
        folder=masks_folder,
        videos=batch_rows,
        block=long_block_file,
        settings=long_settings,
    shell:
        "python scripts/segment_pieces.py --manifest {input.manifest:q} --batch {wildcards.batch}"
        " --weights {input.weights:q} --block {params.block:q} --settings {params.settings:q}"
        " --output-folder {params.folder:q} --record {output.record:q} --threads {threads}"
        " --device {resources.device} --gpus {resources.gpu} --batch-size {resources.batch_size}"
        " --memory-mb {resources.clustering_mb} --scratch {resources.scratch:q}"
        " --redo {resources.redo} 2>&1 | tee {log:q}"


rule join_pieces:
    input:
        masks=pieces_of,
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
        " --masks {input.masks:q} --settings {params.settings:q}"
        " --output-folder {params.folder:q} --record {output.record:q} --processes {threads}"
        " --redo {resources.redo} 2>&1 | tee {log:q}"
