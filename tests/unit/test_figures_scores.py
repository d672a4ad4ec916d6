"""Figures and tables of scores."""

import csv
import dataclasses

import numpy as np
import pytest
from figure_inputs import texts, write_metrics, write_models

from speechface.cli import main
from speechface.figures import emotions, models
from speechface.figures.common import NothingToShow
from speechface.figures.scores import read_scores
from speechface.figures.style import colour_of
from speechface.figures.table_files import write_csv, write_tex
from speechface.tables import read_table, write_table


def test_models_are_in_order_and_their_table_holds_values_intervals_and_differences(tmp_path):
    write_models(tmp_path / "m.parquet")
    data = models.collect({"models": tmp_path / "m.parquet"})
    columns, rows = models.rows(data)
    assert [row["model"] for row in rows] == 2 * ["tcn", "cnn", "ridge", "mean"]  # baselines last, two splits
    assert rows[1]["rmse_mouth_mm"][:3] == pytest.approx((1.5, 1.4, 1.6))
    assert rows[1]["rmse_mouth_mm_difference"][:3] == pytest.approx((0.3, 0.25, 0.35))
    write_csv(tmp_path / "t.csv", columns, rows)
    read = list(csv.DictReader(open(tmp_path / "t.csv")))
    assert float(read[2]["lip_gap_r_low"]) == pytest.approx(1 - 1.8 / 4 - 0.1, rel=1e-5)  # six digits
    write_tex(tmp_path / "t.tex", columns, rows)
    lines = (tmp_path / "t.tex").read_text().splitlines()
    assert {line.count("&") for line in lines if "&" in line} == {len(columns) - 1}
    assert [line for line in lines if line.endswith("rule")] == [r"\toprule", r"\midrule", r"\bottomrule"]
    assert r"$1.50\,[1.40, 1.60]$" in lines[6]


def test_a_latex_table_has_a_block_a_split_and_its_best_numbers_bold(tmp_path):
    write_models(tmp_path / "m.parquet", models=("tcn", "my_cnn", "mean"))
    stem = str(tmp_path / "t")
    words = ["figure", "models", "--models", str(tmp_path / "m.parquet"), "--out-stem", stem, "--table-stem", stem]
    assert main(words) == 0
    lines = (tmp_path / "t.tex").read_text().splitlines()
    assert lines[1] == r"\begin{tabular}{lrrrrr}"
    assert {line.count("&") for line in lines if "&" in line} == {5}, "no wider than a page"
    assert [line for line in lines if "multicolumn" in line] == [
        r"\multicolumn{6}{l}{\emph{test clips: 8 clips of 1 actor; best in validation: tcn}} \\",
        r"\multicolumn{6}{l}{\emph{only predicted: 6 clips of 4 actors; best in validation: tcn}} \\",
    ]
    assert lines.count(r"\midrule") == 2
    bold = [line for line in lines if "mathbf" in line]
    assert len(bold) == 2
    assert all(line.startswith(r"tcn & $\mathbf{1.20}\,[1.10, 1.30]$ &") and line.endswith(r"& -- \\") for line in bold)
    assert r"\shortstack[r]{explained mouth \\ motion, $R^2$}" in lines[3]


def test_names_cannot_break_a_latex_table(tmp_path):
    names = [r"a_b%c&d#e$f{g}\h^i~j<k>l|m", "[x] second", "*", "Имя"]
    rows = [{"model": name, "rmse": (-0.0004, -0.2, 0.1, 2)} for name in names]
    write_tex(tmp_path / "t.tex", [("model", "model"), ("rmse", "weight MSE, 1e-2")], rows)
    text = (tmp_path / "t.tex").read_text()
    assert r"a\_b\%c\&d\#e\$f\{g\}\textbackslash{}h\^{}i\~{}j\textless{}k\textgreater{}l\textbar{}m & $0.00" in text
    assert "\n{[}x] second &" in text, "a bracket after the end of a row would be its option"
    assert "\n{*} &" in text
    assert "XeLaTeX" in text
    assert "weight MSE, $10^{-2}$" in text


def test_models_are_drawn_at_their_values(tmp_path):
    write_models(tmp_path / "m.parquet")
    figure = models.draw(models.collect({"models": tmp_path / "m.parquet"}))
    marks = [line.get_xdata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert sorted(marks) == pytest.approx([1.2, 1.5, 1.8, 2.1])
    assert figure.get_figwidth() == 3.4


def test_one_clip_has_no_bars_and_the_figure_of_models_names_none(tmp_path):
    write_models(tmp_path / "m.parquet")
    table = read_table(tmp_path / "m.parquet")
    columns = dict(table.columns) | {name: np.full(len(table), np.nan) for name in ("low", "high")}
    columns |= {name: np.ones(len(table), int) for name in ("n_clips", "n_actors")}
    write_table(tmp_path / "m.parquet", columns, stage="evaluation", meta=table.meta)
    words = texts(models.draw(models.collect({"models": tmp_path / "m.parquet"})))
    assert "(1 clip, 1 actor)" in words
    assert "bars" not in words
    assert "★ best in validation" in words


def test_emotions_are_in_order_average_the_seeds_and_those_of_few_clips_are_left_out(tmp_path):
    names = ("sad", "zeal", "neutral", "rare")
    written = write_metrics(tmp_path / "m.parquet", models=("cnn", "mean"), emotions=names)
    scores = emotions.collect({"metrics": tmp_path / "m.parquet"})
    with pytest.raises(NothingToShow, match=r"clips neutral 2, rare 2, sad 2, zeal 2"):
        emotions.draw(scores)
    more = [dataclasses.replace(s, n_clips=9) if s.group != "rare" else s for s in scores.scores]
    figure = emotions.draw(dataclasses.replace(scores, scores=more))
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == [f"{e}\nn = 9" for e in ("neutral", "sad", "zeal")]
    assert "left out, too few clips: rare 2" in texts(figure)
    values = [r["value"] for r in written
              if (r["model"], r["metric"], r["value_of_group"]) == ("cnn", "rmse_mouth_mm", "neutral")]  # fmt: skip
    marks = sorted(
        (float(line.get_ydata()[0]), line.get_xdata()[0]) for line in axis.lines if len(line.get_xdata()) == 1
    )
    assert marks[0][1] == pytest.approx(np.mean(values))
    columns, rows = emotions.rows(scores)
    assert ("group", "emotion") in columns
    assert len(rows) == 3 * 4  # two seeds and a baseline


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
