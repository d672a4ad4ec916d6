"""Videos and figures."""


rule render_clip:
    """Show face, labels and prediction of a clip side by side, with its sound."""
    input:
        prediction=lambda wildcards: f"results/predictions/{shown_model()}/{shown_seed()}/{wildcards.clip}.parquet",
        labels="results/labels/{clip}.parquet",
        crops="results/crops/{clip}.mp4",
        wav=SOUND,
        identity=speaker_identity,
        rig="results/rig/rig.npz",
    output:
        video=report(
            f"results/renders/{shown_model()}/{{clip}}.mp4",
            caption="../report/render.rst",
            category="Videos",
            labels={"clip": "{clip}"},
        ),
    log:
        f"logs/render_clip/{shown_model()}/{{clip}}.log",
    benchmark:
        f"results/benchmarks/jobs/render_clip/{shown_model()}/{{clip}}.tsv"
    conda:
        "../../envs/vision.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=patient(30),
    params:
        settings=settings("rendering"),
        version=stage_version("rendering"),
    shell:
        r"""
        python -m speechface render-clip --prediction {input.prediction:q} --labels {input.labels:q} \
            --crops {input.crops:q} --wav {input.wav:q} --rig {input.rig:q} --identity {input.identity:q} \
            --settings {params.settings:q} --out {output.video:q} 2> {log:q}
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
        mem_mb=growing(1000),
        runtime=patient(10),
    params:
        workflow=this_workflow(),
    shell:
        r"""
        python -m snakemake {params.workflow} --forceall --rulegraph dot > {output.graph:q} 2> {log:q}
        """


rule write_front:
    """Write the first page of the report."""
    input:
        clips="results/splits/clips.parquet",
        metrics=metrics_where_learned(),
        figure=workflow_image(),
    output:
        page=ensure("results/workflow/front.rst", non_empty=True),
        style=ensure("results/workflow/style.css", non_empty=True),
    log:
        "logs/write_front.log",
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=patient(10),
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


rule write_report:
    """Collect figures, tables, videos and run times in one HTML file (Snakemake's report)."""
    input:
        results=final_targets(),
        front="results/workflow/front.rst",
        style="results/workflow/style.css",
    output:
        page=ensure("results/report.html", non_empty=True),
    log:
        "logs/write_report.log",
    conda:
        "../../envs/workflow.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=patient(15),
    params:
        workflow=this_workflow(),
    shell:
        r"""
        python -m snakemake paper {params.workflow} --report {output.page:q} --report-stylesheet {input.style:q} \
            2> {log:q}
        """
