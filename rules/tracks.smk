# Tracks: attention rows clustered hierarchically, one label a patch token through the whole video.
#   in   results/{dataset}/attention/{backbone}/{block}/{video}.h5
#   out  results/{dataset}/tracks/{clusters}/{video}.h5


rule cluster_tracks:
    input:
        attention=attention_of,
    output:
        record="results/{dataset}/records/tracks/{clusters}/{batch}.json",
    log:
        "results/logs/cluster_tracks/{dataset}/{clusters}/{batch}.log",
    benchmark:
        "results/benchmarks/cluster_tracks/{dataset}/{clusters}/{batch}.tsv"
    priority: urgency(TRACKS)
    conda:
        "../envs/torch.yaml"
    threads: GPU_THREADS
    resources:
        gpu=GPU,
        device=config["device"],
        clustering_mb=clustering_mb,
        mem_mb=lambda wildcards, attempt: (2000 + (clustering_mb(wildcards) or 4000))
        * 2 ** (attempt - 1),
        runtime=minutes(15, video=10),
        redo=redo("cluster_tracks"),
    params:
        code=source_digest("cluster_tracks"),
        folder="results/{dataset}/tracks/{clusters}",
        settings=lambda wildcards: as_json(CLUSTERS[wildcards.clusters].clustering),
    shell:
        "python scripts/cluster_tracks.py --attention {input.attention:q}"
        " --settings {params.settings:q} --output-folder {params.folder:q}"
        " --record {output.record:q} --threads {threads}"
        " --device {resources.device} --gpus {resources.gpu}"
        " --memory-mb {resources.clustering_mb} --redo {resources.redo} 2>&1 | tee {log:q}"
