"""The model that comes with the package."""


rule starter:
    """Write the network named starter as an ONNX file with its card; both belong into src/speechface/starter."""
    input:
        unpack(starter_files),
    output:
        model=ensure("results/starter/starter.onnx", non_empty=True),
        card=ensure("results/starter/README.md", non_empty=True),
    log:
        "logs/starter.log",
    benchmark:
        "results/benchmarks/jobs/starter.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(10),
    params:
        version=stage_version("training"),
    shell:
        r"""
        {{
        python -m speechface export-onnx --model {input.model:q} --licence "CC BY 4.0" --out {output.model:q}
        cp {input.card:q} {output.card:q}
        }} 2> {log:q}
        """
