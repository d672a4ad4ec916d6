"""Images and sound out of media files."""

from dataclasses import dataclass

import av
import numpy as np

from speechface.errors import MediaError
from speechface.media.probe import open_media, upright_turns, video_stream

__all__ = [
    "decode_frames",
    "decode_images",
    "decode_rgb",
    "PixelFormat",
    "Image",
    "planes_to_frame",
    "read_frame",
    "planes_to_rgb",
    "decode_audio",
    "place_blocks",
]

#: Formats whose first plane is 8-bit luma, one byte a pixel.
_LUMA_FIRST = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv411p", "nv12", "nv21", "gray"}
_PLANAR_420 = {"yuv420p", "yuvj420p"}
#: Sound whose stamps jump by more than this has a hole (or an overlap), which is kept; seconds.
_HOLE_S = 0.05


def decode_frames(path):
    """Yield every decoded `av.VideoFrame` of a video, in the order shown; MediaError where it is damaged."""
    with open_media(path) as container:
        yield from container.decode(video_stream(container))


def _plane(frame, index):
    """One 8-bit plane of a frame as a view (height, width)."""
    plane = frame.planes[index]
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def _upright(image, turns):
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


@dataclass(frozen=True)
class PixelFormat:
    """What the bytes of 4:2:0 planes mean: FFmpeg's name of the format and its numbers for matrix and range."""

    name: str
    colorspace: int
    color_range: int


class Image:
    """One decoded image, upright; its planes are views of the decoder's memory, which lives as long as they do."""

    def __init__(self, frame, turns):
        self._frame, self._turns = frame, turns

    @property
    def gray(self):
        """Luma as stored (limited range stays limited), ndarray (height, width), uint8; a view where it is a plane."""
        luma = self._frame if self._frame.format.name in _LUMA_FIRST else self._frame.reformat(format="gray")
        return _upright(_plane(luma, 0), self._turns)

    def planes(self):
        """Return ([y, u, v], PixelFormat): 4:2:0 planes, uint8, chroma at half size.

        Four times cheaper than RGB where only a small part of the image is wanted; `VideoWriter.write_planes` and
        `planes_to_rgb` take such a part.
        """
        planar = self._frame
        if planar.format.name not in _PLANAR_420:
            planar = planar.reformat(format="yuv420p")
        kind = PixelFormat(planar.format.name, int(planar.colorspace), int(planar.color_range))
        return [_upright(_plane(planar, index), self._turns) for index in range(3)], kind


def decode_images(path):
    """Yield every `Image` of a video; MediaError where it is damaged or its images change size."""
    turns = size = None
    for frame in decode_frames(path):
        if turns is None:
            turns, size = upright_turns(frame), (frame.height, frame.width)
        if (frame.height, frame.width) != size:
            raise MediaError(
                f"{path}: the image changes size from {size} to {(frame.height, frame.width)} (rows, columns)"
            )
        yield Image(frame, turns)


def planes_to_frame(planes, kind):
    """Return an `av.VideoFrame` of 4:2:0 planes: y (height, width), even sizes, u and v at half size, uint8."""
    frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], kind.name)
    for plane, values in zip(frame.planes, planes):
        memory = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        memory[:, : plane.width] = values
    frame.colorspace, frame.color_range = kind.colorspace, kind.color_range
    return frame


def planes_to_rgb(planes, kind):
    """Convert 4:2:0 planes (see `planes_to_frame`) to ndarray (height, width, 3), uint8 RGB."""
    return planes_to_frame(planes, kind).to_ndarray(format="rgb24")


def decode_rgb(path):
    """Yield every frame of a video as ndarray (height, width, 3), uint8 RGB, upright."""
    turns = None
    for frame in decode_frames(path):
        turns = upright_turns(frame) if turns is None else turns
        yield _upright(frame.to_ndarray(format="rgb24"), turns)


def read_frame(path, index):
    """Return frame `index` (from 0) of a video, (height, width, 3) uint8 RGB; decodes from the start.

    Raises
    ------
    MediaError
        If the video has no such frame.
    """
    count = 0
    turns = 0
    for count, frame in enumerate(decode_frames(path), 1):
        turns = upright_turns(frame) if count == 1 else turns
        if count == index + 1:
            return _upright(frame.to_ndarray(format="rgb24"), turns)
    raise MediaError(f"{path}: no frame {index}; the video has {count}")


def decode_audio(path, *, sr, start=None):
    """Read the sound of a video or sound file as mono.

    Parameters
    ----------
    path : path-like
        Anything FFmpeg reads: mp4, mov, mpg, wav, mp3, flac, ogg, m4a, ...
    sr : int, Hz
        Wanted rate; the sound is resampled to it.
    start : float or None, seconds on the file's clock
        What becomes sample 0. None takes the first video frame, or the sound's own beginning where there is no video.

    Returns
    -------
    audio : ndarray (n_samples,), float32, full scale 1.0
        Mean of the channels. Silence fills the time before the sound begins and holes in it; sound before sample 0 is
        cut. Encoder delay that the file declares (edit lists, AAC priming) is taken out.

    Raises
    ------
    MediaError
        No such file, no sound, damaged or truncated.
    """
    with open_media(path) as container:
        if not container.streams.audio:
            raise MediaError(f"{path}: no sound in the file")
        blocks, rate = _sound_blocks(container)
        has_video = any(not s.disposition & av.stream.Disposition.attached_pic for s in container.streams.video)
    if not blocks:
        raise MediaError(f"{path}: the sound stream is empty")
    if start is None:
        start = _first_frame_time(path) if has_video else blocks[0][0]
    audio = place_blocks(blocks, start=start, rate=rate, hole_s=_HOLE_S)
    return _resample(audio, rate, sr)


def _first_frame_time(path):
    frame = next(decode_frames(path), None)
    if frame is None or frame.pts is None:
        return 0.0
    return float(frame.pts * frame.time_base)


def _sound_blocks(container):
    """Return ([(time s or None, mono float32 block)], rate) of the first sound stream."""
    blocks, rate = [], None
    for frame in container.decode(audio=0):
        if rate is None:
            rate = frame.sample_rate
        if frame.sample_rate != rate:
            raise MediaError(f"{container.name}: the sampling rate changes from {rate} to {frame.sample_rate} Hz")
        time = None if frame.pts is None else float(frame.pts * frame.time_base)
        blocks.append((time, _mono(frame)))
    return blocks, rate


def _mono(frame):
    """Mean of a sound frame's channels, float32 at full scale 1."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype == np.uint8:
        values = values.astype(np.float32) / 128 - 1
    elif values.dtype.kind == "i":
        values = values.astype(np.float32) / float(-np.iinfo(values.dtype).min)
    return values.mean(0, dtype=np.float64).astype(np.float32)


def place_blocks(blocks, *, start, rate, hole_s):
    """Lay sound blocks out on one time axis.

    Parameters
    ----------
    blocks : list of (float or None, ndarray (n,))
        Time of the first sample in seconds (None: follows the block before) and samples.
    start : float, s
        Time of sample 0 of the result.
    rate : int, Hz
    hole_s : float, s
        A block whose time differs from the end of the one before by less than this follows it directly, since stamps
        are rounded and drift.

    Returns
    -------
    audio : ndarray (n_samples,), float32
    """
    places, cursor = [], 0
    for index, (time, block) in enumerate(blocks):
        if time is not None:
            stamped = round((time - start) * rate)
            if index == 0 or abs(stamped - cursor) > hole_s * rate:
                cursor = stamped
        places.append(cursor)
        cursor += len(block)
    length = max((place + len(block) for place, (_, block) in zip(places, blocks)), default=0)
    audio = np.zeros(max(length, 0), np.float32)
    for place, (_, block) in zip(places, blocks):
        cut = max(-place, 0)
        audio[place + cut : place + len(block)] = block[cut:] if place + len(block) > 0 else 0
    return audio


def _resample(audio, rate, sr):
    """Resample mono sound with FFmpeg's band-limited resampler; the length becomes round(n * sr / rate)."""
    if rate == sr or not len(audio):
        return audio
    resampler = av.AudioResampler("fltp", "mono", sr)
    frame = av.AudioFrame.from_ndarray(audio[None], format="fltp", layout="mono")
    frame.sample_rate = rate
    parts = [out.to_ndarray()[0] for out in (*resampler.resample(frame), *resampler.resample(None))]
    length = round(len(audio) * sr / rate)
    out = np.zeros(length, np.float32)
    joined = np.concatenate(parts)[:length]
    out[: len(joined)] = joined
    return out
