"""The images of a stream in the order shown, each in its place though others of them are damaged or lost."""

import bisect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import av

__all__ = ["Decoded", "decoded", "first_stamp", "packet_stamps"]

#: Codecs whose every packet is one shown image; with others the frames are counted by decoding them.
_ONE_IMAGE_A_PACKET = {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg", "prores", "ffv1", "vp9", "av1"}
#: Codecs whose packets hold no such run of zeros, which part of a file that was never written does: arithmetic codes
#: leave nothing that repeats, H.264 and H.265 escape it (7.4.1). Their decoders take zeros for an image.
_NO_ZEROS, _ZEROS = {"h264", "hevc", "vp8", "vp9", "av1"}, bytes(64)
#: Codecs whose decoder tells damage only if it may refuse the image. Every image stands alone.
_REFUSES = {"mjpeg"}


@dataclass(frozen=True)
class Decoded:
    """An `av.VideoFrame`, whether it is `damaged` or stands in for one that is lost, its place in the `order` of
    decoding, whether it is a `key` frame, made from no other, and whether it is a `leaf`, from which none is made."""

    frame: Any
    damaged: bool
    order: int
    key: bool
    leaf: bool = False


def packet_stamps(container: Any, stream: Any) -> list[int] | None:
    """Presentation stamps of the images that a stream's packets announce, in the order of decoding.

    None where only decoding all can tell: packets that are no image, have no stamps or equal ones (fields or hidden
    images), or begin with images that lack their key frame.
    """
    stamps: list[int] = []
    if stream.codec_context.name not in _ONE_IMAGE_A_PACKET:
        return None
    for packet in container.demux(stream):
        if packet.size == 0 or packet.is_discard:
            continue
        if packet.pts is None or (not stamps and not _begins_with_key(packet, stream)):
            return None
        stamps.append(packet.pts)
    complete = stamps and min(stamps) == stamps[0] and len(set(stamps)) == len(stamps)
    return stamps if complete else None


def first_stamp(container: Any, stream: Any) -> int | None:
    """Presentation stamp of the image that a stream's packets begin with, None where only decoding can tell."""
    if stream.codec_context.name not in _ONE_IMAGE_A_PACKET:
        return None
    first = next((packet for packet in container.demux(stream) if packet.size and not packet.is_discard), None)
    return first.pts if first is not None and _begins_with_key(first, stream) else None


def _begins_with_key(packet: Any, stream: Any) -> bool:
    """Is a stream's first packet a key frame? Of a damaged one the file's index may know it still."""
    index = stream.index_entries
    return packet.is_keyframe or (len(index) > 0 and index[0].is_keyframe and index[0].timestamp == packet.dts)


def decoded(container: Any, stream: Any, stamps: Sequence[int] | None) -> Iterator[Decoded]:
    """Every image of a stream, in the order shown.

    Parameters
    ----------
    container, stream : av container at its beginning, and its video stream
    stamps : see `packet_stamps`
        With them there is an image for every stamp: in place of one that is lost the one before, or the first.
    """
    name = stream.codec_context.name
    if name in _REFUSES:
        stream.codec_context.options = {"err_detect": "explode"}
    orders = {stamp: k for k, stamp in enumerate(stamps or ())}
    places = sorted(orders)
    next_one, lost, last = 0, False, None
    sent: set[int | None] = set()
    leaves: set[int | None] = set()
    doubted: set[int | None] = set()  # stamps of packets that are damaged before they are decoded
    for packet in container.demux(stream):
        sent.add(packet.pts)
        if packet.size and _is_leaf(packet, stream):
            leaves.add(packet.pts)
        if packet.size and (packet.is_corrupt or (name in _NO_ZEROS and _has_zeros(packet, stream))):
            doubted.add(packet.pts)
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            frames, lost = [], True
        for frame in frames:
            damaged, key = bool(frame.is_corrupt or frame.pts in doubted), bool(frame.key_frame)
            if not orders:
                yield Decoded(frame, damaged or lost, next_one, key)
                next_one, lost = next_one + 1, False
                continue
            place = bisect.bisect_left(places, frame.pts) if frame.pts in orders else -1
            if place < next_one or not sent.issuperset(places[next_one:place]):
                continue  # a damaged stamp: before an image is shown, all that are shown before it were sent
            for missing in places[next_one:place]:
                yield Decoded(frame if last is None else last, True, orders[missing], False, missing in leaves)
            yield Decoded(frame, damaged, orders[frame.pts], key, frame.pts in leaves)
            next_one, last = place + 1, frame
    for missing in places[next_one:] if last is not None else ():
        yield Decoded(last, True, orders[missing], False, missing in leaves)


def _has_zeros(packet: Any, stream: Any) -> bool:
    """Was a part of the packet never written? Of packets that begin with start codes, zeros may follow the last one."""
    content = bytes(packet)
    return _ZEROS in (content if _length_bytes(stream) else content.rstrip(b"\0"))


def _length_bytes(stream: Any) -> int:
    """Bytes of the length before each part of a packet, 0 where parts begin with start codes (ISO 14496-15, 5.3.3)."""
    extra = stream.codec_context.extradata or b""
    at = {"h264": 4, "hevc": 21}.get(stream.codec_context.name, 0)
    return (extra[at] & 3) + 1 if at and extra[:1] == b"\1" and len(extra) > at else 0


def _is_leaf(packet: Any, stream: Any) -> bool:
    """Is no other image made from that of a packet? Of H.264 its slices say so (7.4.1, nal_ref_idc)."""
    if packet.is_disposable or stream.codec_context.name != "h264":
        return bool(packet.is_disposable)
    content, size, place, heads = bytes(packet), _length_bytes(stream), 0, []
    if not size:
        heads = [content[found.end()] for found in re.finditer(b"\0\0\1(?=.)", content, re.DOTALL)]
    while size and place + size < len(content):
        heads.append(content[place + size])
        place += size + int.from_bytes(content[place : place + size])
    slices = [head for head in heads if head & 31 in (1, 2, 5)]
    return bool(slices) and not any(head & 96 for head in slices)
