# Frames: a video file is decoded, a folder of images is checked and used where it lies.
#   in   the video's file or folder, and its ground truth
#   out  results/{dataset}/frames/{video}/frames.json, and decoded frames beside it


rule extract_frames:
    input:
        unpack(video_sources),
        code=program_sources("extract_frames"),
    output:
        frames="results/{dataset}/frames/{video}/frames.json",
    log:
        text="results/logs/extract_frames/{dataset}/{video}.log",
        usage="results/benchmarks/extract_frames/{dataset}/{video}.tsv",
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory_of("extract_frames", facts_of_frames),
        runtime=runtime_of("extract_frames", facts_of_frames),
    params:
        kind=lambda wildcards: DATASETS[wildcards.dataset]["annotation_kind"],
        layout=lambda wildcards: DATASETS[wildcards.dataset]["layout"],
        truth=truth_options,
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool light"
        " scripts/extract_frames.py --video {wildcards.video:q} --source {input.source:q}"
        " {params.truth:q} --annotation-kind {params.kind} --layout {params.layout}"
        " --output {output.frames:q} 2>&1 | tee {log.text:q}"
