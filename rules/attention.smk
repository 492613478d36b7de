# Attention: queries and keys of the trained block for every frame, its attention in factored form.
#   in   results/{dataset}/features/{backbone}/{video}.h5, results/blocks/{block}/block.pt
#        (or the block that training.checkpoint names)
#   out  results/{dataset}/attention/{backbone}/{block}/{video}.h5


rule export_attention:
    input:
        features="results/{dataset}/records/features/{backbone}/{batch}.json",
        block=block_of,
    output:
        record="results/{dataset}/records/attention/{backbone}/{block}/{batch}.json",
    log:
        "results/logs/export_attention/{dataset}/{backbone}/{block}/{batch}.log",
    benchmark:
        "results/benchmarks/export_attention/{dataset}/{backbone}/{block}/{batch}.tsv"
    priority: urgency(ATTENTION)
    conda:
        "../envs/torch.yaml"
    threads: 2
    resources:
        gpu=GPU,
        device=config["device"],
        mem_mb=memory(5000),
        runtime=minutes(15, video=2),
        redo=redo("export_attention"),
    params:
        code=source_digest("export_attention"),
        folder="results/{dataset}/attention/{backbone}/{block}",
        block=block_file,
    shell:
        "python scripts/export_attention.py --features {input.features:q}"
        " --block {params.block:q} --output-folder {params.folder:q} --record {output.record:q}"
        " --threads {threads} --device {resources.device} --gpus {resources.gpu} --redo {resources.redo} 2>&1 | tee {log:q}"
