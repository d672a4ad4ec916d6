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
        settings=settings("demo", ["actors"]),
        version=stage_version("demo"),
    shell:
        r"""
        python -m speechface build-cast --settings {params.settings:q} --out {output.cast:q} 2> {log:q}
        """


for share in DEMO_SHARES:

    rule:
        """Synthesise clips of a demo actor: speech, motion, image and the exact truth."""
        name:
            share.rule_name("make_demo_clip")
        input:
            cast="results/demo/cast.npz",
        output:
            video=ensure(share.files("results/demo/{demo_clip}.mp4"), non_empty=True),
            truth=ensure(share.files("results/demo/{demo_clip}.truth.parquet"), non_empty=True),
        log:
            f"logs/make_demo_clip/{share.place}.log",
        benchmark:
            f"results/benchmarks/jobs/make_demo_clip/{share.place}.tsv"
        conda:
            "../../envs/vision.yaml"
        resources:
            mem_mb=growing(1500),
            runtime=share.patient(1),
        params:
            clips=share.demo_names(),
            settings=settings("demo", ["width", "height", "fps", "seed"]),
            version=stage_version("demo"),
        shell:
            r"""
            python -m speechface make-demo-clip --clip {params.clips:q} --cast {input.cast:q} \
                --settings {params.settings:q} --out {output.video:q} --truth {output.truth:q} \
                --keep results/.kept 2> {log:q}
            """
