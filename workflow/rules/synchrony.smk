"""How much later than the images the sound of each clip stands."""


rule estimate_delay:
    """Tell how late the sound of a shard's clips stands, from their lips."""
    input:
        landmarks="results/landmarks/{shard}.parquet",
        audio="results/audio/{shard}.parquet",
    output:
        table=ensure(update("results/delays/{shard}.parquet"), non_empty=True),
    log:
        "logs/estimate_delay/{shard}.log",
    benchmark:
        "results/benchmarks/jobs/estimate_delay/{shard}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(800),
        runtime=shard_runtime(minutes_per_clip=0.5),
    params:
        attempts=failed_attempts_of("delays"),
        version=stage_version("delays"),
    shell:
        r"""
        python -m speechface estimate-delay --landmarks {input.landmarks:q} --audio {input.audio:q} \
            --out {output.table:q} 2> {log:q}
        """


rule pool_delays:
    """Decide which delay the clips of a dataset have: the given one, or what they tell together."""
    input:
        delays=dataset_tables("delays"),
    output:
        table=ensure("results/delays/{dataset}.parquet", non_empty=True),
    log:
        "logs/pool_delays/{dataset}.log",
    benchmark:
        "results/benchmarks/jobs/pool_delays/{dataset}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(800),
        runtime=runtime_per_attempt(15),
    params:
        delay=lambda wildcards: CONFIG.datasets[wildcards.dataset].audio_delay_ms,
        version=stage_version("delays"),
    shell:
        r"""
        python -m speechface pool-delays --delays {input.delays:q} --audio-delay-ms {params.delay} \
            --out {output.table:q} 2> {log:q}
        """
