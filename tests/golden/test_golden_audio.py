"""extract-audio: a clip whose sound begins before its first frame."""

from fractions import Fraction

import av
import numpy as np

from golden import check, some, sound
from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.sound_tables import read_sound, read_times

NTSC = Fraction(30000, 1001)


def write_clip(path):
    """Lossless images at 29.97 a second from 0.1 s on, and 48 kHz sound from 0 s on."""
    audio = np.rint(sound(48000) * 32767).astype(np.int16)
    with av.open(str(path), "w") as writer:
        video = writer.add_stream("ffv1", rate=NTSC)
        video.width, video.height, video.pix_fmt = 32, 24, "yuv420p"
        track = writer.add_stream("pcm_s16le", rate=48000, layout="mono")
        for k in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((36, 32), 10 * k, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = k + 3, 1 / NTSC
            writer.mux(video.encode(frame))
        block = av.AudioFrame.from_ndarray(audio[None], format="s16", layout="mono")
        block.sample_rate, block.pts, block.time_base = 48000, 0, Fraction(1, 48000)
        writer.mux(track.encode(block))
        for stream in (video, track):
            writer.mux(stream.encode(None))


def test_sound_and_frame_times_are_those_recorded(tmp_path):
    write_clip(tmp_path / "c.mkv")
    out = tmp_path / "audio.parquet"
    arguments = ["--clips", f"d/a/c={tmp_path / 'c.mkv'}", "--out", str(out)]
    assert main(["extract-audio", *arguments]) == 0
    table = ClipTable(out)
    sound = read_sound(table, "d/a/c")
    times, _ = read_times(table, "d/a/c")
    meta = {name: table.clip_meta("d/a/c")[name] for name in ("fps", "width", "height", "n_samples", "sr", "power")}
    found = {**meta, "times": times, "start": sound.start, "samples": some(sound.audio)}
    # times: float64; samples: one step of 16 bits, since a resampler's sums depend on the processor
    check("audio", found, {"fps": 1e-9, "power": 1e-7, "times": 1e-9, "samples": 1.5 / 32768})
