"""The first page of the report."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest

from speechface.commands import report_front
from speechface.tables import write_table


def write_clips(path):
    write_table(
        path,
        {"dataset": ["a", "a", "a", "b"], "actor": ["x", "x", "y", "z"], "clip": ["1", "2", "3", "4"],
         "split": ["train", "excluded", "test", "predict"], "n_frames": np.array([10, 20, 30, 40], np.int32)},
        stage="splits",
    )  # fmt: skip


def write_metrics(path, models):
    rows = [(m, s, metric, v) for m, s, v in models for metric in ("rmse_mouth_mm", "lip_gap_r")]
    names = ("dataset", "split", "group", "value_of_group")
    columns = {name: [value] * len(rows) for name, value in zip(names, ("a", "test", "all", "all"))}
    columns |= {"model": [r[0] for r in rows], "metric": [r[2] for r in rows]}
    columns |= {"seed": np.array([r[1] for r in rows]), "value": np.array([r[3] for r in rows])}
    columns |= {"low": columns["value"] - 0.5, "high": columns["value"] + 0.5, "n_clips": np.full(len(rows), 7)}
    write_table(path, columns, stage="evaluation")


@pytest.fixture
def page(tmp_path):
    """Run the command; return what it wrote: page and style."""

    def make(**options):
        write_clips(tmp_path / "clips.parquet")
        args = {"clips": tmp_path / "clips.parquet", "metrics": None, "figure": None, "config": ["my.yaml"],
                "out": tmp_path / "front.rst", "style_out": tmp_path / "style.css", **options}  # fmt: skip
        report_front.run(SimpleNamespace(**args))
        return (tmp_path / "front.rst").read_text(), (tmp_path / "style.css").read_text()

    return make


def test_data_are_counted_by_dataset_and_use(page):
    text, _ = page()
    assert "**a**: 2 speakers, 60 frames; 1 clip for training, 1 clip for testing, 1 clip left out" in text
    assert "**b**: 1 speaker, 40 frames; 1 clip for prediction only" in text
    assert "my.yaml" in text
    assert "Models" not in text


def test_models_stand_by_their_error_with_intervals(page, tmp_path):
    write_metrics(tmp_path / "m.parquet", [("worse", 0, 2.0), ("better", 0, 1.0), ("better", 1, -0.001)])
    text, _ = page(metrics=tmp_path / "m.parquet")
    assert text.index("* - better") < text.index("* - worse")
    assert text.count("* - better") == 2
    assert "1.00 [0.50, 1.50]" in text
    assert "     - 0.00 [-0.50, 0.50]" in text, "no minus before a zero"
    assert "7 test clips of a" in text


def test_page_is_restructured_text_that_docutils_takes(page, tmp_path):
    docutils = pytest.importorskip("docutils.core")
    write_metrics(tmp_path / "m.parquet", [("one", 0, 2.0)])
    text, _ = page(metrics=tmp_path / "m.parquet")
    html = docutils.publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["html_body"]
    assert "<table" in html
    assert "<li>" in html


def test_style_holds_the_image(page, tmp_path):
    (tmp_path / "w.png").write_bytes(b"image")
    assert base64.b64encode(b"image").decode() in page(figure=tmp_path / "w.png")[1]
    assert "data:image" not in page()[1]
