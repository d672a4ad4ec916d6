"""Face landmarks of the clips, and on the way their face images, which `crop_face` then only has to hand out."""

for share in SHARES:

    rule:
        """Locate 68 face landmarks in every video frame of clips."""
        name:
            share.rule_name("detect_landmarks")
        input:
            video=share.video,
        output:
            table=ensure(share.files("results/landmarks/{clip}.parquet"), non_empty=True),
        log:
            f"logs/detect_landmarks/{share.place}.log",
        benchmark:
            f"results/benchmarks/jobs/detect_landmarks/{share.place}.tsv"
        conda:
            "../../envs/vision.yaml"
        resources:
            mem_mb=growing(1000),
            runtime=share.patient(1),
        params:
            settings=settings("landmarks"),
            version=stage_version("landmarks"),
            crops=crops_in_passing,
        shell:
            r"""
            python -m speechface detect-landmarks --video {input.video:q} --settings {params.settings:q} \
                --out {output.table:q} {params.crops} \
                --keep results/.kept 2> {log:q}
            """
