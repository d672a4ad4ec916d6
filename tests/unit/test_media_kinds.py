"""Files that are no media are named as what they are."""

import io
import os
import zipfile

import numpy as np
import pytest

from speechface import media
from speechface.audio.sound import write_wav
from speechface.errors import MediaError


def zipped():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("a", "b")
    return content.getvalue()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:9269ed5e\nsize 414429\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (POINTER, "a Git LFS pointer to 414,429 bytes that are not here; run 'git lfs pull'"),
        (b"<!DOCTYPE html><html>Sign in", "a web page, not media: the download gave an error or asked for a login"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied', "a web page, not media"),
        (zipped(), "a zip archive, not media; unpack it"),
        (b"\0" * 5000, "zeros, not media: a copy or download that was never finished"),
        (b"just some notes about the recording", "a text, not media; give a video or sound file"),
        (b"", r"the file is empty \(0 bytes\); copy it again"),
        (os.urandom(3000), "not a readable media file"),
    ],
)
def test_what_is_no_media_is_named_as_what_it_is(content, expected, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(content)
    for read in (media.probe_video, lambda path: media.decode_audio(path, sr=16000)):
        with pytest.raises(MediaError, match=f"clip.mp4: {expected}") as caught:
            read(tmp_path / "clip.mp4")
        assert "\n" not in str(caught.value)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "clip.mp4")
    with pytest.raises(MediaError, match="a pipe or device, not a file"):
        media.probe_video(tmp_path / "clip.mp4")


def test_media_are_media_even_if_they_begin_with_letters(tmp_path):
    write_wav(tmp_path / "a.wav", np.zeros(1600, np.float32), 16000)
    assert len(media.decode_audio(tmp_path / "a.wav", sr=16000)) == 1600


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_video_that_was_cut_off_says_so(part, tmp_path):
    with media.VideoWriter(tmp_path / "a.mp4", width=64, height=48, fps=25, crf=20) as writer:
        for k in range(20):
            writer.write(np.random.default_rng(k).integers(0, 255, (48, 64, 3)).astype(np.uint8))
    content = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: int(part * len(content))])
    with pytest.raises(MediaError, match="cut.mp4: (truncated|cut off|damaged or truncated): .*again"):
        media.probe_video(tmp_path / "cut.mp4")


def test_images_of_an_unknown_codec_are_told(tmp_path):
    with media.VideoWriter(tmp_path / "a.mp4", width=64, height=48, fps=25, crf=20) as writer:
        for k in range(5):
            writer.write(np.full((48, 64, 3), 40 * k, np.uint8))
    (tmp_path / "a.mp4").write_bytes((tmp_path / "a.mp4").read_bytes().replace(b"avc1", b"zzz1"))
    with pytest.raises(MediaError, match="a.mp4: no decoder for its images"):
        media.probe_video(tmp_path / "a.mp4")
