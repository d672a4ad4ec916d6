"""The sound of a source as mono, in order and in bounded memory, whatever its tracks, channels and time stamps are."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np

from speechface.errors import MediaError
from speechface.media.kinds import missing_of_wav
from speechface.media.packets import decoded, first_stamp
from speechface.media.probe import JUMP_S, Media, open_media, video_stream
from speechface.media.resample import Resampler
from speechface.sources import ImagesSource, SourceLike, TableSource, parse_source

__all__ = ["decode_audio", "sound_pieces"]

LOG = logging.getLogger(__name__)

#: Sound whose stamps differ from the end of what came before by more than this has a hole, which is kept; seconds.
HOLE_S = 0.05
#: Tracks and channels are chosen by how they sound in this much of each, seconds.
SURVEY_S = 60.0
#: Sound that ends this much before what its file announces may have been cut off, seconds.
CUT_S = 0.5
#: Formats that say in their header how long the sound is.
_WITH_LENGTH = {"flac", "mov"}
#: Quieter tracks and channels are silent: mean square, full scale 1 (-70 dB).
SILENCE = 1e-7
#: Channels that cancel each other leave less than this fraction of the louder one's energy in their mean.
CANCELLED = 0.1
#: A centre channel with more than this fraction of the loudest one's energy is where the speech is.
CENTRE = 0.01


@dataclass
class _Track:
    """A stream of sound, how its channels become one (None: their mean), its mean square then, and
    where what has been decoded of it ends, seconds on the stream's clock."""

    index: int
    channel: int | None = None
    power: float = 0.0
    end: float = 0.0
    remarks: list[str] = field(default_factory=list)


def decode_audio(source: SourceLike, *, sr: int, start: float | None = None) -> np.ndarray:
    """Read the sound of a source as mono: (n_samples,), float32, full scale 1.0. See `sound_pieces`."""
    pieces = list(sound_pieces(source, sr=sr, start=start))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def sound_pieces(source: SourceLike, *, sr: int, start: float | None = None) -> Iterator[np.ndarray]:
    """Yield the sound of a source in pieces that follow each other.

    Parameters
    ----------
    source : source or path
        Anything FFmpeg reads: mp4, mov, mpg, wav, mp3, flac, ogg, m4a, ...
    sr : int, Hz
        Wanted rate; the sound is resampled to it.
    start : float or None, seconds on the file's clock
        What becomes sample 0. None takes the first video frame, or the sound's own beginning where there is no video.
        Where the sound is a file of its own: seconds from its beginning.

    Yields
    ------
    ndarray (n,), float32, mono, full scale 1.0
        Of several tracks the first that is not silent. Of a track the mean of its channels; where they cancel each
        other, the loudest; of surround sound the centre, where speech is mixed. Silence fills the time before the sound
        begins, holes in it, and packets that are damaged; sound before sample 0 is cut. Stamps that jump by more than
        10 s leave no hole. Encoder delay that the file declares (edit lists, AAC priming) is taken out.

    Raises
    ------
    MediaError
        No such file, no sound, none that can be decoded, or truncated.
    """
    place = parse_source(source)
    if isinstance(place, ImagesSource) and not place.audio:
        raise MediaError(f"{source}: no sound beside the images")
    separate = "" if isinstance(place, TableSource) else place.audio
    if separate:
        place = parse_source(separate)
    with open_media(place) as media:
        track = _chosen(media, place)
    with open_media(place) as media:
        stream = media.container.streams[track.index]
        has_video = any(not s.disposition & av.stream.Disposition.attached_pic for s in media.container.streams.video)
        if start is None and has_video:
            start = _first_frame_time(place)
        rate, blocks = _blocks(media, stream, track)
        placed = _placed(blocks, start=start, from_own_beginning=bool(separate), rate=rate, remarks=track.remarks)
        yield from _resampled(placed, rate, sr)
        if (missing := _missing(media, stream, track)) > CUT_S:
            track.remarks.append(f"the sound ends {missing:.1f} s before what the file announces: was it cut off?")
    for remark in track.remarks:
        LOG.warning("%s: %s", place, remark)


def _chosen(media: Media, place: Any) -> _Track:
    """The track to read. More than one, or one of several channels, is listened to first."""
    streams = [stream for stream in media.container.streams.audio if stream.codec_context is not None]
    if not media.container.streams.audio:
        raise MediaError(f"{place}: no sound in the file")
    if not streams:
        raise MediaError(f"{place}: no decoder for its sound; convert it, e.g. to wav or AAC")
    if len(streams) == 1 and streams[0].codec_context.channels == 1:
        return _Track(streams[0].index)
    heard = _survey(media, streams)
    tracks = [_judged(stream, heard.get(stream.index)) for stream in streams]
    track = next((track for track in tracks if track.power > SILENCE), tracks[0])
    if track is not tracks[0]:
        track.remarks.append(f"sound track 1 of {len(streams)} is silent; track {tracks.index(track) + 1} is used")
    return track


def _survey(media: Media, streams: list[Any]) -> dict[int, np.ndarray]:
    """Products of the channels' samples, summed over the first `SURVEY_S` of each stream, and their number: stream ->
    (n_channels, n_channels) mean."""
    sums: dict[int, Any] = {}
    counts: dict[int, int] = {}
    for packet in media.container.demux(streams):
        index = packet.stream.index
        if counts.get(index, 0) >= SURVEY_S * (packet.stream.rate or 1):
            if all(counts.get(s.index, 0) >= SURVEY_S * (s.rate or 1) for s in streams):
                break
            continue
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue  # a damaged packet is told of where it is read
        for frame in frames:
            values = _channels(frame).astype(np.float64)
            if index in sums and len(values) != len(sums[index]):
                continue
            sums[index] = sums.get(index, 0.0) + values @ values.T
            counts[index] = counts.get(index, 0) + values.shape[1]
    return {index: total / max(counts[index], 1) for index, total in sums.items()}


def _judged(stream: Any, products: np.ndarray | None) -> _Track:
    """How the channels of a stream become one."""
    track = _Track(stream.index)
    if products is None:
        return track
    power, n = np.diag(products), len(products)
    loudest = int(power.argmax())
    track.power = float(products.sum() / n**2)
    names = [channel.name for channel in stream.codec_context.layout.channels]
    centre = names.index("FC") if "FC" in names and n > 2 else None
    if centre is not None and power[centre] > max(CENTRE * power[loudest], SILENCE):
        track.channel, track.power = centre, float(power[centre])
    elif power[loudest] > SILENCE and track.power < CANCELLED * power[loudest]:
        track.channel, track.power = loudest, float(power[loudest])
        track.remarks.append(f"the {n} channels cancel each other; channel {loudest + 1} is used alone")
    return track


def _first_frame_time(source: SourceLike) -> float:
    """When the first image shows, seconds on the file's clock; 0 where none can be decoded."""
    with open_media(source) as media:
        stream = video_stream(media)
        stamp, tick = first_stamp(media.container, stream), stream.time_base
    if stamp is not None:
        return float(stamp * tick)
    with open_media(source) as media:
        first = next(decoded(media.container, video_stream(media), None), None)
    return 0.0 if first is None or first.frame.pts is None else float(first.frame.pts * first.frame.time_base)


def _blocks(media: Media, stream: Any, track: _Track) -> tuple[int, Iterator[tuple[float | None, np.ndarray | None]]]:
    """Return the rate, Hz, and an iterator of (time s or None, mono block); a block of None is a damaged packet."""
    frames = _frames(media, stream, track)
    first = next((frame for frame in frames if frame is not None), None)
    if first is None:
        if track.remarks:
            raise MediaError(f"{media.name}: no sound in it can be decoded; convert it, e.g. to wav or AAC")
        raise MediaError(f"{media.name}: the sound stream is empty")
    rate = first.sample_rate

    def blocks() -> Iterator[tuple[float | None, np.ndarray | None]]:
        frame: Any = first
        while True:
            if frame is None:
                yield None, None
            elif frame.sample_rate != rate:
                raise MediaError(f"{media.name}: the sampling rate changes from {rate} to {frame.sample_rate} Hz")
            else:
                time = None if frame.pts is None else float(frame.pts * frame.time_base)
                yield time, _mono(frame, track.channel)
            try:
                frame = next(frames)
            except StopIteration:
                return

    return rate, blocks()


def _frames(media: Media, stream: Any, track: _Track) -> Iterator[Any]:
    """Decoded frames of a stream; None for every damaged packet. How many there were is a remark at the end."""
    damaged = 0
    for packet in media.container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            damaged += 1
            yield None
            continue
        for frame in frames:
            if frame.pts is not None:
                track.end = float(frame.pts * frame.time_base) + frame.samples / frame.sample_rate
            yield frame
    if damaged:
        track.remarks.append(f"{damaged} damaged packets of sound; their time is silent")


def _missing(media: Media, stream: Any, track: _Track) -> float:
    """By how much the sound that was decoded is shorter than what the file announces, seconds; 0 where it does not."""
    if media.container.format.name == "wav":
        return missing_of_wav(media.name) if os.path.isfile(media.name) else 0.0
    if not stream.duration or media.container.format.name.split(",")[0] not in _WITH_LENGTH:
        return 0.0
    return float(((stream.start_time or 0) + stream.duration) * stream.time_base) - track.end


def _channels(frame: Any) -> np.ndarray:
    """Channels of a sound frame (n_channels, n), full scale 1."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype == np.uint8:
        return values.astype(np.float32) / 128 - 1
    if values.dtype.kind == "i":
        return values.astype(np.float32) / float(-np.iinfo(values.dtype).min)
    return values


def _mono(frame: Any, channel: int | None) -> np.ndarray:
    """One channel of a frame, or the mean of all, float32."""
    values = _channels(frame)
    if channel is not None and channel < len(values):
        return values[channel].astype(np.float32)
    return values.mean(0, dtype=np.float64).astype(np.float32)


def _placed(
    blocks: Iterator[tuple[float | None, np.ndarray | None]],
    *,
    start: float | None,
    from_own_beginning: bool,
    rate: int,
    remarks: list[str],
) -> Iterator[np.ndarray]:
    """Lay sound blocks out on one time axis.

    Parameters
    ----------
    blocks : (time of the first sample in seconds, samples); a time of None follows the block before, samples of None
        were lost, so that the next block goes where its stamp says
    start : time of sample 0; None, that of the first block
    from_own_beginning : `start` counts from the first block
    rate : Hz
    remarks : jumps of the stamps are told here
    """
    cursor: int | None = None
    lost, jumps, origin = False, 0, start
    for time, block in blocks:
        if block is None:
            lost = True
            continue
        if cursor is None:
            if start is None or from_own_beginning:
                origin = (time or 0.0) + (start or 0.0)
            cursor = 0 if time is None else round((time - (origin or 0.0)) * rate)
            if cursor > 0:
                yield from _silence(cursor)
        elif time is not None:
            step = round((time - (origin or 0.0)) * rate) - cursor
            if abs(step) > HOLE_S * rate or (lost and step > 0):
                if 0 < step <= JUMP_S * rate:
                    yield from _silence(step)
                    cursor += step
                else:
                    origin = (origin or 0.0) + step / rate
                    jumps += 1
        lost = False
        if cursor + len(block) > 0:
            yield block[max(-cursor, 0) :]
        cursor += len(block)
    if jumps:
        remarks.append(f"the sound's clock jumps {jumps} times by more than {JUMP_S:g} s or back; the sound goes on")


def _silence(count: int) -> Iterator[np.ndarray]:
    """Zeros in pieces of bounded size."""
    for begin in range(0, count, 1 << 18):
        yield np.zeros(min(1 << 18, count - begin), np.float32)


def _resampled(pieces: Iterator[np.ndarray], rate: int, sr: int) -> Iterator[np.ndarray]:
    """Pieces at `rate` Hz -> pieces at `sr` Hz."""
    resampler = Resampler(rate, sr)
    for piece in pieces:
        yield resampler.push(piece)
    yield resampler.finish()
