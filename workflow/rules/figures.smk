"""Videos, the figures and tables of the paper, and the page that shows them."""


rule render_clip:
    """Show face, labels and prediction of a clip side by side, with its sound."""
    input:
        prediction=prediction_of_clip,
        labels=table_of_clip("labels"),
        crops=table_of_clip("crops"),
        audio=table_of_clip("audio"),
        delays=delays_of_clip,
        identity=identity_of_clip,
        rig="results/rig/rig.npz",
    output:
        video=report(
            f"results/renders/{shown_model()}/{{clip}}.mp4",
            caption="../report/render.rst",
            category="Videos",
            labels=lambda wildcards: {"clip": CLIP_AT[wildcards.clip].id},
        ),
    log:
        f"logs/render_clip/{shown_model()}/{{clip}}.log",
    benchmark:
        f"results/benchmarks/jobs/render_clip/{shown_model()}/{{clip}}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(30),
    params:
        clip=lambda wildcards: escaped(CLIP_AT[wildcards.clip].id),
        settings=settings("rendering"),
        version=stage_version("rendering"),
    shell:
        r"""
        python -m speechface render-clip --clip {params.clip:q} --prediction {input.prediction:q} \
            --labels {input.labels:q} --crops {input.crops:q} --audio {input.audio:q} \
            --audio-delay-ms {input.delays:q} --rig {input.rig:q} --identity {input.identity:q} \
            --settings {params.settings:q} --out {output.video:q} 2> {log:q}
        """


for FIGURE in figures_wanted() + truth_figures():

    rule:
        """Draw one figure of the paper, and where it is also a table, that."""
        name:
            f"draw_{FIGURE}"
        input:
            **figure_inputs(FIGURE),
        output:
            **figure_tables(FIGURE),
            pdf=ensure(f"results/figures/{FIGURE}.pdf", non_empty=True),
            png=report(
                f"results/figures/{FIGURE}.png",
                caption=figure_caption(FIGURE),
                category="Figures",
                labels={"figure": FIGURE},
            ),
        log:
            f"logs/figures/{FIGURE}.log",
        benchmark:
            f"results/benchmarks/jobs/figures/{FIGURE}.tsv"
        conda:
            "../../envs/vision.yaml"
        resources:
            mem_mb=mem_mb_per_attempt(2000),
            runtime=runtime_per_attempt(15),
        params:
            figure=figure_module(FIGURE),
            caption=FIGURES[figure_module(FIGURE)].CAPTION,
            options=figure_options,
            order=MODELS,
            table=figure_table_option,
            stem=lambda wildcards, output: output.pdf.removesuffix(".pdf"),
            settings=json.dumps({"dpi": CONFIG.figures.dpi}),
            version=stage_version("figures"),
        shell:
            r"""
            python -m speechface figure {params.figure} --order {params.order:q} {params.options} {params.table} \
                --settings {params.settings:q} --out-stem {params.stem} 2> {log:q}
            """


rule rule_graph:
    """Let Snakemake describe the graph of this workflow's rules, for the workflow figure."""
    input:
        workflow_files(),
    output:
        graph=ensure("results/workflow/rules.dot", non_empty=True),
    log:
        "logs/rule_graph.log",
    conda:
        "../../envs/workflow.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(1000),
        runtime=runtime_per_attempt(10),
    params:
        workflow=this_workflow(),
    shell:
        r"""
        python -m snakemake {params.workflow} --forceall --rulegraph dot > {output.graph:q} 2> {log:q}
        """


rule render_examples:
    """Show the best, the median and the worst test clip of the best model, and the best as a head that can be turned."""
    input:
        evaluations=[f"results/evaluation/{name}/{seed}.parquet" for name, seed in example_runs()],
        models="results/evaluation/models.parquet",
        clips="results/splits/clips.parquet",
        predictions=example_predictions(),
        labels=tables("labels", EVALUATED),
        landmarks=tables("landmarks", EVALUATED),
        audio=tables("audio", EVALUATED),
        identity=sorted({f"results/identity/{SHARDS[SHARD_OF[clip.id]].actor}.npz" for clip in EVALUATED}),
        videos=sources(EVALUATED),
        rig="results/rig/rig.npz",
    output:
        videos=expand("results/page/media/{example}.mp4", example=EXAMPLES),
        viewer="results/page/media/best.html",
        facts=ensure("results/page/media/examples.json", non_empty=True),
    log:
        "logs/render_examples.log",
    benchmark:
        "results/benchmarks/jobs/render_examples.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(2000),
        runtime=runtime_per_attempt(60),
    params:
        model=f"--model {CONFIG.rendering.model}" if CONFIG.rendering.model else "",
        folder=lambda wildcards, output: str(Path(output.facts).parent),
        crops=crop_settings(),
        settings=settings("rendering"),
        version=stage_version("rendering"),
    shell:
        r"""
        python -m speechface render-examples --evaluations {input.evaluations:q} --models {input.models:q} {params.model} \
            --clips {input.clips:q} --predictions {input.predictions:q} --labels {input.labels:q} \
            --landmarks {input.landmarks:q} --audio {input.audio:q} --identity {input.identity:q} --rig {input.rig:q} \
            --crops {params.crops:q} --settings {params.settings:q} --out-dir {params.folder:q} --out {output.facts:q} \
            2> {log:q}
        """


rule make_page:
    """Write the page that shows the run, one folder that opens offline: results/page."""
    input:
        **page_inputs(),
        clips="results/splits/clips.parquet",
        quality="results/labels/quality.parquet",
        config=workflow.configfiles,
    output:
        page=ensure("results/page/index.html", non_empty=True),
        forward="results/index.html",
    log:
        "logs/make_page.log",
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(1000),
        runtime=runtime_per_attempt(10),
    params:
        options=page_options,
        adapters=adapters(),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface make-page {params.options} --benchmarks results/benchmarks/jobs \
            --adapters {params.adapters:q} --forward {output.forward:q} --out {output.page:q} 2> {log:q}
        """


rule describe_run:
    """Write a card beside every network, and an RO-Crate of the run."""
    input:
        clips="results/splits/clips.parquet",
        models="results/evaluation/models.parquet",
        facts=model_facts(),
        config=workflow.configfiles,
        page="results/page/index.html",
    output:
        cards=[str(Path(path).with_name("README.md")) for path in model_facts()],
        crate=ensure("results/ro-crate-metadata.json", non_empty=True),
    log:
        "logs/describe_run.log",
    benchmark:
        "results/benchmarks/jobs/describe_run.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(1000),
        runtime=runtime_per_attempt(10),
    params:
        adapters=adapters(),
        detector=CONFIG.landmarks.detector,
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface describe-run --clips {input.clips:q} --models {input.models:q} --facts {input.facts:q} \
            --adapters {params.adapters:q} --detector {params.detector} --config {input.config:q} --out {output.crate:q} \
            2> {log:q}
        """
