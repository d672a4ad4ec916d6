"""A second run of the same config on the same machine gives the same files."""

import csv
import shutil

import pytest

from .conftest import snakemake

pytestmark = pytest.mark.workflow

#: What is made a second time: a feature, labels, a network, its predictions and their metrics, a figure.
MADE = ("waveform", "labels", "splits", "stats", "models/raw", "predictions/raw", "evaluation/raw", "figures")
TARGETS = ("evaluation/raw/0.parquet", "figures/alignment.png")


def test_tables_predictions_metrics_and_figures_are_the_same_to_the_byte(finished_run, tmp_path):
    again = shutil.copytree(finished_run, tmp_path / "again")
    for folder in MADE:
        shutil.rmtree(again / "results" / folder)
    snakemake(again, *(f"results/{target}" for target in TARGETS), "--quiet", "host")
    made = [path.relative_to(again) for folder in MADE for path in sorted((again / "results" / folder).rglob("*.*"))]
    # a network and its record hold the seconds it took
    compared = [path for path in made if path.suffix in (".parquet", ".npz", ".pdf", ".png") or "stats" in path.parts]
    assert {path.parts[1] for path in compared} == {folder.split("/")[0] for folder in MADE} - {"models"}
    assert [str(path) for path in compared if (again / path).read_bytes() != (finished_run / path).read_bytes()] == []
    rows = [list(csv.DictReader((root / "results/models/raw/0/metrics.csv").open())) for root in (finished_run, again)]
    for row in (*rows[0], *rows[1]):
        del row["seconds"], row["windows_per_s"]
    assert rows[0] == rows[1]
