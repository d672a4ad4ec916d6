"""The figures and tables of the paper, one rule each."""


rule draw_features:
    """Fig. 1: features of one actor and sentence under several emotions."""
    input:
        clips="results/splits/clips.parquet",
        spectrogram=every_clip("results/spectrogram/{clip}.parquet", spoken_clips()),
        acoustics=every_clip("results/acoustics/{clip}.parquet", spoken_clips()),
    output:
        pdf=ensure("results/figures/features.pdf", non_empty=True),
        png=report(
            "results/figures/features.png",
            caption="../report/features.rst",
            category="Figures",
            labels={"figure": "features"},
        ),
    log:
        "logs/figures/features.log",
    benchmark:
        "results/benchmarks/jobs/figures/features.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        settings=settings("figures"),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface figure features --clips {input.clips:q} --spectrogram-dir results/spectrogram --acoustics-dir results/acoustics \
            --settings {params.settings:q} --out-stem results/figures/features 2> {log:q}
        """


rule draw_landmarks:
    """Fig. 2: landmarks of the labels against landmarks generated from sound."""
    input:
        clips="results/splits/clips.parquet",
        labels=every_clip("results/labels/{clip}.parquet", EVALUATED),
        predictions=every_clip(f"results/predictions/{shown_model()}/{shown_seed()}/{{clip}}.parquet", EVALUATED),
        rig="results/rig/rig.npz",
    output:
        pdf=ensure("results/figures/landmarks.pdf", non_empty=True),
        png=report(
            "results/figures/landmarks.png",
            caption="../report/landmarks.rst",
            category="Figures",
            labels={"figure": "landmarks"},
        ),
    log:
        "logs/figures/landmarks.log",
    benchmark:
        "results/benchmarks/jobs/figures/landmarks.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        predictions=lambda wildcards, input: Path(input.predictions[0]).parents[2],
        settings=settings("figures"),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface figure landmarks --clips {input.clips:q} --labels-dir results/labels --rig {input.rig:q} \
            --predictions-dir {params.predictions:q} \
            --settings {params.settings:q} --out-stem results/figures/landmarks 2> {log:q}
        """


rule draw_alignment:
    """Fig. 11: the rig aligned to the actor, with the projected landmarks."""
    input:
        clips="results/splits/clips.parquet",
        labels=every_clip("results/labels/{clip}.parquet"),
        videos=every_video(),
        rig="results/rig/rig.npz",
    output:
        pdf=ensure("results/figures/alignment.pdf", non_empty=True),
        png=report(
            "results/figures/alignment.png",
            caption="../report/alignment.rst",
            category="Figures",
            labels={"figure": "alignment"},
        ),
    log:
        "logs/figures/alignment.log",
    benchmark:
        "results/benchmarks/jobs/figures/alignment.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        settings=settings("figures"),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface figure alignment --clips {input.clips:q} --labels-dir results/labels --identity-dir results/identity \
            --rig {input.rig:q} \
            --settings {params.settings:q} --out-stem results/figures/alignment 2> {log:q}
        """


rule draw_labels_overview:
    """The worst and the middling clips: frame, landmarks and fitted rig."""
    input:
        clips="results/splits/clips.parquet",
        quality="results/labels/quality.parquet",
        landmarks=every_clip("results/landmarks/{clip}.parquet"),
        labels=every_clip("results/labels/{clip}.parquet"),
        videos=every_video(),
        rig="results/rig/rig.npz",
    output:
        pdf=ensure("results/figures/labels_overview.pdf", non_empty=True),
        png=report(
            "results/figures/labels_overview.png",
            caption="../report/labels_overview.rst",
            category="Figures",
            labels={"figure": "labels_overview"},
        ),
    log:
        "logs/figures/labels_overview.log",
    benchmark:
        "results/benchmarks/jobs/figures/labels_overview.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        settings=settings("figures"),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface figure labels_overview --clips {input.clips:q} --quality {input.quality:q} \
            --landmarks-dir results/landmarks --labels-dir results/labels --identity-dir results/identity --rig {input.rig:q} \
            --settings {params.settings:q} --out-stem results/figures/labels_overview 2> {log:q}
        """


rule draw_training:
    """Loss and learning rate of every model over the epochs."""
    input:
        logs=[f"results/models/{name}/{seed}/metrics.csv" for name, seed in trained_runs() if name in NETWORKS],
    output:
        pdf=ensure("results/figures/training.pdf", non_empty=True),
        png=report(
            "results/figures/training.png",
            caption="../report/training.rst",
            category="Figures",
            labels={"figure": "training"},
        ),
    log:
        "logs/figures/training.log",
    benchmark:
        "results/benchmarks/jobs/figures/training.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        logs=lambda wildcards, input: " ".join(f"{Path(p).parts[-3]}/{Path(p).parts[-2]}={p}" for p in input.logs),
        settings=settings("figures"),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface figure training --logs {params.logs} \
            --settings {params.settings:q} --out-stem results/figures/training 2> {log:q}
        """


rule draw_comparison:
    """All models beside the baselines, with 95 % intervals."""
    input:
        metrics="results/evaluation/metrics.parquet",
    output:
        pdf=ensure("results/figures/comparison.pdf", non_empty=True),
        png=report(
            "results/figures/comparison.png",
            caption="../report/comparison.rst",
            category="Figures",
            labels={"figure": "comparison"},
        ),
        tex=ensure("results/tables/comparison.tex", non_empty=True),
        csv=report(
            "results/tables/comparison.csv",
            caption="../report/comparison.rst",
            category="Results",
            labels={"table": "comparison"},
        ),
    log:
        "logs/figures/comparison.log",
    benchmark:
        "results/benchmarks/jobs/figures/comparison.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        settings=settings("figures"),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface figure comparison --metrics {input.metrics:q} \
            --settings {params.settings:q} \
            --table-stem results/tables/comparison --out-stem results/figures/comparison 2> {log:q}
        """


rule draw_models:
    """One line a model: means over seeds, differences from the reference and the best in validation."""
    input:
        models="results/evaluation/models.parquet",
    output:
        pdf=ensure("results/figures/models.pdf", non_empty=True),
        png=report(
            "results/figures/models.png",
            caption="../report/models.rst",
            category="Figures",
            labels={"figure": "models"},
        ),
        tex=ensure("results/tables/models.tex", non_empty=True),
        csv=report(
            "results/tables/models.csv",
            caption="../report/models.rst",
            category="Results",
            labels={"table": "models"},
        ),
    log:
        "logs/figures/models.log",
    benchmark:
        "results/benchmarks/jobs/figures/models.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        settings=settings("figures"),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface figure models --models {input.models:q} \
            --settings {params.settings:q} --table-stem results/tables/models --out-stem results/figures/models 2> {log:q}
        """


rule draw_emotions:
    """Error by emotion."""
    input:
        metrics="results/evaluation/metrics.parquet",
    output:
        pdf=ensure("results/figures/emotions.pdf", non_empty=True),
        png=report(
            "results/figures/emotions.png",
            caption="../report/emotions.rst",
            category="Figures",
            labels={"figure": "emotions"},
        ),
        tex=ensure("results/tables/emotions.tex", non_empty=True),
        csv=report(
            "results/tables/emotions.csv",
            caption="../report/emotions.rst",
            category="Results",
            labels={"table": "emotions"},
        ),
    log:
        "logs/figures/emotions.log",
    benchmark:
        "results/benchmarks/jobs/figures/emotions.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        settings=settings("figures"),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface figure emotions --metrics {input.metrics:q} \
            --settings {params.settings:q} \
            --table-stem results/tables/emotions --out-stem results/figures/emotions 2> {log:q}
        """


rule draw_workflow:
    """The graph of the workflow's rules."""
    input:
        graph="results/workflow/rules.dot",
    output:
        pdf=ensure("results/figures/workflow.pdf", non_empty=True),
        png=report(
            "results/figures/workflow.png",
            caption="../report/workflow.rst",
            category="Figures",
            labels={"figure": "workflow"},
        ),
    log:
        "logs/figures/workflow.log",
    benchmark:
        "results/benchmarks/jobs/figures/workflow.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        settings=settings("figures"),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface figure workflow --graph {input.graph:q} \
            --settings {params.settings:q} --out-stem results/figures/workflow 2> {log:q}
        """


rule draw_truth:
    """Labels, models and baselines against the exact motion of the synthetic clips."""
    input:
        metrics="results/evaluation/truth.parquet",
    output:
        pdf=ensure("results/figures/truth.pdf", non_empty=True),
        png=report(
            "results/figures/truth.png",
            caption="../report/truth_metrics.rst",
            category="Figures",
            labels={"figure": "truth"},
        ),
        tex=ensure("results/tables/truth.tex", non_empty=True),
        csv=report(
            "results/tables/truth.csv",
            caption="../report/truth_metrics.rst",
            category="Results",
            labels={"table": "truth"},
        ),
    log:
        "logs/figures/truth.log",
    benchmark:
        "results/benchmarks/jobs/figures/truth.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(15),
    params:
        settings=settings("figures"),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface figure comparison --metrics {input.metrics:q} --settings {params.settings:q} \
            --table-stem results/tables/truth --out-stem results/figures/truth 2> {log:q}
        """
