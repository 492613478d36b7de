# Tracks: attention rows clustered hierarchically, one label a patch token through the whole video.
#   in   results/{dataset}/attention/{backbone}/{block}/{video}.h5
#   out  results/{dataset}/tracks/{clusters}/{video}.h5


rule cluster_tracks:
    input:
        attention=attention_of,
        code=program_sources("cluster_tracks"),
    output:
        tracks="results/{dataset}/tracks/{clusters}/{video}.h5",
    log:
        text="results/logs/cluster_tracks/{dataset}/{clusters}/{video}.log",
        usage="results/benchmarks/cluster_tracks/{dataset}/{clusters}/{video}.tsv",
    conda:
        "../envs/torch.yaml"
    threads: 4
    resources:
        gpu=GPU,
        device=config["device"],
        clustering_mb=clustering_mb,
        mem_mb=memory_of("cluster_tracks", facts_of_clusters),
        runtime=runtime_of("cluster_tracks", facts_of_clusters),
    params:
        settings=lambda wildcards: as_json(CLUSTERS[wildcards.clusters].clustering),
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool torch"
        " scripts/cluster_tracks.py --attention {input.attention:q}"
        " --output {output.tracks:q} --settings {params.settings:q} --threads {threads}"
        " --device {resources.device} --gpus {resources.gpu}"
        " --memory-mb {resources.clustering_mb}"
        " 2>&1 | tee {log.text:q}"
