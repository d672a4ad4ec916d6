"""The whole road with lists of different rigs: rig, fit, tables, statistics, networks, baselines, metrics, export."""

import json
from fractions import Fraction

import numpy as np
import pyarrow.parquet as pq
import pytest
from fitting_cases import FOCAL, FPS, PRECISE, moving_face
from stored import write_clip_table
from synthetic import synthetic_rig
from training_tables import write_split

from speechface.cli import main
from speechface.clip_tables import ClipRows
from speechface.commands.label_stats import read_stats
from speechface.errors import RigError, TableError
from speechface.export.animation import ARKIT_NAMES, Animation, arkit_weights
from speechface.fitting.face import Face
from speechface.fitting.labels import fit_labels
from speechface.fitting.observability import explained_variance, observed_channels
from speechface.fitting.priors import weight_precision
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.metrics.geometry import RigBases
from speechface.metrics.metric import ClipMotion
from speechface.metrics.statistics import clip_statistics
from speechface.metrics.summary import summarise_clips
from speechface.networks.loading import load_model
from speechface.networks.split_table import read_split
from speechface.rig.channels import ARKIT52, REPORT46, ROTATIONS
from speechface.rig.rig import Rig
from speechface.seals import EMPTY, written_sealed
from speechface.tables import KEY, read_table

OWN = ("mouthSmileRight", "jawOpen", "browInnerUp", "mouthSmileLeft", "noseSneer")
LISTS = pytest.mark.parametrize("channels", [ARKIT52, REPORT46, OWN], ids=["arkit52", "report46", "own"])


@pytest.fixture
def rig(channels, tmp_path):
    synthetic_rig(channels=channels).save(tmp_path / "rig.npz")
    return Rig.load(tmp_path / "rig.npz")


@LISTS
def test_a_fit_gives_back_the_motion_and_masks_what_is_not_seen(rig, channels):
    assert rig.channels == channels
    case = moving_face(0, rig=rig)
    face = Face.of_rig(rig, PROFILE)
    labels = fit_labels(face, None, case.observed, np.ones(30, bool), PRECISE, focal=FOCAL, fps=FPS)
    assert labels.weights.shape == case.weights.shape
    jaw = channels.index("jawOpen")
    assert np.abs(labels.weights[:, jaw] - case.weights[:, jaw]).max() < 0.05
    observed = observed_channels(face)
    assert observed[jaw]
    for name in {"tongueOut", "eyeLookUpLeft"} & set(channels):
        assert not observed[channels.index(name)]
        assert not labels.weights[:, channels.index(name)].any()
    assert (explained_variance(face) >= 0).all()
    assert np.linalg.eigvalsh(weight_precision(channels)).min() > 0


def train_table(path, channels, rng, n=60):
    """A train table of two clips and its statistics."""
    clips = []
    for k in range(2):
        weights = np.clip(rng.normal(0.4, 0.2, (n, len(channels))), 0, 1).astype(np.float32)
        clips.append({"id": ("set", f"Actor_0{k + 1}", f"c{k}"), "frame": np.arange(n), "weights": weights,
                      "features": rng.random((n, 32, 8)).astype(np.float32),
                      "rotations": rng.normal(0, 0.1, (n, 3)).astype(np.float32)})  # fmt: skip
    write_split(path / "train.parquet", clips, channels=channels)
    assert main(["label-stats", "--train", f"{path}/train.parquet", "--out", f"{path}/stats.json"]) == 0
    return clips


@LISTS
def test_networks_and_baselines_speak_the_list_of_their_table(rig, channels, tmp_path, rng):
    clips = train_table(tmp_path, channels, rng)
    assert read_stats(f"{tmp_path}/stats.json")["channels"] == list(channels)
    common = ["--train", f"{tmp_path}/train.parquet", "--stats", f"{tmp_path}/stats.json"]
    assert main(["fit-baseline", "--name", "ridge", *common, "--out", f"{tmp_path}/ridge.npz"]) == 0
    settings = {"head": "gru", "outputs": "weights_rotation", "rest": "given", "loss_rig": 0.1, "loss_range": 1.0,
                "sequence_frames": 8}  # fmt: skip
    training = {"epochs": 1, "frames_per_step": 16, "frames_per_epoch": 32, "threads": 1}
    assert main(["train-model", "--name", "net", "--seed", "0", *common, "--rig", f"{tmp_path}/rig.npz", "--settings",
                 json.dumps(settings), "--training", json.dumps(training), "--work-dir", f"{tmp_path}/work",
                 "--log", f"{tmp_path}/log.csv", "--out", f"{tmp_path}/net.ckpt"]) == 0  # fmt: skip
    for name in ("ridge.npz", "net.ckpt"):
        model = load_model(tmp_path / name)
        assert model.columns == (*channels, *ROTATIONS)
        (found,) = model.predict(clips[0]["features"], neutral=clips[1]["weights"][0])
        weights = found[:, : len(channels)]
        assert found.shape == (60, len(channels) + 3)
        assert ((weights >= 0) & (weights <= 1)).all()
        if "mouthClose" in channels:
            close, jaw = channels.index("mouthClose"), channels.index("jawOpen")
            assert (weights[:, close] <= weights[:, jaw]).all()


@LISTS
def test_metrics_and_truth_follow_the_rig(rig, channels, rng):
    true = np.clip(rng.normal(0.4, 0.2, (40, len(channels))), 0, 1)
    bases = RigBases.from_rig(rig, np.ones(len(channels), bool))
    shifted = true.copy()
    shifted[:, channels.index("jawOpen")] += 0.1
    clip = clip_statistics(ClipMotion(shifted, true, np.arange(40), bases, np.zeros(len(channels))))
    rows = summarise_clips({name: value[None] for name, value in clip.items()}, ["a"], resamples=2, seed=0,
                           channels=channels)  # fmt: skip
    wrong = {name for name, metric, value, *_ in rows if name and metric == "mse_weights_e2" and value > 1e-9}
    assert wrong == {"jawOpen"}
    assert {name for name, *_ in rows if name} == set(channels)


@LISTS
def test_exports_have_all_of_apples_names_and_the_models_own(rig, channels, rng, tmp_path):
    weights = rng.random((10, len(channels))).astype(np.float32)
    rig.save(tmp_path / "rig.npz")
    animation = Animation("a", Fraction(25), weights, np.zeros((10, 3), np.float32), channels,
                          rig_file=f"{tmp_path}/rig.npz")  # fmt: skip
    assert animation.rig.channels == channels
    shown = dict(zip(ARKIT_NAMES, arkit_weights(weights, channels).T))
    assert len(shown) == 52
    for k, name in enumerate(channels):
        for side in [name] if name in shown else ["noseSneerLeft", "noseSneerRight"]:
            np.testing.assert_array_equal(shown[side], weights[:, k])
    for name in set(shown) - {*channels, "noseSneerLeft", "noseSneerRight"}:
        assert not shown[name].any()
    with pytest.raises(RigError, match="expected the 2 of the model; give the rig that the model was trained for"):
        assert Animation("a", Fraction(25), weights, np.zeros((10, 3)), ("jawOpen", "x"),
                         rig_file=f"{tmp_path}/rig.npz").rig  # fmt: skip


def label_table(path, channels, rig):
    frames = np.arange(5, dtype=np.int32)
    columns = {"frame": frames, "time": frames / 25, "used": np.ones(5, bool)}
    columns |= {name: np.full(5, 0.3, np.float32) for name in channels}
    columns |= {name: np.zeros(5, np.float32) for name in ROTATIONS}
    meta = {"channels": list(channels), "rig": rig.name, "rotation_reference": np.eye(3).tolist()}
    write_clip_table(path, "labels", {"set/a/one": ClipRows(columns, meta)})


def test_truth_is_compared_on_the_rigs_own_list(tmp_path):
    rig = synthetic_rig(channels=REPORT46)
    rig.save(tmp_path / "rig.npz")
    label_table(tmp_path / "labels.parquet", REPORT46, rig)
    label_table(tmp_path / "truth.parquet", ARKIT52, rig)
    words = [f"--{name}={tmp_path}/{name}.parquet" for name in ("labels", "truth")]
    assert main(["label-truth", *words, "--rig", f"{tmp_path}/rig.npz", "--out", f"{tmp_path}/out.parquet"]) == 0
    found = read_table(tmp_path / "out.parquet")
    assert list(found["channel"]) == list(REPORT46)
    assert found["mae"].max() < 1e-6


@pytest.mark.parametrize("command", ["label-truth", "render-clip"])
def test_labels_of_another_list_than_the_rigs_are_refused_in_one_line(tmp_path, capsys, command):
    rig = synthetic_rig()
    rig.save(tmp_path / "rig.npz")
    label_table(tmp_path / "labels.parquet", REPORT46, rig)
    label_table(tmp_path / "other.parquet", ARKIT52, rig)
    words = {
        "label-truth": ["--labels", "labels", "--truth", "other", "--out", "out"],
        "render-clip": ["--clip", "set/a/one", "--labels", "labels", "--prediction", "other", "--crops", "other",
                        "--audio", "other", "--out", "out"],
    }[command]  # fmt: skip
    words = [f"{tmp_path}/{word}.parquet" if word in ("labels", "other", "out") else word for word in words]
    assert main([command, *words, "--rig", f"{tmp_path}/rig.npz"]) == 1
    assert capsys.readouterr().err == (
        f"speechface {command}: {tmp_path}/labels.parquet: 46 channels (without cheekSquintLeft, cheekSquintRight, "
        f"mouthPressLeft, ... and with noseSneer), expected the 52 of rig {tmp_path}/rig.npz; make it again\n"
    )
    assert not (tmp_path / "out.parquet").exists()


def test_a_train_table_of_an_older_version_is_refused(tmp_path, rng, capsys):
    train_table(tmp_path, REPORT46, rng)
    table = pq.read_table(tmp_path / "train.parquet")
    meta = json.loads(table.schema.metadata[KEY])
    del meta["channels"]
    with written_sealed(tmp_path / "old.parquet") as temporary:
        pq.write_table(table.replace_schema_metadata({KEY: json.dumps(meta), **EMPTY}), temporary)
    assert main(["label-stats", "--train", f"{tmp_path}/old.parquet", "--out", f"{tmp_path}/s.json"]) == 1
    words = "old.parquet: its metadata list no channels, so an older version wrote it; make it again"
    assert words in capsys.readouterr().err
    with pytest.raises(TableError, match=words):
        read_split(tmp_path / "old.parquet", "spectrogram")
