"""Train and test tables, their statistics, networks and baselines."""


rule split_clips:
    """Decide for every clip whether it trains, tests, is only predicted or is excluded, and why."""
    input:
        clips="results/clips.parquet",
        quality="results/labels/quality.parquet",
        labels=tables("labels"),
        audio=tables("audio"),
    output:
        table=ensure("results/splits/clips.parquet", non_empty=True),
    log:
        "logs/split_clips.log",
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(1000),
        runtime=runtime_per_attempt(10),
    params:
        version=stage_version("splits"),
    shell:
        r"""
        python -m speechface split-clips --clips {input.clips:q} --quality {input.quality:q} \
            --labels {input.labels:q} --audio {input.audio:q} --out {output.table:q} 2> {log:q}
        """


rule build_split:
    """Join features and labels of all clips into one train and one test table."""
    input:
        clips="results/splits/clips.parquet",
        features=feature_tables(LEARNING),
        labels=tables("labels", LEARNING),
    output:
        train=ensure("results/splits/{feature}/train.parquet", non_empty=True),
        test=ensure("results/splits/{feature}/test.parquet", non_empty=True),
    log:
        "logs/build_split/{feature}.log",
    benchmark:
        "results/benchmarks/jobs/build_split/{feature}.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(30),
    params:
        version=stage_version("splits"),
    shell:
        r"""
        python -m speechface build-split --clips {input.clips:q} --feature {wildcards.feature} \
            --features {input.features:q} --labels {input.labels:q} \
            --train-out {output.train:q} --test-out {output.test:q} 2> {log:q}
        """


rule build_pool:
    """Join features and labels of all clips that train when one actor after the other is left out."""
    input:
        clips="results/splits/clips.parquet",
        features=feature_tables(USED),
        labels=tables("labels"),
    output:
        pool=ensure("results/splits/{feature}/pool.parquet", non_empty=True),
    log:
        "logs/build_pool/{feature}.log",
    benchmark:
        "results/benchmarks/jobs/build_pool/{feature}.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(30),
    params:
        version=stage_version("splits"),
    shell:
        r"""
        python -m speechface build-split --clips {input.clips:q} --feature {wildcards.feature} \
            --features {input.features:q} --labels {input.labels:q} --pool-out {output.pool:q} 2> {log:q}
        """


rule label_stats:
    """Measure mean and standard deviation of labels and features in a train table."""
    input:
        train="results/splits/{feature}/train.parquet",
    output:
        stats=ensure("results/stats/{feature}.json", non_empty=True),
    log:
        "logs/label_stats/{feature}.log",
    benchmark:
        "results/benchmarks/jobs/label_stats/{feature}.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(15),
    params:
        without="",
        version=stage_version("stats"),
    shell:
        r"""
        python -m speechface label-stats --train {input.train:q} {params.without} --out {output.stats:q} 2> {log:q}
        """


use rule label_stats as pool_stats with:
    input:
        train="results/splits/{feature}/pool.parquet",
    output:
        stats=ensure("results/stats/{feature}/pool.json", non_empty=True),
    log:
        "logs/pool_stats/{feature}.log",
    benchmark:
        "results/benchmarks/jobs/pool_stats/{feature}.tsv"


use rule label_stats as stats_without_speaker with:
    input:
        train="results/splits/{feature}/pool.parquet",
    output:
        stats=ensure("results/stats/{feature}/without/{actor}.json", non_empty=True),
    log:
        "logs/stats_without_speaker/{feature}/{actor}.log",
    benchmark:
        "results/benchmarks/jobs/stats_without_speaker/{feature}/{actor}.tsv"
    params:
        without=lambda wildcards: f"--without {ACTOR_AT[wildcards.actor]}",


rule train_model:
    """Train one network with one seed. Lines of progress go to the terminal, too, everything else to the log."""
    input:
        train=train_table,
        stats=model_stats,
        rig="results/rig/rig.npz",
        pretrained=pretrained,
    output:
        model=ensure("results/models/{model}/{seed}/model.ckpt", non_empty=True),
        metrics=ensure("results/models/{model}/{seed}/metrics.csv", non_empty=True),
        facts=ensure("results/models/{model}/{seed}/model.json", non_empty=True),
    log:
        "logs/train_model/{model}/{seed}.log",
    benchmark:
        "results/benchmarks/jobs/train_model/{model}/{seed}.tsv"
    retries: training_retries()
    conda:
        "../../envs/train.yaml"
    threads: CONFIG.training.threads
    resources:
        **training_tasks(),
        mem_mb=training_memory(),
        runtime=training_runtime,
        gpu=CONFIG.training.gpus * CONFIG.training.processes,
        processes=CONFIG.training.processes,
        logger=CONFIG.training.logger,
    params:
        settings=model_settings,
        training=training_settings,
        pretrained=lambda wildcards, input: f"--encoder-from {input.pretrained}" if input.pretrained else "",
        without="",
        work=lambda wildcards: f"results/models/{wildcards.model}/{wildcards.seed}/work",
        version=stage_version("training"),
    shell:
        r"""
        python -m speechface train-model --name {wildcards.model:q} --seed {wildcards.seed} \
            --settings {params.settings:q} --training {params.training:q} --train {input.train:q} \
            --stats {input.stats:q} --rig {input.rig:q} {params.pretrained} {params.without} --work-dir {params.work:q} \
            --threads {threads} --gpus {resources.gpu} --processes {resources.processes} --logger {resources.logger} \
            --log {output.metrics:q} --out {output.model:q} 2> {log:q}
        """


use rule train_model as train_without_speaker with:
    input:
        train=train_table,
        stats=stats_without,
        rig="results/rig/rig.npz",
        pretrained=pretrained,
    output:
        model=ensure("results/models/{model}/{seed}/without/{actor}/model.ckpt", non_empty=True),
        metrics=ensure("results/models/{model}/{seed}/without/{actor}/metrics.csv", non_empty=True),
        facts=ensure("results/models/{model}/{seed}/without/{actor}/model.json", non_empty=True),
    log:
        "logs/train_without_speaker/{model}/{seed}/{actor}.log",
    benchmark:
        "results/benchmarks/jobs/train_without_speaker/{model}/{seed}/{actor}.tsv"
    params:
        without=lambda wildcards: f"--without {ACTOR_AT[wildcards.actor]}",
        work=lambda wildcards: f"results/models/{wildcards.model}/{wildcards.seed}/without/{wildcards.actor}/work",


rule join_models:
    """Join trained networks to one model that predicts their mean."""
    input:
        members=member_files,
    output:
        model=ensure("results/models/{ensemble}/{seed}/model.ckpt", non_empty=True),
        facts=ensure("results/models/{ensemble}/{seed}/model.json", non_empty=True),
    log:
        "logs/join_models/{ensemble}/{seed}.log",
    benchmark:
        "results/benchmarks/jobs/join_models/{ensemble}/{seed}.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(15),
    params:
        version=stage_version("training"),
    shell:
        r"""
        python -m speechface join-models --name {wildcards.ensemble:q} --seed {wildcards.seed} \
            --members {input.members:q} --out {output.model:q} 2> {log:q}
        """


use rule join_models as join_without_speaker with:
    input:
        members=member_files,
    output:
        model=ensure("results/models/{ensemble}/{seed}/without/{actor}/model.ckpt", non_empty=True),
        facts=ensure("results/models/{ensemble}/{seed}/without/{actor}/model.json", non_empty=True),
    log:
        "logs/join_without_speaker/{ensemble}/{seed}/{actor}.log",
    benchmark:
        "results/benchmarks/jobs/join_without_speaker/{ensemble}/{seed}/{actor}.tsv"


rule fit_baseline:
    """Fit one trivial reference on the train table."""
    input:
        train=train_table,
        stats=model_stats,
    output:
        model=ensure("results/models/{baseline}/0/model.npz", non_empty=True),
    log:
        "logs/fit_baseline/{baseline}.log",
    benchmark:
        "results/benchmarks/jobs/fit_baseline/{baseline}.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(4000),
        runtime=runtime_per_attempt(60),
    params:
        settings=settings("baselines"),
        version=stage_version("baselines"),
    shell:
        r"""
        python -m speechface fit-baseline --name {wildcards.baseline} --train {input.train:q} \
            --stats {input.stats:q} --settings {params.settings:q} --out {output.model:q} 2> {log:q}
        """
