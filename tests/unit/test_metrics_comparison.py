"""Models beside each other: seeds, paired differences and the best by validation."""

import json

import numpy as np
import pytest

from speechface.cli import main
from speechface.commands.compare_models import best_models
from speechface.metrics.comparison import compare_runs
from speechface.metrics.registry import METRICS
from speechface.metrics.statistics import shapes
from speechface.rig.channels import ARKIT52
from speechface.tables import read_table, write_table

CLIPS = 30


def statistics(errors):
    """Statistics of clips of 10 frames with a squared mouth distance of `errors` (n,) mm^2 at each landmark."""
    errors = np.asarray(errors, float)
    out = {name: np.zeros((len(errors), *shape)) for name, shape in shapes(52).items()}
    out["n_clips"] += 1
    out["n_frames"] += 10
    out["landmarks_sq"] += 10 * errors[:, None]
    return out


def compare(runs, actors=None, **kwargs):
    settings = {"reference": "a", "metrics": ["rmse_mouth_mm"], "resamples": 400, "seed": 0, **kwargs}
    actors = ["x"] * CLIPS if actors is None else actors
    return {model: found for (model, _), found in compare_runs(runs, actors, **settings).items()}


def test_value_is_the_mean_over_seeds_and_spread_their_deviation():
    found = compare({"a": [statistics([4.0] * CLIPS)], "b": [statistics([e] * CLIPS) for e in (1.0, 9.0, 4.0)]})
    assert found["b"].value == pytest.approx(2.0)
    assert found["b"].spread == pytest.approx(1.0)
    assert found["b"].difference == pytest.approx(0.0)
    assert np.isnan(found["a"].spread)
    assert np.isnan([found["a"].difference, found["a"].difference_low]).all()


def test_what_makes_a_clip_hard_for_all_drops_out_of_the_difference():
    rng = np.random.default_rng(0)
    hard = rng.uniform(0.5, 4, CLIPS) ** 2
    found = compare({"a": [statistics(hard)], "b": [statistics(hard * 0.81)]})  # 10 % better everywhere
    assert found["b"].difference == pytest.approx(-0.1 * found["a"].value)
    assert found["b"].difference_high < 0
    assert found["b"].high > found["a"].low  # which the intervals of each alone would not show
    assert found["b"].difference_high - found["b"].difference_low < 0.2 * (found["b"].high - found["b"].low)


def test_many_actors_widen_the_interval():
    errors = np.repeat(np.random.default_rng(1).uniform(0.5, 4, 6), 5) ** 2
    found = [compare({"a": [statistics(errors)]}, actors)["a"] for actors in (["x"] * CLIPS, np.repeat(range(6), 5))]
    widths = [one.high - one.low for one in found]
    assert widths[1] > 1.5 * widths[0]


def test_a_metric_that_is_not_defined_has_no_entry():
    runs = {"a": [statistics([1.0] * CLIPS)]}
    found = compare_runs(runs, ["x"] * CLIPS, reference="a", metrics=list(METRICS), resamples=20, seed=0)
    assert ("a", "rmse_mouth_mm") in found
    assert ("a", "rotation_deg") not in found


def fact(name, error, clips=("v",)):
    return {"name": name, "history": {"best_val_mouth_mm": error, "validation_clips": list(clips)}}


def test_the_best_is_chosen_in_validation_among_equals():
    facts = [fact("a", 1.2), fact("a", 1.4), fact("b", 1.25), fact("c", 1.0, ["other"]), fact("d", None)]
    errors, best = best_models(facts)
    assert errors == pytest.approx({"a": 1.3, "b": 1.25, "c": 1.0})
    assert best == {"b"}  # c was validated on other clips, alone


@pytest.fixture
def evaluations(tmp_path):
    """Tables of 'evaluate' of two models, one with two seeds; the second model lacks the last test clip."""
    rng = np.random.default_rng(3)
    facts = {
        "dataset": ["s"] * 6 + ["u"] * 4, "actor": ["s1"] * 6 + list("abcd"), "clip": [f"c{k}" for k in range(10)],
        "split": ["test"] * 6 + ["predict"] * 4,
    }  # fmt: skip
    paths = []
    for model, seed, scale in (("a", 0, 1.0), ("a", 1, 1.1), ("b", 0, 2.0)):
        found = statistics(scale * rng.uniform(0.5, 1.5, 10))
        if model == "b":
            found = {name: values * (np.arange(10) != 5).reshape(-1, *[1] * (values.ndim - 1))
                     for name, values in found.items()}  # fmt: skip
        path = tmp_path / f"{model}{seed}.parquet"
        columns = {name: np.array(values, object) for name, values in facts.items()}
        write_table(path, columns | found, stage="evaluation",
                    meta={"model": model, "seed": seed, "channels": list(ARKIT52)})  # fmt: skip
        paths.append(str(path))
    for seed, error in ((0, 1.0), (1, 1.2)):
        (tmp_path / f"a{seed}.json").write_text(json.dumps(fact("a", error)))
    (tmp_path / "b0.json").write_text(json.dumps(fact("b", 1.05)))
    return tmp_path, paths


def test_command_and_figure_tell_what_the_tables_say(evaluations):
    root, paths = evaluations
    facts = [f"{root}/{name}.json" for name in ("a0", "a1", "b0")]
    out = root / "models.parquet"
    options = ["--out", str(out), "--settings", '{"bootstrap": 50}']
    assert main(["compare-models", "--inputs", *paths, "--facts", *facts, *options]) == 0
    table = read_table(out)
    lines = [dict(zip(table.columns, row)) for row in zip(*table.columns.values())]
    (line,) = [x for x in lines if (x["model"], x["split"], x["metric"]) == ("b", "test", "rmse_mouth_mm")]
    tables = [read_table(path) for path in paths]
    value = [np.sqrt(t["landmarks_sq"][:5, 48:].sum() / (20 * 50)) for t in tables]
    assert line["n_clips"] == 5
    assert line["value"] == pytest.approx(value[2])
    assert line["difference"] == pytest.approx(value[2] - (value[0] + value[1]) / 2)
    assert bool(line["best"])  # 1.05 beats the mean of 1.0 and 1.2, whatever the test says
    assert {x["n_actors"] for x in lines if x["split"] == "predict"} == {4}
    stem = root / "figures" / "models"
    tables = ["--table-stem", str(root / "tables" / "models")]
    assert main(["figure", "models", "--models", str(out), "--out-stem", str(stem), *tables]) == 0
    text = (root / "tables" / "models.csv").read_text().splitlines()
    assert text[0].startswith("evaluated_on,model,n_seeds,n_clips")
    assert [line.split(",")[:2] for line in text[1:3]] == [["test clips", "a"], ["test clips", "b"]]
    assert stem.with_suffix(".pdf").exists()


def test_tables_of_other_clips_are_refused(evaluations):
    root, paths = evaluations
    table = read_table(paths[1])
    write_table(paths[1], {name: values[:-1] for name, values in table.columns.items()}, stage="evaluation",
                meta=table.meta)  # fmt: skip
    assert main(["compare-models", "--inputs", *paths, "--out", f"{root}/x.parquet"]) == 1
    assert not (root / "x.parquet").exists()
