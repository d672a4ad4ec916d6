import dataclasses
from collections import Counter
from fractions import Fraction

import pytest

from speechface.config import resolve
from speechface.datasets import demo, grid, ravdess
from speechface.datasets.base import ADAPTERS, Clip, DatasetSettings, list_clips
from speechface.datasets.sides import member, plan_splits
from speechface.errors import ConfigError


def config_of(**datasets):
    return resolve({"datasets": datasets}).datasets


# --- demo ---------------------------------------------------------------------------------------------------------


def test_demo_names_parse_back_to_their_actor():
    clips = demo.clips("demo", demo.Settings(adapter="demo", role="predict"))
    assert len(clips) == 24 * 4
    for clip in clips:
        again = demo.clip_from_name("demo", clip.clip, clip.path)
        assert again == clip
        named = ravdess.clip_from_name("demo", clip.clip, clip.path)
        assert dataclasses.replace(named, statement=clip.statement) == clip
        assert clip.path == f"results/videos/demo/{clip.actor}.parquet::{clip.id}"
        assert clip.sex == ("male" if int(clip.actor[-2:]) % 2 else "female")
        assert None not in (clip.emotion, clip.intensity, clip.statement, clip.repetition)


def test_demo_actors_say_sentences_of_ones_own_each_about_as_often():
    sentences = ["Papa bakes a pie", "Mama may come", "Bob is up"]
    settings = demo.Settings(adapter="demo", role="predict", clips_per_actor=10, sentences=sentences)
    clips = demo.clips("demo", settings)
    said = Counter(clip.statement for clip in clips)
    assert set(said) == set(sentences)
    assert min(said.values()) > 60  # of 240
    again = [demo.clip_from_name("demo", clip.clip, clip.path, sentences) for clip in clips]
    assert again == clips


@pytest.mark.parametrize("actor", range(1, 25))
def test_sixty_demo_clips_are_all_of_ravdess_and_the_first_is_neutral(actor):
    names = demo.clip_names(actor, 60)
    assert len(set(names)) == 60
    emotions = Counter(name[6:8] for name in names)
    assert emotions == {"01": 4, **{f"{e:02d}": 8 for e in range(2, 9)}}
    assert not any(name[6:11] == "01-02" for name in names)  # RAVDESS has no strong neutral
    assert names[0][6:8] == "01"


@pytest.mark.parametrize("count", range(1, 60, 7))
def test_asking_for_more_demo_clips_only_adds_some(count):
    assert demo.clip_names(9, count) == demo.clip_names(9, 60)[:count]


@pytest.mark.parametrize("actors", [range(1, 21), range(21, 25), range(1, 25)])
def test_the_default_demo_covers_emotions_intensities_and_sentences(actors):
    names = [name for actor in actors for name in demo.clip_names(actor, 4)]
    emotions = Counter(name[6:8] for name in names if name[6:8] != "01")
    assert len(emotions) == 7
    assert max(emotions.values()) - min(emotions.values()) <= 1
    sentences = Counter(name[12:14] for name in names)
    assert sentences["01"] == pytest.approx(sentences["02"], abs=len(actors) * 0.1 + 2)
    intensity = Counter(name[9:11] for name in names if name[6:8] != "01")
    assert min(intensity.values()) > 0.35 * sum(intensity.values())


def test_demo_refuses_more_clips_than_there_are():
    with pytest.raises(ConfigError, match="1 to 60"):
        demo.clip_names(1, 61)


@pytest.mark.parametrize(("value", "expected"), [("30000/1001", Fraction(30000, 1001)), (25, Fraction(25)),
                                                 (29.97, Fraction(2997, 100)), ("24", Fraction(24))])  # fmt: skip
def test_demo_frame_rates_are_exact(value, expected):
    assert demo.VideoSettings(fps=value).frame_rate == expected


@pytest.mark.parametrize("value", ["fast", "1/0", 0.0, -25.0, "1000"])
def test_other_frame_rates_are_refused(value):
    with pytest.raises(ConfigError, match=rf"datasets.demo: fps is '{value}'; expected 1 to 240"):
        config_of(demo={"adapter": "demo", "role": "predict", "fps": value})


def test_demo_splits_by_actor_as_configured():
    clips = list_clips(
        config_of(demo={"adapter": "demo", "split": {"by": "actor", "train": ["1-20"], "test": ["21-24"]}})
    )
    sides = {side: {c.actor for c in clips if c.split == side} for side in ("train", "test")}
    assert sides["train"] == {f"Actor_{k:02d}" for k in range(1, 21)}
    assert sides["test"] == {f"Actor_{k:02d}" for k in range(21, 25)}


# --- ravdess ------------------------------------------------------------------------------------------------------


def test_ravdess_names_are_read_in_full():
    clip = ravdess.clip_from_name("r", "01-02-06-01-02-01-12", "x.mp4")
    assert clip == Clip(
        dataset="r", actor="Actor_12", clip="01-02-06-01-02-01-12", path="x.mp4", sex="female", channel="song",
        emotion="fearful", intensity="normal", statement="Dogs are sitting by the door", repetition="1",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["02-01-06-01-02-01-12", "03-01-06-01-02-01-12", "01-01-09-01-02-01-12",
                                  "01-03-06-01-02-01-12", "01-01-06-01-02-01", "notes", ""])  # fmt: skip
def test_other_names_are_no_ravdess_clips(name):
    assert ravdess.clip_from_name("r", name, "x") is None


# --- grid and folder ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("bbaf2n", "bin blue at f two now"),
        ("swwzzp", "set white with z zero please"),
        ("lgir9s", "lay green in r nine soon"),
    ],
)
def test_grid_codes_spell_their_sentence(code, words):
    assert grid.sentence(code) == words


@pytest.mark.parametrize("code", ["bbaf2", "xbaf2n", "bbafxn", "bbaf2nn", ""])
def test_other_codes_are_no_grid_sentence(code):
    assert grid.sentence(code) is None


@pytest.mark.parametrize("adapter", sorted(set(ADAPTERS) - {"demo"}))
def test_a_missing_folder_is_named(adapter, tmp_path):
    with pytest.raises(ConfigError, match=r"datasets\.d\.root: no such folder: .*nowhere"):
        list_clips(config_of(d={"adapter": adapter, "root": str(tmp_path / "nowhere"), "role": "predict"}))


# --- selection and splits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actor", "wanted", "expected"),
    [
        ("Actor_07", ["7"], True),
        ("Actor_07", [7], True),
        ("Actor_07", ["1-20"], True),
        ("Actor_20", ["1-20"], True),
        ("Actor_01", ["1-20"], True),
        ("Actor_21", ["1-20"], False),
        ("Actor_07", ["Actor_07"], True),
        ("Actor_17", ["7"], False),
        ("s1", ["s1"], True),
        ("s1", ["s11"], False),
        ("s12", ["1-3", "12"], True),
        ("bob", ["1-20"], False),
        ("bob", ["bob"], True),
        ("bob", [], False),
    ],
)
def test_member_knows_names_numbers_and_ranges(actor, wanted, expected):
    assert member(actor, wanted) is expected


def clips_of(actors, count):
    return [Clip("d", actor, f"c{k:03d}", f"{actor}/{k}") for actor in actors for k in range(count)]


def split_settings(**rule):
    return DatasetSettings.parse({"adapter": "any", "split": rule}, "d")


def test_no_actor_is_on_two_sides():
    planned = plan_splits(clips_of([f"Actor_{k:02d}" for k in range(1, 25)], 3), split_settings(test=["21-24"]))
    train, test = ({c.actor for c in planned if c.split == side} for side in ("train", "test"))
    assert not train & test
    assert len(train) == 20
    assert len(test) == 4


def test_actors_named_on_no_side_are_unused():
    planned = plan_splits(clips_of(["a1", "a2", "a3"], 2), split_settings(train=["1"], test=["2"]))
    assert {c.actor: c.split for c in planned} == {"a1": "train", "a2": "test", "a3": "unused"}


def test_role_predict_is_neither_side():
    planned = plan_splits(clips_of(["a1"], 3), DatasetSettings(adapter="any", role="predict"))
    assert {c.split for c in planned} == {"predict"}


@pytest.mark.parametrize(("wanted", "expected"), [(0.25, 5), (0.2, 4), (3, 3), (1, 1)])
def test_by_clip_counts_hold_for_every_actor(wanted, expected):
    planned = plan_splits(clips_of(["s1", "s2", "s3"], 20), split_settings(by="clip", test_clips=wanted))
    tests = Counter(c.actor for c in planned if c.split == "test")
    assert tests == {"s1": expected, "s2": expected, "s3": expected}


def test_by_clip_choice_does_not_depend_on_order_or_on_other_actors():
    rule = split_settings(by="clip", test_clips=4)
    one = plan_splits(clips_of(["s1"], 20), rule)
    both = plan_splits(clips_of(["s2", "s1"], 20)[::-1], rule)
    chosen = [{c.id for c in planned if c.split == "test" and c.actor == "s1"} for planned in (one, both)]
    assert chosen[0] == chosen[1]


def test_by_clip_choice_is_stable_when_clips_are_added():
    """A clip leaves the test side only if a new one with a smaller hash displaces it."""
    rule = split_settings(by="clip", test_clips=6)
    before = {c.id for c in plan_splits(clips_of(["s1"], 30), rule) if c.split == "test"}
    after = {c.id for c in plan_splits(clips_of(["s1"], 40), rule) if c.split == "test"}
    old = {f"d/s1/c{k:03d}" for k in range(30)}
    assert (after & old) <= before
    assert len(before - after) == len(after - old)


def test_filters_keep_what_they_name():
    settings = {"adapter": "demo", "where": {"emotion": ["neutral"], "sex": ["female"]}, "actors": ["1-6"],
                "role": "predict"}  # fmt: skip
    clips = list_clips(config_of(demo=settings))
    assert {c.actor for c in clips} == {"Actor_02", "Actor_04", "Actor_06"}
    assert {c.emotion for c in clips} == {"neutral"}


def test_clips_come_sorted_by_id():
    clips = list_clips(config_of(demo={"adapter": "demo", "role": "predict"}))
    ids = [c.id for c in clips]
    assert ids == sorted(ids)
    assert len(set(ids)) == 96


# --- what cannot be meant -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": {"train": ["1-20"], "test": ["20-24"]}}, "split: actor 20 is in train .* and in test"),
        ({"split": {"train": ["Actor_03"], "test": [3]}}, "split: Actor_03 is in train and in test"),
        ({"split": {"test": ["24-21"]}}, "'24-21' runs backwards; write 21-24"),
        ({"split": {"test": [99]}}, "split.test: 99 is none of the 24 actors: Actor_01"),
        ({"split": {"test": ["Actor_1"]}}, "split.test: 'Actor_1' is none of the 24 actors"),
        ({"split": {"test": ["1-24"]}}, "split: nobody trains: train empty, test"),
        ({"actors": ["1-9"], "split": {"test": ["21-24"]}}, "split: nobody tests"),
        ({"actors": [77], "role": "predict"}, "actors: 77 is none of the 24 actors"),
        ({"clips_per_actor": 1, "split": {"by": "clip"}}, "no clip is left to test .* no actor has more than 1 clips"),
        ({"split": {"by": "clip", "test_clips": 9}}, "no clip is left to train .* no actor has more than 4 clips"),
        ({"split": {"by": "clip", "test_clips": 1.5}}, "test_clips is 1.5; give a whole number"),
        ({"split": {"by": "clip", "test": [3]}}, "test is .3.; with by: clip every actor trains and tests"),
        ({"split": {"test": [3], "test_clips": 4}}, "test_clips is 4; it counts only with by: clip"),
        ({"role": "predict", "where": {"mood": ["sad"]}}, "where: unknown column 'mood'"),
        ({"role": "predict", "where": {"emotion": []}}, "where.emotion is empty"),
        ({"role": "predict", "where": {"emotion": ["joyous"]}}, "no clip has 'joyous'; there is angry, calm"),
    ],
)
def test_a_selection_or_split_that_cannot_be_meant_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message) as caught:
        list_clips(config_of(demo={"adapter": "demo", **settings}))
    assert "datasets.demo" in str(caught.value)
    assert "\n" not in str(caught.value)
