"""Face landmarks and face images of the clips."""


rule fetch_model:
    """Download the model of the landmark detector mediapipe (Apache 2.0) and check it."""
    output:
        model="resources/face_landmarker.task",
    log:
        "logs/fetch_model.log",
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(500),
        runtime=runtime_per_attempt(60),
    shell:
        r"""
        python -m speechface fetch-model --out {output.model:q} 2> {log:q}
        """


rule detect_landmarks:
    """Locate the face landmarks in every video frame of a shard's clips."""
    input:
        sources=shard_sources,
        models=detector_files(),
    output:
        table=ensure(update("results/landmarks/{shard}.parquet"), non_empty=True),
    log:
        "logs/detect_landmarks/{shard}.log",
    benchmark:
        "results/benchmarks/jobs/detect_landmarks/{shard}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(1000),
        runtime=shard_runtime(minutes_per_clip=1),
    params:
        attempts=failed_attempts_of("landmarks"),
        unnamed=unnamed_sources,
        clips=shard_clips,
        settings=settings("landmarks"),
        version=stage_version("landmarks"),
    shell:
        r"""
        python -m speechface detect-landmarks --clips {params.clips:q} --settings {params.settings:q} \
            --out {output.table:q} 2> {log:q}
        """


rule crop_faces:
    """Cut the frontal face out of every frame: of all clips, or of those in videos (crops.clips)."""
    input:
        sources=crop_sources,
        landmarks="results/landmarks/{shard}.parquet",
    output:
        table=ensure(update("results/crops/{shard}.parquet"), non_empty=True),
    log:
        "logs/crop_faces/{shard}.log",
    benchmark:
        "results/benchmarks/jobs/crop_faces/{shard}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(800),
        runtime=shard_runtime(minutes_per_clip=1),
    params:
        attempts=failed_attempts_of("crops"),
        unnamed=unnamed_sources,
        clips=crop_clips,
        settings=crop_settings(),
        version=stage_version("crops"),
    shell:
        r"""
        python -m speechface crop-faces --clips {params.clips:q} --landmarks {input.landmarks:q} \
            --settings {params.settings:q} --out {output.table:q} 2> {log:q}
        """


rule crops:
    """Unpack the face images that there are as small videos, for people and other tools: `snakemake crops`."""
    input:
        tables=tables("crops", cropped_clips()),
    output:
        files="results/crops/files.txt",
    log:
        "logs/crops.log",
    conda:
        "../../envs/media.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(500),
        runtime=runtime_per_attempt(60),
    shell:
        r"""
        python -m speechface unpack video {input.tables:q} --out-dir results/crops --list {output.files:q} 2> {log:q}
        """
