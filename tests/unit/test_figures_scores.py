"""Figures and tables of scores."""

import csv

import numpy as np
import pytest
from figure_inputs import (
    write_metrics,
)

from speechface.figures import comparison, emotions
from speechface.figures.common import NothingToShow
from speechface.figures.scores import ordered_models, read_scores
from speechface.figures.style import colour_of
from speechface.figures.table_files import write_csv, write_tex
from speechface.tables import read_table


def test_comparison_orders_models_and_tables_hold_the_metrics(tmp_path):
    written = write_metrics(tmp_path / "m.parquet")
    scores = comparison.collect({"metrics": tmp_path / "m.parquet"})
    models = ordered_models(scores, "rmse_mouth_mm")
    assert models == ["cnn", "gru", "ridge", "knn", "mean", "neutral"]  # baselines last
    columns, rows = comparison.rows(scores)
    assert [(row["model"], row["seed"]) for row in rows[:3]] == [("cnn", 0), ("cnn", 1), ("gru", 0)]
    want = {(r["model"], r["seed"]): r for r in written if r["group"] == "all" and r["metric"] == "lip_gap_r"}
    for row in rows:
        facts = want[row["model"], row["seed"]]
        assert row["lip_gap_r"][:3] == pytest.approx((facts["value"], facts["low"], facts["high"]))
    write_csv(tmp_path / "t.csv", columns, rows)
    read = list(csv.DictReader(open(tmp_path / "t.csv")))
    assert float(read[2]["lip_gap_r_low"]) == pytest.approx(want["gru", 0]["low"], rel=1e-5)  # six digits
    write_tex(tmp_path / "t.tex", columns, rows)
    lines = (tmp_path / "t.tex").read_text().splitlines()
    widths = {line.count("&") for line in lines if "&" in line}
    assert widths == {len(columns) - 1}
    assert all(line.endswith(r"\\") for line in lines if "&" in line)
    assert f"{want['gru', 0]['value']:.2f} [" in lines[6]


def test_comparison_draws_each_value_at_its_place(tmp_path):
    written = write_metrics(tmp_path / "m.parquet", models=("cnn", "mean"))
    figure = comparison.draw(comparison.collect({"metrics": tmp_path / "m.parquet"}))
    marks = [line.get_xdata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    want = [r["value"] for r in written if r["group"] == "all" and r["metric"] == "rmse_mouth_mm"]
    assert sorted(marks) == pytest.approx(sorted(want))


def test_emotions_are_in_order_and_average_the_seeds(tmp_path):
    written = write_metrics(tmp_path / "m.parquet", models=("cnn", "mean"), emotions=("sad", "zeal", "neutral"))
    scores = emotions.collect({"metrics": tmp_path / "m.parquet"})
    axis = emotions.draw(scores).axes[0]
    assert [label.get_text().split("\n")[0] for label in axis.get_xticklabels()] == ["neutral", "sad", "zeal"]
    values = [r["value"] for r in written
              if (r["model"], r["metric"], r["value_of_group"]) == ("cnn", "rmse_mouth_mm", "neutral")]  # fmt: skip
    marks = {
        round(float(line.get_xdata()[0]), 2): line.get_ydata()[0] for line in axis.lines if len(line.get_xdata()) == 1
    }
    assert marks[-0.34] == pytest.approx(np.mean(values))
    columns, rows = emotions.rows(scores)
    assert ("group", "emotion") in columns
    assert len(rows) == 3 * 3  # two seeds and a baseline


def test_scores_of_several_datasets_together_and_predict_as_second_choice(tmp_path):
    from speechface.tables import write_table

    write_metrics(tmp_path / "m.parquet", models=("cnn",), emotions=())
    table = read_table(tmp_path / "m.parquet")
    columns = {name: np.asarray(values) for name, values in table.columns.items()}
    columns["split"] = np.full(len(table), "predict")
    write_table(tmp_path / "p.parquet", columns, stage="evaluation")
    assert "never trained on" in read_scores(tmp_path / "p.parquet", group="all", metrics=["lip_gap_r"]).place
    columns["dataset"] = np.where(columns["seed"] == 1, "all", "demo")
    write_table(tmp_path / "p.parquet", columns, stage="evaluation")
    found = read_scores(tmp_path / "p.parquet", group="all", metrics=["lip_gap_r"])
    assert {s.seed for s in found.scores} == {1}
    with pytest.raises(NothingToShow, match="states its emotion"):
        read_scores(tmp_path / "p.parquet", group="emotion", metrics=["lip_gap_r"])


def test_models_keep_their_colour_whatever_baselines_stand_beside_them():
    assert colour_of("gru", ["cnn", "gru"]) == colour_of("gru", ["mean", "gru", "cnn", "knn"])
    assert colour_of("cnn", ["cnn", "gru"]) != colour_of("gru", ["cnn", "gru"])
