"""What is shown, and all that is to be made."""

import json
import shlex
from pathlib import Path

from speechface.commands.render_examples import EXAMPLES
from speechface.figures.registry import FIGURES


def shown_model():
    """The model of the videos and of the figures that show one model."""
    return CONFIG.rendering.model or (MODELS + BASELINES)[0]


def shown_seed():
    """Its seed."""
    return seeds_of(shown_model())[0] if shown_model() in MODELS else 0


def shown_clips():
    """The clips of the videos: those configured, or some of the evaluated ones, spread evenly over the table."""
    evaluated = {clip.id: clip for clip in EVALUATED}
    if CONFIG.rendering.clips:
        return [evaluated[name] for name in CONFIG.rendering.clips]
    count = min(CONFIG.rendering.max_clips, len(EVALUATED))
    return [EVALUATED[(2 * k + 1) * len(EVALUATED) // (2 * count)] for k in range(count)]


def cropped_clips():
    """The clips whose face images are made."""
    return USED if CONFIG.crops.clips == "all" else shown_clips()


def crop_clips(wildcards):
    """Those of a shard as ``ID=SOURCE``."""
    return named_clips(clip for clip in cropped_clips() if SHARD_OF[clip.id] == wildcards.shard)


def crop_sources(wildcards):
    """The files that their videos lie in."""
    return sources(clip for clip in cropped_clips() if SHARD_OF[clip.id] == wildcards.shard)


def clips_of_features_figure():
    """The actor and sentence with most emotions, speech before song."""
    groups = {}
    for clip in USED:
        groups.setdefault((clip.dataset, clip.actor, clip.channel or "", clip.statement or ""), []).append(clip)
    ranked = sorted(groups.items(), key=lambda g: (-len({c.emotion for c in g[1]}), g[0][2] != "speech", g[0]))
    return ranked[0][1]


wildcard_constraints:
    clip=names(clip.place for clip in shown_clips()),


def crop_settings():
    """What a face image depends on, as JSON text."""
    return json.dumps({"size": CONFIG.crops.size, "margin": CONFIG.crops.margin})


def prepared_tables():
    """All tables of clips, without training."""
    found = tables("labels") + tables("crops", cropped_clips())
    for feature in features_used():
        found += tables(feature)
    return found


def label_targets():
    """Labels, their report and, where truth is known, their errors."""
    return ["results/labels/quality.parquet"] + (["results/labels/truth.parquet"] if SYNTHETIC else [])


def figures_wanted():
    """Names of the figures to draw."""
    return list(CONFIG.figures.names or FIGURES)


def final_targets():
    """What `rule all` asks for."""
    targets = ["results/splits/clips.parquet", "results/page/index.html"] + label_targets()
    if CONFIG.crops.clips == "all":
        targets += tables("crops")
    if not LEARNING:
        return targets
    targets += ["results/evaluation/metrics.parquet"] + (["results/ro-crate-metadata.json"] if MODELS else [])
    targets += ["results/evaluation/truth.parquet"] if SYNTHETIC else []
    targets += [f"results/renders/{shown_model()}/{clip.place}.mp4" for clip in shown_clips()]
    targets += [f"results/figures/{name}.pdf" for name in figures_wanted()]
    targets += [f"results/figures/{name}.pdf" for name in truth_figures()]
    return targets


def as_options(files):
    """Named files as options of a command."""
    listed = {name: [found] if isinstance(found, str) else found for name, found in files.items()}
    return " ".join(f"--{name} {' '.join(map(shlex.quote, found))}" for name, found in listed.items() if found)


def this_workflow():
    """Options that make another Snakemake see this workflow: the same files and config."""
    files = " ".join(shlex.quote(str(Path(path).resolve())) for path in workflow.configfiles)
    snakefile = shlex.quote(str(workflow.main_snakefile))
    return f"--snakefile {snakefile} --configfile {files} --workflow-profile none --nolock --quiet all"


def workflow_files():
    """The Snakefile and the rule files."""
    folder = Path(workflow.basedir) / "workflow" / "rules"
    return [str(workflow.main_snakefile), *sorted(str(path) for path in folder.glob("*.smk"))]


# ---- the page ------------------------------------------------------------------------------------------------------


def example_runs():
    """(name, seed) of the models whose clips the page may show: the one of the videos, or the first seed of every model."""
    names = [CONFIG.rendering.model] if CONFIG.rendering.model else MODELS or BASELINES[:1]
    return [(name, seeds_of(name)[0] if name in MODELS else 0) for name in names]


def example_predictions():
    """Their predictions."""
    return [path for name, seed in example_runs() for path in predictions(name, seed)]


def model_facts():
    """The facts of every network and ensemble."""
    return [f"results/models/{name}/{seed}/model.json" for name, seed in trained_runs() if name in MODELS]


def adapters():
    """Adapter of every dataset, as JSON text."""
    return json.dumps({name: dataset.adapter for name, dataset in CONFIG.datasets.items()})


def page_inputs():
    """What the page shows beside clips and labels, by the options of `speechface make-page`."""
    found = {"truth": "results/labels/truth.parquet"} if SYNTHETIC else {}
    if not LEARNING:
        return found
    drawn = [*figures_wanted(), *truth_figures()]
    tables = [f"results/tables/{name}.{kind}" for name in drawn if figure_tables(name) for kind in ("csv", "tex")]
    return {
        **found,
        "models": "results/evaluation/models.parquet",
        "facts": model_facts(),
        "examples": "results/page/media/examples.json",
        "figures": [f"results/figures/{name}.png" for name in drawn],
        "tables": ["results/evaluation/metrics.csv", *tables],
    }


def page_options(wildcards, input):
    """These files as options."""
    return as_options(input)


# ---- figures and videos ---------------------------------------------------------------------------------------------


def prediction_of_clip(wildcards):
    """The shown model's predictions for the dataset of the clip in the wildcards."""
    return predictions(shown_model(), shown_seed(), [CLIP_AT[wildcards.clip]])


def delays_of_clip(wildcards):
    """The table of delays of the clip's dataset."""
    return delay_tables([CLIP_AT[wildcards.clip].dataset])


def identity_of_clip(wildcards):
    """The identity file of the clip's actor."""
    return f"results/identity/{SHARDS[SHARD_OF[CLIP_AT[wildcards.clip].id]].actor}.npz"


def truth_figures():
    """The figure of errors against exact truth, where it is known."""
    return ["truth"] if EVALUATED_SYNTHETIC else []


def figure_module(figure):
    """The name under which a figure is registered: truth is that of the models, drawn from other numbers."""
    return "models" if figure == "truth" else figure


#: What a figure may read: name of its input -> function of the figure's name that lists the files.
FIGURE_INPUTS = {
    "clips": lambda figure: "results/splits/clips.parquet",
    "quality": lambda figure: "results/labels/quality.parquet",
    "rig": lambda figure: "results/rig/rig.npz",
    "graph": lambda figure: "results/workflow/rules.dot",
    "models": lambda figure: f"results/evaluation/{'truth_' if figure == 'truth' else ''}models.parquet",
    "metrics": lambda figure: "results/evaluation/metrics.parquet",
    "logs": lambda figure: [f"results/models/{name}/{seed}/metrics.csv" for name, seed in network_runs()],
    "landmarks": lambda figure: tables("landmarks"),
    "labels": lambda figure: tables("labels"),
    "delays": lambda figure: tables("delays"),
    "predictions": lambda figure: predictions(shown_model(), shown_seed()),
    "all_predictions": lambda figure: [path for run in first_runs() for path in predictions(*run)],
    "evaluations": lambda figure: [f"results/evaluation/{name}/{seed}.parquet" for name, seed in first_runs()],
    "identity": lambda figure: sorted({f"results/identity/{shard.actor}.npz" for shard in SHARDS.values()}),
    "spectrogram": lambda figure: tables("spectrogram", clips_of_features_figure()),
    "acoustics": lambda figure: tables("acoustics", clips_of_features_figure()),
    "audio": lambda figure: tables("audio", clips_of_features_figure() if figure == "features" else EVALUATED),
    "truth": lambda figure: tables("truth", EVALUATED_SYNTHETIC),
    "videos": lambda figure: sources(USED),
}


def first_runs():
    """(name, seed) of every model and baseline, the first seed of each."""
    return list({name: (name, seed) for name, seed in reversed(trained_runs())}.values())[::-1]


def figure_inputs(figure):
    """The files that a figure reads, by the names of its inputs."""

    def files(name):
        return lambda wildcards: FIGURE_INPUTS[name](figure)

    # as functions: Snakemake takes braces in the path of a video for wildcards otherwise
    return {name: files(name) for name in FIGURES[figure_module(figure)].INPUTS}


def figure_options(wildcards, input):
    """These files as options of `speechface figure`; videos are found by the clip table."""
    return as_options({name: files for name, files in input.items() if name != "videos"})


def figure_table_option(wildcards, output):
    """Where the table of a figure goes that has one."""
    return f"--table-stem {output.tex.removesuffix('.tex')}" if "tex" in output.keys() else ""


def figure_tables(figure):
    """The outputs of a figure that is also a table."""
    if not hasattr(FIGURES[figure_module(figure)], "rows"):
        return {}
    csv = report(
        f"results/tables/{figure}.csv",
        caption=figure_caption(figure),
        category="Results",
        labels={"table": figure},
    )
    return {"tex": ensure(f"results/tables/{figure}.tex", non_empty=True), "csv": csv}


def figure_caption(figure):
    """What the report says of a figure."""
    return "../report/truth_metrics.rst" if figure == "truth" else "../report/figure.rst"
