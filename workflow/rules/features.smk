"""Speech features of the clips, one row a video frame: the same rule for each, under the feature's name."""

for FEATURE in FEATURES:

    rule:
        """Compute a speech feature for every video frame of a shard's clips."""
        name:
            FEATURE
        input:
            audio="results/audio/{shard}.parquet",
            delays=shard_delays,
        output:
            table=ensure(update(f"results/{FEATURE}/{{shard}}.parquet"), non_empty=True),
        log:
            f"logs/{FEATURE}/{{shard}}.log",
        benchmark:
            f"results/benchmarks/jobs/{FEATURE}/{{shard}}.tsv"
        conda:
            "../../envs/media.yaml"
        resources:
            mem_mb=mem_mb_per_attempt(800),
            runtime=shard_runtime(minutes_per_clip=0.5),
        params:
            attempts=failed_attempts_of(FEATURE),
            delay=shard_delay,
            feature=FEATURE,
            settings=settings(FEATURE),
            version=stage_version(FEATURE),
        shell:
            r"""
            python -m speechface features {params.feature} --audio {input.audio:q} \
                --audio-delay-ms {params.delay:q} --settings {params.settings:q} --out {output.table:q} 2> {log:q}
            """
