"""From videos of people speaking to trained networks, metrics, figures and rendered clips.

snakemake --cores 2                                   # the synthetic demo dataset of config.yaml
snakemake --cores 2 --configfile my_config.yaml       # your own data
"""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.5")

# A config file given on the command line stands alone; config.yaml is the default, not a layer under it.
if "datasets" not in config:

    configfile: "config.yaml" if Path("config.yaml").exists() else str(Path(workflow.basedir) / "config.yaml")


include: "workflow/rules/common.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/media.smk"
include: "workflow/rules/landmarks.smk"
include: "workflow/rules/synchrony.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/labels.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/starter.smk"


# First page of Snakemake's own report; the page to show is results/page.
report: "workflow/report/front.rst"


rule all:
    """Everything."""
    default_target: True
    input:
        final_targets(),


rule prepare:
    """All tables of clips, without training."""
    input:
        prepared_tables(),


rule labels:
    """All labels and their report."""
    input:
        label_targets(),


# On the screen a job is one line, its rule and wildcards; of a failed one, and in a dry run, all is shown.
if not workflow.output_settings.dryrun:
    for each in workflow.rules:
        each.message = each.message or "{rule} {wildcards}"
