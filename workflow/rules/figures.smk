"""Videos, the figures and tables of the paper, and the first page of the report."""


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
            table=figure_table_option,
            stem=lambda wildcards, output: output.pdf.removesuffix(".pdf"),
            settings=json.dumps({"dpi": CONFIG.figures.dpi}),
            version=stage_version("figures"),
        shell:
            r"""
            python -m speechface figure {params.figure} {params.options} {params.table} --settings {params.settings:q} \
                --out-stem {params.stem} 2> {log:q}
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


rule write_front:
    """Write the first page of the report, which `snakemake --report results/report.html` makes."""
    input:
        clips="results/splits/clips.parquet",
        metrics=metrics_where_learnt(),
        figure=workflow_image(),
    output:
        page=ensure("results/workflow/front.rst", non_empty=True),
        style=ensure("results/workflow/style.css", non_empty=True),
    log:
        "logs/write_front.log",
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=mem_mb_per_attempt(1000),
        runtime=runtime_per_attempt(10),
    params:
        metrics=lambda wildcards, input: f"--metrics {input.metrics}" if input.metrics else "",
        figure=lambda wildcards, input: f"--figure {input.figure}" if input.figure else "",
        config=config_names(),
        version=stage_version("figures"),
    shell:
        r"""
        python -m speechface report-front --clips {input.clips:q} {params.metrics} {params.figure} \
            --config {params.config} --out {output.page:q} --style-out {output.style:q} 2> {log:q}
        """
