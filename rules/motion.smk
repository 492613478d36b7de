# Motion, from a video's frames alone: how much each place moves against the camera, and where
# points go. Both come from one computation of optical flow.
#   in   results/{dataset}/frames/{video}/frames.json
#   out  results/{dataset}/motion/{motion}/{video}.h5, trajectories/{motion}/{video}.h5


rule measure_motion:
    input:
        frames="results/{dataset}/frames/{video}/frames.json",
        code=program_sources("measure_motion"),
    output:
        motion="results/{dataset}/motion/{motion}/{video}.h5",
        trajectories="results/{dataset}/trajectories/{motion}/{video}.h5",
    log:
        text="results/logs/measure_motion/{dataset}/{motion}/{video}.log",
        usage="results/benchmarks/measure_motion/{dataset}/{motion}/{video}.tsv",
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory_of("measure_motion", facts_of_motion),
        runtime=runtime_of("measure_motion", facts_of_motion),
    params:
        settings=lambda wildcards: as_json(MOTIONS[wildcards.motion]),
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool light"
        " scripts/measure_motion.py --frames {input.frames:q} --output {output.motion:q}"
        " --trajectories {output.trajectories:q}"
        " --settings {params.settings:q} --threads {threads} 2>&1 | tee {log.text:q}"
