"""Sound and face pictures of a clip."""


rule extract_wav:
    """Take the sound of a clip as a mono wav that starts with the first video frame, and the frame times."""
    input:
        video=clip_video,
    output:
        wav="results/audio/{clip}.wav",
        frames=ensure("results/audio/{clip}.frames.parquet", non_empty=True),
    log:
        "logs/extract_wav/{clip}.log",
    benchmark:
        "results/benchmarks/jobs/extract_wav/{clip}.tsv"
    conda:
        "../../envs/media.yaml"
    resources:
        mem_mb=growing(500),
        runtime=patient(5),
    params:
        settings=settings("audio"),
        version=stage_version("audio"),
    shell:
        r"""
        python -m speechface extract-wav --video {input.video:q} --settings {params.settings:q} \
            --wav {output.wav:q} --frames {output.frames:q} 2> {log:q}
        """


rule crop_face:
    """Cut the frontal face out of every frame of a clip."""
    input:
        video=clip_video,
        landmarks="results/landmarks/{clip}.parquet",
    output:
        crops=ensure("results/crops/{clip}.mp4", non_empty=True),
    log:
        "logs/crop_face/{clip}.log",
    benchmark:
        "results/benchmarks/jobs/crop_face/{clip}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(800),
        runtime=patient(10),
    params:
        settings=settings("crops"),
        version=stage_version("crops"),
    shell:
        r"""
        python -m speechface crop-face --video {input.video:q} --landmarks {input.landmarks:q} \
            --settings {params.settings:q} --out {output.crops:q} 2> {log:q}
        """
