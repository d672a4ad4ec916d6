"""Train tables in memory and the batches drawn from them."""

import numpy as np
import pytest
from training_tables import make_clips, split_table, write_split

from speechface.errors import ModelError, TableError
from speechface.networks.data import SpeechDataModule
from speechface.networks.samplers import FrameSampler, SequenceSampler, balanced, contiguous_runs, held_out_clips
from speechface.networks.split_table import read_split


@pytest.fixture(scope="module")
def clips():
    made = make_clips(0, n_clips=5, n_frames=30)
    gap = made[1]
    keep = np.r_[0:10, 13:30]
    for key in ("frame", "features", "weights", "rotations"):
        gap[key] = gap[key][keep]
    return made


@pytest.fixture(scope="module")
def table(clips, tmp_path_factory):
    return split_table(tmp_path_factory.mktemp("split"), clips)


def module(table, **changes):
    settings = {"recurrent": False, "rotations": True, "frames_per_step": 8, "frames_per_epoch": 40,
                "sequence_frames": 6, "validation_fraction": 0.2, "validation_by": "auto", "seed": 3}  # fmt: skip
    return SpeechDataModule(table, **{**settings, **changes})


def test_table_holds_every_frame_as_stored(clips, table):
    assert table.features.dtype == np.uint8
    features = np.concatenate([clip["features"] for clip in clips])
    np.testing.assert_allclose(table.features * table.step, features, atol=0.5 / 255 + 1e-7)  # rounding to a byte
    np.testing.assert_array_equal(table.weights, np.concatenate([clip["weights"] for clip in clips]))
    np.testing.assert_array_equal(table.rotations, np.concatenate([clip["rotations"] for clip in clips]))
    assert table.clips == [clip["id"] for clip in clips]
    assert [int((table.clip == k).sum()) for k in range(5)] == [30, 27, 30, 30, 30]


def test_acoustic_tables_stay_half_precision(tmp_path):
    clips = make_clips(1, n_clips=1, n_frames=5, shape=(12,))
    write_split(tmp_path / "t.parquet", clips, feature="acoustics")
    table = read_split(tmp_path / "t.parquet", "acoustics")
    assert table.features.dtype == np.float16
    assert table.step == 1.0
    np.testing.assert_array_equal(table.features, clips[0]["features"].astype(np.float16))


def test_wrong_tables_are_named(tmp_path, clips):
    with pytest.raises(TableError, match="build-split"):
        read_split(tmp_path / "none.parquet", "spectrogram")
    write_split(tmp_path / "t.parquet", clips[:1])
    with pytest.raises(TableError, match="'acoustics' is missing"):
        read_split(tmp_path / "t.parquet", "acoustics")
    (tmp_path / "x.parquet").write_text("no table")
    with pytest.raises(TableError, match="not a Parquet table"):
        read_split(tmp_path / "x.parquet", "spectrogram")


def test_an_actor_left_out_leaves_the_others_as_they_are(tmp_path):
    clips = make_clips(2, n_clips=4, n_frames=6)
    for clip, actor in zip(clips, "abba"):
        clip["id"] = ("set", actor, clip["id"][2])
    write_split(tmp_path / "t.parquet", clips)
    table = read_split(tmp_path / "t.parquet", "spectrogram")
    rest = read_split(tmp_path / "t.parquet", "spectrogram", without=("set", "b"))
    assert rest.clips == [clips[0]["id"], clips[3]["id"]]
    assert list(rest.clip) == [0] * 6 + [1] * 6
    np.testing.assert_array_equal(rest.features, np.concatenate([table.features[:6], table.features[18:]]))
    np.testing.assert_array_equal(rest.weights, np.concatenate([clips[0]["weights"], clips[3]["weights"]]))
    assert len(read_split(tmp_path / "t.parquet", "spectrogram", without=("other", "b"))) == 24
    write_split(tmp_path / "one.parquet", clips[:1])
    with pytest.raises(TableError, match="without set/a the table holds no clip"):
        read_split(tmp_path / "one.parquet", "spectrogram", without=("set", "a"))


def test_validation_takes_whole_actors_of_many_and_single_clips_of_few():
    many = [("set", f"Actor_{a:02d}", f"clip_{k}") for a in range(20) for k in range(4)]
    held = held_out_clips(many, 0.1, by="auto")
    actors = {key[1] for key, out in zip(many, held) if out}
    assert len(actors) == 2
    assert held.sum() == 8
    few = many[:10]
    held = held_out_clips(few, 0.1, by="auto")
    assert held.sum() == 1
    # the same clips whatever their order
    order = np.random.default_rng(0).permutation(10)
    np.testing.assert_array_equal(held_out_clips([few[k] for k in order], 0.1, by="auto"), held[order])
    assert not held_out_clips(few, 0.0, by="auto").any()
    assert not held_out_clips(few[:1], 0.5, by="auto").any()


def test_an_actor_with_most_of_the_clips_is_not_held_out_unless_asked_for():
    clips = [("set", "large", f"c{k}") for k in range(50)] + [("set", f"small_{k}", "c") for k in range(5)]
    held = {key[1] for key, out in zip(clips, held_out_clips(clips, 0.2, by="auto")) if out}
    assert held
    assert "large" not in held
    singles = held_out_clips(clips, 0.2, by="clips")
    assert singles.sum() == 11
    pair = [("set", "large", f"c{k}") for k in range(50)] + [("set", "small", f"c{k}") for k in range(3)]
    assert held_out_clips(pair, 0.02, by="actors").nonzero()[0].tolist() == [50, 51, 52]
    with pytest.raises(ModelError, match="validation_by is actors, but all train clips are of set/large"):
        held_out_clips(pair[:50], 0.1, by="actors")


def test_runs_end_where_a_clip_or_its_frames_break():
    clip, frame = np.array([0, 0, 0, 1, 1, 1, 1]), np.array([0, 1, 2, 3, 4, 6, 7])
    assert contiguous_runs(clip, frame).tolist() == [[0, 3], [3, 5], [5, 7]]


def test_every_frame_comes_once_before_any_comes_twice():
    rows = np.arange(100, 137)
    sampler = FrameSampler(rows, frames_per_step=10, seed=1)
    drawn = np.concatenate([sampler(step)[0][:, 0] for step in range(37)])
    for sweep in drawn.reshape(10, 37):
        np.testing.assert_array_equal(np.sort(sweep), rows)
    assert (drawn[:37] != drawn[37:74]).any()
    fresh = FrameSampler(rows, frames_per_step=10, seed=1)
    np.testing.assert_array_equal(fresh(20)[0], sampler(20)[0])
    assert (FrameSampler(rows, frames_per_step=10, seed=2)(20)[0] != sampler(20)[0]).any()


def test_sequences_are_consecutive_frames_of_one_clip(table):
    runs = contiguous_runs(table.clip, table.frame)
    sampler = SequenceSampler(runs, frames_per_step=60, sequence_frames=12, seed=0)
    padded = 0
    for step in range(30):
        rows, lengths = sampler(step)
        assert rows.shape[0] == 5
        for k in range(5):
            n = rows.shape[1] if lengths is None else lengths[k]
            padded += n < 12
            assert len(set(table.clip[rows[k, :n]])) == 1
            np.testing.assert_array_equal(np.diff(table.frame[rows[k, :n]]), 1)
    assert padded > 0  # the run of ten frames before the gap was drawn


@pytest.mark.parametrize("recurrent", [False, True])
def test_validation_sees_every_held_out_frame_once_and_training_none(table, recurrent):
    data = module(table, recurrent=recurrent)
    held = set(np.nonzero(held_out_clips(table.clips, 0.2, by="auto")[table.clip])[0])
    seen = []
    for rows, lengths in data.validation_batches:
        lengths = np.full(len(rows), rows.shape[1]) if lengths is None else lengths
        seen += [row for k, n in enumerate(lengths) for row in rows[k, :n]]
    assert sorted(seen) == sorted(held)
    trained = {row for step in range(40) for row in data.sampler(step)[0].ravel()}
    assert not trained & held


def test_batches_hold_floats_in_feature_units_and_targets_of_the_same_rows(table):
    data = module(table)
    assert data.steps_per_epoch == 5
    loader = data.train_dataloader()
    assert len(loader) == 5
    first = data.on_after_batch_transfer(next(iter(loader)), 0)
    rows = data.sampler(0)[0][:, 0]
    np.testing.assert_allclose(first["features"][:, 0].numpy(), table.features[rows] * np.float32(table.step))
    np.testing.assert_array_equal(first["targets"][:, 0, :52].numpy(), table.weights[rows])
    np.testing.assert_array_equal(first["targets"][:, 0, 52:].numpy(), table.rotations[rows])


def test_a_thread_that_works_ahead_changes_no_batch(table):
    def batches(ahead):
        data = module(table)
        data._ahead = ahead
        return [batch["features"].numpy() for batch in data.train_dataloader()]

    plain, ahead = batches(0), batches(3)
    assert len(plain) == len(ahead) == 5
    for a, b in zip(plain, ahead):
        np.testing.assert_array_equal(a, b)


def test_balanced_actors_have_as_many_frames_as_the_one_with_most():
    actors, sizes = np.array([0] * 40 + [1] * 7 + [2]), np.array([25] * 40 + [30, 10, 20, 50, 40, 60, 5] + [10])
    chosen = balanced(actors, sizes)
    frames = np.bincount(actors[chosen], sizes[chosen])
    assert frames[0] == 1000
    np.testing.assert_allclose(frames, 1000, atol=60)  # the longest entry
    times = np.bincount(chosen, minlength=48)
    assert np.ptp(times[:40]) == 0
    assert np.ptp(times[40:47]) <= 2
    assert times.min() >= 1
    np.testing.assert_array_equal(balanced(np.zeros(5, int), np.arange(1, 6)), np.arange(5))


@pytest.mark.parametrize("changes", [{}, {"recurrent": True}, {"recurrent": True, "whole_clips": True}])
def test_training_is_balanced_by_actor_if_asked(changes, tmp_path):
    made = make_clips(0, n_clips=6, n_frames=30)
    for k, clip in enumerate(made):
        clip["id"] = ("d", "one" if k < 5 else "two", f"c{k}")
    write_split(tmp_path / "train.parquet", made)
    table = read_split(tmp_path / "train.parquet", "spectrogram")

    def part(balanced_by):
        data = module(table, validation_fraction=0, balanced_by=balanced_by, **changes)
        rows = np.concatenate([data.sampler(k)[0].ravel() for k in range(400)])
        return (table.clip[rows] == 5).mean()

    assert part("none") == pytest.approx(1 / 6, abs=0.04)
    assert part("actor") == pytest.approx(1 / 2, abs=0.04)


@pytest.mark.parametrize("recurrent", [False, True])
def test_a_step_is_not_larger_than_all_there_is(table, recurrent):
    data = module(table, recurrent=recurrent, frames_per_step=10**9)
    assert data.sampler(0)[0].size <= data.n_train
