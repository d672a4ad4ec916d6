"""Images out of media files."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import av
import numpy as np

from speechface.errors import MediaError
from speechface.media.packets import Decoded, decoded, packet_stamps
from speechface.media.probe import first_image, image_of, open_media, video_stream
from speechface.media.source import image_files
from speechface.media.upright import Upright, squared, upright_of
from speechface.sources import ImagesSource, SourceLike, parse_source

__all__ = [
    "ArrayImage",
    "decode_frames",
    "decode_images",
    "decode_rgb",
    "PixelFormat",
    "Image",
    "planes_to_frame",
    "read_frame",
    "planes_to_rgb",
]

LOG = logging.getLogger(__name__)

#: Formats whose first plane is 8-bit luma, one byte a pixel.
_LUMA_FIRST = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv411p", "nv12", "nv21", "gray"}
_PLANAR_420 = {"yuv420p", "yuvj420p"}


def decode_frames(source: SourceLike) -> Iterator[Decoded]:
    """Yield every image of a source as decoded, in the order shown, with square pixels, damaged ones in their places;
    MediaError where there is none at all."""
    place = parse_source(source)
    if isinstance(place, ImagesSource):
        yield from _numbered(place)
        return
    with open_media(place) as media:
        stamps = packet_stamps(media.container, video_stream(media))
    with open_media(place) as media:
        stream = video_stream(media)
        for image in decoded(media.container, stream, stamps):
            yield replace(image, frame=squared(image.frame, stream.sample_aspect_ratio))


def _numbered(source: ImagesSource) -> Iterator[Decoded]:
    """Numbered images; one that cannot be read is damaged, the one before stands in its place, or the first."""
    files = image_files(source)
    first, read = first_image(files)
    last = first
    for order, path in enumerate(files):
        try:
            frame = first if order == read else image_of(path)
        except MediaError as error:
            frame = None
            LOG.warning("%s; another image stands in its place, masked", error)
        last = last if frame is None else frame
        yield Decoded(last, frame is None, order, frame is not None)


def _plane(frame: Any, index: int) -> np.ndarray:
    """One 8-bit plane of a frame as a view (height, width)."""
    plane = frame.planes[index]
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


@dataclass(frozen=True)
class PixelFormat:
    """What the bytes of 4:2:0 planes mean: FFmpeg's name of the format and its numbers for matrix and range."""

    name: str
    colorspace: int
    color_range: int


class Image:
    """One decoded image, upright; its planes are views of the decoder's memory, which lives as long as they do."""

    def __init__(self, decoded: Decoded, upright: Upright):
        self._frame, self._upright = decoded.frame, upright
        self.decoded = decoded

    @cached_property
    def gray(self) -> np.ndarray:
        """Luma as stored (limited range stays limited), ndarray (height, width), uint8; a view where it is a plane."""
        luma = self._frame if self._frame.format.name in _LUMA_FIRST else self._frame.reformat(format="gray")
        return self._upright.image(_plane(luma, 0))

    @cached_property
    def _rgb(self) -> np.ndarray:
        return self._upright.image(self._frame.to_ndarray(format="rgb24"))

    def rgb(self, window: tuple[int, int, int, int] | None = None) -> np.ndarray:
        """The image, or the part `window` (left, top, right, bottom) of it, (height, width, 3), uint8.

        Of 4:2:0 images only the part is converted, to what the whole image would show there.
        """
        if window is None:
            return self._rgb
        left, top, right, bottom = window
        if self._frame.format.name not in _PLANAR_420 or self._upright or (self._frame.width | self._frame.height) % 2:
            return self._rgb[top:bottom, left:right]
        x, y = left - left % 2, top - top % 2  # chroma has half the size
        planes, kind = self.planes()
        part = [planes[0][y : bottom + bottom % 2, x : right + right % 2]]
        part += [plane[y // 2 : (bottom + 1) // 2, x // 2 : (right + 1) // 2] for plane in planes[1:]]
        return planes_to_rgb(part, kind)[top - y : bottom - y, left - x : right - x]

    def planes(self) -> tuple[list[np.ndarray], PixelFormat]:
        """Return ([y, u, v], PixelFormat): 4:2:0 planes, uint8, chroma at half size.

        Four times cheaper than RGB where only a small part of the image is wanted; `VideoWriter.write_planes` and
        `planes_to_rgb` take such a part.
        """
        planar = self._frame
        if planar.format.name not in _PLANAR_420:
            planar = planar.reformat(format="yuv420p")
        kind = PixelFormat(planar.format.name, int(planar.colorspace), int(planar.color_range))
        return [self._upright.image(_plane(planar, index)) for index in range(3)], kind


class ArrayImage:
    """An `Image` made of an array (height, width, 3), uint8 RGB: a render, or an image that is read already."""

    def __init__(self, pixels: np.ndarray):
        self._pixels = pixels

    @cached_property
    def gray(self) -> np.ndarray:
        """Luma, ndarray (height, width), uint8."""
        import cv2

        return cv2.cvtColor(self._pixels, cv2.COLOR_RGB2GRAY)

    def rgb(self, window: tuple[int, int, int, int] | None = None) -> np.ndarray:
        """See `Image.rgb`."""
        if window is None:
            return self._pixels
        left, top, right, bottom = window
        return self._pixels[top:bottom, left:right]


def decode_images(source: SourceLike) -> Iterator[Image]:
    """Yield every `Image` of a source; MediaError where it has none or they change size."""
    upright, size = Upright(), None
    for image in decode_frames(source):
        frame = image.frame
        if size is None:
            upright, size = upright_of(frame), (frame.height, frame.width)
        if (frame.height, frame.width) != size:
            raise MediaError(
                f"{source}: the image changes size from {size} to {(frame.height, frame.width)} (rows, columns)"
            )
        yield Image(image, upright)


def planes_to_frame(planes: Sequence[np.ndarray], kind: PixelFormat) -> Any:
    """Return an `av.VideoFrame` of 4:2:0 planes: y (height, width), even sizes, u and v at half size, uint8."""
    frame: Any = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], kind.name)
    for plane, values in zip(frame.planes, planes):
        memory = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        memory[:, : plane.width] = values
    frame.colorspace, frame.color_range = kind.colorspace, kind.color_range
    return frame


def planes_to_rgb(planes: Sequence[np.ndarray], kind: PixelFormat) -> np.ndarray:
    """Convert 4:2:0 planes (see `planes_to_frame`) to ndarray (height, width, 3), uint8 RGB."""
    return planes_to_frame(planes, kind).to_ndarray(format="rgb24")


def decode_rgb(source: SourceLike) -> Iterator[np.ndarray]:
    """Yield every frame of a source as ndarray (height, width, 3), uint8 RGB, upright."""
    upright: Upright | None = None
    for image in decode_frames(source):
        upright = upright_of(image.frame) if upright is None else upright
        yield upright.image(image.frame.to_ndarray(format="rgb24"))


def read_frame(source: SourceLike, index: int) -> np.ndarray:
    """Return frame `index` (from 0) of a source, (height, width, 3) uint8 RGB; decodes from the start.

    Raises
    ------
    MediaError
        If the video has no such frame.
    """
    count, upright = 0, Upright()
    for count, image in enumerate(decode_frames(source), 1):
        upright = upright_of(image.frame) if count == 1 else upright
        if count == index + 1:
            return upright.image(image.frame.to_ndarray(format="rgb24"))
    raise MediaError(f"{source}: no frame {index}; the video has {count}")
