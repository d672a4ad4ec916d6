"""What `speechface inspect` tells of a drawn head that vanishes for a while."""

import re

import numpy as np
import pytest

from speechface import media
from speechface.cli import main


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A video of a demo actor, grey from frame 20 to 29."""
    folder = tmp_path_factory.mktemp("inspect")
    key = "demo/Actor_01/01-01-03-02-02-01-01"
    assert main(["make-demo-actors", "--n-actors", "1", "--out", f"{folder}/actors.npz"]) == 0
    assert main(["make-demo-clips", "--clips", f"{key}=x", "--actors", f"{folder}/actors.npz", "--videos",
                 f"{folder}/v.parquet", "--truth", f"{folder}/t.parquet", "--settings",
                 '{"width": 240, "height": 240, "fps": 25}']) == 0  # fmt: skip
    source = f"{folder}/v.parquet::{key}"
    audio = media.decode_audio(source, sr=44100)
    with media.VideoWriter(folder / "a b.mp4", width=240, height=240, fps=25, crf=12, audio=audio, sr=44100) as writer:
        for k, image in enumerate(media.decode_rgb(source)):
            writer.write(np.full_like(image, 128) if 20 <= k < 30 else image)
    return folder / "a b.mp4"


def test_what_was_read_used_and_masked_is_told_and_shown(clip, tmp_path, capsys):
    assert main(["inspect", str(clip), "--picture", str(tmp_path / "p.png")]) == 0
    said = capsys.readouterr().out
    count = int(re.search(r"image +(\d+) frames of 240x240 at 25 a second\n", said)[1])
    assert f"in {count - 10} of {count} frames by dlib" in said
    assert re.search(r"used +\d+ of \d+ frames; not used: .*20-29", said)
    assert re.search(r"masked +\d+ of \d+ channels", said)
    assert "cheekPuff" in said
    assert "frames 20 to 29: no face" in said
    assert re.search(r"sound +\d\.\d\d s at 44100 Hz", said)
    assert re.search(r"verdict +used", said)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_a_clip_that_cannot_be_used_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / "x.flv").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:9\nsize 414429\n")
    assert main(["inspect", str(tmp_path / "x.flv")]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [f"clip       {tmp_path}/x.flv"]
    assert said.err.splitlines() == [
        f"speechface inspect: audio: {tmp_path}/x.flv: a Git LFS pointer to 414,429 bytes that are not here; run "
        "'git lfs pull' in its repository"
    ]
