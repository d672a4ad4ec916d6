"""Videos of the head."""

import av
import numpy as np
import pytest
from animations import animation_of

from speechface.export.registry import FORMATS


@pytest.mark.usefixtures("graphics")
def test_a_webm_has_the_face_alone_and_the_sound(tmp_path):
    """Read by libvpx: FFmpeg's own decoder leaves alpha out."""
    animation = animation_of(tmp_path, count=12)
    animation.image_size = 96
    path = FORMATS["webm"].write(animation, tmp_path / "out")
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    with av.open(str(path)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("vp9", "opus")
        assert video.average_rate == animation.fps
        images = [frame for packet in file.demux(video) for frame in decoder.decode(packet)]
    assert len(images) == 12
    assert {image.format.name for image in images} == {"yuva420p"}
    picture = images[6].to_ndarray(format="rgba")
    alpha = picture[..., 3]
    assert alpha[:4].max() < 10  # nothing above the head
    assert alpha[48, 48] > 245
    assert 0.1 < (alpha > 128).mean() < 0.9
    # where nothing shows, the colour is that of the face nearby, so that no rim shines through
    edge = (alpha < 20) & (np.roll(alpha, 3, 1) > 235)
    assert np.abs(picture[edge][:, :3].astype(float) - picture[alpha > 245][:, :3].mean(0)).mean() < 60
    with av.open(str(path)) as file:
        seconds = sum(frame.samples for frame in file.decode(audio=0)) / 48000
    assert seconds == pytest.approx(12 / float(animation.fps), abs=0.05)  # Opus' frames are of 20 ms


@pytest.mark.usefixtures("graphics")
def test_an_mp4_has_a_picture_a_frame(tmp_path):
    animation = animation_of(tmp_path, count=12)
    with av.open(str(FORMATS["mp4"].write(animation, tmp_path / "out"))) as file:
        assert sum(1 for _ in file.decode(video=0)) == 12
