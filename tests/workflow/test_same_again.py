"""A second run of the same config on the same machine gives the same files."""

import csv
import json
import shutil

import pandas as pd
import pyarrow.parquet as pq
import pytest

from speechface.tables import KEY

from .conftest import snakemake

pytestmark = pytest.mark.workflow

#: What is made a second time: a feature, labels, a network, its predictions and their metrics, a figure.
MADE = ("waveform", "labels", "splits", "stats", "models/raw", "predictions/raw", "evaluation/raw", "figures")
TARGETS = ("evaluation/raw/0.parquet", "figures/alignment.png")


def compare(first, second):
    """Assert that two files of two runs say the same. Of tables: every row to the last bit, and the metadata but for
    the commit and what a row group was made of, which tells the time of a model's file."""
    if first.suffix != ".parquet":
        assert first.read_bytes() == second.read_bytes(), first
        return
    rows, metadata = [], []
    for path in (first, second):
        table = pq.read_table(path)
        known = json.loads(table.schema.metadata[KEY])
        known.pop("provenance")
        for clip in known.get("clips", ()):
            del clip["facts"], clip["content"]
        metadata.append(known)
        rows.append(table.to_pandas())
    pd.testing.assert_frame_equal(*rows, check_exact=True, obj=str(first))
    assert metadata[0] == metadata[1], first


def curves(path):
    """The rows of a training's log without its times."""
    times = ("seconds", "windows_per_s")
    with path.open() as file:
        return [{key: value for key, value in row.items() if key not in times} for row in csv.DictReader(file)]


def test_tables_networks_metrics_and_figures_are_the_same(finished_run, tmp_path):
    again = shutil.copytree(finished_run, tmp_path / "again") / "results"
    for folder in MADE:
        shutil.rmtree(again / folder)
    snakemake(again.parent, *(f"results/{target}" for target in TARGETS), "--quiet", "host")
    made = [path for folder in MADE for path in sorted((again / folder).rglob("*.*")) if folder != "models/raw"]
    compared = [path for path in made if path.suffix in (".parquet", ".csv", ".pdf", ".png")]
    assert {path.suffix for path in compared} == {".parquet", ".csv", ".pdf", ".png"}
    assert len(compared) > 15
    for path in compared:
        compare(finished_run / "results" / path.relative_to(again), path)
    log = "models/raw/0/metrics.csv"
    assert curves(again / log) == curves(finished_run / "results" / log)
