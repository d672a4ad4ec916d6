"""Speakers at rest: learnt departures, the rest that is given, and what is not evaluated for it."""

import numpy as np
import pytest
from training_tables import fit as fit_any
from training_tables import make_clips, observed_mask, write_clip_table, write_split

from speechface.cli import main
from speechface.clip_tables import ClipTable, ClipTables
from speechface.errors import TableError
from speechface.networks.ensemble import join
from speechface.networks.loading import load_model, save_model
from speechface.networks.rest import rest_for_clip, rest_of_clip, rest_of_labels, rest_of_speaker, train_rests
from speechface.networks.split_table import read_split
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.synthesis.visemes import INDEX
from speechface.tables import read_table, write_table

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
    return fit_any(read_split(tmp_path / "t.parquet", "spectrogram"), clips, tmp_path / "work", model=model,
                   schedule=((1e-3, 1),), frames_per_step=30, frames_per_epoch=60, epochs=1,
                   validation_fraction=0.0)  # fmt: skip


def test_the_first_frames_are_at_rest_and_a_speaker_the_median_of_the_clips():
    clips = [np.full((9, 52), value) for value in (0.1, 0.2, 0.9)]
    for clip in clips:
        clip[2:] = 7
    assert rest_of_clip(clips[0], frames=2) == pytest.approx(np.full(52, 0.1))
    assert rest_of_speaker(clips, frames=2) == pytest.approx(np.full(52, 0.2))


def test_speakers_count_once_and_offsets_are_theirs_against_the_mean():
    clips = speakers(n_clips=5)  # three of the first speaker, two of the second
    weights = np.concatenate([clip["weights"] for clip in clips])
    ids = [clip["id"] for clip in clips]
    mean, offsets = train_rests(weights, np.repeat(np.arange(5), 30), ids, frames=3)
    assert mean[OPEN] == pytest.approx(0.2 + 0.25 / 2)
    assert mean[0] == pytest.approx(0.2)
    np.testing.assert_allclose(offsets[:, OPEN], np.repeat([-0.125, 0.125, -0.125, 0.125, -0.125], 30), atol=1e-6)
    np.testing.assert_allclose(np.delete(offsets, OPEN, 1), 0, atol=1e-6)


def test_targets_do_not_tell_speakers_apart_and_the_given_neutral_is_added_back(tmp_path):
    plain = fit(tmp_path / "a", speakers(0.0), rest="given")
    shifted = fit(tmp_path / "b", speakers(0.2), rest="given")
    x = speakers()[0]["features"]
    # the departures are the same, so the network is; only the speakers' mean at rest differs
    (before,), (plainly,) = shifted.predict(x), plain.predict(x)
    difference = before - plainly
    assert difference[:, OPEN] == pytest.approx(
        0.1, abs=0.03
    )  # the output layer starts at other biases; .08 to .11 by the seed
    neutral = shifted.neutral.copy()
    np.testing.assert_array_equal(shifted.predict(x, neutral=neutral)[0], before)
    neutral[OPEN] += 0.05
    np.testing.assert_allclose(shifted.predict(x, neutral=neutral)[0, :, OPEN], before[:, OPEN] + 0.05, atol=1e-6)
    neutral[:] = 5.0
    (told,) = shifted.predict(x, neutral=neutral)
    hidden = ~np.array(observed_mask())
    assert (told[:, :52][:, hidden] == 0).all()
    assert told[:, :52].max() == 1
    save_model(tmp_path / "m.ckpt", shifted)
    loaded = load_model(tmp_path / "m.ckpt")
    np.testing.assert_array_equal(loaded.predict(x, neutral=neutral)[0], told)
    assert (loaded.rest, loaded.rest_frames) == ("given", 3)
    none = fit(tmp_path / "d", speakers())
    np.testing.assert_array_equal(none.predict(x, neutral=neutral), none.predict(x))


# ---- where the rest comes from ------------------------------------------------------------------------------------


def label_rows(weights, used=None):
    n = len(weights)
    return {"frame": np.arange(n, dtype=np.int32), "time": np.arange(n) / 25,
            "used": np.ones(n, bool) if used is None else used,
            **dict(zip(CHANNELS, weights.T.astype(np.float32))),
            **{name: np.zeros(n, np.float32) for name in ROTATIONS}}, {
                "channels": list(CHANNELS), "observed": [True] * 52}  # fmt: skip


@pytest.fixture
def corpus(tmp_path):
    """Speaker a with two clips and an excluded one, b with one clip whose first frame is not used."""
    rng = np.random.default_rng(0)
    ids = ["set/a/one", "set/a/two", "set/a/zero", "set/b/one"]
    weights = {clip: rng.uniform(0, 1, (10, 52)).astype(np.float32) for clip in ids}
    rows = {clip: label_rows(weights[clip], np.arange(10) > 0 if "/b/" in clip else None) for clip in ids}
    write_clip_table(tmp_path / "labels.parquet", rows, stage="labels")
    columns = dict(zip(("dataset", "actor", "clip"), np.array([clip.split("/") for clip in ids], object).T))
    columns["split"] = np.array(["test", "test", "excluded", "predict"], object)
    write_table(tmp_path / "clips.parquet", columns, stage="splits")
    return tmp_path, read_table(tmp_path / "clips.parquet"), weights, rows


def test_a_clip_is_never_told_by_its_own_evaluated_frames(corpus):
    root, clips, weights, rows = corpus
    labels = ClipTables([root / "labels.parquet"])
    found, source, own = rest_for_clip("set/a/one", clips, labels, frames=3)
    np.testing.assert_allclose(found, weights["set/a/two"][:3].mean(0), rtol=1e-6)
    assert (source, own) == ("set/a/two", [])
    found, source, own = rest_for_clip("set/b/one", clips, labels, frames=3)
    np.testing.assert_allclose(found, weights["set/b/one"][1:4].mean(0), rtol=1e-6)
    assert (source, own) == ("set/b/one", [1, 2, 3])
    write_clip_table(
        root / "labels.parquet",
        {**rows, "set/a/two": "no face", "set/b/one": "no face"},
        stage="labels",
    )
    labels = ClipTables([root / "labels.parquet"])
    assert rest_for_clip("set/a/one", clips, labels, frames=3)[1:] == ("set/a/one", [0, 1, 2])
    assert rest_for_clip("set/b/one", clips, labels, frames=3) == (None, "", [])
    with pytest.raises(TableError, match="another clip of the speaker"):
        rest_of_labels(labels, "set/b/one", frames=3)


def test_a_clip_of_neutral_emotion_comes_first(corpus):
    root, clips, _, _ = corpus
    labels = ClipTables([root / "labels.parquet"])
    clips.columns["split"] = np.array(["test"] * 4, object)
    clips.columns["emotion"] = np.array(["angry", "angry", "neutral", None], object)
    assert rest_for_clip("set/a/one", clips, labels, frames=3)[1] == "set/a/zero"
    assert rest_for_clip("set/a/zero", clips, labels, frames=3)[1] == "set/a/one"


def test_predict_tells_the_model_and_says_from_where(corpus, tmp_path, capsys, caplog):
    root, _, weights, rows = corpus
    model = fit(tmp_path / "m", speakers(), rest="given")
    save_model(tmp_path / "model.ckpt", model)
    x = speakers()[0]["features"][:10]
    columns = {"frame": np.arange(10, dtype=np.int32), "time": np.arange(10) / 25, "spectrogram": x}
    write_clip_table(root / "f.parquet", dict.fromkeys(weights, (columns, {"audio_sr": 8000})), stage="spectrogram",
                     settings={"n_fft": 64})  # fmt: skip
    command = ["predict", "--model", str(tmp_path / "model.ckpt"), "--clips", str(root / "clips.parquet"), "--dataset",
               "set", "--features", str(root / "f.parquet"), "--out", str(root / "out.parquet")]  # fmt: skip
    assert main(command) == 1
    assert "give --labels" in capsys.readouterr().err
    command += ["--labels", str(root / "labels.parquet")]
    assert main(command) == 0
    out = ClipTable(root / "out.parquet")
    assert out.clip_meta("set/b/one")["not_evaluated"] == [1, 2, 3]
    meta = out.clip_meta("set/a/one")
    assert (meta["rest_from"], meta["not_evaluated"]) == ("set/a/two", [])
    (want,) = model.predict(x, neutral=weights["set/a/two"][:3].mean(0))
    np.testing.assert_allclose(out.read("set/a/one")["jawOpen"], want[:, OPEN], atol=1e-6)
    # other labels of the clip that shows the rest: what was told by it is made again
    write_clip_table(
        root / "labels.parquet",
        {**rows, "set/a/two": label_rows(weights["set/a/one"])},
        stage="labels",
    )
    caplog.set_level("INFO")
    caplog.clear()
    assert main(command) == 0
    assert "4 clips: 1 made, 3 kept" in caplog.text
    (want,) = model.predict(x, neutral=weights["set/a/one"][:3].mean(0))
    np.testing.assert_allclose(ClipTable(root / "out.parquet").read("set/a/one")["jawOpen"], want[:, OPEN], atol=1e-6)


def test_an_ensemble_tells_its_members(tmp_path):
    members = [fit(tmp_path / name, speakers(), rest=name) for name in ("given", "none")]
    both, x = join(members, name="both", seed=0), speakers()[0]["features"]
    neutral = members[0].neutral + 0.1
    want = (members[0].predict(x, neutral=neutral) + members[1].predict(x)) / 2
    np.testing.assert_allclose(both.predict(x, neutral=neutral), want, atol=1e-6)
    assert both.rest == "given"
