"""Bootstrap intervals and the long table."""

import numpy as np
import pytest
from synthetic import synthetic_rig

from speechface.metrics.bootstrap import interval, resample_counts, resampled_sums
from speechface.metrics.geometry import RigBases
from speechface.metrics.metric import ClipMotion
from speechface.metrics.registry import METRICS
from speechface.metrics.statistics import clip_statistics, empty_statistics, shapes
from speechface.metrics.summary import summarise_clips, summarise_groups
from speechface.rig.channels import ARKIT52 as CHANNELS


def test_interval_of_a_normal_mean_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered, widths = 0, []
    for _ in range(200):
        clips = {"sum": rng.normal(3.0, 1.0, 50), "n": np.ones(50)}
        sums = resampled_sums(clips, resample_counts(["a"] * 50, resamples=400, rng=rng))
        low, high = interval(sums["sum"] / sums["n"])
        covered += low <= 3.0 <= high
        widths.append(high - low)
    assert 0.90 <= covered / 200 <= 0.99  # binomial spread of 200 trials at 0.95 is 0.015
    assert np.mean(widths) == pytest.approx(2 * 1.96 / np.sqrt(50), rel=0.05)


def test_interval_over_actors_covers_where_one_over_clips_does_not():
    """Clips of 12 actors who differ more than their clips do; the truth is the mean over all actors, 3."""
    rng = np.random.default_rng(2)
    names = np.repeat(np.arange(12), 5)
    covered = {"actors": 0, "clips": 0}
    for _ in range(200):
        clips = {"sum": 3 + rng.normal(0, 1, 12)[names] + rng.normal(0, 0.5, 60), "n": np.ones(60)}
        for kind, keys in (("actors", names), ("clips", [0] * 60)):
            sums = resampled_sums(clips, resample_counts(keys, resamples=300, rng=rng))
            low, high = interval(sums["sum"] / sums["n"])
            covered[kind] += low <= 3 <= high
    # percentile intervals of 12 actors are known to fall a little short of 0.95
    assert covered["actors"] >= 0.86 * 200
    assert covered["clips"] <= 0.75 * 200


def test_an_actor_comes_with_as_many_clips_as_it_has():
    actors = ["b", "a", "b", "c", "b"]
    counts = resample_counts(actors, resamples=50, rng=np.random.default_rng(3))
    of_b = counts[:, [0, 2, 4]].sum(1)
    assert set(of_b) <= {0.0, 3.0, 6.0, 9.0}
    np.testing.assert_array_equal(of_b / 3 + counts[:, 1] + counts[:, 3], 3)


def test_resampling_sums_the_drawn_clips():
    rng = np.random.default_rng(1)
    values = {"a": rng.random(6), "b": rng.random((6, 4))}
    counts = resample_counts(["a"] * 6, resamples=5, rng=rng)
    assert (counts.sum(1) == 6).all()
    sums = resampled_sums(values, counts)
    for k in range(5):
        drawn = np.repeat(np.arange(6), counts[k].astype(int))
        assert sums["a"][k] == pytest.approx(values["a"][drawn].sum())
        np.testing.assert_allclose(sums["b"][k], values["b"][drawn].sum(0))


def test_undefined_resamples_do_not_spoil_the_interval():
    low, high = interval(np.array([[np.nan, np.nan], [1.0, np.nan], [2.0, np.nan]]))
    assert 1 <= low[0] <= high[0] <= 2
    assert np.isnan(low[1])
    assert np.isnan(high[1])


@pytest.fixture(scope="module")
def evaluated():
    """Statistics and facts of 8 clips: two datasets, two sexes, the last clip without frames."""
    rng = np.random.default_rng(9)
    bases = RigBases.from_rig(synthetic_rig(0), np.ones(52, bool))
    clips = []
    for _ in range(7):
        true = np.clip(np.cumsum(rng.normal(0, 0.05, (40, 52)), 0) + 0.4, 0, 1)
        predicted = np.clip(true + rng.normal(0, 0.1, true.shape), 0, 1)
        clips.append(clip_statistics(ClipMotion(predicted, true, np.arange(40), bases, np.zeros(52))))
    clips.append(empty_statistics(52))
    statistics = {name: np.stack([clip[name] for clip in clips]) for name in shapes(52)}
    facts = {
        "dataset": ["one"] * 5 + ["two"] * 3, "split": ["test"] * 8, "actor": list("aabbccdd"),
        "sex": ["male", "female"] * 3 + [None, "male"],
    }  # fmt: skip
    return statistics, facts


def summary(evaluated, **kwargs):
    return summarise_groups(
        *evaluated, **{"channels": CHANNELS, "groups": ["actor", "sex"], "resamples": 200, "seed": 0, **kwargs}
    )


def row(rows, **wanted):
    found = [r for r in rows if all(r[key] == value for key, value in wanted.items())]
    assert len(found) == 1, found
    return found[0]


def test_groups_aggregate_exactly(evaluated):
    statistics, _ = evaluated
    rows = summary(evaluated)
    men = [0, 2, 4]
    sums = {name: statistics[name][men].sum(0) for name in shapes(52)}
    found = row(rows, dataset="one", group="sex", value_of_group="male", metric="rmse_mouth_mm")
    assert found["value"] == pytest.approx(float(METRICS["rmse_mouth_mm"].value(sums)))
    assert found["n_clips"] == 3
    assert found["unit"] == "mm"
    assert found["low"] <= found["value"] <= found["high"]


def test_datasets_stand_alone_and_together(evaluated):
    rows = summary(evaluated)
    counts = {name: row(rows, dataset=name, group="all", metric="mve_mm")["n_clips"] for name in ("one", "two", "all")}
    assert counts == {"one": 5, "two": 2, "all": 7}  # the clip without frames is not evaluated
    assert not [r for r in rows if r["dataset"] == "all" and r["group"] == "actor"]
    first = [{k: np.asarray(v)[:5] for k, v in part.items()} for part in evaluated]
    alone = summarise_groups(*first, channels=CHANNELS, groups=["sex"],
                             resamples=50, seed=0)  # fmt: skip
    assert {r["dataset"] for r in alone} == {"one"}


def test_a_missing_fact_is_no_group(evaluated):
    values = {r["value_of_group"] for r in summary(evaluated) if r["group"] == "sex" and r["dataset"] == "two"}
    assert values == {"female"}


def test_one_clip_has_no_interval_and_undefined_metrics_no_row(evaluated):
    rows = summary(evaluated)
    single = row(rows, dataset="one", group="actor", value_of_group="c", metric="lve_mm")
    assert single["n_clips"] == 1
    assert np.isnan([single["low"], single["high"]]).all()
    assert not [r for r in rows if r["metric"] in ("rotation_deg", "lip_gap_r_speech")]


def test_channels_are_reported_for_weight_metrics(evaluated):
    rows = [r for r in summary(evaluated) if r["group"] == "channel" and r["dataset"] == "all"]
    assert len(rows) == 4 * 52
    errors = [r["value"] for r in rows if r["metric"] == "mse_weights_e2"]
    whole = row(summary(evaluated), dataset="all", group="all", metric="mse_weights_e2")
    assert np.mean(errors) == pytest.approx(whole["value"])


def test_the_same_seed_gives_the_same_interval(evaluated):
    assert repr(summary(evaluated)) == repr(summary(evaluated))
    assert repr(summary(evaluated)) != repr(summary(evaluated, seed=1))


def test_lag_is_taken_from_the_mean_correlation_of_the_clips():
    statistics = {name: np.zeros((3, *shape)) for name, shape in shapes(52).items()}
    statistics["n_clips"] += 1
    statistics["n_lip_lag"] += 1
    statistics["lip_lag_r"][:, 12] = 0.8  # all clips say 2
    statistics["lip_lag_r"][0, 20] = 0.9  # one clip alone would say 10
    found = {name: value for _, name, value, _, _ in summarise_clips(statistics, ["a", "b", "c"], resamples=20, seed=0)}
    assert found["lip_lag_frames"] == 2
