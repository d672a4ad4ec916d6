"""What there is to work on: the clip table, the synthetic clips, and the sound of every clip."""


rule list_clips:
    """Write the table of all clips with their planned split."""
    output:
        table=ensure("results/clips.parquet", non_empty=True),
    log:
        "logs/list_clips.log",
    conda:
        "../../envs/media.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(500),
        runtime=runtime_per_attempt(5),
    params:
        config=clip_config,
        digest=clip_digest(),
        version=stage_version("clips"),
    shell:
        r"""
        python -m speechface list-clips --config {params.config:q} --out {output.table:q} 2> {log:q}
        """


rule make_demo_actors:
    """Build the heads of all demo actors once."""
    output:
        actors=ensure("results/demo/actors.npz", non_empty=True),
    log:
        "logs/make_demo_actors.log",
    benchmark:
        "results/benchmarks/jobs/make_demo_actors.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(15),
    params:
        n_actors=lambda wildcards: CONFIG.datasets["demo"].n_actors,
        version=stage_version("demo"),
    shell:
        r"""
        python -m speechface make-demo-actors --n-actors {params.n_actors} --out {output.actors:q} 2> {log:q}
        """


rule make_demo_clips:
    """Synthesise the clips of a demo actor: speech, motion, images and the exact truth."""
    input:
        actors="results/demo/actors.npz",
    output:
        videos=ensure(update("results/videos/{shard}.parquet"), non_empty=True),
        truth=ensure(update("results/truth/{shard}.parquet"), non_empty=True),
    log:
        "logs/make_demo_clips/{shard}.log",
    benchmark:
        "results/benchmarks/jobs/make_demo_clips/{shard}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(1500),
        runtime=shard_runtime(minutes_per_clip=1),
    params:
        attempts=failed_attempts_of("videos"),
        clips=shard_clips,
        channels=CONFIG.rig.channels,
        settings=demo_settings(),
        version=stage_version("demo"),
    shell:
        r"""
        python -m speechface make-demo-clips --clips {params.clips:q} --actors {input.actors:q} \
            --channels {params.channels} --settings {params.settings:q} --videos {output.videos:q} --truth {output.truth:q} \
            2> {log:q}
        """


rule extract_audio:
    """Take the sound of a shard's clips, mono, and the times of the frames."""
    input:
        sources=shard_sources,
    output:
        table=ensure(update("results/audio/{shard}.parquet"), non_empty=True),
    log:
        "logs/extract_audio/{shard}.log",
    benchmark:
        "results/benchmarks/jobs/extract_audio/{shard}.tsv"
    conda:
        "../../envs/media.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(500),
        runtime=shard_runtime(minutes_per_clip=0.5),
    params:
        attempts=failed_attempts_of("audio"),
        unnamed=unnamed_sources,
        clips=shard_clips,
        settings=settings("audio"),
        version=stage_version("audio"),
    shell:
        r"""
        python -m speechface extract-audio --clips {params.clips:q} --settings {params.settings:q} \
            --out {output.table:q} 2> {log:q}
        """


rule wav:
    """Unpack the sound of all clips in step with their images, for people and other tools: `snakemake wav`."""
    input:
        tables=tables("audio"),
        delays=delay_tables(datasets_of(USED)),
    output:
        files="results/wav/files.txt",
    log:
        "logs/wav.log",
    conda:
        "../../envs/media.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(500),
        runtime=runtime_per_attempt(60),
    shell:
        r"""
        python -m speechface unpack audio {input.tables:q} --audio-delay-ms {input.delays:q} --out-dir results/wav \
            --list {output.files:q} 2> {log:q}
        """
