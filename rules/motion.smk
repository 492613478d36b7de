# Motion, from a video's frames alone: how much each place moves against the camera, and where
# points go. Both come from one computation of optical flow.
#   in   results/{dataset}/frames/{video}/frames.json
#   out  results/{dataset}/motion/{motion}/{video}.h5, trajectories/{motion}/{video}.h5


rule measure_motion:
    input:
        frames="results/{dataset}/records/frames/{batch}.json",
    output:
        record="results/{dataset}/records/motion/{motion}/{batch}.json",
    log:
        "results/logs/measure_motion/{dataset}/{motion}/{batch}.log",
    benchmark:
        "results/benchmarks/measure_motion/{dataset}/{motion}/{batch}.tsv"
    conda:
        "../envs/light.yaml"
    threads: 4
    resources:
        mem_mb=memory(3000),
        runtime=minutes(10, video=5),
        redo=redo("measure_motion"),
    params:
        code=source_digest("measure_motion"),
        folder="results/{dataset}/motion/{motion}",
        trajectories="results/{dataset}/trajectories/{motion}",
        settings=lambda wildcards: as_json(MOTIONS[wildcards.motion]),
    shell:
        "python scripts/measure_motion.py --frames {input.frames:q} --settings {params.settings:q}"
        " --output-folder {params.folder:q} --trajectories-folder {params.trajectories:q}"
        " --record {output.record:q} --processes {threads} --redo {resources.redo}"
        " 2>&1 | tee {log:q}"
