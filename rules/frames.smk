# Frames: a video file is decoded, a folder of images is checked and used where it lies. Of a film in
# pieces the pieces' frames are written; the film's own are read out of it whenever they are wanted.
#   in   the video's file or folder, and its ground truth
#   out  results/{dataset}/frames/{video}/frames.json, and decoded frames beside it
#        results/tables/videos.csv and .parquet: all videos that are segmented


rule extract_frames:
    input:
        # What it says of this batch is a parameter: other videos may come and go.
        manifest=ancient("results/{dataset}/videos.csv"),
        before=frames_before,
    output:
        record="results/{dataset}/records/frames/{batch}.json",
    log:
        "results/logs/extract_frames/{dataset}/{batch}.log",
    benchmark:
        "results/benchmarks/extract_frames/{dataset}/{batch}.tsv"
    priority: urgency_of_frames
    conda:
        "../envs/light.yaml"
    threads: 4
    resources:
        mem_mb=memory(3000),
        runtime=minutes(10, video=5),
        redo=redo("extract_frames"),
    params:
        code=source_digest("extract_frames"),
        folder=lambda wildcards: f"results/{wildcards.dataset}/frames",
        videos=batch_rows,
        kind=lambda wildcards: DATASETS[wildcards.dataset]["annotation_kind"],
        layout=lambda wildcards: DATASETS[wildcards.dataset]["layout"],
    shell:
        "python scripts/extract_frames.py --manifest {input.manifest:q} --batch {wildcards.batch}"
        " --annotation-kind {params.kind} --layout {params.layout} --output-folder {params.folder:q}"
        " --record {output.record:q} --processes {threads} --redo {resources.redo}"
        " 2>&1 | tee {log:q}"


rule await_trained_frames:
    input:
        frames=trained_frames,
    output:
        touch(TRAINED_FRAMES),
    localrule: True


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
        list=frame_rows,
    script:
        "../scripts/write_list.py"


rule collect_videos:
    input:
        frames=files_of(frame_rows),
        list="results/tables/.sources/videos.json",
    output:
        csv="results/tables/videos.csv",
        parquet="results/tables/videos.parquet",
    log:
        "results/logs/collect_videos.log",
    benchmark:
        "results/benchmarks/collect_videos/all.tsv"
    conda:
        "../envs/light.yaml"
    resources:
        mem_mb=memory(1500),
        runtime=minutes(30),
    params:
        code=source_digest("collect_videos"),
        videos=listed(frame_rows),
        folder=lambda wildcards, output: str(Path(output.csv).parent),
    shell:
        "python scripts/collect_videos.py --records {input.list:q}"
        " --output-folder {params.folder:q} 2>&1 | tee {log:q}"
