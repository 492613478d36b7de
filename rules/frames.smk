# Frames: a video file is decoded, a folder of images is checked and used where it lies.
#   in   the video's file or folder, and its ground truth
#   out  results/{dataset}/frames/{video}/frames.json, and decoded frames beside it
#        results/tables/videos.csv and .parquet: all videos that are segmented


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


rule list_frames:
    input:
        manifests=all_manifests(),
    output:
        list="results/tables/.sources/videos.json",
    log:
        "results/logs/list_frames.log",
    localrule: True
    conda:
        "../envs/light.yaml"
    params:
        rows=video_rows,
    run:
        Path(output.list).write_text(as_json(params.rows))


rule collect_videos:
    input:
        frames=lambda wildcards: [row["path"] for row in video_rows(wildcards)],
        list="results/tables/.sources/videos.json",
        code=program_sources("collect_videos"),
    output:
        csv="results/tables/videos.csv",
        parquet="results/tables/videos.parquet",
    log:
        text="results/logs/collect_videos.log",
        usage="results/benchmarks/collect_videos/all.tsv",
    conda:
        "../envs/light.yaml"
    resources:
        # Like the other tables: a small file is read for each video.
        mem_mb=memory_of("collect_tables", facts_of_tables),
        runtime=runtime_of("collect_tables", facts_of_tables),
    params:
        folder=lambda wildcards, output: str(Path(output.csv).parent),
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool light"
        " scripts/collect_videos.py --videos {input.list:q} --output-folder {params.folder:q}"
        " 2>&1 | tee {log.text:q}"
