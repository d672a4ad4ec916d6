"""Which clips train and test, the join of features and labels, the statistics of the train table."""

import json

import numpy as np
import pytest
from training_tables import write_clip_table

from speechface.cli import main
from speechface.clip_tables import ClipRows
from speechface.clip_updates import update_clip_tables
from speechface.commands.label_stats import train_statistics
from speechface.datasets.base import CLIP_COLUMNS
from speechface.errors import TableError
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.splits import Labelled, check_disjoint, decide, frame_ranges, join_frames, repeated, sides_of
from speechface.tables import read_arrow, read_table, row_groups, write_table

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


class Corpus:
    """Six clips of three actors: two train, one tests, one clip of each kind of trouble.

    In every clip frame 3 must not be used and feature frame 5 is missing.
    """

    def __init__(self, root):
        self.root, self.rng = root, np.random.default_rng(0)
        self.clips = [("set", actor, clip) for actor in ("a", "b", "c") for clip in ("one", "two")]
        self.ids = ["/".join(clip) for clip in self.clips]
        self.labels, self.features, self.truth = {}, {}, {}
        for clip, name in zip(self.clips, self.ids):
            self.truth[clip] = self._make(name)
        self.labels[self.ids[1]] = "no face was found"
        split = {"a": "train", "b": "train", "c": "test"}
        table = {name: np.array([None] * 6, object) for name in CLIP_COLUMNS}
        table |= dict(zip(("dataset", "actor", "clip"), np.array(self.clips, object).T))
        table |= {"path": table["clip"], "split": np.array([split[c[1]] for c in self.clips], object)}
        write_table(root / "clips.parquet", table, stage="clips")
        quality = {name: table[name] for name in ("dataset", "actor", "clip")}
        quality |= {
            "used": np.array([1, 0, 1, 0, 1, 1], bool),
            "reason": np.array(["", "x", "", "blurred", "", ""], object),
        }
        write_table(root / "quality.parquet", quality, stage="label_report")
        self.write()

    def _make(self, name, n=20):
        frames = np.arange(n, dtype=np.int32)
        weights = self.rng.random((n, len(CHANNELS))).astype(np.float32)
        pose = self.rng.normal(0, 0.1, (n, 3)).astype(np.float32)
        columns = {"frame": frames, "time": frames / 25, "used": frames != 3}
        columns |= dict(zip(ROTATIONS, np.ascontiguousarray(pose.T)))
        columns |= dict(zip(CHANNELS, np.ascontiguousarray(weights.T)))
        self.labels[name] = (columns, {"channels": list(CHANNELS), "observed": [True] * 52})
        stored = self.rng.integers(0, 256, (n, 4, 3)).astype(np.uint8)
        kept = frames != 5
        rows = stored[kept].astype(np.float32) * np.float32(STEP)
        columns = {"frame": frames[kept], "time": frames[kept] / 25, "spectrogram": rows}
        self.features[name] = (columns, {"audio_sr": 44100})
        return weights, stored

    def write(self, settings=None):
        """One table a shard and stage; `settings` of an actor's features that differ from the others'."""
        for actor in "abc":
            for stage, clips in (("labels", self.labels), ("spectrogram", self.features)):
                own = {name: rows for name, rows in clips.items() if f"/{actor}/" in name}
                made_with = (settings or {}).get(actor, {"n_fft": 256}) if stage == "spectrogram" else {}
                write_clip_table(self.root / stage / f"{actor}.parquet", own, stage=stage, settings=made_with,
                                 scaled={"spectrogram": STEP} if stage == "spectrogram" else None)  # fmt: skip

    def tables(self, stage):
        return sorted(map(str, (self.root / stage).glob("*.parquet")))

    def split(self, *more):
        return main(["split-clips", "--clips", f"{self.root}/clips.parquet", "--quality",
                     f"{self.root}/quality.parquet", "--labels", *self.tables("labels"), *more, "--out",
                     f"{self.root}/splits/clips.parquet"])  # fmt: skip

    def join(self, *outs):
        outs = outs or ("--train-out", f"{self.root}/train.parquet", "--test-out", f"{self.root}/test.parquet")
        return main(["build-split", "--clips", f"{self.root}/splits/clips.parquet", "--feature", "spectrogram",
                     "--labels", *self.tables("labels"), "--features", *self.tables("spectrogram"), *outs])  # fmt: skip

    def pool(self):
        return self.join("--pool-out", f"{self.root}/pool.parquet")


@pytest.fixture
def corpus(tmp_path):
    return Corpus(tmp_path)


def test_every_clip_is_listed_with_its_split_and_reason(corpus):
    root, clips = corpus.root, corpus.clips
    assert corpus.split() == 0
    table = read_table(root / "splits/clips.parquet")
    assert list(zip(table["dataset"], table["actor"], table["clip"])) == clips
    assert list(table["split"]) == ["train", "excluded", "train", "excluded", "test", "test"]
    assert list(table["reason"]) == ["", "no face was found", "", "blurred", "", ""]
    assert list(table["n_frames"]) == [20, 0, 20, 20, 20, 20]
    assert list(table["n_used"]) == [19, 0, 19, 19, 19, 19]


def test_the_same_video_learns_or_tests_once_and_a_test_keeps_it(corpus):
    contents = ["same", "x", "other", "x", "same", "other"]
    rows = {name: ClipRows({"frame": np.arange(1)}, {"n_samples": 9, "power": 1e-3}) for name in corpus.ids}
    facts = {name: {"source": {"sha256": content}} for name, content in zip(corpus.ids, contents)}
    update_clip_tables({"audio": corpus.root / "audio.parquet"}, corpus.ids, rows.__getitem__, stage="audio",
                       settings={}, facts=lambda clip_id, known: facts[clip_id])  # fmt: skip
    assert corpus.split("--audio", f"{corpus.root}/audio.parquet") == 0
    table = read_table(corpus.root / "splits/clips.parquet")
    assert list(table["split"]) == ["excluded", "excluded", "excluded", "excluded", "test", "test"]
    assert table["reason"][0] == f"its video is the same as that of {corpus.ids[4]}"
    assert table["reason"][3] == "blurred"


def test_of_the_same_videos_the_first_is_kept_and_one_of_a_test_before_all():
    splits = ["train", "train", "predict", "test", "test", "train", "train"]
    assert repeated(["a", "a", "a", "b", "b", "b", None], splits) == {1: 0, 4: 3, 5: 3}


def test_how_late_the_sound_stands_is_taken_from_the_label_report(corpus):
    quality = read_table(corpus.root / "quality.parquet").columns
    numbers = {"audio_delay_ms": [70.0, np.nan, 0.0, 0.0, 0.0, -10.0], "delay_found_ms": np.full(6, 66.0),
               "delay_low_ms": np.full(6, 50.0), "delay_high_ms": np.full(6, 80.0),
               "sound_agreement": [0.9, np.nan, 1.0, 0.5, 0.6, 0.7]}  # fmt: skip
    source = np.array(["actor", "", "config", "none", "clip", "dataset"], object)
    columns = {**quality, "audio_delay_from": source, **numbers}
    write_table(corpus.root / "quality.parquet", columns, stage="label_report")
    assert corpus.split() == 0
    table = read_table(corpus.root / "splits/clips.parquet")
    np.testing.assert_array_equal(table["audio_delay_ms"], [70, 0, 0, 0, 0, -10])  # it is used: never unknown
    np.testing.assert_array_equal(table["sound_agreement"], numbers["sound_agreement"])
    assert list(table["audio_delay_from"]) == list(source)


def test_a_clip_without_sound_is_excluded(corpus):
    audio = {
        name: ({"frame": np.arange(1)}, {"n_samples": 0 if k == 0 else 44100, "power": 1e-3})
        for k, name in enumerate(corpus.ids)
    }
    audio[corpus.ids[2]][1]["power"] = 1e-9
    audio[corpus.ids[4]] = "its sound is damaged"
    write_clip_table(corpus.root / "audio.parquet", audio, stage="audio")
    assert corpus.split("--audio", f"{corpus.root}/audio.parquet") == 0
    table = read_table(corpus.root / "splits/clips.parquet")
    assert list(table["split"]) == ["excluded", "excluded", "excluded", "excluded", "excluded", "test"]
    reasons = ["the video has no sound", "no face was found", "its sound is silent", "its sound is damaged"]
    assert list(table["reason"][[0, 1, 2, 4]]) == reasons


def test_tables_hold_the_right_frames_of_the_right_clips(corpus):
    root, clips, truth = corpus.root, corpus.clips, corpus.truth
    assert corpus.split() == corpus.join() == 0
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
        assert whole.meta["feature_settings"] == {"n_fft": 256, "audio_sr": 44100}


def test_the_pool_holds_train_clips_and_those_of_tested_actors(corpus):
    root, clips = corpus.root, corpus.clips
    assert corpus.split() == corpus.pool() == 0
    found = [group["clip"][0] for group in row_groups(root / "pool.parquet")]
    actors = [group["actor"][0] for group in row_groups(root / "pool.parquet")]
    assert list(zip(actors, found)) == [clip[1:] for clip in (clips[0], clips[2], clips[4], clips[5])]


def test_test_clips_of_an_actor_who_trains_never_do():
    assert sides_of("test", by_clip=False) == ("test", "pool")
    assert sides_of("test", by_clip=True) == ("test",)
    assert sides_of("predict", by_clip=True) == ("pool",)
    assert sides_of("excluded", by_clip=False) == sides_of("unused", by_clip=False) == ()


def test_statistics_without_an_actor_are_those_of_the_others(corpus):
    root, clips, truth = corpus.root, corpus.clips, corpus.truth
    assert corpus.split() == corpus.pool() == 0
    expected = [k for k in range(20) if k not in (3, 5)]
    others = np.concatenate([truth[clips[k]][0][expected] for k in (0, 2)])
    stats = train_statistics(root / "pool.parquet", ("set", "c"))
    assert stats["n_clips"] == 2
    np.testing.assert_allclose(stats["weight_mean"], others.mean(0, dtype=float))
    assert main(["label-stats", "--train", f"{root}/pool.parquet", "--without", "c", "--out", f"{root}/s.json"]) == 1


def test_features_stay_as_stored(corpus):
    root = corpus.root
    assert corpus.split() == corpus.join() == 0
    column = read_arrow(root / "train.parquet", ["spectrogram"])["spectrogram"]
    assert str(column.type).startswith("fixed_size_binary")


def test_lost_frames_are_counted_and_named(corpus):
    root, clips = corpus.root, corpus.clips
    assert corpus.split() == corpus.join() == 0
    meta = read_table(root / "train.parquet").meta
    name = "/".join(clips[0])
    assert meta["missing"][name] == {"without_features": {"count": 1, "frames": "5"}}
    assert meta["unused"][name] == 1
    assert (meta["n_clips"], meta["n_frames"]) == (2, 36)


def test_a_clip_without_usable_features_is_left_out_and_named(corpus):
    root, clips = corpus.root, corpus.clips
    corpus.features[corpus.ids[4]] = "no sound"
    corpus.write()
    assert corpus.split() == corpus.join() == 0
    meta = read_table(root / "test.parquet").meta
    assert meta["left_out"] == {"/".join(clips[4]): "no sound"}
    assert meta["n_clips"] == 1


def test_an_empty_test_side_is_a_table_of_no_rows(corpus):
    root = corpus.root
    corpus.labels |= dict.fromkeys(corpus.ids[4:], "no face was found")
    corpus.write()
    assert corpus.split() == corpus.join() == 0
    table = read_table(root / "test.parquet")
    assert len(table) == 0
    assert table["spectrogram"].shape == (0, 4, 3)


def test_features_made_with_other_settings_are_refused(corpus, capsys):
    root = corpus.root
    corpus.write({"b": {"n_fft": 512}})
    assert corpus.split() == 0
    assert corpus.join() == 1
    message = capsys.readouterr().err
    assert "feature_settings" in message
    assert "set/b/one" in message
    assert not (root / "train.parquet").exists()


def test_no_usable_train_clip_is_one_clear_line(corpus, capsys):
    corpus.labels |= dict.fromkeys(corpus.ids[:4], "no face was found")
    corpus.write()
    assert corpus.split() == 0
    assert corpus.join() == 1
    assert "no train clip is usable" in capsys.readouterr().err


def test_an_actor_on_both_sides_is_refused_unless_split_by_clip(corpus, capsys):
    root = corpus.root
    table = read_table(root / "clips.parquet")
    table.columns["split"] = np.array(["train", "train", "train", "train", "train", "test"], object)
    write_table(root / "clips.parquet", table.columns, stage="clips")
    assert corpus.split() == 1
    assert "set/c" in capsys.readouterr().err
    write_table(root / "clips.parquet", table.columns, stage="clips",
                settings={"datasets": {"set": {"split": {"by": "clip"}}}})  # fmt: skip
    assert corpus.split() == corpus.join() == 0
    assert read_table(root / "test.parquet").meta["n_clips"] == 1


def test_statistics_equal_those_of_the_whole_table(corpus):
    root = corpus.root
    assert corpus.split() == corpus.join() == 0
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
    assert stats["observed"] == [True] * 52
    assert (stats["n_frames"], stats["n_clips"], stats["feature"]) == (36, 2, "spectrogram")
