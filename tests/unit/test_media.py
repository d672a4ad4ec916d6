"""Media in and out: exact times, exact counts, sound in step with the image, one-line errors."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from speechface import media
from speechface.audio.sound import write_wav
from speechface.clip_tables import ClipRows, bytes_column
from speechface.clip_updates import update_clip_tables
from speechface.errors import ClipError, MediaError, TableError
from speechface.media.probe import fit_times
from speechface.sources import FileSource, ImagesSource, TableSource, parse_source

NTSC = Fraction(30000, 1001)


def images(count, width=64, height=48):
    """Images whose grey level counts the frames, with a bright corner at the top left."""
    frames = np.zeros((count, height, width, 3), np.uint8)
    frames += (40 + 6 * np.arange(count) % 150).astype(np.uint8)[:, None, None, None]
    frames[:, : height // 4, : width // 4] = 250
    return frames


def write(path, frames, fps=NTSC, **options):
    height, width = frames.shape[1:3]
    with media.VideoWriter(path, width=width, height=height, fps=fps, crf=12, **options) as video:
        for frame in frames:
            video.write(frame)
    return path


def remux(source, target, *, rate=None, codec=None, stamps=None, rotation=None, streams=("video", "audio")):
    """Write the video again into another container, with other stamps or a rotation if asked."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        video = reader.streams.video[0]
        if codec is None:
            out = writer.add_stream_from_template(video)
            if rotation is not None:
                out.set_display_rotation(rotation)
            for packet in reader.demux(video):
                if packet.dts is not None:
                    packet.stream = out
                    writer.mux(packet)
            return target
        out = writer.add_stream(codec, rate=rate)
        out.width, out.height, out.pix_fmt = video.width, video.height, "yuv420p"
        out.bit_rate = 2_000_000
        if stamps is not None:
            out.codec_context.time_base = Fraction(1, 1000)
        for k, frame in enumerate(reader.decode(video)):
            new = av.VideoFrame.from_ndarray(frame.to_ndarray(format="yuv420p"), format="yuv420p")
            new.pts = k if stamps is None else stamps[k]
            new.time_base = 1 / Fraction(rate) if stamps is None else Fraction(1, 1000)
            writer.mux(out.encode(new))
        writer.mux(out.encode(None))
    return target


@pytest.mark.parametrize("fps", [NTSC, Fraction(25), Fraction(24000, 1001), Fraction(60)])
def test_times_of_a_constant_rate_are_exact(tmp_path, fps):
    path = write(tmp_path / "a.mp4", images(40), fps=fps)
    times, found = media.frame_times(path)
    assert found == fps
    np.testing.assert_array_equal(times, np.arange(40) * fps.denominator / fps.numerator)


def test_float_rate_becomes_the_fraction_it_means(tmp_path):
    path = write(tmp_path / "a.mp4", images(10), fps=29.97002997)
    assert media.frame_times(path)[1] == NTSC


@pytest.mark.parametrize(
    ("suffix", "codec", "rate"),
    [(".mpg", "mpeg1video", 25), (".mpg", "mpeg2video", 25), (".avi", "mpeg4", 25), (".mkv", "mpeg4", 30),
     (".webm", "libvpx", 25), (".mkv", "ffv1", 24)],
)  # fmt: skip
def test_times_number_the_decoded_frames_in_every_container(tmp_path, suffix, codec, rate):
    source = write(tmp_path / "a.mp4", images(33))
    path = remux(source, tmp_path / f"b{suffix}", codec=codec, rate=rate)
    times, fps = media.frame_times(path)
    assert len(times) == sum(1 for _ in media.decode_frames(path)) == 33
    assert fps == rate
    np.testing.assert_array_equal(times, np.arange(33) / rate)


def test_variable_rate_keeps_its_stamps(tmp_path):
    stamps = np.cumsum([0, 40, 40, 40, 200, 40, 40, 33, 40, 40])
    path = remux(write(tmp_path / "a.mp4", images(10)), tmp_path / "b.mkv", codec="ffv1", rate=25, stamps=stamps)
    times, fps = media.frame_times(path)
    np.testing.assert_allclose(times, stamps / 1000, atol=1e-9)  # milliseconds are exact ticks of the container
    assert fps == 25


def test_rounded_stamps_become_an_exact_rate():
    tick = Fraction(1, 1000)
    stamps = [round(k * 1001 / 30) for k in range(500)]
    times, fps = fit_times(stamps, tick=tick, rates=[Fraction(30), NTSC])
    assert fps == NTSC  # 30 is 0.5 s off after 500 frames
    np.testing.assert_array_equal(times, np.arange(500) * 1001 / 30000)


def test_a_jump_of_the_clock_is_one_step():
    stamps = [1000 * k + (1_800_000 if k >= 20 else 0) for k in range(50)]  # 72 s, ticks of 1/25000 s
    times, fps = fit_times(stamps, tick=Fraction(1, 25000), rates=[Fraction(25)])
    np.testing.assert_allclose(times, np.arange(50) / 25)
    assert fps == 25


def test_images_come_back_in_order_and_in_colour(tmp_path):
    frames = images(20)
    frames[5] = (200, 60, 30)
    path = write(tmp_path / "a.mp4", frames)
    decoded = np.stack(list(media.decode_rgb(path)))
    assert decoded.shape == frames.shape
    # 8-bit limited-range YUV with half-size chroma at crf 12: a few grey levels, away from the corner's edge
    assert np.abs(decoded[:, 20:, 24:].astype(int) - frames[:, 20:, 24:]).max() <= 4


@pytest.mark.parametrize("window", [(0, 0, 64, 48), (3, 5, 32, 31), (10, 8, 63, 47), (63, 47, 64, 48)])
def test_a_part_in_colour_is_cut_out_of_the_whole(tmp_path, window):
    path = write(tmp_path / "a.mp4", images(3))
    left, top, right, bottom = window
    for image, whole in zip(media.decode_images(path), media.decode_rgb(path)):
        np.testing.assert_array_equal(image.rgb(), whole)
        np.testing.assert_array_equal(image.rgb(window), whole[top:bottom, left:right])
        np.testing.assert_array_equal(media.ArrayImage(whole).rgb(window), whole[top:bottom, left:right])


def test_read_frame_is_the_decoded_frame(tmp_path):
    path = write(tmp_path / "a.mp4", images(20))
    frames = list(media.decode_rgb(path))
    np.testing.assert_array_equal(media.read_frame(path, 13), frames[13])
    with pytest.raises(MediaError, match="no frame 20; the video has 20"):
        media.read_frame(path, 20)


def test_gray_is_the_luma_of_every_frame_and_lives_on(tmp_path):
    path = write(tmp_path / "a.mp4", images(20))
    gray = np.stack([image.gray for image in list(media.decode_images(path))])
    luma = np.stack([image.frame.to_ndarray(format="yuv420p")[:48] for image in media.decode_frames(path)])
    np.testing.assert_array_equal(gray, luma)


def test_planes_give_the_same_colours_as_rgb(tmp_path):
    frames = images(4)
    frames[:, 24:] = (180, 90, 40)
    path = write(tmp_path / "a.mp4", frames)
    for rgb, image in zip(media.decode_rgb(path), media.decode_images(path)):
        (y, u, v), kind = image.planes()
        part = media.planes_to_rgb((y[8:40, 4:52], u[4:20, 2:26], v[4:20, 2:26]), kind)
        # the same conversion; rows and columns at the border lack chroma neighbours
        np.testing.assert_allclose(part[4:-4, 4:-4].astype(int), rgb[12:36, 8:48], atol=2)


def test_video_filmed_on_its_side_comes_upright(tmp_path):
    source = write(tmp_path / "a.mp4", images(5))
    path = remux(source, tmp_path / "b.mp4", rotation=-90)
    info = media.probe_video(path)
    assert (info.width, info.height) == (48, 64)
    plain, turned = media.read_frame(source, 0), media.read_frame(path, 0)
    np.testing.assert_array_equal(turned, np.rot90(plain, -1))  # -90: clockwise, the corner moves to the top right
    image = next(media.decode_images(path))
    assert image.gray.shape == (64, 48)
    assert image.gray[:8, -8:].mean() > image.gray[:8, :8].mean() + 50
    assert image.planes()[0][1].shape == (32, 24)


@pytest.mark.parametrize(
    ("matrix", "seen"),
    [
        ((0, 1, -1, 0), lambda stored: np.rot90(stored, -1)),
        ((0, -1, 1, 0), lambda stored: np.rot90(stored, 1)),
        ((-1, 0, 0, -1), lambda stored: np.rot90(stored, 2)),
        ((-1, 0, 0, 1), lambda stored: stored[:, ::-1]),
        ((1, 0, 0, -1), lambda stored: stored[::-1]),
        ((0, 1, 1, 0), lambda stored: stored.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda stored: stored.transpose(1, 0, 2)[::-1, ::-1]),
    ],
)
def test_every_turn_and_mirror_of_a_display_matrix_is_followed(tmp_path, matrix, seen):
    """(a, b, c, d): a stored place (x, y) shows at (a x + c y, b x + d y)."""
    content = bytearray(write(tmp_path / "a.mp4", images(2)).read_bytes())
    at = content.index(b"tkhd") + 44
    a, b, c, d = (65536 * value for value in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path = tmp_path / "b.mp4"
    path.write_bytes(content)
    shown, stored = media.read_frame(path, 0), media.read_frame(tmp_path / "a.mp4", 0)
    np.testing.assert_array_equal(shown, seen(stored))
    image, info = next(media.decode_images(path)), media.probe_video(path)
    assert (info.height, info.width) == image.gray.shape == shown.shape[:2]
    np.testing.assert_array_equal(image.rgb((8, 6, 40, 30)), shown[6:30, 8:40])


@pytest.mark.parametrize(
    ("aspect", "size"), [((4, 3), (85, 48)), ((3, 4), (64, 64)), ((201, 200), (64, 48)), ((90, 1), (64, 48))]
)
def test_pixels_that_are_not_square_are_made_so(tmp_path, aspect, size):
    source = write(tmp_path / "a.mp4", images(3))
    path = tmp_path / "b.mkv"
    with av.open(str(source)) as reader, av.open(str(path), "w") as writer:
        out = writer.add_stream("mpeg4", rate=25)
        out.width, out.height, out.pix_fmt = 64, 48, "yuv420p"
        out.codec_context.sample_aspect_ratio = Fraction(*aspect)
        for frame in reader.decode(video=0):
            writer.mux(out.encode(frame.reformat(format="yuv420p")))
        writer.mux(out.encode(None))
    info, shown = media.probe_video(path), list(media.decode_images(path))
    assert (info.width, info.height) == size
    assert len(shown) == len(info.times) == 3
    assert shown[0].gray.shape == shown[0].rgb().shape[:2] == size[::-1]
    assert shown[0].decoded.key


@pytest.mark.parametrize(("colorspace", "color_range"), [(1, 1), (5, 1), (1, 2), (2, 0)])
def test_planes_written_show_the_same_colours_as_their_rgb(tmp_path, colorspace, color_range):
    kind = media.PixelFormat("yuv420p", colorspace, color_range)
    planes = [np.full((64, 64), 120, np.uint8), np.full((32, 32), 90, np.uint8), np.full((32, 32), 160, np.uint8)]
    with media.VideoWriter(tmp_path / "a.mp4", width=64, height=64, fps=25, crf=1) as video:
        video.write_planes(planes, kind)
    shown, rgb = next(media.decode_rgb(tmp_path / "a.mp4")), media.planes_to_rgb(planes, kind)
    np.testing.assert_allclose(shown.astype(int), rgb, atol=3)  # two roundings of YUV


def click_at(frame, fps, sr, seconds):
    audio = np.zeros(round(seconds * sr), np.float32)
    audio[round((frame + 0.5) / fps * sr)] = 0.9  # half way through the frame's window
    return audio


@pytest.mark.parametrize("sr", [44100, 48000, 22050, 96000])
@pytest.mark.parametrize("wanted", [44100, 16000])
def test_click_falls_in_its_own_video_frame(tmp_path, sr, wanted):
    audio = click_at(17, NTSC, sr, 1.5)
    path = write(tmp_path / "a.mp4", images(40), audio=audio, sr=sr)
    sound = media.decode_audio(path, sr=wanted)
    time = np.abs(sound).argmax() / wanted
    assert abs(time - 17.5 / NTSC) < 1e-3  # AAC smears a click by less than a millisecond around its peak
    assert 17 / NTSC < time < 18 / NTSC
    assert abs(len(sound) / wanted - 1.5) < 1024 / 22050 + 1e-3  # AAC ends on a whole block


def test_times_do_not_change_when_sound_is_added(tmp_path):
    path = write(tmp_path / "a.mp4", images(40), audio=np.zeros(99000, np.float32), sr=48000)
    times, fps = media.frame_times(path)
    np.testing.assert_array_equal(times, np.arange(40) * 1001 / 30000)


def test_sound_that_begins_late_is_padded_and_early_is_cut(tmp_path):
    """The same click, with the video's first frame moved against the sound by 0.2 s either way."""
    audio = click_at(20, Fraction(25), 48000, 2.0)
    source = write(tmp_path / "a.mp4", images(50), fps=25, audio=audio, sr=48000)
    for delay in (0.2, -0.2):
        path = tmp_path / f"late{delay}.mkv"
        with av.open(str(source)) as reader, av.open(str(path), "w") as writer:
            outs = {s.index: writer.add_stream_from_template(s) for s in reader.streams}
            for packet in reader.demux():
                if packet.dts is None:
                    continue
                shift = 1 + (delay if packet.stream.type == "audio" else 0)
                packet.pts += round(shift / packet.time_base)
                packet.dts += round(shift / packet.time_base)
                packet.stream = outs[packet.stream.index]
                writer.mux(packet)
        sound = media.decode_audio(path, sr=48000)
        time = np.abs(sound).argmax() / 48000
        assert abs(time - (20.5 / 25 + delay)) < 2e-3  # stamps of the container are whole milliseconds


@pytest.mark.parametrize(
    ("suffix", "codec", "layout_format"),
    [(".wav", "pcm_s16le", "s16"), (".flac", "flac", "s16"), (".ogg", "libopus", "flt"),
     (".mp3", "libmp3lame", "s16p"), (".m4a", "aac", "fltp")],
)  # fmt: skip
def test_sound_files_open_without_video(tmp_path, rng, suffix, codec, layout_format):
    sr, path = 48000, tmp_path / f"a{suffix}"
    noise = np.convolve(rng.normal(0, 0.1, sr), np.hanning(16), "same") / 4  # noise below 6 kHz
    values = (noise * 32767).astype(np.int16) if layout_format.startswith("s16") else noise.astype(np.float32)
    with av.open(str(path), "w") as writer:
        out = writer.add_stream(codec, rate=sr, layout="mono")
        for first in range(0, sr, 1024):
            block = values[None, first : first + 1024].copy()
            frame = av.AudioFrame.from_ndarray(block, format=layout_format, layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = sr, first, Fraction(1, sr)
            writer.mux(out.encode(frame))
        writer.mux(out.encode(None))
    sound = media.decode_audio(path, sr=sr)
    inner = slice(4000, 40000)
    lags = np.arange(-30, 31)
    likeness = [np.corrcoef(sound[4000 + lag : 40000 + lag], noise[inner])[0, 1] for lag in lags]
    assert lags[np.argmax(likeness)] == 0  # not one sample late or early, whatever delay the codec has
    assert max(likeness) > 0.9  # lossy codecs drop some of a noise


def test_resampling_keeps_time_and_level():
    from speechface.media.resample import resample

    time48, time44 = np.arange(48000) / 48000, np.arange(44100) / 44100
    out = resample(np.sin(2 * np.pi * 500 * time48).astype(np.float32), 48000, 44100)
    assert len(out) == 44100
    # 500 Hz lies far inside the pass band; the ends are outside the filter's support
    np.testing.assert_allclose(out[500:-500], np.sin(2 * np.pi * 500 * time44)[500:-500], atol=2e-3)


@pytest.mark.parametrize(
    "call", [media.frame_times, lambda p: media.decode_audio(p, sr=44100), lambda p: media.read_frame(p, 0)]
)
@pytest.mark.parametrize(
    ("make", "message"),
    [(lambda p: None, "no such file"), (lambda p: p.write_bytes(b""), "empty"), (lambda p: p.mkdir(), "a folder"),
     (lambda p: p.write_bytes(b"\xff\x01" * 1000), "not a readable media file")],
)  # fmt: skip
def test_unreadable_files_give_one_clear_line(tmp_path, call, make, message):
    path = tmp_path / "x.mp4"
    make(path)
    with pytest.raises(MediaError, match=message) as caught:
        call(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_truncated_video_is_named_so(tmp_path):
    whole = write(tmp_path / "a.mp4", np.random.default_rng(0).integers(0, 255, (30, 48, 64, 3), dtype=np.uint8))
    path = tmp_path / "b.mp4"
    path.write_bytes(whole.read_bytes()[:-5000])
    with pytest.raises(MediaError, match="truncated"):
        media.frame_times(path)
    with pytest.raises(MediaError, match="truncated"):
        list(media.decode_images(path))


def test_missing_streams_are_named(tmp_path):
    silent = write(tmp_path / "a.mp4", images(5))
    with pytest.raises(MediaError, match="no sound"):
        media.decode_audio(silent, sr=44100)
    with av.open(str(tmp_path / "a.wav"), "w") as writer:
        out = writer.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        writer.mux(out.encode(frame))
        writer.mux(out.encode(None))
    with pytest.raises(MediaError, match="no video stream"):
        media.frame_times(tmp_path / "a.wav")


@pytest.mark.parametrize("scale", [1.5, 2])
def test_points_are_averaged_to_pixels(tmp_path, scale):
    side = round(32 * scale)
    points = np.zeros((side, side, 4), np.uint8)
    points[..., :3] = 40
    points[::2, side // 2 :, :3] = 255  # stripes of one point
    with media.VideoWriter(tmp_path / "a.mp4", width=32, height=32, fps=25, crf=0) as writer:
        writer.write_points(points)
    (image,) = media.decode_rgb(FileSource(str(tmp_path / "a.mp4")))
    left, right = image[:, :14].astype(float), image[:, 18:].astype(float)
    np.testing.assert_allclose(left, 40, atol=3)  # limited range, 8 bits
    if scale == 2:
        np.testing.assert_allclose(right, (40 + 255) / 2, atol=3)
    assert right.mean() == pytest.approx((40 + 255) / 2, abs=3)


def test_writer_leaves_no_file_after_an_error(tmp_path):
    def attempt(*frames, error=None):
        with media.VideoWriter(tmp_path / "a.mp4", width=64, height=48, fps=25, crf=20) as video:
            for frame in frames:
                video.write(frame)
            if error:
                raise error

    with pytest.raises(RuntimeError, match="mine"):
        attempt(images(1)[0], error=RuntimeError("mine"))
    with pytest.raises(MediaError, match="expected uint8"):
        attempt(np.zeros((48, 62, 3), np.uint8))
    with pytest.raises(MediaError, match="no frame"):
        attempt()
    with pytest.raises(MediaError, match="even sizes"):
        media.VideoWriter(tmp_path / "a.mp4", width=63, height=48, fps=25, crf=20)
    assert list(tmp_path.iterdir()) == []


def test_one_frame_is_a_video(tmp_path):
    path = write(tmp_path / "a.mp4", images(1))
    times, fps = media.frame_times(path)
    assert (times.tolist(), fps) == ([0.0], NTSC)


def test_written_video_starts_fast(tmp_path):
    content = write(tmp_path / "a.mp4", images(5)).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.clips
def test_times_match_decoding_on_real_clips(shared_clips):
    paths = [*sorted(shared_clips.glob("ravdess/*/*.mp4"))[:2], *sorted(shared_clips.glob("grid/x*/*.mpg"))[:3],
             *sorted(shared_clips.glob("folder/*/*.mp4"))]  # fmt: skip
    rates = {"ravdess": NTSC, "grid": Fraction(25), "folder": NTSC}
    for path in paths:
        times, fps = media.frame_times(path)
        assert len(times) == sum(1 for _ in media.decode_frames(path)), path
        assert fps == rates[path.relative_to(shared_clips).parts[0]]
        np.testing.assert_array_equal(times, np.arange(len(times)) * fps.denominator / fps.numerator)


# --- sources ------------------------------------------------------------------------------------------------------


def in_table(path, contents):
    """A table of videos: clip id -> bytes, or the reason why there is none."""

    def make(clip_id):
        if isinstance(contents[clip_id], str):
            raise ClipError(contents[clip_id])
        return ClipRows({"video": bytes_column([contents[clip_id]], ["x.mp4"])})

    facts = lambda clip_id, known: {"n": known.get("n", 0) + 1}  # noqa: E731
    update_clip_tables({"video": path}, list(contents), make, stage="demo", settings={}, facts=facts)
    return path


def images_and_sound(folder, frames, name="{}.png", first=1, audio=None):
    """A folder of numbered images, and a wav file beside it if there is sound; returns the source at 25 images/s."""
    import cv2

    folder.mkdir()
    for k, frame in enumerate(frames, first):
        coded = cv2.imencode(".jpg" if name == "{:03d}" else ".png", frame[..., ::-1])[1]
        (folder / name.format(k)).write_bytes(coded.tobytes())
    if audio is None:
        return f"{folder}::fps=25"
    write_wav(folder.with_suffix(".wav"), audio, 48000)
    return f"{folder}::audio={folder.with_suffix('.wav')}::fps=25"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b.mp4", FileSource("a/b.mp4")),
        ("a::b.mp4", FileSource("a::b.mp4")),
        ("t.parquet::d/a/c", TableSource("t.parquet", "d/a/c")),
        ("x::y/t.parquet::d/a/c", TableSource("x::y/t.parquet", "d/a/c")),
        ("t.parquet::d/a", FileSource("t.parquet::d/a")),
        ("f::audio=s.wav::fps=25", ImagesSource("f", "s.wav", Fraction(25))),
        ("f::fps=30000/1001", ImagesSource("f", "", NTSC)),
        ("f::fps=29.97", ImagesSource("f", "", Fraction(2997, 100))),
        ("v.mp4::audio=s.m4a", FileSource("v.mp4", "s.m4a")),
        ("f::audio=s.wav::fps=0", FileSource("f::audio=s.wav::fps=0")),
    ],
)
def test_the_text_of_a_source_is_read_and_written_back(text, expected):
    assert parse_source(text) == expected
    assert parse_source(str(expected)) == expected


def test_sound_beside_a_video_begins_with_its_first_image(tmp_path):
    audio = click_at(17, NTSC, 48000, 1.3)
    path = write(tmp_path / "a.mp4", images(40))
    write_wav(tmp_path / "a.wav", audio, 48000)
    source = f"{path}::audio={tmp_path / 'a.wav'}"
    info = media.probe_video(source)
    assert (info.has_sound, info.start) == (True, 0.0)
    assert not media.probe_video(path).has_sound
    np.testing.assert_allclose(media.decode_audio(source, sr=48000, start=info.start), audio, atol=2**-14)
    assert len(list(media.decode_rgb(source))) == 40
    facts = media.source_facts(source)
    assert media.source_facts(source, facts) == facts
    write_wav(tmp_path / "a.wav", audio[::-1], 48000)
    assert media.source_facts(source, facts)["sha256"] != facts["sha256"]


def test_a_link_to_nowhere_is_told_as_one(tmp_path):
    (tmp_path / "a.mp4").symlink_to("gone.mp4")
    with pytest.raises(MediaError, match="a.mp4: a link to gone.mp4, which is not there"):
        media.probe_video(tmp_path / "a.mp4")


def test_a_video_in_a_table_is_read_as_the_file_it_was(tmp_path):
    audio = click_at(17, NTSC, 48000, 1.3)
    path = write(tmp_path / "a.mp4", images(40), audio=audio, sr=48000)
    source = f"{in_table(tmp_path / 't.parquet', {'d/a/c': path.read_bytes()})}::d/a/c"
    ours, file = media.probe_video(source), media.probe_video(path)
    assert (ours.width, ours.height, ours.fps, ours.start, ours.has_sound) == (64, 48, NTSC, file.start, True)
    np.testing.assert_array_equal(ours.times, file.times)
    np.testing.assert_array_equal(list(media.decode_rgb(source)), list(media.decode_rgb(path)))
    np.testing.assert_array_equal(media.read_frame(source, 7), media.read_frame(path, 7))
    np.testing.assert_array_equal(media.decode_audio(source, sr=44100), media.decode_audio(path, sr=44100))


def test_what_is_wrong_with_a_video_in_a_table_is_named(tmp_path):
    whole = write(tmp_path / "a.mp4", images(20)).read_bytes()
    table = in_table(tmp_path / "t.parquet", {"d/a/c": whole[:-50], "d/a/n": "no face"})
    with pytest.raises(MediaError, match=rf"{table}::d/a/c: truncated: its images end at byte"):
        media.probe_video(f"{table}::d/a/c")
    with pytest.raises(MediaError, match=rf"{table}::d/a/n: no face$"):
        media.probe_video(f"{table}::d/a/n")
    with pytest.raises(TableError, match="no clip d/a/x"):
        media.probe_video(f"{table}::d/a/x")
    with pytest.raises(TableError, match=r"none.parquet: no such table"):
        next(media.decode_rgb(f"{tmp_path}/none.parquet::d/a/x"))


@pytest.mark.parametrize("name", ["{}.png", "frame_{:04d}.PNG", "{:03d}"])
def test_numbered_images_and_a_sound_are_a_clip(tmp_path, name):
    frames = images(12)
    source = images_and_sound(tmp_path / "f", frames, name, first=8, audio=click_at(5, 25, 48000, 0.48))
    info = media.probe_video(source)
    assert (info.width, info.height, info.fps, info.start, info.has_sound) == (64, 48, 25, 0.0, True)
    np.testing.assert_array_equal(info.times, np.arange(12) / 25)
    found = np.stack(list(media.decode_rgb(source)))  # 8.png before 10.png
    # png is lossless; jpeg errs by a few grey levels away from the corner's edge
    np.testing.assert_allclose(found[:, 24:, 24:].astype(int), frames[:, 24:, 24:], atol=3 if name == "{:03d}" else 0)
    assert len([image.gray for image in media.decode_images(source)]) == 12
    sound = media.decode_audio(source, sr=48000)
    assert np.abs(sound).argmax() == round(5.5 / 25 * 48000)
    assert len(sound) == round(0.48 * 48000)
    late = media.decode_audio(source, sr=48000, start=0.07)  # as where the sound stands 70 ms late
    np.testing.assert_array_equal(late, sound[3360:])


def test_images_alone_have_no_sound(tmp_path):
    source = images_and_sound(tmp_path / "f", images(3))
    assert not media.probe_video(source).has_sound
    with pytest.raises(MediaError, match="no sound beside the images"):
        media.decode_audio(source, sr=44100)


def test_images_that_are_no_clip_are_named(tmp_path):
    source = images_and_sound(tmp_path / "f", images(5), audio=np.zeros(9000))
    (tmp_path / "f" / "notes.txt").write_text("no image")
    assert len(media.frame_times(source)[0]) == 5
    (tmp_path / "f" / "03.png").write_bytes((tmp_path / "f" / "3.png").read_bytes())
    with pytest.raises(MediaError, match="two images have the number 3: 03.png and 3.png"):
        media.probe_video(source)
    (tmp_path / "f" / "03.png").unlink()
    (tmp_path / "f" / "3.png").unlink()
    with pytest.raises(MediaError, match="image 3 is missing between 1 and 5"):
        media.probe_video(source)
    for k in (1, 2, 3, 4, 5):
        (tmp_path / "f" / f"{k}.png").write_bytes(b"")
    with pytest.raises(MediaError, match="1.png: the file is empty"):
        media.probe_video(source)
    with pytest.raises(MediaError, match=r"none::fps=25: no folder of images \(No such file"):
        media.probe_video(f"{tmp_path}/none::fps=25")
    with pytest.raises(
        MediaError, match=r"f::fps=: no such file; nor is it TABLE.parquet::DATASET/ACTOR/CLIP or FOLDER::"
    ):
        media.probe_video(f"{tmp_path}/f::fps=")


def test_facts_tell_changed_contents_from_touched_files(tmp_path):
    audio = np.zeros(9000)
    path = write(tmp_path / "a.mp4", images(3))
    contents = {"d/a/c": path.read_bytes(), "d/a/n": b"no video"}
    table = in_table(tmp_path / "t.parquet", contents)
    sources = [str(path), f"{table}::d/a/c", images_and_sound(tmp_path / "f", images(5), audio=audio)]
    before = [media.source_facts(source) for source in sources]
    assert [media.source_facts(*known) for known in zip(sources, before)] == before
    # the same contents anew
    path.write_bytes(contents["d/a/c"])
    in_table(table, {**contents, "d/a/n": b"another"})
    write_wav(tmp_path / "f.wav", audio, 48000)
    again = [media.source_facts(*known) for known in zip(sources, before)]
    assert [facts["sha256"] for facts in again] == [facts["sha256"] for facts in before]
    # others
    write(path, images(4))
    in_table(table, {**contents, "d/a/c": path.read_bytes()})
    write_wav(tmp_path / "f.wav", audio + 0.5, 48000)
    changed = [media.source_facts(*known) for known in zip(sources, again)]
    assert all(new["sha256"] != old["sha256"] for new, old in zip(changed, again))


@pytest.mark.parametrize("text", ["none.mp4", "none.parquet::d/a/c", "none::fps=25"])
def test_absent_sources_have_the_facts_of_absent_ones(tmp_path, text):
    assert media.source_facts(tmp_path / text) == {"sha256": "absent"}


def test_images_are_not_read_again_where_nothing_was_touched(tmp_path, monkeypatch):
    source = images_and_sound(tmp_path / "f", images(5), audio=np.zeros(9000))
    known = media.source_facts(source)
    monkeypatch.setattr("pathlib.Path.read_bytes", None)
    assert media.source_facts(source, known) == known
    with pytest.raises(TypeError):
        media.source_facts(source)


def test_a_video_in_memory_has_the_bytes_of_the_file(tmp_path):
    audio = click_at(3, NTSC, 48000, 0.3)
    path = write(tmp_path / "a.mp4", images(9), audio=audio, sr=48000)
    with media.VideoWriter(None, width=64, height=48, fps=NTSC, crf=12, audio=audio, sr=48000) as video:
        for frame in images(9):
            video.write(frame)
    assert video.content == path.read_bytes()


def test_a_video_in_memory_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    video = media.VideoWriter(None, width=64, height=48, fps=25, crf=20)
    with pytest.raises(MediaError, match="video: no frame"), video:
        assert len(list(tmp_path.iterdir())) == 1
    assert video.content == b""
    assert list(tmp_path.iterdir()) == []
