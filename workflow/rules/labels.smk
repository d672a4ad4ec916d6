"""Rig, identities and labels: what a network learns."""


rule fetch_rig:
    """Download the ICT-FaceKit files (MIT licence) and check them."""
    output:
        archive="resources/ict_facekit.tar.xz",
    log:
        "logs/fetch_rig.log",
    conda:
        "../../envs/media.yaml"
    resources:
        mem_mb=growing(500),
        runtime=patient(60),
    params:
        version=stage_version("rig"),
    shell:
        r"""
        python -m speechface fetch-rig --out {output.archive:q} 2> {log:q}
        """


rule build_rig:
    """Build the configured rig into one file."""
    input:
        source=rig_source(),
    output:
        rig=ensure("results/rig/rig.npz", non_empty=True),
    log:
        "logs/build_rig.log",
    benchmark:
        "results/benchmarks/jobs/build_rig.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=patient(15),
    params:
        settings=rig_settings(),
        version=stage_version("rig"),
    shell:
        r"""
        python -m speechface build-rig --settings {params.settings:q} --out {output.rig:q} 2> {log:q}
        """


rule fit_identity:
    """Find one actor's identity from the landmarks of all of the actor's clips."""
    input:
        landmarks=clips_of_speaker("results/landmarks/{clip}.parquet"),
        rig="results/rig/rig.npz",
    output:
        identity=ensure("results/identity/{speaker}.npz", non_empty=True),
    log:
        "logs/fit_identity/{speaker}.log",
    benchmark:
        "results/benchmarks/jobs/fit_identity/{speaker}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(10),
    params:
        settings=settings("labels"),
        version=stage_version("identity"),
    shell:
        r"""
        python -m speechface fit-identity --landmarks {input.landmarks:q} --rig {input.rig:q} \
            --settings {params.settings:q} --out {output.identity:q} 2> {log:q}
        """


for share in SHARES:

    rule:
        """Fit head rotation, translation and 46 weights to the landmarks of clips."""
        name:
            share.rule_name("fit_labels")
        input:
            landmarks=share.files("results/landmarks/{clip}.parquet"),
            identity=share.identity,
            rig="results/rig/rig.npz",
        output:
            table=ensure(share.files("results/labels/{clip}.parquet"), non_empty=True),
        log:
            f"logs/fit_labels/{share.place}.log",
        benchmark:
            f"results/benchmarks/jobs/fit_labels/{share.place}.tsv"
        conda:
            "../../envs/vision.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=share.patient(1),
        params:
            settings=settings("labels"),
            version=stage_version("labels"),
        shell:
            r"""
            python -m speechface fit-labels --landmarks {input.landmarks:q} --identity {input.identity:q} \
                --rig {input.rig:q} --settings {params.settings:q} --out {output.table:q} \
                --keep results/.kept 2> {log:q}
            """


rule label_report:
    """Judge the labels of every clip; exclude clips that cannot be trusted, with the reason."""
    input:
        clips="results/clips.parquet",
        landmarks=every_clip("results/landmarks/{clip}.parquet"),
        labels=every_clip("results/labels/{clip}.parquet"),
        rig="results/rig/rig.npz",
        truth=truth_tables(),
    output:
        table=ensure("results/labels/quality.parquet", non_empty=True),
        csv=report(
            "results/labels/quality.csv",
            caption="../report/quality.rst",
            category="Labels",
            labels={"table": "label quality of every clip"},
        ),
        actors=report(
            "results/labels/quality_actors.csv",
            caption="../report/quality.rst",
            category="Labels",
            labels={"table": "label quality of every actor"},
        ),
        flagged=report(
            "results/labels/flagged.csv",
            caption="../report/flagged.rst",
            category="Labels",
            labels={"table": "frames that are not used"},
        ),
        truth=truth_reports(),
    log:
        "logs/label_report.log",
    benchmark:
        "results/benchmarks/jobs/label_report.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        settings=settings("quality"),
        truth=truth_options(),
        version=stage_version("label_report"),
    shell:
        r"""
        python -m speechface label-report --clips {input.clips:q} --landmarks-dir results/landmarks \
            --labels-dir results/labels --settings {params.settings:q} {params.truth} \
            --out {output.table:q} --csv {output.csv:q} --actors {output.actors:q} --flagged {output.flagged:q} 2> {log:q}
        """
