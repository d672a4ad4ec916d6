"""Opening media, and what a video holds: size, frame rate and the time of every frame."""

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from speechface.errors import MediaError
from speechface.media.kinds import HEAD_BYTES, cut_off, not_media
from speechface.media.packets import decoded, packet_stamps
from speechface.media.source import image_files, video_bytes
from speechface.media.upright import square_size, upright_of
from speechface.sources import FileSource, ImagesSource, SourceLike, TableSource, parse_source

__all__ = [
    "JUMP_S", "Media", "VideoInfo", "first_image", "fit_times", "frame_times", "image_of", "open_media", "probe_video",
    "video_stream",
]  # fmt: skip

#: A longer step of time stamps, or one back, is the clock's fault and not a pause; seconds.
JUMP_S = 10.0
#: Rate of a video that neither says nor shows one.
_LAST_RESORT_RATE = Fraction(25)


@dataclass(frozen=True)
class VideoInfo:
    """What a video holds.

    `width` and `height` are those of the upright image with square pixels; `fps` a Fraction; `times` (n,) float64,
    seconds from the first frame; `start` the time of the first frame on the file's own clock, seconds; `has_sound`
    whether there is a sound stream; `missing` by how many seconds the images end before what the file announces of
    images and sound (0 where it announces nothing).
    """

    width: int
    height: int
    fps: Fraction
    times: np.ndarray
    start: float
    has_sound: bool
    missing: float = 0.0


@dataclass(frozen=True)
class Media:
    """An open video or sound file: PyAV's `container`, the source's `name` for messages, `size` in bytes."""

    container: Any
    name: str
    size: int


@contextlib.contextmanager
def open_media(source: SourceLike) -> Iterator[Media]:
    """Open a file, or a video in a table, for reading; MediaError (one line) for whatever goes wrong in the block."""
    place = parse_source(source)
    name = str(place)
    if isinstance(place, TableSource):
        content = video_bytes(place)
        opened: Any = io.BytesIO(content)
        size = len(content)
    else:
        opened = place.path if isinstance(place, FileSource) else name
        size = _size_of(opened)
    try:
        container = av.open(opened, metadata_errors="ignore")
    except (av.error.FFmpegError, OSError) as error:
        cut = "" if isinstance(place, TableSource) else cut_off(opened)
        other = f"not a readable media file ({_reason(error)}); it may be truncated or of another kind"
        raise MediaError(f"{name}: {cut or other}") from None
    with container:
        try:
            yield Media(container, name, size)
        except (av.error.FFmpegError, OSError) as error:
            raise MediaError(f"{name}: damaged or truncated ({_reason(error)}); copy the file again") from None


def _size_of(path: str) -> int:
    """Size of a media file, bytes; MediaError where there is none, or something else."""
    if not os.path.exists(path):
        more = "; nor is it TABLE.parquet::DATASET/ACTOR/CLIP or FOLDER::audio=FILE::fps=25" if "::" in path else ""
        if os.path.islink(path):
            raise MediaError(f"{path}: a link to {os.readlink(path)}, which is not there")
        raise MediaError(f"{path}: no such file{more}")
    if os.path.isdir(path):
        raise MediaError(f"{path}: a folder, not a media file")
    if not os.path.isfile(path):
        raise MediaError(f"{path}: a pipe or device, not a file")
    size = os.path.getsize(path)
    if size == 0:
        raise MediaError(f"{path}: the file is empty (0 bytes); copy it again")
    try:
        with open(path, "rb") as file:
            other = not_media(file.read(HEAD_BYTES))
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}); see to its rights and its disk") from None
    if other:
        raise MediaError(f"{path}: {other}")
    return size


def _reason(error: BaseException) -> str:
    return " ".join((getattr(error, "strerror", None) or str(error)).split())


def video_stream(media: Media) -> Any:
    """Return the first video stream of an open file that is no cover image, set to decode in one thread.

    Raises
    ------
    MediaError
        If there is none, or no decoder, or if the file ends before the images that its index promises.
    """
    cover = av.stream.Disposition.attached_pic
    stream = next((s for s in media.container.streams.video if not s.disposition & cover), None)
    if stream is None:
        raise MediaError(f"{media.name}: no video stream")
    if stream.codec_context is None:
        raise MediaError(f"{media.name}: no decoder for its images; convert it, e.g. to H.264")
    entries = stream.index_entries
    if len(entries):
        last = entries[len(entries) - 1]
        end = last.pos + last.size
        if end > media.size:
            raise MediaError(
                f"{media.name}: truncated: its images end at byte {end}, the file at {media.size}; copy it again"
            )
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    return stream


def probe_video(source: SourceLike) -> VideoInfo:
    """Return the `VideoInfo` of a video.

    The times come from the packets' presentation stamps, without decoding, where these are complete and every packet
    is known to be one shown frame; otherwise all frames are decoded. They always number the frames that decoding
    yields. Stamps that fit a constant rate to within one tick of the stream's clock become exactly k / fps, as are the
    times of numbered images.

    Raises
    ------
    MediaError
        No such file, no video stream, no frame, damaged or truncated.
    """
    place = parse_source(source)
    if isinstance(place, ImagesSource):
        return _probe_images(place)
    with open_media(place) as media:
        stream = video_stream(media)
        separate = isinstance(place, FileSource) and bool(place.audio)
        has_sound = separate or len(media.container.streams.audio) > 0
        tick = stream.time_base
        stamps = packet_stamps(media.container, stream)
        rates = [rate for rate in (stream.guessed_rate, stream.average_rate, stream.base_rate) if rate]
        aspect = stream.sample_aspect_ratio
        announced, numbered = _announced_end(media.container), stream.frames
    with open_media(place) as media:
        images = decoded(media.container, video_stream(media), stamps)
        first = next(images, None)
        if first is None:
            raise MediaError(f"{place}: the video stream holds no frame that can be decoded; copy the file again")
        if stamps is None:
            stamps = [first.frame.pts, *(image.frame.pts for image in images)]
            if any(stamp is None for stamp in stamps):
                rate = rates[0] if rates else _LAST_RESORT_RATE
                stamps = [Fraction(k) / (rate * tick) for k in range(len(stamps))]
    stamps = sorted(stamps)
    times, fps = fit_times(stamps, tick=tick, rates=rates)
    start = 0.0 if separate else float(stamps[0] * tick)
    ends = float(stamps[0] * tick + times[-1]) + float(1 / fps)
    missing = max(announced - ends, float((numbered - len(times)) / fps), 0.0)
    size = upright_of(first.frame).size(*square_size(first.frame.width, first.frame.height, aspect))
    return VideoInfo(*size, fps, times, start, has_sound, missing)


def _announced_end(container: Any) -> float:
    """When the last of images and sound ends by the file's header, seconds on its own clock; -inf where it says none.

    Of formats without a header, FFmpeg tells what it found at the file's end.
    """
    if not container.duration:
        return float("-inf")
    return (container.duration + (container.start_time or 0)) / av.time_base


def _probe_images(source: ImagesSource) -> VideoInfo:
    """What a folder of numbered images holds; the first is opened."""
    files = image_files(source)
    first, _ = first_image(files)
    times = np.arange(len(files)) * source.fps.denominator / source.fps.numerator
    return VideoInfo(*upright_of(first).size(first.width, first.height), source.fps, times, 0.0, bool(source.audio))


def image_of(path: str) -> Any:
    """The image in a file, an `av.VideoFrame`; MediaError where there is none."""
    with open_media(path) as media:
        image = next(decoded(media.container, video_stream(media), None), None)
    if image is None:
        raise MediaError(f"{path}: holds no image that can be decoded; copy it again")
    return image.frame


def first_image(paths: Sequence[str]) -> tuple[Any, int]:
    """The first of several images that can be read, an `av.VideoFrame`, and its number; MediaError where none can."""
    reason: MediaError | None = None
    for number, path in enumerate(paths):
        try:
            return image_of(path), number
        except MediaError as error:
            reason = reason or error
    raise reason or MediaError("no image")


def frame_times(source: SourceLike) -> tuple[np.ndarray, Fraction]:
    """Return (times, fps) of a video: seconds from its first frame, (n,) float64; frame rate, Fraction.

    As `probe_video`, which see.
    """
    info = probe_video(source)
    return info.times, info.fps


def fit_times(
    stamps: Sequence[int | Fraction], *, tick: Fraction, rates: Sequence[Fraction]
) -> tuple[np.ndarray, Fraction]:
    """Turn presentation stamps into seconds from the first frame.

    Parameters
    ----------
    stamps : list of int or Fraction, ascending, ticks
    tick : Fraction, seconds
    rates : list of Fraction, 1/s
        Constant rates to try, the likeliest first.

    Returns
    -------
    times : ndarray (n,), float64, s
        Exactly k / fps where a rate fits every stamp to within one tick, the stamps themselves otherwise. A step of
        more than 10 s counts as one of usual length.
    fps : Fraction
        The rate that fits; else that of the median interval (1/s, denominator up to 1001).
    """
    offsets = np.array([float((stamp - stamps[0]) * tick) for stamp in stamps])
    steps = np.diff(offsets)
    if (steps > JUMP_S).any():
        usual = float(np.median(steps[steps <= JUMP_S])) if (steps <= JUMP_S).any() else 1 / float(_LAST_RESORT_RATE)
        offsets = np.concatenate([[0.0], np.cumsum(np.where(steps > JUMP_S, usual, steps))])
    frames = np.arange(len(offsets))
    for rate in rates:
        exact = frames * rate.denominator / rate.numerator
        if np.abs(offsets - exact).max() <= float(tick) * (1 + 1e-6):
            return exact, Fraction(rate)
    if len(offsets) < 2:
        return offsets, Fraction(rates[0]) if rates else _LAST_RESORT_RATE
    interval = float(np.median(np.diff(offsets)))
    fallback = Fraction(rates[0]) if rates else _LAST_RESORT_RATE
    return offsets, Fraction(1 / interval).limit_denominator(1001) if interval > 0 else fallback
