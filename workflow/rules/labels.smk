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
        mem_mb=mem_mb_per_attempt(500),
        runtime=runtime_per_attempt(60),
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
        mem_mb=mem_mb_per_attempt(4000),
        runtime=runtime_per_attempt(15),
    params:
        settings=rig_settings,
        version=stage_version("rig"),
    shell:
        r"""
        python -m speechface build-rig --settings {params.settings:q} --out {output.rig:q} 2> {log:q}
        """


rule fit_identity:
    """Find one actor's identity from the landmarks of all of the actor's clips."""
    input:
        landmarks=tables_of_actor("landmarks"),
        rig="results/rig/rig.npz",
    output:
        identity=ensure("results/identity/{actor}.npz", non_empty=True),
    log:
        "logs/fit_identity/{actor}.log",
    benchmark:
        "results/benchmarks/jobs/fit_identity/{actor}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(10),
    params:
        settings=settings("labels"),
        version=stage_version("identity"),
    shell:
        r"""
        python -m speechface fit-identity --landmarks {input.landmarks:q} --rig {input.rig:q} \
            --settings {params.settings:q} --out {output.identity:q} 2> {log:q}
        """


rule fit_labels:
    """Fit head rotation, translation and weights to the landmarks of a shard's clips."""
    input:
        landmarks="results/landmarks/{shard}.parquet",
        identity=shard_identity,
        rig="results/rig/rig.npz",
    output:
        table=ensure(update("results/labels/{shard}.parquet"), non_empty=True),
    log:
        "logs/fit_labels/{shard}.log",
    benchmark:
        "results/benchmarks/jobs/fit_labels/{shard}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=shard_runtime(minutes_per_clip=1),
    params:
        attempts=failed_attempts_of("labels"),
        settings=settings("labels"),
        version=stage_version("labels"),
    shell:
        r"""
        python -m speechface fit-labels --landmarks {input.landmarks:q} --identity {input.identity:q} \
            --rig {input.rig:q} --settings {params.settings:q} --out {output.table:q} \
            2> {log:q}
        """


rule label_report:
    """Judge the labels of every clip; exclude clips that cannot be trusted, with the reason."""
    input:
        clips="results/clips.parquet",
        landmarks=tables("landmarks"),
        labels=tables("labels"),
        delays=delay_tables(datasets_of(USED)),
        rig="results/rig/rig.npz",
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
    log:
        "logs/label_report.log",
    benchmark:
        "results/benchmarks/jobs/label_report.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(15),
    params:
        settings=settings("quality"),
        version=stage_version("label_report"),
    shell:
        r"""
        python -m speechface label-report --clips {input.clips:q} --landmarks {input.landmarks:q} \
            --labels {input.labels:q} --delays {input.delays:q} --rig {input.rig:q} --settings {params.settings:q} \
            --out {output.table:q} --csv {output.csv:q} --actors {output.actors:q} --flagged {output.flagged:q} 2> {log:q}
        """


rule label_truth:
    """Compare the labels of synthetic clips with the exact truth."""
    input:
        labels=tables("labels", SYNTHETIC),
        truth=tables("truth", SYNTHETIC),
        rig="results/rig/rig.npz",
    output:
        table=ensure("results/labels/truth.parquet", non_empty=True),
        csv=report(
            "results/labels/truth.csv",
            caption="../report/truth.rst",
            category="Labels",
            labels={"table": "labels against exact truth"},
        ),
    log:
        "logs/label_truth.log",
    benchmark:
        "results/benchmarks/jobs/label_truth.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(15),
    params:
        version=stage_version("label_report"),
    shell:
        r"""
        python -m speechface label-truth --labels {input.labels:q} --truth {input.truth:q} --rig {input.rig:q} \
            --out {output.table:q} --csv {output.csv:q} 2> {log:q}
        """
