"""Predictions of test clips and what they are worth."""


rule predict:
    """Predict the animation of every test and predict clip with one model."""
    input:
        model=predictor_file,
        own=own_files("results/models/{name}/{seed}/without/{speaker}/model.ckpt"),
        clips="results/splits/clips.parquet",
        features=predictor_features,
        neutral=neutral_labels,
    output:
        tables=every_clip("results/predictions/{predictor}/{seed}/{clip}.parquet", EVALUATED),
    log:
        "logs/predict/{predictor}/{seed}.log",
    benchmark:
        "results/benchmarks/jobs/predict/{predictor}/{seed}.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=growing(3000),
        runtime=patient(30),
        gpu=lambda wildcards: CONFIG["training"]["gpus"] if wildcards.predictor in MODELS else 0,
    params:
        features=predictor_features_dir,
        neutral=lambda wildcards, input: "--labels-dir results/labels" if input.neutral else "",
        out=lambda wildcards: f"results/predictions/{wildcards.predictor}/{wildcards.seed}",
        own=own_options("--model-of", "own"),
        version=stage_version("prediction"),
    shell:
        r"""
        python -m speechface predict --model {input.model:q} {params.own} --clips {input.clips:q} \
            --features-dir {params.features:q} {params.neutral} --gpus {resources.gpu} --out-dir {params.out:q} 2> {log:q}
        """


rule evaluate:
    """Score every judged clip of one model against its labels."""
    input:
        predictions=every_clip("results/predictions/{predictor}/{seed}/{clip}.parquet", EVALUATED),
        labels=every_clip("results/labels/{clip}.parquet", EVALUATED),
        audio=every_clip(SOUND, EVALUATED),
        clips="results/splits/clips.parquet",
        stats=model_stats,
        own=own_files("results/stats/{feature}/without/{speaker}.json"),
        rig="results/rig/rig.npz",
    output:
        table=ensure("results/evaluation/{predictor}/{seed}.parquet", non_empty=True),
    log:
        "logs/evaluate/{predictor}/{seed}.log",
    benchmark:
        "results/benchmarks/jobs/evaluate/{predictor}/{seed}.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(30),
    params:
        predictions=lambda wildcards: f"results/predictions/{wildcards.predictor}/{wildcards.seed}",
        settings=settings("evaluation"),
        sound=CONFIG["audio"]["format"],
        own=own_options("--stats-of", "own"),
        version=stage_version("evaluation"),
    shell:
        r"""
        python -m speechface evaluate --predictions-dir {params.predictions:q} --model {wildcards.predictor:q} \
            --seed {wildcards.seed} --labels-dir results/labels --clips {input.clips:q} --stats {input.stats:q} {params.own} \
            --rig {input.rig:q} --wav-dir results/audio \
            --audio-format {params.sound:q} --settings {params.settings:q} \
            --out {output.table:q} 2> {log:q}
        """


rule summarise_metrics:
    """Bring the scores of all models together, with 95 % intervals over actors and clips."""
    input:
        tables=[f"results/evaluation/{name}/{seed}.parquet" for name, seed in trained_runs()],
    output:
        table=ensure("results/evaluation/metrics.parquet", non_empty=True),
        csv=report(
            "results/evaluation/metrics.csv",
            caption="../report/metrics.rst",
            category="Results",
            labels={"table": "all metrics"},
        ),
    log:
        "logs/summarise_metrics.log",
    benchmark:
        "results/benchmarks/jobs/summarise_metrics.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(30),
    params:
        settings=settings("evaluation"),
        version=stage_version("evaluation"),
    shell:
        r"""
        python -m speechface summarise-metrics --inputs {input.tables:q} --settings {params.settings:q} \
            --out {output.table:q} --csv {output.csv:q} 2> {log:q}
        """


rule compare_models:
    """Means over seeds, paired differences from one model, and the best by validation."""
    input:
        tables=[f"results/evaluation/{name}/{seed}.parquet" for name, seed in trained_runs()],
        facts=[f"results/models/{name}/{seed}/model.json" for name, seed in trained_runs() if name in NETWORKS],
    output:
        table=ensure("results/evaluation/models.parquet", non_empty=True),
    log:
        "logs/compare_models.log",
    benchmark:
        "results/benchmarks/jobs/compare_models.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(30),
    params:
        reference=lambda wildcards: CONFIG["evaluation"]["reference"] or (MODELS + BASELINES)[0],
        settings=settings("evaluation"),
        version=stage_version("evaluation"),
    shell:
        r"""
        python -m speechface compare-models --inputs {input.tables:q} --facts {input.facts:q} \
            --reference {params.reference:q} --settings {params.settings:q} --out {output.table:q} 2> {log:q}
        """


rule evaluate_truth:
    """Score the labels, or the predictions of one model, against the exact motion of the synthetic clips."""
    input:
        predictions=evaluated_tables,
        labels=every_clip("results/labels/{clip}.parquet", EVALUATED),
        truth=truth_tables(),
        audio=every_clip(SOUND, EVALUATED),
        clips="results/splits/clips.parquet",
        stats=model_stats,
        own=own_files("results/stats/{feature}/without/{speaker}.json"),
        rig="results/rig/rig.npz",
    output:
        table=ensure("results/evaluation/truth/{judged}/{seed}.parquet", non_empty=True),
    log:
        "logs/evaluate_truth/{judged}/{seed}.log",
    benchmark:
        "results/benchmarks/jobs/evaluate_truth/{judged}/{seed}.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(30),
    params:
        predictions=evaluated_dir,
        settings=settings("evaluation"),
        sound=CONFIG["audio"]["format"],
        own=own_options("--stats-of", "own"),
        version=stage_version("evaluation"),
    shell:
        r"""
        python -m speechface evaluate --predictions-dir {params.predictions:q} --model {wildcards.judged:q} \
            --seed {wildcards.seed} --labels-dir results/labels --truth-dir results/demo --clips {input.clips:q} \
            --stats {input.stats:q} {params.own} --rig {input.rig:q} --wav-dir results/audio \
            --audio-format {params.sound:q} --settings {params.settings:q} \
            --out {output.table:q} 2> {log:q}
        """


rule summarise_truth:
    """Bring the errors against exact truth together: labels and models apart."""
    input:
        tables=[f"results/evaluation/truth/{name}/{seed}.parquet" for name, seed in evaluated_runs()],
    output:
        table=ensure("results/evaluation/truth.parquet", non_empty=True),
        csv=report(
            "results/evaluation/truth.csv",
            caption="../report/truth_metrics.rst",
            category="Results",
            labels={"table": "all metrics against exact truth"},
        ),
    log:
        "logs/summarise_truth.log",
    benchmark:
        "results/benchmarks/jobs/summarise_truth.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(30),
    params:
        settings=settings("evaluation"),
        version=stage_version("evaluation"),
    shell:
        r"""
        python -m speechface summarise-metrics --inputs {input.tables:q} --settings {params.settings:q} \
            --out {output.table:q} --csv {output.csv:q} 2> {log:q}
        """
