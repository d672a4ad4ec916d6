"""Sound and face images of the clips."""

for share in SHARES:

    rule:
        """Take the sound of clips as a mono file that starts with the first video frame, and the frame times."""
        name:
            share.rule_name("extract_wav")
        input:
            video=share.video,
        output:
            wav=share.files(SOUND),
            frames=ensure(share.files("results/audio/{clip}.frames.parquet"), non_empty=True),
        log:
            f"logs/extract_wav/{share.place}.log",
        benchmark:
            f"results/benchmarks/jobs/extract_wav/{share.place}.tsv"
        conda:
            "../../envs/media.yaml"
        resources:
            mem_mb=growing(500),
            runtime=share.patient(0.5),
        params:
            settings=settings("audio"),
            late=share.of_dataset("sound_late_ms"),
            version=stage_version("audio"),
        shell:
            r"""
            python -m speechface extract-wav --video {input.video:q} --settings {params.settings:q} \
                --late-ms {params.late} --wav {output.wav:q} --frames {output.frames:q} \
                --keep results/.kept 2> {log:q}
            """


for share in SHARES:

    rule:
        """Cut the frontal face out of every frame of clips."""
        name:
            share.rule_name("crop_face")
        input:
            video=share.video,
            landmarks=share.files("results/landmarks/{clip}.parquet"),
        output:
            crops=ensure(share.files("results/crops/{clip}.mp4"), non_empty=True),
        log:
            f"logs/crop_face/{share.place}.log",
        benchmark:
            f"results/benchmarks/jobs/crop_face/{share.place}.tsv"
        conda:
            "../../envs/vision.yaml"
        resources:
            mem_mb=growing(800),
            runtime=share.patient(1),
        params:
            settings=crop_settings(),
            version=stage_version("crops"),
        shell:
            r"""
            python -m speechface crop-face --video {input.video:q} --landmarks {input.landmarks:q} \
                --settings {params.settings:q} --out {output.crops:q} \
                --keep results/.kept 2> {log:q}
            """
