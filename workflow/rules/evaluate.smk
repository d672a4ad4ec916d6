"""Predictions of test clips and what they are worth."""

from speechface.metrics.registry import METRICS


rule predict:
    """Predict the animation of every test and predict clip of a dataset with one model."""
    input:
        model=model_file,
        without=files_without("results/models/{name}/{seed}/without/{actor}/model.ckpt"),
        clips="results/splits/clips.parquet",
        features=features_of_dataset,
        labels=rest_labels,
    output:
        table=ensure("results/predictions/{predictor}/{seed}/{dataset}.parquet", non_empty=True),
    log:
        "logs/predict/{predictor}/{seed}/{dataset}.log",
    benchmark:
        "results/benchmarks/jobs/predict/{predictor}/{seed}/{dataset}.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(3000),
        runtime=runtime_per_attempt(30),
        gpu=lambda wildcards: CONFIG.training.gpus if wildcards.predictor in MODELS else 0,
    params:
        labels=lambda wildcards, input: f"--labels {' '.join(input.labels)}" if input.labels else "",
        without=options_without("--model-of"),
        samples=CONFIG.evaluation.samples,
        version=stage_version("prediction"),
    shell:
        r"""
        python -m speechface predict --model {input.model:q} {params.without} --clips {input.clips:q} \
            --dataset {wildcards.dataset} --features {input.features:q} {params.labels} --gpus {resources.gpu} \
            --samples {params.samples} --out {output.table:q} 2> {log:q}
        """


rule evaluate:
    """Score every evaluated clip of one model against its labels."""
    input:
        predictions=evaluated_predictions(EVALUATED),
        labels=tables("labels", EVALUATED),
        audio=tables("audio", EVALUATED),
        clips="results/splits/clips.parquet",
        stats=model_stats,
        without=files_without("results/stats/{feature}/without/{actor}.json"),
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
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(30),
    params:
        name="{predictor}",
        truth="",
        metrics=list(METRICS),
        settings=settings("evaluation"),
        without=options_without("--stats-of"),
        version=stage_version("evaluation"),
    shell:
        r"""
        python -m speechface evaluate --predictions {input.predictions:q} --model {params.name} \
            --seed {wildcards.seed} --labels {input.labels:q} {params.truth} --clips {input.clips:q} \
            --stats {input.stats:q} {params.without} --rig {input.rig:q} --audio {input.audio:q} \
            --settings {params.settings:q} --out {output.table:q} 2> {log:q}
        """


use rule evaluate as evaluate_truth with:
    input:
        predictions=evaluated_predictions(EVALUATED_SYNTHETIC),
        labels=tables("labels", EVALUATED_SYNTHETIC),
        truth=tables("truth", EVALUATED_SYNTHETIC),
        audio=tables("audio", EVALUATED_SYNTHETIC),
        clips="results/splits/clips.parquet",
        stats=model_stats,
        without=files_without("results/stats/{feature}/without/{actor}.json"),
        rig="results/rig/rig.npz",
    output:
        table=ensure("results/evaluation/truth/{evaluated}/{seed}.parquet", non_empty=True),
    log:
        "logs/evaluate_truth/{evaluated}/{seed}.log",
    benchmark:
        "results/benchmarks/jobs/evaluate_truth/{evaluated}/{seed}.tsv"
    params:
        name="{evaluated}",
        metrics=list(METRICS),
        truth=lambda wildcards, input: f"--truth {' '.join(input.truth)}",
        settings=settings("evaluation"),
        without=options_without("--stats-of"),
        version=stage_version("evaluation"),


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
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(30),
    params:
        settings=settings("evaluation"),
        version=stage_version("evaluation"),
    shell:
        r"""
        python -m speechface summarise-metrics --inputs {input.tables:q} --settings {params.settings:q} \
            --out {output.table:q} --csv {output.csv:q} 2> {log:q}
        """


use rule summarise_metrics as summarise_truth with:
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


rule compare_models:
    """Means over seeds, paired differences from one model, and the best by validation."""
    input:
        tables=[f"results/evaluation/{name}/{seed}.parquet" for name, seed in trained_runs()],
        facts=[f"results/models/{name}/{seed}/model.json" for name, seed in network_runs()],
    output:
        table=ensure("results/evaluation/models.parquet", non_empty=True),
    log:
        "logs/compare_models.log",
    benchmark:
        "results/benchmarks/jobs/compare_models.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(30),
    params:
        reference=lambda wildcards: CONFIG.evaluation.reference or (MODELS + BASELINES)[0],
        settings=settings("evaluation"),
        version=stage_version("evaluation"),
    shell:
        r"""
        python -m speechface compare-models --inputs {input.tables:q} --facts {input.facts:q} \
            --reference {params.reference:q} --settings {params.settings:q} --out {output.table:q} 2> {log:q}
        """


use rule compare_models as compare_truth with:
    input:
        tables=[f"results/evaluation/truth/{name}/{seed}.parquet" for name, seed in evaluated_runs()],
        facts=[f"results/models/{name}/{seed}/model.json" for name, seed in network_runs()],
    output:
        table=ensure("results/evaluation/truth_models.parquet", non_empty=True),
    log:
        "logs/compare_truth.log",
    benchmark:
        "results/benchmarks/jobs/compare_truth.tsv"
