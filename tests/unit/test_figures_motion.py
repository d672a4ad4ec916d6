"""The figures of motion over time and of how much of it there is."""

import numpy as np
import pytest
from figure_inputs import clip_row, id_of, label_rows, texts, write_clips
from stored import write_clip_table
from synthetic import synthetic_rig

from speechface.clip_tables import ClipTables
from speechface.figures import motion, samples
from speechface.figures.common import NothingToShow
from speechface.figures.style import colour_of, styled
from speechface.metrics.geometry import RigBases
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.synthesis.visemes import INDEX


@pytest.fixture
def inputs(tmp_path):
    """Two clips of one actor; the second moves further and has three samples, of jaws open by 0.1, 0.2, 0.3."""
    rows = [clip_row(name, split="test") for name in ("small", "large")]
    write_clips(tmp_path / "clips.parquet", rows)
    labels = [label_rows() for _ in rows]
    labels[0].columns["jawOpen"] = labels[0].columns["jawOpen"] / 2
    predictions = [label_rows(kind="prediction") for _ in rows]
    for made in predictions:
        columns = [*CHANNELS, *ROTATIONS]
        made.meta["columns"] = columns
        made.columns["jawOpen"] = np.full(40, 0.1, np.float32)
        values = np.stack([made.columns[name] for name in columns], 1)
        made.columns["samples"] = np.stack([values, values], 1)
        made.columns["samples"][:, :, INDEX["jawOpen"]] = (0.2, 0.3)
    for name, stage, made in (("labels", "labels", labels), ("predictions", "prediction", predictions)):
        write_clip_table(tmp_path / f"{name}.parquet", stage, dict(zip(map(id_of, rows), made)))
    synthetic_rig().save(tmp_path / "rig.npz")
    tables = {name: ClipTables([tmp_path / f"{name}.parquet"]) for name in ("labels", "predictions")}
    return {"clips": tmp_path / "clips.parquet", "rig": tmp_path / "rig.npz", **tables}


def test_samples_stand_beside_the_label_of_the_clip_that_moves_most(inputs):
    clips = samples.collect(inputs)
    assert len(clips) == 1  # one an actor
    assert np.nanmax(clips[0].label["jaw open"]) == pytest.approx(1, abs=0.01)
    assert np.isnan(clips[0].label["jaw open"][0, 3])  # not used
    assert clips[0].samples["jaw open"].mean(1) == pytest.approx([0.1, 0.2, 0.3])
    # 0.05 rad
    assert np.abs(clips[0].samples["head, pitch"]).max() == pytest.approx(np.degrees(0.05), rel=0.01)
    words = texts(samples.draw(clips))
    assert "sample 3" in words
    assert "head, pitch" in words
    clips[0].samples["head, pitch"] = None
    assert "not predicted" in texts(samples.draw(clips))


def test_a_model_of_one_answer_has_its_name_and_colour(inputs, tmp_path):
    row = clip_row("large", split="test")
    write_clip_table(tmp_path / "one.parquet", "prediction", {id_of(row): label_rows(kind="prediction")})
    clips = samples.collect({**inputs, "predictions": ClipTables([tmp_path / "one.parquet"])})
    with styled(["cnn", clips[0].model]):
        figure = samples.draw(clips)
        lines = [line for line in figure.axes[0].lines if line.get_label() == clips[0].model]
        assert [line.get_color() for line in lines] == [colour_of(clips[0].model, [])[0]]
    assert "sample 1" not in texts(figure)


def test_amplitude_and_speed_are_those_of_the_curves(inputs):
    bases = RigBases.from_rig(synthetic_rig(), np.ones(len(CHANNELS), bool))
    times = np.arange(50) / 25
    weights = np.zeros((50, len(CHANNELS)))
    weights[:, INDEX["browInnerUp"]] = 0.5 * times
    turned = np.zeros((50, 3))
    turned[:, 0] = np.radians(20) * times
    found = motion.of_clip(weights, turned, np.arange(50), times, bases)
    rise = np.abs(bases.landmark_motion(weights)[-1, 17:27, 1].mean()) / times[-1]
    assert found["brows", "speed"] == pytest.approx(rise, rel=1e-4)
    assert found["brows", "amplitude"] == pytest.approx(rise * np.std(times), rel=1e-4)
    assert found["head", "speed"] == pytest.approx(20, rel=1e-6)
    assert found["lip gap", "speed"] == pytest.approx(0, abs=1e-3)  # a brow that reaches the lips by some nm
    assert motion.of_clip(weights[:1], None, np.arange(1), times[:1], bases) == {}


def test_every_clip_and_sample_counts_once(inputs):
    found = motion.collect(inputs)
    assert len(found.labels["lip gap", "amplitude"]) == 2
    assert len(found.predictions["lip gap", "amplitude"]) == 6
    np.testing.assert_allclose(found.predictions["lip gap", "amplitude"], 0, atol=1e-5)
    np.testing.assert_allclose(found.predictions["head", "speed"][0], found.labels["head", "speed"], rtol=0.1)
    assert "head, speed, °/s" in texts(motion.draw(found))


def test_without_predictions_there_is_nothing_to_show(inputs):
    for figure in (samples, motion):
        with pytest.raises(NothingToShow, match="no evaluated clip has both"):
            figure.collect({**inputs, "predictions": None})
