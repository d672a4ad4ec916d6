"""The parts of benchmarks/mouths.py that need no clips, and the list of judged mouths."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import mouths

from speechface.errors import TableError
from speechface.rig import builtin
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.tables import Table

INDEX = {name: k for k, name in enumerate(CHANNELS)}

SHUT = np.array([True, True, False, False])


def weights(*rows):
    return np.array(rows, float)


def test_area_under_curve_counts_pairs_and_halves_ties():
    gaps = np.array([0.0, 2.0, 1.0, 2.0])  # open 1 > 0, 1 < 2, 2 > 0, 2 = 2: 2.5 of 4
    assert mouths.area_under_curve(gaps, SHUT, weights([1, 1, 1, 1])) == pytest.approx([0.625])
    assert mouths.area_under_curve(-gaps, SHUT, weights([1, 1, 1, 1])) == pytest.approx([0.375])


def test_area_under_curve_of_a_resample_is_that_of_the_repeated_mouths():
    gaps, shut = np.random.default_rng(0).normal(size=20), np.arange(20) < 9
    counts = np.random.default_rng(1).integers(0, 4, (3, 20))
    expected = [
        mouths.area_under_curve(np.repeat(gaps, row), np.repeat(shut, row), np.ones((1, row.sum())))[0]
        for row in counts
    ]
    assert mouths.area_under_curve(gaps, shut, counts.astype(float)) == pytest.approx(expected)
    assert np.isnan(mouths.area_under_curve(gaps, shut, weights(shut))[0])  # a draw without open mouths


def test_shares_count_from_the_thresholds_on():
    gaps = np.array([1.0, 1.01, 0.5, 0.51])
    clips = np.array(["a", "b", "c", "d"])
    found = mouths.judged(gaps, SHUT, clips, np.random.default_rng(0), millimetres=True)
    assert found["shut, apart"][0] == 0.5
    assert found["open, sealed"][0] == 0.5
    assert found["AUC"][0] == 0
    assert "shut, apart" not in mouths.judged(gaps, SHUT, clips, np.random.default_rng(0), millimetres=False)


def test_intervals_are_over_clips_not_mouths():
    true = np.array([1.0, 1, 1, 0, 0, 0])

    def of(clips):
        return mouths.with_interval(lambda drawn: mouths.share(true, drawn), clips, np.random.default_rng(0))

    assert of(["a"] * 6) == (0.5, 0.5, 0.5)  # one clip, drawn again and again
    assert of(list("aaabbb")) == (0.5, 0.0, 1.0)
    value, low, high = of(list("abcdef"))
    assert value == 0.5
    assert 0 < low < 0.5 < high < 1


def test_medians_of_resamples():
    values = np.array([3.0, 1.0, 8.0])
    drawn = mouths.weighted_median(values, weights([1, 1, 1], [0, 3, 0], [1, 0, 1], [0, 0, 0]))
    np.testing.assert_array_equal(drawn, [3.0, 1.0, 5.5, np.nan])


def test_amplitude_leaves_out_still_lips_and_frames_without_a_face():
    moving = np.array([0.0, 0.1, 0.0, 0.1, 9.0])
    seen = np.array([True, True, True, True, False])
    clips = ("a", "still", "missing")
    points = {"a": moving, "still": 0.01 * moving, "elsewhere": moving}
    found = mouths.amplitudes(dict.fromkeys(clips, 0.7 * moving + 1), points, dict.fromkeys(points, seen))
    assert found == {"a": pytest.approx(0.7)}


def test_clips_are_found_by_actor_and_clip_whatever_the_data_set():
    class Tables(dict):
        read = dict.__getitem__

    usable, unusable = Table({}, {}), Table({}, {"status": "unusable", "reason": "no face"})
    tables = Tables({"mine/s1/a": usable, "mine/s2/a": usable, "mine/s1/b": unusable})
    assert mouths.of_list(tables, ["grid/s1/a", "grid/s1/b", "grid/s1/c"]) == {"grid/s1/a": usable}


def test_mouths_without_a_face_are_left_out():
    listed = [("a", 0, True), ("a", 1, False), ("a", 9, True), ("b", 0, True)]
    gaps, shut, clips = mouths.at_frames({"a": np.array([5.0, 6.0])}, {"a": np.array([False, True])}, listed)
    assert (gaps.tolist(), shut.tolist(), clips.tolist()) == ([6.0], [False], ["a"])


def test_the_gap_of_labels_is_zero_at_rest_and_grows_with_the_jaw():
    columns = {name: np.zeros(3, np.float32) for name in CHANNELS}
    columns[CHANNELS[INDEX["jawOpen"]]] = np.array([0.0, 0.1, 0.2], np.float32)
    rest, half, whole = mouths.fitted_gap(Table(columns, {}), builtin.build())
    assert rest == 0
    assert 1 < half == pytest.approx(whole / 2, rel=1e-4)


def test_a_table_needs_a_name():
    with pytest.raises(TableError, match="expected NAME=TABLE"):
        mouths.named_tables(["results/labels"])


def test_the_list_holds_each_frame_once_and_enough_of_both_kinds():
    listed = mouths.read_mouths(mouths.LIST)
    assert len({(clip, frame) for clip, frame, _ in listed}) == len(listed) >= 150
    assert 50 <= sum(shut for *_, shut in listed) <= len(listed) - 50
    assert sum("/s1/" in clip for clip, *_ in listed) <= 0.6 * len(listed)
