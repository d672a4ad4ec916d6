"""Clips whose sound is late come out as those in step, and one with another clip's sound is left out."""

import re

import av
import numpy as np
import pandas as pd
import pytest
import yaml

from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.datasets.demo import clip_names

from .conftest import snakemake

pytestmark = pytest.mark.workflow

LATE_MS = 80


def remux(picture, sound, path, late_ms):
    """The images of one file with the sound of another, `late_ms` later; nothing is encoded again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(picture)) as images, av.open(str(sound)) as voice, av.open(str(path), "w") as writer:
        parts = [(images, images.streams.video[0], 0), (voice, voice.streams.audio[0], late_ms)]
        outs = [writer.add_stream_from_template(stream) for _, stream, _ in parts]
        for (reader, stream, late), out in zip(parts, outs, strict=True):
            for packet in reader.demux(stream):
                if packet.dts is None:
                    continue
                shift = round((1 + late / 1000) / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, out
                writer.mux(packet)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on five clips of the demo in step, and as another actor the same, late, and one with another's sound."""
    folder = tmp_path_factory.mktemp("late")
    ids = [f"demo/Actor_01/{name}" for name in clip_names(1, 6)]
    assert main(["make-demo-actors", "--n-actors", "1", "--out", str(folder / "actors.npz")]) == 0
    assert main(["make-demo-clips", "--clips", *(f"{clip}=x" for clip in ids), "--actors", str(folder / "actors.npz"),
                 "--settings", '{"width": 240, "height": 240, "fps": 25, "seed": 0}', "--videos",
                 str(folder / "videos.parquet"), "--truth", str(folder / "truth.parquet")]) == 0  # fmt: skip
    assert main(["unpack", "video", str(folder / "videos.parquet"), "--out-dir", str(folder / "made")]) == 0
    made = [folder / "made" / f"{clip}.mp4" for clip in ids]
    for k, path in enumerate(made[:5]):
        remux(path, path, folder / f"data/step/{k}.mkv", 0)
        remux(path, path, folder / f"data/late/{k}.mkv", LATE_MS)
    remux(made[5], made[0], folder / "data/late/other.mkv", LATE_MS)
    config = {
        "datasets": {"mine": {"adapter": "folder", "root": "data", "split": {"train": ["late"], "test": ["step"]}}},
        "baselines": {"names": ["mean"], "feature": "log_mel"},
        "labels": {"identity_frames": 8, "iterations": 4},
        "crops": {"clips": "shown"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    snakemake(folder, "results/splits/log_mel/train.parquet")
    return folder


def test_late_clips_have_the_features_of_those_in_step(folder):
    tables = {actor: ClipTable(folder / f"results/log_mel/mine/{actor}.parquet") for actor in ("step", "late")}
    for k in range(5):
        step, late = (table.read(f"mine/{actor}/{k}")["log_mel"] for actor, table in tables.items())
        # containers round to milliseconds, sound to samples: bands between harmonics differ, others do not
        assert np.abs(step.astype(float) - late).mean() < 0.1


def test_delays_and_their_certainty_stand_in_the_clip_table(folder):
    clips = pd.read_parquet(folder / "results/splits/clips.parquet").set_index(["actor", "clip"])
    assert set(clips.audio_delay_from) == {"actor"}
    late, step = clips.loc["late"], clips.loc["step"]
    assert (late.audio_delay_ms.iloc[0] - step.audio_delay_ms.iloc[0]) == LATE_MS
    assert step.audio_delay_ms.abs().max() <= 20
    assert (clips.delay_low_ms < clips.delay_found_ms).all()
    assert (clips.delay_found_ms < clips.delay_high_ms).all()
    assert (clips.sound_agreement.drop(("late", "other")) > 0.5).all()


def test_a_clip_with_another_sound_is_listed_and_left_out_of_training(folder):
    clips = pd.read_parquet(folder / "results/splits/clips.parquet").set_index(["actor", "clip"])
    assert (clips.split == "excluded").sum() == 1
    assert clips.split["late", "other"] == "excluded"
    assert "sound and lips do not agree" in clips.reason["late", "other"]
    quality = pd.read_csv(folder / "results/labels/quality.csv").set_index(["actor", "clip"])
    assert not quality.used["late", "other"]
    train = pd.read_parquet(folder / "results/splits/log_mel/train.parquet", columns=["clip"])
    assert set(train["clip"]) == set("01234")


def test_a_given_delay_makes_features_again_and_neither_sound_nor_labels(folder):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["datasets"]["mine"]["audio_delay_ms"] = 90
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    try:
        plan = snakemake(folder, "results/splits/log_mel/train.parquet", "--dry-run", "--quiet", "host")
    finally:
        (folder / "config.yaml").write_text(text)
    planned = set(re.findall(r"^(?:local)?rule (\w+):", plan, re.M))
    assert planned == {"list_clips", "pool_delays", "log_mel", "label_report", "split_clips", "build_split"}
