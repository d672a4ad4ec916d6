"""Six corpora as they unpack and people of awkward names, trained together: as their clips in plain folders."""

from fractions import Fraction

import av
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from speechface.audio.sound import write_wav
from speechface.cli import main
from speechface.media import decode_audio

from .conftest import snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.exhaustive]

FPS = 25
#: Files of a corpus: actor -> neutral clip, happy clip. The last actor tests.
CORPORA = {
    "ravdess": {"Actor_01": ["Actor_01/01-01-01-01-01-01-01.mp4", "Actor_01/01-01-03-01-01-01-01.mp4"],
                "Actor_02": ["Actor_02/01-01-01-01-01-01-02.mp4", "Actor_02/01-01-03-01-01-01-02.mp4"]},
    "savee": {"DC": ["AudioVisualClip/DC/n01.avi", "AudioVisualClip/DC/h2.avi"],
              "KL": ["AudioVisualClip/KL/n01.avi", "AudioVisualClip/KL/h2.avi"]},
    "cremad": {"1001": ["1001_DFA_NEU_XX.flv", "1001_IEO_HAP_HI.flv"],
               "1002": ["1002_DFA_NEU_XX.flv", "1002_IEO_HAP_HI.flv"]},
    "mead": {"M003": ["M003/video/front/neutral/level_1/001.mp4", "M003/video/front/happy/level_2/002.mp4"],
             "W009": ["W009/video/front/neutral/level_1/001.mp4", "W009/video/front/happy/level_2/002.mp4"]},
    "grid": {"s1": ["s1/video/mpg_6000/bbaf2n.mpg", "s1/video/mpg_6000/lgif5s.mpg"],
             "s2": ["s2/video/mpg_6000/bbaf2n.mpg", "s2/video/mpg_6000/lgif5s.mpg"]},
    "vidtimit": {"fadg0": ["sa1", "sx12"], "mccs0": ["sa1", "sx12"]},
}  # fmt: skip
#: Codecs of the endings.
CODECS = {
    ".mp4": ("h264", "aac"), ".avi": ("mpeg4", "pcm_s16le"), ".flv": ("flv1", "aac"), ".mpg": ("mpeg1video", "mp2"),
}  # fmt: skip
#: Plain and awkward names, both in order.
PEOPLE = {"p1": "-a {b} [c] 50%\n$HOME;`ls`", "p2": 'Иван "O\'Brien"', "p3": "张伟"}
EMOTIONS = ["neutral", "happy"]


def drawn(folder):
    """Two short videos of each of 15 actors: for each (neutral, happy), paths."""
    ids = {n: [f"demo/Actor_{n:02d}/01-01-0{emotion}-01-01-01-{n:02d}" for emotion in (1, 3)] for n in range(1, 16)}
    assert main(["make-demo-actors", "--n-actors", "15", "--out", f"{folder}/heads.npz"]) == 0
    clips = [f"{clip_id}=none" for pair in ids.values() for clip_id in pair]
    settings = f'{{"width": 240, "height": 240, "fps": {FPS}}}'
    assert main(["make-demo-clips", "--clips", *clips, "--actors", f"{folder}/heads.npz", "--videos",
                 f"{folder}/v.parquet", "--truth", f"{folder}/t.parquet", "--channels", "arkit52",
                 "--settings", settings]) == 0  # fmt: skip
    unpack = ["unpack", "video", f"{folder}/v.parquet", "--out-dir", f"{folder}/drawn", "--list", f"{folder}/list.txt"]
    assert main(unpack) == 0
    return [[folder / "drawn" / f"{clip_id}.mp4" for clip_id in pair] for pair in ids.values()]


def images_of(video):
    with av.open(str(video)) as reader:
        return [frame.to_ndarray(format="rgb24") for frame in reader.decode(video=0)]


def write(path, video):
    """The video in the codecs of the corpus."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = decode_audio(str(video), sr=44100)
    vision, hearing = CODECS[path.suffix]
    with av.open(str(path), "w") as writer:
        images = writer.add_stream(vision, rate=FPS)
        images.width = images.height = 240
        images.pix_fmt, images.bit_rate = "yuv420p", 2_000_000
        track = writer.add_stream(hearing, rate=44100, layout="mono")
        for k, image in enumerate(images_of(video)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, FPS)
            writer.mux(images.encode(frame))
        writer.mux(images.encode(None))
        fifo, resampler = av.AudioFifo(), av.AudioResampler(format=track.format, layout="mono", rate=44100)
        frame = av.AudioFrame.from_ndarray((sound[None] * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        for part in resampler.resample(frame):
            fifo.write(part)
        while part := fifo.read(track.codec_context.frame_size or 1024, partial=True):
            writer.mux(track.encode(part))
        writer.mux(track.encode(None))


def write_images(root, actor, sentence, video):
    """A sentence of VidTIMIT: numbered pictures and a wav."""
    folder = root / actor / "video" / sentence
    folder.mkdir(parents=True)
    for k, image in enumerate(images_of(video), 1):
        Image.fromarray(image).save(folder / f"{k:03d}", "jpeg", quality=92)
    (root / actor / "audio").mkdir(exist_ok=True)
    write_wav(root / actor / "audio" / f"{sentence}.wav", decode_audio(str(video), sr=32000), 32000)


def config(plain, people):
    """The corpora, those of `plain` as folders, and people by their names."""
    datasets = {
        name: {"adapter": "folder" if name in plain else name, "root": name, "split": {"test": [list(actors)[-1]]}}
        for name, actors in CORPORA.items()
    }
    pattern = "{actor}/{emotion}/{clip}"
    datasets["people"] = {"adapter": "folder", "root": "people", "pattern": pattern, "split": {"test": [people["p2"]]}}
    few = {"epochs": 2, "frames_per_step": 64, "frames_per_epoch": 128}
    return {
        "datasets": datasets,
        "labels": {"identity_frames": 8},
        "models": {"cnn": {"training": few}, "tcn": {"family": "sequence", "training": few},
                   "flow": {"family": "flow", "styles": ["speaker"], "training": few}},
        "training": {"balanced_by": "actor", "validation_fraction": 0},  # names choose what validates
        "evaluation": {"bootstrap": 50},
        "rendering": {"max_clips": 1, "size": 120},
        "figures": {"dpi": 60},
    }  # fmt: skip


def plant(folder, videos):
    """Corpora and awkward names below folder / "corpora", the same files under plain ones below folder / "plain"."""
    videos = iter(videos)
    for corpus, actors in CORPORA.items():
        for actor, files in actors.items():
            for file, video in zip(files, next(videos)):
                if corpus == "vidtimit":
                    write_images(folder / "corpora" / corpus, actor, file, video)
                else:
                    write(folder / "corpora" / corpus / file, video)
    (folder / "plain").mkdir()
    (folder / "plain" / "vidtimit").symlink_to(folder / "corpora" / "vidtimit")
    for plain, awkward in PEOPLE.items():
        for emotion, video in zip(EMOTIONS, next(videos)):
            path = folder / "corpora" / "people" / awkward / emotion / "it's.mp4"
            write(path, video)
            other = folder / "plain" / "people" / plain / emotion / "its.mp4"
            other.parent.mkdir(parents=True)
            other.symlink_to(path)


def test_all_corpora_together_train_as_their_clips_in_plain_folders_do(tmp_path):
    import torch

    plant(tmp_path, drawn(tmp_path))
    plain = [name for name in CORPORA if name != "vidtimit"]
    (tmp_path / "corpora" / "config.yaml").write_text(yaml.safe_dump(config([], PEOPLE), allow_unicode=True))
    snakemake(tmp_path / "corpora", "--quiet", "host")
    corpora = pd.read_parquet(tmp_path / "corpora/results/splits/clips.parquet")
    assert len(corpora) == 30
    assert (corpora["split"] != "excluded").all(), corpora["reason"].tolist()
    assert set(corpora["actor"][corpora["split"] == "test"]) == {
        *(list(actors)[-1] for actors in CORPORA.values()), PEOPLE["p2"],
    }  # fmt: skip
    told = corpora[~corpora["dataset"].isin(["grid", "vidtimit"])]
    assert told["emotion"].value_counts().to_dict() == {"neutral": 11, "happy": 11}

    for row in corpora[corpora["dataset"].isin(plain)].itertuples():
        path = tmp_path / "plain" / row.dataset / row.actor / (row.clip + row.path[-4:])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(tmp_path / "corpora" / row.path)
    names = {name: name for name in PEOPLE}
    (tmp_path / "plain" / "config.yaml").write_text(yaml.safe_dump(config(plain, names), allow_unicode=True))
    snakemake(tmp_path / "plain", "results/evaluation/metrics.csv", "--quiet", "host")

    for model in ("cnn", "tcn", "flow"):
        one, other = (
            torch.load(tmp_path / side / f"results/models/{model}/0/model.ckpt", weights_only=False)["state"]
            for side in ("corpora", "plain")
        )
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert torch.equal(value, other[key]), (model, key)
            assert torch.isfinite(value).all(), (model, key)
    one, other = (pd.read_csv(tmp_path / side / "results/evaluation/metrics.csv") for side in ("corpora", "plain"))
    assert set(one["dataset"][one["group"] == "all"]) >= {*CORPORA, "people"}
    # a flow draws by the name of the clip
    one, other = (
        table[(table["group"] == "all") & ((table["model"] != "flow") | table["dataset"].isin(CORPORA))]
        for table in (one, other)
    )
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True))
