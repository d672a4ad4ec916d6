"""Face landmarks of a clip."""


rule detect_landmarks:
    """Locate 68 face landmarks in every video frame of a clip."""
    input:
        video=clip_video,
    output:
        table=ensure("results/landmarks/{clip}.parquet", non_empty=True),
    log:
        "logs/detect_landmarks/{clip}.log",
    benchmark:
        "results/benchmarks/jobs/detect_landmarks/{clip}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=patient(20),
    params:
        settings=settings("landmarks"),
        version=stage_version("landmarks"),
    shell:
        r"""
        python -m speechface detect-landmarks --video {input.video:q} --settings {params.settings:q} \
            --out {output.table:q} 2> {log:q}
        """
