import numpy as np

from speechface.commands.evaluate import truth_as_labels
from speechface.geometry.rotation import matrix_from_euler
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.tables import Table


def tables(rng, n=40):
    frames, meta = np.arange(n, dtype=np.int32), {"channels": list(CHANNELS)}
    columns = {"frame": frames, "time": frames / 25}
    columns |= {name: rng.random(n).astype(np.float32) for name in CHANNELS}
    truth = Table({**columns, **{name: rng.normal(0.3, 0.05, n).astype(np.float32) for name in ROTATIONS}}, meta)
    kept = frames[5:]  # the labels lack the first frames
    used = rng.random(len(kept)) < 0.7
    labels = Table({"frame": kept, "time": kept / 25, "used": used}, {"observed": [True] * len(CHANNELS)})
    return truth, labels


def test_truth_is_evaluated_on_the_frames_whose_labels_are_used(rng):
    truth, labels = tables(rng)
    found = truth_as_labels(truth, labels, CHANNELS)
    assert set(found["frame"][found["used"]]) == set(labels["frame"][labels["used"]])
    np.testing.assert_array_equal(found.stack(CHANNELS), truth.stack(CHANNELS))
    assert found.meta["observed"] == labels.meta["observed"]


def test_true_rotation_becomes_relative_and_keeps_its_differences(rng):
    truth, labels = tables(rng)
    found = truth_as_labels(truth, labels, CHANNELS)
    absolute, relative = (matrix_from_euler(table.stack(ROTATIONS)) for table in (truth, found))
    steps = [m[:-1].transpose(0, 2, 1) @ m[1:] for m in (absolute, relative)]
    np.testing.assert_allclose(steps[0], steps[1], atol=1e-6)  # float32 angles
    used = found["used"]
    assert np.abs(np.median(found.stack(ROTATIONS)[used], axis=0)).max() < 0.01  # 0.3 before; rad


def test_unusable_labels_stay_unusable():
    labels = Table({}, {"status": "unusable", "reason": "no face"})
    assert truth_as_labels(Table({}), labels, CHANNELS).reason == "no face"
    truth, labels = tables(np.random.default_rng(0))
    labels.columns["used"][:] = False
    assert not truth_as_labels(truth, labels, CHANNELS).usable
