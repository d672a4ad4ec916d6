"""What there is to work on: the clip table and the synthetic clips."""


rule list_clips:
    """Write the table of all clips with their planned split."""
    output:
        table=ensure("results/clips.parquet", non_empty=True),
    log:
        "logs/list_clips.log",
    conda:
        "../../envs/media.yaml"
    resources:
        mem_mb=growing(500),
        runtime=patient(5),
    params:
        config=clip_config(),
        digest=clip_digest(),
        version=stage_version("clips"),
    shell:
        r"""
        python -m speechface list-clips --config {params.config:q} --out {output.table:q} 2> {log:q}
        """


rule build_cast:
    """Sculpt the heads of all demo actors once."""
    output:
        cast=ensure("results/demo/cast.npz", non_empty=True),
    log:
        "logs/build_cast.log",
    benchmark:
        "results/benchmarks/jobs/build_cast.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        settings=settings("demo"),
        version=stage_version("demo"),
    shell:
        r"""
        python -m speechface build-cast --settings {params.settings:q} --out {output.cast:q} 2> {log:q}
        """


rule make_demo_clip:
    """Synthesise one clip of a demo actor: speech, motion, picture and the exact truth."""
    input:
        cast="results/demo/cast.npz",
    output:
        video=ensure("results/demo/{demo_clip}.mp4", non_empty=True),
        truth=ensure("results/demo/{demo_clip}.truth.parquet", non_empty=True),
    log:
        "logs/make_demo_clip/{demo_clip}.log",
    benchmark:
        "results/benchmarks/jobs/make_demo_clip/{demo_clip}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=patient(10),
    params:
        settings=settings("demo"),
        version=stage_version("demo"),
    shell:
        r"""
        python -m speechface make-demo-clip --clip {wildcards.demo_clip:q} --cast {input.cast:q} \
            --settings {params.settings:q} --out {output.video:q} --truth {output.truth:q} 2> {log:q}
        """
