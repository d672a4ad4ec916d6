"""Which clips train and test, the join of features and labels, and the statistics of the train table."""

import json

import numpy as np
import pytest

from speechface.cli import main
from speechface.commands.label_stats import train_statistics
from speechface.datasets.base import CLIP_COLUMNS
from speechface.errors import TableError
from speechface.rig.channels import CHANNELS, ROTATIONS
from speechface.splits import Labelled, check_disjoint, decide, frame_ranges, join_frames, sides_of
from speechface.tables import clip_path, read_arrow, read_table, row_groups, write_table, write_unusable

STEP = 1 / 255


def test_a_good_clip_keeps_its_planned_split():
    for split in ("train", "test", "predict"):
        assert decide(split, Labelled(75, 70), (True, "")) == (split, "")
    assert decide("train", Labelled(75, 70), None) == ("train", "")


@pytest.mark.parametrize(
    ("labelled", "quality", "reason"),
    [
        (None, None, "no label table"),
        (Labelled(reason="no face was found"), (True, ""), "no face was found"),
        (Labelled(75, 70), (False, "reprojection of 7 %"), "reprojection of 7 %"),
        (Labelled(75, 0), (True, ""), "no frame"),
    ],
)
def test_a_bad_clip_is_excluded_with_its_reason(labelled, quality, reason):
    split, found = decide("test", labelled, quality)
    assert split == "excluded"
    assert reason in found


def test_no_actor_in_two_splits():
    with pytest.raises(TableError, match="a/x: in train and in test"):
        check_disjoint(["a", "a"], ["x", "x"], ["train", "test"])
    check_disjoint(["a", "a"], ["x", "x"], ["train", "test"], by_clip=["a"])
    check_disjoint(["a", "b"], ["x", "x"], ["train", "test"])  # the same name in two datasets is two people
    check_disjoint(["a", "a"], ["x", "x"], ["train", "excluded"])


def test_join_matches_a_dictionary_lookup():
    rng = np.random.default_rng(0)
    labels = rng.permutation(100)[:60]
    features = rng.permutation(100)[:70]
    used = rng.random(60) > 0.3
    join = join_frames(labels, used, features)
    wanted = sorted(set(labels[used]) & set(features))
    assert list(labels[join.labels]) == wanted
    assert list(features[join.features]) == wanted
    assert set(join.unused) == set(labels[~used])
    assert set(join.without_features) == set(labels[used]) - set(features)
    assert set(join.without_labels) == set(features) - set(labels)


def test_a_frame_that_stands_twice_is_an_error():
    with pytest.raises(TableError, match="twice in the features"):
        join_frames(np.arange(3), np.ones(3, bool), np.array([0, 1, 1]))


def test_frames_are_named_in_ranges():
    assert frame_ranges([0, 1, 2, 7, 9, 10]) == "0-2 7 9-10"
    assert frame_ranges([]) == ""


# ---- commands ------------------------------------------------------------------------------------------------------


def write_clip(root, clip, rng, *, n=20, settings=None):
    """Label and feature tables of one clip: frame 3 must not be used, feature frame 5 is missing."""
    frames = np.arange(n, dtype=np.int32)
    weights = rng.random((n, len(CHANNELS))).astype(np.float32)
    pose = rng.normal(0, 0.1, (n, 3)).astype(np.float32)
    labels = {"frame": frames, "time": frames / 25, "used": frames != 3}
    labels |= dict(zip(ROTATIONS, pose.T)) | dict(zip(CHANNELS, weights.T))
    write_table(clip_path(root / "labels", *clip), labels, stage="labels",
                meta={"channels": list(CHANNELS), "observed": [True] * 46})  # fmt: skip
    stored = rng.integers(0, 256, (n, 4, 3)).astype(np.uint8)
    kept = frames != 5
    write_table(
        clip_path(root / "spectrogram", *clip),
        {"frame": frames[kept], "time": frames[kept] / 25, "spectrogram": stored[kept].astype(np.float32) * STEP},
        stage="spectrogram", settings=settings or {"n_fft": 256}, meta={"sr": 44100}, scaled={"spectrogram": STEP},
    )  # fmt: skip
    return weights, stored


@pytest.fixture
def corpus(tmp_path):
    """Six clips of three actors: two train, one tests, one clip of each kind of trouble."""
    rng = np.random.default_rng(0)
    clips = [("set", actor, clip) for actor in ("a", "b", "c") for clip in ("one", "two")]
    split = {"a": "train", "b": "train", "c": "test"}
    truth = {clip: write_clip(tmp_path, clip, rng) for clip in clips}
    write_unusable(clip_path(tmp_path / "labels", *clips[1]), "no face was found", stage="labels")
    table = {name: np.array([None] * 6, object) for name in CLIP_COLUMNS}
    table |= dict(zip(("dataset", "actor", "clip"), np.array(clips, object).T))
    table |= {"path": table["clip"], "split": np.array([split[c[1]] for c in clips], object)}
    write_table(tmp_path / "clips.parquet", table, stage="clips")
    quality = {name: table[name] for name in ("dataset", "actor", "clip")}
    quality |= {
        "used": np.array([1, 0, 1, 0, 1, 1], bool),
        "reason": np.array(["", "x", "", "blurred", "", ""], object),
    }
    write_table(tmp_path / "quality.parquet", quality, stage="label_report")
    return tmp_path, clips, truth


def split_clips(root):
    return main(["build-split", "--clips", f"{root}/clips.parquet", "--quality", f"{root}/quality.parquet",
                 "--labels-dir", f"{root}/labels", "--out", f"{root}/splits/clips.parquet"])  # fmt: skip


def join(root):
    return main(["build-split", "--clips", f"{root}/splits/clips.parquet", "--labels-dir", f"{root}/labels",
                 "--feature", "spectrogram", "--features-dir", f"{root}/spectrogram",
                 "--train-out", f"{root}/train.parquet", "--test-out", f"{root}/test.parquet"])  # fmt: skip


def test_every_clip_is_listed_with_its_split_and_reason(corpus):
    root, clips, _ = corpus
    assert split_clips(root) == 0
    table = read_table(root / "splits/clips.parquet")
    assert list(zip(table["dataset"], table["actor"], table["clip"])) == clips
    assert list(table["split"]) == ["train", "excluded", "train", "excluded", "test", "test"]
    assert list(table["reason"]) == ["", "no face was found", "", "blurred", "", ""]
    assert list(table["n_frames"]) == [20, 0, 20, 20, 20, 20]
    assert list(table["n_used"]) == [19, 0, 19, 19, 19, 19]


def test_a_clip_without_sound_is_excluded(corpus, tmp_path):
    root, clips, _ = corpus
    for k, clip in enumerate(clips):
        path = clip_path(tmp_path, *clip, suffix=".frames.parquet")
        meta = {"n_samples": 0 if k == 0 else 44100}
        write_table(path, {"frame": np.arange(3)}, stage="audio", meta=meta)
    split = ["--clips", root / "clips.parquet", "--quality", root / "quality.parquet", "--labels-dir", root / "labels"]
    options = [*split, "--audio-dir", tmp_path, "--out", tmp_path / "clips.parquet"]
    assert main(["build-split", *map(str, options)]) == 0
    table = read_table(tmp_path / "clips.parquet")
    assert list(table["split"]) == ["excluded", "excluded", "train", "excluded", "test", "test"]
    assert table["reason"][0] == "the video has no sound"


def test_tables_hold_the_right_frames_of_the_right_clips(corpus):
    root, clips, truth = corpus
    assert split_clips(root) == join(root) == 0
    expected = [k for k in range(20) if k not in (3, 5)]
    for name, members in (("train", [clips[0], clips[2]]), ("test", clips[4:])):
        groups = list(row_groups(root / f"{name}.parquet"))
        assert len(groups) == len(members)
        for group, clip in zip(groups, members):
            weights, stored = truth[clip]
            assert set(zip(group["dataset"], group["actor"], group["clip"])) == {clip}
            assert list(group["frame"]) == expected
            np.testing.assert_array_equal(group.stack(CHANNELS), weights[expected])
            np.testing.assert_array_equal(group["spectrogram"], stored[expected] * np.float32(STEP))
        whole = read_table(root / f"{name}.parquet")
        assert len(whole) == len(members) * len(expected)
        assert whole.meta["feature_settings"] == {"n_fft": 256, "sr": 44100}


def pool(root):
    return main(["build-split", "--clips", f"{root}/splits/clips.parquet", "--labels-dir", f"{root}/labels",
                 "--feature", "spectrogram", "--features-dir", f"{root}/spectrogram",
                 "--pool-out", f"{root}/pool.parquet"])  # fmt: skip


def test_the_pool_holds_train_clips_and_those_of_tested_actors(corpus):
    root, clips, _ = corpus
    assert split_clips(root) == pool(root) == 0
    found = [group["clip"][0] for group in row_groups(root / "pool.parquet")]
    actors = [group["actor"][0] for group in row_groups(root / "pool.parquet")]
    assert list(zip(actors, found)) == [clip[1:] for clip in (clips[0], clips[2], clips[4], clips[5])]


def test_test_clips_of_an_actor_who_trains_never_do():
    assert sides_of("test", by_clip=False) == ("test", "pool")
    assert sides_of("test", by_clip=True) == ("test",)
    assert sides_of("predict", by_clip=True) == ("pool",)
    assert sides_of("excluded", by_clip=False) == sides_of("unused", by_clip=False) == ()


def test_statistics_without_an_actor_are_those_of_the_others(corpus):
    root, clips, truth = corpus
    assert split_clips(root) == pool(root) == 0
    expected = [k for k in range(20) if k not in (3, 5)]
    others = np.concatenate([truth[clips[k]][0][expected] for k in (0, 2)])
    stats = train_statistics(root / "pool.parquet", ("set", "c"))
    assert stats["n_clips"] == 2
    np.testing.assert_allclose(stats["weight_mean"], others.mean(0, dtype=float))
    assert main(["label-stats", "--train", f"{root}/pool.parquet", "--without", "c", "--out", f"{root}/s.json"]) == 1


def test_features_stay_as_stored(corpus):
    root, *_ = corpus
    assert split_clips(root) == join(root) == 0
    column = read_arrow(root / "train.parquet", ["spectrogram"])["spectrogram"]
    assert str(column.type).startswith("fixed_size_binary")


def test_lost_frames_are_counted_and_named(corpus):
    root, clips, _ = corpus
    assert split_clips(root) == join(root) == 0
    meta = read_table(root / "train.parquet").meta
    name = "/".join(clips[0])
    assert meta["missing"][name] == {"without_features": {"count": 1, "frames": "5"}}
    assert meta["unused"][name] == 1
    assert (meta["n_clips"], meta["n_frames"]) == (2, 36)


def test_a_clip_without_usable_features_is_left_out_and_named(corpus):
    root, clips, _ = corpus
    write_unusable(clip_path(root / "spectrogram", *clips[4]), "no sound", stage="spectrogram")
    assert split_clips(root) == join(root) == 0
    meta = read_table(root / "test.parquet").meta
    assert meta["left_out"] == {"/".join(clips[4]): "no sound"}
    assert meta["n_clips"] == 1


def test_an_empty_test_side_is_a_table_of_no_rows(corpus):
    root, clips, _ = corpus
    for clip in clips[4:]:
        write_unusable(clip_path(root / "labels", *clip), "no face was found", stage="labels")
    assert split_clips(root) == join(root) == 0
    table = read_table(root / "test.parquet")
    assert len(table) == 0
    assert table["spectrogram"].shape == (0, 4, 3)


def test_features_made_with_other_settings_are_refused(corpus, capsys):
    root, clips, _ = corpus
    write_clip(root, clips[2], np.random.default_rng(1), settings={"n_fft": 512})
    assert split_clips(root) == 0
    assert join(root) == 1
    message = capsys.readouterr().err
    assert "feature_settings" in message
    assert "set/b/one" in message
    assert not (root / "train.parquet").exists()


def test_no_usable_train_clip_is_one_clear_line(corpus, capsys):
    root, clips, _ = corpus
    for clip in clips[:4]:
        write_unusable(clip_path(root / "labels", *clip), "no face was found", stage="labels")
    assert split_clips(root) == 0
    assert join(root) == 1
    assert "no train clip is usable" in capsys.readouterr().err


def test_an_actor_on_both_sides_is_refused_unless_split_by_clip(corpus, capsys):
    root, *_ = corpus
    table = read_table(root / "clips.parquet")
    table.columns["split"] = np.array(["train", "train", "train", "train", "train", "test"], object)
    write_table(root / "clips.parquet", table.columns, stage="clips")
    assert split_clips(root) == 1
    assert "set/c" in capsys.readouterr().err
    write_table(root / "clips.parquet", table.columns, stage="clips",
                settings={"datasets": {"set": {"split": {"by": "clip"}}}})  # fmt: skip
    assert split_clips(root) == join(root) == 0
    assert read_table(root / "test.parquet").meta["n_clips"] == 1


def test_statistics_equal_those_of_the_whole_table(corpus):
    root, *_ = corpus
    assert split_clips(root) == join(root) == 0
    assert main(["label-stats", "--train", f"{root}/train.parquet", "--out", f"{root}/stats.json"]) == 0
    stats = json.loads((root / "stats.json").read_text())
    whole = read_table(root / "train.parquet")
    expected = {
        "weight": whole.stack(CHANNELS), "rotation": whole.stack(ROTATIONS), "feature": whole["spectrogram"],
    }  # fmt: skip
    for name, values in expected.items():
        values = values.astype(np.float64)
        np.testing.assert_allclose(stats[name + "_mean"], values.mean(0), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(stats[name + "_std"], values.std(0), rtol=1e-10)
    assert stats["channels"] == list(CHANNELS)
    assert stats["observed"] == [True] * 46
    assert (stats["n_frames"], stats["n_clips"], stats["feature"]) == (36, 2, "spectrogram")
