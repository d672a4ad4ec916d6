import numpy as np
from tests.unit.synthetic import synthetic_rig

from golden import check, sound
from speechface.commands.evaluate import score_clip
from speechface.metrics.geometry import RigBases
from speechface.metrics.registry import METRICS
from speechface.metrics.summary import summarise_groups
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS, columns
from speechface.tables import Table

SR, FPS, FRAMES = 16000, 25, 60


def clip(seed):
    """Labels and a prediction that follows them two frames late; a few frames are not used or not predicted."""
    rng = np.random.default_rng(seed)
    true = np.clip(np.cumsum(rng.normal(0, 0.05, (FRAMES, 52)), 0) + 0.4, 0, 1).astype(np.float32)
    lids = columns(CHANNELS, ["eyeBlinkLeft", "eyeBlinkRight"])
    true[:, lids] = np.interp(np.arange(FRAMES), [20, 23, 26], [0, 1, 0])[:, None]
    late = np.concatenate([true[:1], true[:1], true[:-2]])
    predicted = np.clip(late + rng.normal(0, 0.05, true.shape), 0, 1).astype(np.float32)
    poses = rng.normal(0, 0.1, (2, FRAMES, 3)).astype(np.float32)
    base = {"frame": np.arange(FRAMES), "time": np.arange(FRAMES) / FPS}
    labels = {**base, "used": np.arange(FRAMES) % 17 != 4}
    prediction = {name: values[:-3] for name, values in base.items()}
    for table, weights, pose in ((labels, true, poses[0]), (prediction, predicted, poses[1])):
        count = len(table["frame"])
        table |= {name: values[:count] for name, values in zip((*CHANNELS, *ROTATIONS), (*weights.T, *pose.T))}
    prediction["samples"] = np.stack([predicted[::-1][:-3], predicted[:-3] ** 2], 1)
    labels_meta = {"phonemes": [[0.5, 0.6, "p", "PP"], [1.0, 1.1, "m", "PP"]]}
    return Table(labels, labels_meta), Table(prediction, {"not_evaluated": [0, 1], "columns": list(CHANNELS)})


def test_metrics_are_those_recorded():
    observed = np.array([not name.startswith("eyeLook") for name in CHANNELS])
    bases = RigBases.from_rig(synthetic_rig(), observed)
    speech = np.concatenate([np.zeros(SR // 2, np.float32), sound(SR, 1.2), np.zeros(SR, np.float32)])
    clips = []
    for seed in range(4):
        found, missing, reason = score_clip(*clip(seed), channels=CHANNELS, bases_of=lambda mask: bases,
                                            observed=observed, mean_weights=np.full(52, 0.4),
                                            sound=(speech, SR))  # fmt: skip
        assert (missing, reason) == (3, "")
        clips.append(found)
    statistics = {name: np.stack([found[name] for found in clips]) for name in clips[0]}
    facts = {"dataset": ["d"] * 4, "actor": ["a", "a", "b", "c"], "split": ["test"] * 4}
    rows = summarise_groups(statistics, facts, channels=CHANNELS, groups=[], resamples=50, seed=0)
    found = {f"{row['metric']}": [row["value"], row["low"], row["high"]] for row in rows if row["group"] == "all"}
    assert found.keys() == METRICS.keys()
    found["of_channels"] = [row["value"] for row in rows if row["group"] == "channel"][::7]
    # float32 products of weights and shapes of some mm, in the order of another BLAS
    check("evaluation", found, dict.fromkeys(found, 2e-4))
