"""What is shown, and all that is to be made."""

import shlex
from pathlib import Path


def shown_model():
    """The model of the videos and of the figures that show one model."""
    return CONFIG["rendering"]["model"] or (MODELS + BASELINES)[0]


def shown_seed():
    """Its seed."""
    return seeds_of(shown_model())[0] if shown_model() in MODELS else 0


def shown_clips():
    """The clips of the videos: those configured, or some of the judged ones, spread evenly over the table."""
    wanted = CONFIG["rendering"]["clips"]
    judged = {clip.id: clip for clip in EVALUATED}
    unknown = [name for name in wanted if name not in judged]
    if unknown:
        raise WorkflowError(
            f"rendering.clips: {unknown[0]} is not among the {len(judged)} test and predict clips, "
            f"e.g. {next(iter(judged), 'none')}"
        )
    if wanted:
        return [judged[name] for name in wanted]
    count = min(CONFIG["rendering"]["max_clips"], len(EVALUATED))
    return [EVALUATED[(2 * k + 1) * len(EVALUATED) // (2 * count)] for k in range(count)]


def spoken_clips():
    """The clips of the features figure: the actor and sentence with most emotions, speech before song."""
    groups = {}
    for clip in USED:
        groups.setdefault((clip.dataset, clip.actor, clip.channel or "", clip.statement or ""), []).append(clip)
    ranked = sorted(groups.items(), key=lambda g: (-len({c.emotion for c in g[1]}), g[0][2] != "speech", g[0]))
    return ranked[0][1]


def every_video():
    """The media files of all clips that get tables."""
    return [clip.path for clip in USED]


def crops():
    """The face images of all clips, if all are wanted."""
    return every_clip("results/crops/{clip}.mp4") if CONFIG["crops"]["clips"] == "all" else []


def prepared_tables():
    """All per-clip tables, and face images."""
    tables = every_clip("results/labels/{clip}.parquet") + crops()
    for feature in features_used():
        tables += every_clip(FEATURE_TABLES[feature])
    return tables


def features_used():
    """Input features that some model or baseline reads."""
    names = [name for name, _ in trained_runs()]
    return sorted({feature_of(name) for name in names})


def label_targets():
    """Labels, their report and, where truth is known, their errors."""
    targets = ["results/labels/quality.parquet"]
    if HAS_TRUTH:
        targets.append("results/labels/truth.parquet")
    return targets


def final_targets():
    """What `rule all` asks for."""
    targets = ["results/splits/clips.parquet"] + label_targets() + crops()
    if not LEARNS:
        return targets
    targets += ["results/evaluation/metrics.parquet"]
    targets += [f"results/renders/{shown_model()}/{clip.id}.mp4" for clip in shown_clips()]
    targets += [f"results/figures/{name}.pdf" for name in CONFIG["figures"]["names"]]
    if any(map(has_truth, EVALUATED)):
        targets.append("results/figures/truth.pdf")
    return targets


def metrics_where_learned():
    """The table of metrics, or nothing where no model is trained."""
    return ["results/evaluation/metrics.parquet"] if LEARNS else []


def workflow_image():
    """The image of the rules, where it is among the figures."""
    shown = LEARNS and "workflow" in CONFIG["figures"]["names"]
    return ["results/figures/workflow.png"] if shown else []


def this_workflow():
    """Options that make another Snakemake see this workflow: the same files and config."""
    files = " ".join(shlex.quote(str(Path(path).resolve())) for path in workflow.configfiles)
    snakefile = shlex.quote(str(workflow.main_snakefile))
    return f"--snakefile {snakefile} --configfile {files} --workflow-profile none --nolock --quiet all"


def workflow_files():
    """The Snakefile and the rule files."""
    folder = Path(workflow.basedir) / "workflow" / "rules"
    return [str(workflow.main_snakefile), *sorted(str(path) for path in folder.glob("*.smk"))]


def config_names():
    """The config files by name, for the report."""
    return " ".join(shlex.quote(Path(path).name) for path in workflow.configfiles)
