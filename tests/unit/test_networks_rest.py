"""Speakers at rest: learnt departures, the neutral that is given, and what is not judged for it."""

import numpy as np
import pytest
from synthetic import synthetic_rig
from training_tables import make_clips, observed_mask, stats_of, write_split

from speechface.commands import animate, predict
from speechface.commands.evaluate import score_clip
from speechface.commands.neutral import neutral_for_clip, neutral_of_table
from speechface.config import defaults, resolve_model
from speechface.errors import ConfigError, ModelError, TableError
from speechface.metrics.geometry import RigBases
from speechface.networks import checkpoint, training
from speechface.networks.ensemble import join
from speechface.networks.speaker import neutral_of_clip, neutral_of_speaker, train_neutrals
from speechface.networks.split_table import read_split
from speechface.rig.channels import CHANNELS, INDEX, ROTATIONS
from speechface.tables import clip_path, read_table, write_table, write_unusable

OPEN = INDEX["jawOpen"]


def speakers(shift=0.25, n_clips=4):
    """Clips of two speakers whose jaws differ at rest by `shift`; each starts with three frames at rest."""
    clips = make_clips(0, n_clips=n_clips, n_frames=30, n_actors=2)
    for k, clip in enumerate(clips):
        clip["weights"][:3] = 0.2
        clip["weights"][:, OPEN] += shift * (k % 2)
    return clips


def fit(tmp_path, clips, **model):
    write_split(tmp_path / "t.parquet", clips)
    settings = {**defaults("training"), "batch": 30, "epoch_samples": 60, "epochs": 1, "validation": 0.0, "threads": 1,
                "precision": "32"}  # fmt: skip
    return training.train(
        read_split(tmp_path / "t.parquet", "spectrogram"), resolve_model(model), settings, stats_of(clips), name="net",
        seed=0, schedule=((1e-3, 1),), landmark_basis=None, source=None, work_dir=tmp_path / "work",
        log=tmp_path / "log.csv", width=0.1,
    )  # fmt: skip


def test_the_first_frames_are_neutral_and_a_speaker_the_median_of_the_clips():
    clips = [np.full((9, 46), value) for value in (0.1, 0.2, 0.9)]
    for clip in clips:
        clip[2:] = 7
    assert neutral_of_clip(clips[0], frames=2) == pytest.approx(np.full(46, 0.1))
    assert neutral_of_speaker(clips, frames=2) == pytest.approx(np.full(46, 0.2))


def test_speakers_count_once_and_offsets_are_theirs_against_the_mean():
    clips = speakers(n_clips=5)  # three of the first speaker, two of the second
    weights = np.concatenate([clip["weights"] for clip in clips])
    ids = [clip["id"] for clip in clips]
    mean, offsets = train_neutrals(weights, np.repeat(np.arange(5), 30), ids, frames=3)
    assert mean[OPEN] == pytest.approx(0.2 + 0.25 / 2)
    assert mean[0] == pytest.approx(0.2)
    np.testing.assert_allclose(offsets[:, OPEN], np.repeat([-0.125, 0.125, -0.125, 0.125, -0.125], 30), atol=1e-6)
    np.testing.assert_allclose(np.delete(offsets, OPEN, 1), 0, atol=1e-6)


def test_targets_do_not_tell_speakers_apart_and_the_given_neutral_is_added_back(tmp_path):
    plain = fit(tmp_path / "a", speakers(0.0), speaker="given")
    shifted = fit(tmp_path / "b", speakers(0.2), speaker="given")
    x = speakers()[0]["features"]
    # the departures are the same, so the network is; only the speakers' mean at rest differs
    difference = shifted.predict(x) - plain.predict(x)
    assert difference[:, OPEN] == pytest.approx(0.1, abs=0.02)  # the bias of the output layer starts at other means
    neutral = shifted.neutral.copy()
    np.testing.assert_array_equal(shifted.predict(x, neutral), shifted.predict(x))
    neutral[OPEN] += 0.05
    np.testing.assert_allclose(shifted.predict(x, neutral)[:, OPEN], shifted.predict(x)[:, OPEN] + 0.05, atol=1e-6)
    neutral[:] = 5.0
    told = shifted.predict(x, neutral)
    hidden = ~np.array(observed_mask())
    assert (told[:, :46][:, hidden] == 0).all()
    assert told[:, :46].max() == 1
    checkpoint.save(tmp_path / "m.ckpt", shifted)
    loaded = checkpoint.load(tmp_path / "m.ckpt")
    np.testing.assert_array_equal(loaded.predict(x, neutral), told)
    assert loaded.wants_neutral
    assert not fit(tmp_path / "c", speakers(), speaker="estimated").wants_neutral
    none = fit(tmp_path / "d", speakers())
    np.testing.assert_array_equal(none.predict(x, neutral), none.predict(x))


# ---- where the neutral comes from ---------------------------------------------------------------------------------


def write_labels(root, clip, weights, used=None):
    n = len(weights)
    columns = {"frame": np.arange(n, dtype=np.int32), "time": np.arange(n) / 25,
               "used": np.ones(n, bool) if used is None else used,
               **dict(zip(CHANNELS, weights.T.astype(np.float32))),
               **{name: np.zeros(n, np.float32) for name in ROTATIONS}}  # fmt: skip
    write_table(clip_path(root, *clip), columns, stage="labels", meta={"observed": [True] * 46})


@pytest.fixture
def corpus(tmp_path):
    """Speaker a with two clips and an excluded one, b with one clip whose first frame is not used."""
    rng, labels = np.random.default_rng(0), tmp_path / "labels"
    ids = [("set", "a", "one"), ("set", "a", "two"), ("set", "a", "zero"), ("set", "b", "one")]
    weights = {clip: rng.uniform(0, 1, (10, 46)).astype(np.float32) for clip in ids}
    for clip in ids:
        write_labels(labels, clip, weights[clip], np.arange(10) > 0 if clip[1] == "b" else None)
    columns = dict(zip(("dataset", "actor", "clip"), np.array(ids, object).T))
    columns["split"] = np.array(["test", "test", "excluded", "predict"], object)
    write_table(tmp_path / "clips.parquet", columns, stage="splits")
    return tmp_path, read_table(tmp_path / "clips.parquet"), weights


def test_a_clip_is_never_told_by_its_own_evaluated_frames(corpus):
    root, clips, weights = corpus
    found, source, own = neutral_for_clip(0, clips, root / "labels", frames=3)
    np.testing.assert_allclose(found, weights["set", "a", "two"][:3].mean(0), rtol=1e-6)
    assert (source, own) == ("set/a/two", [])
    found, source, own = neutral_for_clip(3, clips, root / "labels", frames=3)
    np.testing.assert_allclose(found, weights["set", "b", "one"][1:4].mean(0), rtol=1e-6)
    assert (source, own) == ("set/b/one", [1, 2, 3])
    write_unusable(clip_path(root / "labels", "set", "a", "two"), "no face", stage="labels")
    assert neutral_for_clip(0, clips, root / "labels", frames=3)[1:] == ("set/a/one", [0, 1, 2])
    write_unusable(clip_path(root / "labels", "set", "b", "one"), "no face", stage="labels")
    assert neutral_for_clip(3, clips, root / "labels", frames=3) == (None, "", [])
    with pytest.raises(TableError, match="another clip of the speaker"):
        neutral_of_table(clip_path(root / "labels", "set", "b", "one"), frames=3)


def test_a_clip_of_neutral_emotion_comes_first(corpus):
    root, clips, weights = corpus
    clips.columns["split"] = np.array(["test"] * 4, object)
    clips.columns["emotion"] = np.array(["angry", "angry", "neutral", None], object)
    assert neutral_for_clip(0, clips, root / "labels", frames=3)[1] == "set/a/zero"
    assert neutral_for_clip(2, clips, root / "labels", frames=3)[1] == "set/a/one"


def test_own_neutral_frames_are_not_evaluated(corpus):
    root, _, weights = corpus
    path = clip_path(root / "labels", "set", "b", "one")
    labels, prediction, bases = read_table(path), read_table(path), RigBases.from_rig(synthetic_rig(), [True] * 46)

    def judged(frames):
        prediction.meta["not_evaluated"] = frames
        statistics, missing, _ = score_clip(labels, prediction, bases_of=lambda observed: bases, observed=[True] * 46,
                                            mean_weights=np.zeros(46))  # fmt: skip
        assert missing == 0
        return statistics["n_frames"]

    assert judged([]) == 9  # the first frame's label is not used
    assert judged([1, 2, 3]) == 6


class _Args:
    def __init__(self, **values):
        self.__dict__.update(values)


def test_predict_tells_the_model_and_says_from_where(corpus, tmp_path):
    root, clips, weights = corpus
    model = fit(tmp_path / "m", speakers(), speaker="given")
    checkpoint.save(tmp_path / "model.ckpt", model)
    x = speakers()[0]["features"][:10]
    for k in (0, 1, 3):
        clip = [clips[name][k] for name in ("dataset", "actor", "clip")]
        columns = {"frame": np.arange(10, dtype=np.int32), "time": np.arange(10) / 25, "spectrogram": x}
        write_table(clip_path(root / "features", *clip), columns, stage="spectrogram", meta={"sr": 8000})
    args = _Args(model=str(tmp_path / "model.ckpt"), clips=root / "clips.parquet", features_dir=root / "features",
                 splits=["test", "predict"], out_dir=root / "out", threads=1, labels_dir=root / "labels",
                 model_of=[], gpus=0)  # fmt: skip
    predict.run(args)
    table = read_table(clip_path(root / "out", "set", "b", "one"))
    assert table.meta["not_evaluated"] == [1, 2, 3]
    table = read_table(clip_path(root / "out", "set", "a", "one"))
    assert (table.meta["neutral_from"], table.meta["not_evaluated"]) == ("set/a/two", [])
    want = model.predict(x, weights["set", "a", "two"][:3].mean(0))
    np.testing.assert_allclose(table["jawOpen"], want[:, OPEN], atol=1e-6)
    args.labels_dir = None
    with pytest.raises(ModelError, match="--labels-dir"):
        predict.run(args)


def test_animate_takes_the_neutral_of_a_label_table_and_refuses_it_where_it_is_of_no_use(corpus, tmp_path):
    root, _, weights = corpus
    path = clip_path(root / "labels", "set", "a", "one")
    told = fit(tmp_path / "m", speakers(), speaker="estimated")
    (neutral,) = animate._neutral(path, told)
    np.testing.assert_allclose(neutral, weights["set", "a", "one"][:3].mean(0), rtol=1e-6)
    assert animate._neutral(None, told) == ()
    with pytest.raises(ConfigError, match="speaker: given"):
        animate._neutral(path, fit(tmp_path / "n", speakers()))


def test_an_ensemble_tells_its_members(tmp_path):
    members = [fit(tmp_path / name, speakers(), speaker=name) for name in ("given", "none")]
    both, x = join(members, name="both", seed=0), speakers()[0]["features"]
    neutral = members[0].neutral + 0.1
    want = (members[0].predict(x, neutral) + members[1].predict(x)) / 2
    np.testing.assert_allclose(both.predict(x, neutral), want, atol=1e-6)
    assert both.wants_neutral
