"""A metric from outside the package goes through the commands that evaluate."""

import subprocess
import sys

import numpy as np
import pytest
from metric_inputs import Corpus, evaluate_words, summarise_words
from toys import toy_package

from speechface.clip_tables import ClipTables
from speechface.tables import read_table

TOY = '''
    """How far the jaw is open at most: mean over clips of the largest difference, and where it is."""

    from speechface.metrics.metric import Metric, Statistics, mean_of
    from speechface.synthesis.visemes import INDEX


    def of_clip(motion):
        difference = abs(motion.predicted - motion.true)[:, INDEX["jawOpen"]]
        return {"toy_worst": difference.max()}


    METRIC = Metric(
        "", "lower", mean_of("toy_worst", "n_clips"), "largest error of the jaw's opening; mean over clips",
        Statistics({"toy_worst": ()}, of_clip),
    )
'''
#: The same with a statistic of the sound and one that is an array.
MORE = TOY.replace(
    '{"toy_worst": difference.max()}',
    '{"toy_worst": difference.max(), "toy_rate": motion.sound[1] if motion.sound else 0, '
    '"toy_histogram": [difference.min(), 1]}',
).replace('{"toy_worst": ()}', '{"toy_worst": (), "toy_rate": (), "toy_histogram": (2,)}')


def run(words, env):
    return subprocess.run([sys.executable, "-m", "speechface", *words], env=env, capture_output=True, text=True)


@pytest.fixture
def corpus(tmp_path):
    return Corpus(tmp_path / "results")


def test_a_metric_from_outside_is_evaluated_and_summarised(corpus, tmp_path):
    env = toy_package(tmp_path / "toys", "metric", "jaw_worst", MORE, "METRIC")
    for words in (evaluate_words(corpus.root), summarise_words(corpus.root)):
        done = run(words, env)
        assert done.returncode == 0, done.stderr
    evaluation = read_table(corpus.root / "evaluation.parquet")
    assert evaluation["toy_histogram"].shape == (4, 2)
    assert list(evaluation["toy_rate"]) == [8000, 8000, 8000, 0]  # the last clip is not evaluated
    table = read_table(corpus.root / "metrics.parquet")
    value = {m: v for m, v, g in zip(table["metric"], table["value"], table["group"]) if g == "all"}
    labels = ClipTables((corpus.root / "labels" / "set").glob("*.parquet"))
    worst = []
    for clip_id in corpus.ids[:3]:
        truth, found = labels.read(clip_id), corpus.predictions[clip_id].columns
        rows = np.isin(truth["frame"], found["frame"]) & truth["used"]
        kept = np.isin(found["frame"], truth["frame"][rows])
        worst.append(np.abs(truth["jawOpen"][rows].astype(float) - found["jawOpen"][kept]).max())
    assert value["jaw_worst"] == pytest.approx(np.mean(worst))
    assert table.meta["metrics"]["jaw_worst"]["meaning"].startswith("largest error")
    page = run(["reference", "metrics"], env)
    assert "| `jaw_worst` |" in page.stdout


def test_a_statistic_of_a_taken_name_is_refused(corpus, tmp_path):
    env = toy_package(tmp_path / "toys", "metric", "jaw_worst", TOY.replace("toy_worst", "lve"), "METRIC")
    done = run(evaluate_words(corpus.root), env)
    assert done.returncode == 1
    assert "metric 'jaw_worst': there is a statistic 'lve' already; choose another name" in done.stderr
