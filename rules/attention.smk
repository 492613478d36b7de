# Attention: queries and keys of the trained block for every frame, its attention in factored form.
#   in   results/{dataset}/features/{backbone}/{video}.h5, results/blocks/{block}/block.pt
#        (or the block that training.checkpoint names)
#   out  results/{dataset}/attention/{backbone}/{block}/{video}.h5


rule export_attention:
    input:
        features="results/{dataset}/features/{backbone}/{video}.h5",
        block=block_of,
        code=program_sources("export_attention"),
    output:
        attention="results/{dataset}/attention/{backbone}/{block}/{video}.h5",
    log:
        text="results/logs/export_attention/{dataset}/{backbone}/{block}/{video}.log",
        usage="results/benchmarks/export_attention/{dataset}/{backbone}/{block}/{video}.tsv",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=GPU,
        device=config["device"],
        mem_mb=memory_of("export_attention", facts_of_attention),
        runtime=runtime_of("export_attention", facts_of_attention),
    shell:
        "python scripts/start.py --usage {log.usage:q} --pool torch"
        " scripts/export_attention.py --features {input.features:q} --block {input.block:q}"
        " --output {output.attention:q} --threads {threads}"
        " --device {resources.device} --gpus {resources.gpu} 2>&1 | tee {log.text:q}"
