"""What adapters find in trees as corpora unpack them, and as people keep them."""

import logging
import os
import unicodedata

import pytest

from speechface.config import resolve
from speechface.datasets import folder
from speechface.datasets.base import ADAPTERS, list_clips
from speechface.datasets.emotions import EMOTIONS, emotion
from speechface.errors import ConfigError


def tree(root, *paths, size=1):
    """Make files of `size` bytes."""
    for path in paths:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"x" * size)


def found(root, adapter, **keys):
    """Clips by ``actor/clip``."""
    datasets = {"d": {"adapter": adapter, "root": str(root), "role": "predict", **keys}}
    return {clip.id.removeprefix("d/"): clip for clip in list_clips(resolve({"datasets": datasets}).datasets)}


def test_ravdess_takes_full_clips_flat_and_as_the_archives_unpack(tmp_path):
    name = "01-01-03-01-01-01-0"
    tree(tmp_path, f"Actor_01/{name}1.mp4", f"Video_Speech_Actor_02/Actor_02/{name}2.mp4", f"all/{name}3.mp4")
    tree(tmp_path, "Actor_01/02-01-01-01-01-01-01.mp4", "Actor_01/03-01-01-01-01-01-01.wav", "Actor_01/readme.txt")
    assert list(found(tmp_path, "ravdess")) == [f"Actor_0{k}/{name}{k}" for k in (1, 2, 3)]


def test_a_clip_that_is_there_twice_counts_once_the_larger_file_and_is_said_once(tmp_path, caplog):
    names = [f"Actor_01/01-01-0{k}-01-01-01-01.mp4" for k in (1, 3)]
    tree(tmp_path, *names, size=3)
    tree(tmp_path / "copy", *names, size=9)
    with caplog.at_level(logging.WARNING):
        clips = found(tmp_path, "ravdess")
    assert [os.path.relpath(clip.path, tmp_path) for clip in clips.values()] == [f"copy/{name}" for name in names]
    assert len(caplog.records) == 1
    assert "2 clips are there more than once" in caplog.text


@pytest.mark.parametrize("path", ["s1/bbaf2n.mpg", "s1/video/mpg_6000/bbaf2n.mpg", "s1.mpg_6000/s1/BBAF2N.MPG"])
def test_grid_as_people_keep_it_and_as_it_unpacks(path, tmp_path):
    tree(tmp_path, path, "s4/lgir9s.mpg", "s4/thumbs.db", "other/swwzzp.mpg", "s4/notes.mpg")
    clips = found(tmp_path, "grid")
    assert list(clips) == ["other/swwzzp", "s1/bbaf2n", "s4/lgir9s"]
    assert [clip.sex for clip in clips.values()] == [None, "male", "female"]
    assert clips["s1/bbaf2n"].statement == "bin blue at f two now"


@pytest.mark.parametrize("pattern", ["{}/{}{}.avi", "AudioVisualClip/{}/{}{}.avi", "all/{}_{}{:>02}.mp4"])
def test_savee_tells_speaker_and_emotion(pattern, tmp_path):
    kinds = {"a": "angry", "d": "disgust", "f": "fearful", "h": "happy", "n": "neutral", "sa": "sad", "su": "surprised"}
    for speaker in ("DC", "JE", "JK", "KL"):
        tree(tmp_path, *(pattern.format(speaker, letters, 1) for letters in kinds))
    tree(tmp_path, "DC/a1.wav", "AudioData/DC/a01.wav", "DC/x1.avi", "notes.avi")
    clips = found(tmp_path, "savee")
    assert len(clips) == 28
    assert {clip.emotion for clip in clips.values() if clip.actor == "KL"} == set(kinds.values())
    assert {clip.clip.rstrip("01"): clip.emotion for clip in clips.values()} == kinds


@pytest.mark.parametrize("inside", ["", "vidtimit"])
def test_vidtimit_joins_numbered_pictures_and_sound_without_head_rotations(inside, tmp_path):
    for actor in ("fadg0", "mccs0"):
        for sequence in ("head", "head2", "sa1", "si1279", "sx109"):
            tree(tmp_path / inside / actor / "video" / sequence, "001", "002")
        tree(tmp_path / inside / actor / "audio", "sa1.wav", "sx109.wav")
    clips = found(tmp_path, "vidtimit")
    assert list(clips) == [f"{actor}/{name}" for actor in ("fadg0", "mccs0") for name in ("sa1", "si1279", "sx109")]
    place = tmp_path / inside / "fadg0"
    assert clips["fadg0/sa1"].path == f"{place}/video/sa1::audio={place}/audio/sa1.wav::fps=25"
    assert clips["fadg0/sa1"].files() == [f"{place}/video/sa1", f"{place}/audio/sa1.wav"]
    assert clips["fadg0/si1279"].path == f"{place}/video/si1279::fps=25"
    assert [clips[f"{actor}/sa1"].sex for actor in ("fadg0", "mccs0")] == ["female", "male"]


@pytest.mark.parametrize("root", ["VideoFlash", ""])
def test_cremad_takes_sex_and_age_from_the_table_of_actors(root, tmp_path):
    tree(tmp_path / "VideoFlash", "1001_DFA_ANG_XX.flv", "1002_IEO_SAD_HI.flv", "1001_DFA_ANG_XX.txt", "intro.flv")
    (tmp_path / "VideoDemographics.csv").write_text("ActorID,Age,Sex,Race\n1001,51,Male,Caucasian\n1002,21,Female,x\n")
    clips = found(tmp_path / root, "cremad")
    one, two = clips.values()
    assert (one.id, one.sex, one.age, one.emotion, one.intensity, one.statement) == (
        "d/1001/1001_DFA_ANG_XX", "male", "51", "angry", None, "Don't forget a jacket"
    )  # fmt: skip
    assert (two.actor, two.sex, two.age, two.emotion, two.intensity) == ("1002", "female", "21", "sad", "high")


def test_cremad_without_the_table_says_so(tmp_path, caplog):
    tree(tmp_path / "videos", "1001_DFA_ANG_XX.mp4")
    assert found(tmp_path / "videos", "cremad")["1001/1001_DFA_ANG_XX"].sex is None
    assert "no VideoDemographics.csv" in caplog.text


def test_mead_takes_one_camera_and_the_sound_beside_it(tmp_path):
    for view in ("front", "left_30"):
        tree(tmp_path, f"M003/video/{view}/angry/level_2/001.mp4", f"W009/video/{view}/neutral/level_1/001.mp4")
    tree(tmp_path, "M003/audio/angry/level_2/001.m4a")
    clips = found(tmp_path, "mead")
    assert list(clips) == ["M003/angry_level_2_001", "W009/neutral_level_1_001"]
    angry, neutral = clips.values()
    assert angry.path.endswith(f"front/angry/level_2/001.mp4::audio={tmp_path}/M003/audio/angry/level_2/001.m4a")
    assert angry.files()[1].endswith("001.m4a")
    assert (angry.sex, angry.emotion, angry.intensity) == ("male", "angry", "medium")
    assert (neutral.path, neutral.intensity) == (f"{tmp_path}/W009/video/front/neutral/level_1/001.mp4", None)
    assert "left_30" in found(tmp_path, "mead", view="left_30")["W009/neutral_level_1_001"].path


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{actor}/{clip}", "Ann Lee/take #1.MP4", ("Ann Lee", "take #1", None)),
        ("{actor}/{emotion}/{clip}", "bob/Anger/001.mp4", ("bob", "Anger_001", "angry")),
        ("{actor}_{clip}", "bob_b_1.webm", ("bob", "b_1", None)),
        ("{actor}/**/{clip}", "bob/2021/may/b.mov", ("bob", "b", None)),
        ("*/{actor}-{emotion}/{clip}", "x/bob-happy/b.mov", ("bob", "happy_b", "happy")),
        ("{actor}.{clip}", "张伟.клип.mp4", ("张伟", "клип", None)),
    ],
)
def test_folder_reads_paths_by_a_pattern(pattern, path, expected, tmp_path):
    tree(tmp_path, path, "notes.txt")
    (clip,) = found(tmp_path, "folder", pattern=pattern).values()
    assert (clip.actor, clip.clip, clip.emotion) == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{actor}", "must hold {actor} and {clip}"),
        ("{actor}/{mood}/{clip}", "{mood} must be one of actor, clip"),
        ("{actor}/{clip}/{clip}", "{clip} must be one of .* only once"),
    ],
)
def test_a_pattern_that_says_nothing_is_refused(pattern, message):
    with pytest.raises(ConfigError, match=rf"d: pattern is .*{message}"):
        folder.Settings.parse({"adapter": "folder", "root": "x", "role": "predict", "pattern": pattern}, "d")


def test_what_is_found_instead_is_told(tmp_path):
    with pytest.raises(ConfigError, match="finds no clip in .*, which is empty; expected Actor_01/01-01"):
        found(tmp_path, "ravdess")
    tree(tmp_path, "a/b/c.mp4")
    with pytest.raises(ConfigError, match="which holds a; expected AudioVisualClip/DC/a1.avi"):
        found(tmp_path, "savee")
    with pytest.raises(ConfigError, match=r"pattern: {actor}/{clip} fits none of the 1 videos in .*, e.g. a/b/c.mp4"):
        found(tmp_path, "folder")


@pytest.mark.parametrize("adapter", sorted(set(ADAPTERS) - {"demo"}))
def test_a_root_that_is_no_folder_is_named_and_relative_to_what(adapter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for root, message in (("nowhere", "no such folder: nowhere"), ("file", "a file, not a folder: file")):
        with pytest.raises(ConfigError, match=rf"datasets\.d\.root: {message} \(relative to {tmp_path}\)"):
            found(root, adapter)
    monkeypatch.delenv("DATA", raising=False)
    with pytest.raises(ConfigError, match=r"no such folder: \$DATA/x .*a variable in it is not set"):
        found("$DATA/x", adapter)


def test_home_and_variables_in_a_root_are_filled_in(tmp_path, monkeypatch):
    tree(tmp_path, "sets/bob/b.mp4", "$DATA/eve/b.mp4")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DATA", str(tmp_path / "sets"))
    monkeypatch.chdir(tmp_path)
    assert list(found("~/sets", "folder")) == ["bob/b"]
    assert list(found("${DATA}", "folder")) == ["bob/b"]
    assert list(found("$DATA", "folder")) == ["eve/b"]  # a folder that is called so


def test_what_systems_leave_behind_is_no_clip(tmp_path):
    tree(tmp_path, "bob/._b.mp4", "bob/.hidden.mp4", ".Trash/bob/b.mp4", "__MACOSX/bob/b.mp4", "bob/.DS_Store")
    tree(tmp_path, "bob/b.mp4")
    (tmp_path / "bob" / "again").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "bob" / "pipe.mp4")
    assert list(found(tmp_path, "folder")) == ["bob/b"]


def test_a_link_to_nowhere_is_listed(tmp_path):
    tree(tmp_path, "bob/b.mp4")
    (tmp_path / "bob" / "c.mp4").symlink_to("gone.mp4")
    assert list(found(tmp_path, "folder")) == ["bob/b", "bob/c"]


def test_names_of_every_script_stay_and_are_told_apart(tmp_path):
    names = ["张伟", "Иван", "Анна", "O'Brien", "a{b}", "50%", "-x", 'q"', "x[1]"]
    tree(tmp_path, *(f"{name}/клип 1.mp4" for name in names))
    assert set(found(tmp_path, "folder")) == {f"{name}/клип 1" for name in names}


def test_two_forms_of_the_same_letters_are_one_person(tmp_path):
    decomposed = unicodedata.normalize("NFD", "José")
    tree(tmp_path, f"{decomposed}/a.mp4", "José/b.mp4")
    assert list(found(tmp_path, "folder", actors=["José"])) == ["José/a", "José/b"]
    tree(tmp_path, "José/a.mp4")
    with pytest.raises(ConfigError, match="two files give the clip d/José/a"):
        found(tmp_path, "folder")


def test_a_name_that_is_no_text_is_left_out_and_said(tmp_path, caplog):
    tree(tmp_path, "bob/b.mp4")
    with open(os.fsencode(tmp_path) + b"/bob/\xe9.mp4", "wb"):
        pass
    assert list(found(tmp_path, "folder")) == ["bob/b"]
    assert "1 names are not UTF-8" in caplog.text


def test_sets_that_train_together_have_splits_of_their_own(tmp_path):
    tree(tmp_path / "r", *(f"Actor_{k:02d}/01-01-01-01-01-01-{k:02d}.mp4" for k in range(1, 25)))
    tree(tmp_path / "s", *(f"{actor}/a1.avi" for actor in ("DC", "JE", "JK", "KL")))
    people = [f"{'fm'[k % 2]}abc{k}" for k in range(43)]
    tree(tmp_path / "v", *(f"{person}/video/sa1/001" for person in people))
    datasets = {
        "ravdess": {"adapter": "ravdess", "root": str(tmp_path / "r"), "split": {"train": ["1-20"], "test": ["21-24"]}},
        "savee": {"adapter": "savee", "root": str(tmp_path / "s"), "split": {"test": ["KL"]}},
        "vidtimit": {"adapter": "vidtimit", "root": str(tmp_path / "v"), "split": {"test": people[:3]}},
    }
    clips = list_clips(resolve({"datasets": datasets}).datasets)
    sides = {
        name: [sum(c.dataset == name and c.split == s for c in clips) for s in ("train", "test")] for name in datasets
    }
    assert sides == {"ravdess": [20, 4], "savee": [3, 1], "vidtimit": [40, 3]}


def test_words_for_emotions_are_one_vocabulary():
    assert [emotion(word) for word in ("ANG", "Anger", "fear", "Surprise", "dis", "Happiness", "neu")] == [
        "angry", "angry", "fearful", "surprised", "disgust", "happy", "neutral"
    ]  # fmt: skip
    assert [emotion(word) for word in EMOTIONS] == list(EMOTIONS)
    assert emotion("Bored") == "bored"
