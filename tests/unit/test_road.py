"""Trees of several corpora with real, tiny media through list-clips, extract-audio and features, on their own and
together; and the same clips under awkward names."""

import shutil
from fractions import Fraction

import numpy as np
import pytest
import yaml
from PIL import Image

from speechface.audio.sound import write_wav
from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.media import VideoWriter
from speechface.names import escaped
from speechface.tables import read_table

SR, FPS, FRAMES = 16000, 25, 20

#: Files of a tree, and which actor tests. Clips of one set sound alike; each actor's sound is the actor's own.
TREES = {
    "savee": (["AudioVisualClip/DC/a1.avi", "AudioVisualClip/DC/n02.avi", "AudioVisualClip/KL/sa3.avi"], "KL"),
    "vidtimit": (["fadg0/sa1", "fadg0/sx1", "mccs0/sa1"], "mccs0"),
    "cremad": (["1001_DFA_ANG_XX.flv", "1001_IEO_HAP_HI.flv", "1002_DFA_ANG_XX.flv"], "1002"),
    "mead": (["M003/video/front/angry/level_1/001.mp4", "M003/video/front/sad/level_2/002.mp4",
              "W009/video/front/sad/level_1/001.mp4"], "W009"),
    "ravdess": (["Actor_01/01-01-03-01-01-01-01.mp4", "Actor_01/01-01-05-01-01-01-01.mp4",
                 "Actor_02/01-01-03-01-01-01-02.mp4"], 2),
}  # fmt: skip
PEOPLE = ["张伟", "Иван", "Анна", 'O\'Brien "Q"', "-dash", "a{b}[c] 50%", "$HOME;`ls` & | *?", "a=b::c", "line\nbreak"]


def sound(seed):
    rng, t = np.random.default_rng(seed), np.arange(SR * FRAMES // FPS) / SR
    return (0.2 * np.sin(2 * np.pi * (200 + 40 * seed) * t) + rng.normal(0, 0.01, len(t))).astype(np.float32)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Function (suffix, seed) -> a video with a sound of its own, made once."""
    folder, known = tmp_path_factory.mktemp("videos"), {}

    def make(suffix, seed):
        if (suffix, seed) not in known:
            made = folder / f"{seed}.mp4"
            options = {"width": 64, "height": 64, "fps": Fraction(FPS), "crf": 23, "audio": sound(seed), "sr": SR}
            with VideoWriter(made, **options) as writer:
                for k in range(FRAMES):
                    writer.write(np.full((64, 64, 3), 40 + 5 * k + seed, np.uint8))
            known[suffix, seed] = made  # what a file is called says nothing of what it is
        return known[suffix, seed]

    return make


def plant(root, adapter, videos):
    """Write the tree of a corpus. Returns the seed of the sound of every clip, in order of files."""
    for seed, path in enumerate(TREES[adapter][0]):
        if adapter != "vidtimit":
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(videos(path[-4:], seed), root / path)
            continue
        actor, sentence = path.split("/")
        folder = root / actor / "video" / sentence
        folder.mkdir(parents=True)
        for k in range(1, FRAMES + 1):
            Image.new("RGB", (64, 48), (40 + k, 50, 60)).save(folder / f"{k:03d}", "jpeg")
        (root / actor / "audio").mkdir(exist_ok=True)
        write_wav(root / actor / "audio" / f"{sentence}.wav", sound(seed), SR)


def road(folder, datasets):
    """The clip table, and sound and log-mel of all clips: clip id -> (samples, features)."""
    config = {"datasets": datasets, "models": {}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    assert main(["list-clips", "--config", f"{folder}/config.yaml", "--out", f"{folder}/c.parquet"]) == 0
    table = read_table(folder / "c.parquet")
    ids = ["/".join(key) for key in zip(*(table[name] for name in ("dataset", "actor", "clip")))]
    pairs = [f"{escaped(clip_id)}={path}" for clip_id, path in zip(ids, table["path"])]
    assert main(["extract-audio", "--clips", *pairs, "--out", f"{folder}/audio.parquet"]) == 0
    assert main(["features", "log_mel", "--audio", f"{folder}/audio.parquet", "--out", f"{folder}/f.parquet"]) == 0
    features, audio = ClipTable(folder / "f.parquet"), ClipTable(folder / "audio.parquet")
    return table, {clip_id: (audio.content(clip_id), features.read(clip_id)["log_mel"]) for clip_id in ids}


def dataset(root, adapter):
    return {"adapter": adapter, "root": str(root), "split": {"test": [TREES[adapter][1]]}}


def test_each_corpus_alone_and_all_together_give_the_same_clips(tmp_path, videos):
    apart, sets = {}, {}
    for adapter in TREES:
        folder = tmp_path / adapter
        plant(folder / "tree", adapter, videos)
        sets[adapter] = dataset(folder / "tree", adapter)
        table, numbers = road(folder, {adapter: sets[adapter]})
        assert sorted(table["split"]) == ["test", "train", "train"], adapter
        assert len(set(table["actor"][table["split"] == "test"])) == 1
        assert all(features.shape[0] == FRAMES for _, features in numbers.values())
        assert len({features.tobytes() for _, features in numbers.values()}) == 3  # each has its own sound
        apart |= numbers
    table, together = road(tmp_path, sets)
    assert len(table) == 15
    assert set(table["emotion"]) - {None} <= {"angry", "happy", "sad", "neutral"}
    assert together.keys() == apart.keys()
    for clip_id, (content, features) in together.items():
        assert content == apart[clip_id][0]
        np.testing.assert_array_equal(features, apart[clip_id][1])


def test_awkward_names_give_the_same_numbers_as_plain_ones(tmp_path, videos):
    found = []
    for kind, people in (("plain", [f"p{k}" for k in range(len(PEOPLE))]), ("awkward", PEOPLE)):
        root = tmp_path / kind / "tree"
        for k, person in enumerate(people):
            (root / person).mkdir(parents=True)
            clip = "clip" if kind == "plain" else "{x} %d 'y'"
            shutil.copy(videos(".mp4", k % 3), root / person / f"{clip}.mp4")
        _, numbers = road(tmp_path / kind, {"d": {"adapter": "folder", "root": str(root), "role": "predict"}})
        found.append({clip_id.split("/")[1]: rows for clip_id, rows in numbers.items()})
    plain, awkward = found
    assert awkward.keys() == set(PEOPLE)
    for k, person in enumerate(PEOPLE):
        np.testing.assert_array_equal(awkward[person][1], plain[f"p{k}"][1])
        assert len(awkward[person][1]) == FRAMES
