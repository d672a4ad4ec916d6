"""Writing videos."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from speechface.errors import MediaError
from speechface.files import written_whole
from speechface.media.decode import PixelFormat, planes_to_frame
from speechface.media.resample import resample

__all__ = ["AlphaWriter", "VideoWriter"]

_AAC_BLOCK = 1024
_BT709 = 1  # code of the matrix, the primaries and the transfer curve alike
_LIMITED = 1


class VideoWriter:
    """Write images, and sound if given, to an mp4: h264 yuv420p, BT.709, and AAC; whole or not at all.

    Use as a context manager; frame k shows at exactly k / fps. After an error inside the block no file is left.

    Parameters
    ----------
    path : path-like, ends in .mp4, or None
        None: after the block the file's bytes are in `content`.
    width, height : int, even, pixels
    fps : Fraction, int or float, 1/s
        A float is taken as the nearest fraction with denominator up to 1001.
    audio : ndarray (n_samples,), float32 in [-1, 1], mono, optional
        Starts with the first frame.
    sr : int, Hz
        Rate of `audio`; resampled to 48 kHz where AAC does not know it.
    crf : int
        Quality of x264, 0 (lossless) to 51.
    preset : str
        Speed of x264.

    Raises
    ------
    MediaError
        If a size is odd or a frame has another size or type.
    """

    _FORMAT, _AUDIO, _SAMPLES, _BIT_RATE = "mp4", "aac", "fltp", 128_000
    _RATES: tuple[int, ...] = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
    _CHANNELS, _PIXELS = 3, "rgb24"

    def __init__(
        self,
        path: str | os.PathLike | None,
        *,
        width: int,
        height: int,
        fps: Fraction | float,
        audio: np.ndarray | None = None,
        sr: int | None = None,
        crf: int,
        preset: str = "veryfast",
    ):
        self.path = path
        self.name = "video" if path is None else os.fspath(path)
        if width % 2 or height % 2 or width <= 0 or height <= 0:
            raise MediaError(f"{self.name}: images of {width}x{height}: h264 needs even sizes above 0")
        if audio is not None and not sr:
            raise ValueError("audio needs its sampling rate sr")
        self.content = b""
        self.width, self.height = width, height
        self.fps = Fraction(fps).limit_denominator(1001)
        self.crf, self.preset = crf, preset
        self.count = 0
        if audio is not None and sr and sr not in self._RATES:
            audio, sr = resample(np.ascontiguousarray(audio, np.float32), sr, 48000), 48000
        self._audio = None if audio is None else np.clip(np.asarray(audio, np.float32), -1, 1)
        self._sr, self._sounded = sr or 0, 0
        self._reformatter: Any = VideoReformatter()  # one for all frames: it is costly to begin with

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            place = self._in_memory() if self.path is None else written_whole(self.path)
            temporary = stack.enter_context(place)
            options = {"movflags": "+faststart"} if self._FORMAT == "mp4" else {}
            self._container = stack.enter_context(av.open(temporary, "w", format=self._FORMAT, options=options))
            self._video = self._add_video()
            self._sound: Any = None
            if self._audio is not None:
                self._sound = self._container.add_stream(self._AUDIO, rate=self._sr, layout="mono")
                self._sound.bit_rate = self._BIT_RATE
            self._stack = stack.pop_all()
        return self

    @contextlib.contextmanager
    def _in_memory(self) -> Iterator[str]:
        # a file all the same: the index can only be moved to the front of a file
        with tempfile.TemporaryDirectory(prefix="speechface-") as folder:
            path = os.path.join(folder, "video.mp4")
            yield path
            self.content = Path(path).read_bytes()

    def _add_video(self) -> Any:
        options = {"crf": str(self.crf), "preset": self.preset}
        stream = self._container.add_stream("libx264", rate=self.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = self.width, self.height, "yuv420p"
        stream.time_base = 1 / self.fps
        context = stream.codec_context
        context.time_base = 1 / self.fps
        context.thread_type, context.thread_count = "NONE", 1
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        return stream

    def write(self, image: np.ndarray) -> None:
        """Add one image, ndarray (height, width, 3), uint8 RGB; an `AlphaWriter` takes 4, RGBA."""
        image = np.asarray(image)
        expected = (self.height, self.width, self._CHANNELS)
        if image.shape != expected or image.dtype != np.uint8:
            raise MediaError(
                f"{self.name}: frame {self.count} is {image.dtype} {image.shape}; expected uint8 {expected}"
            )
        self._write(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=self._PIXELS))

    def write_points(self, image: np.ndarray) -> None:
        """Add one image drawn with more points than pixels, ndarray (kH, kW, 4), uint8 RGBA, averaged; no alpha."""
        self._write(av.VideoFrame.from_ndarray(image, format="rgba"), interpolation="AREA")

    def write_planes(self, planes: Sequence[np.ndarray], kind: PixelFormat) -> None:
        """Add one image given as 4:2:0 planes, uint8: y (height, width), u and v at half size.

        Parameters
        ----------
        planes : sequence of 3 ndarrays
        kind : speechface.media.PixelFormat
            Their matrix and range, converted to the file's where they differ.
        """
        if planes[0].shape != (self.height, self.width):
            raise MediaError(
                f"{self.name}: frame {self.count} is {planes[0].shape}; expected ({self.height}, {self.width})"
            )
        self._write(planes_to_frame(planes, kind))

    def _write(self, frame: Any, interpolation: str = "BILINEAR") -> None:
        frame = self._reformatter.reformat(
            frame, format=self._video.pix_fmt, width=self.width, height=self.height, interpolation=interpolation,
            dst_colorspace="ITU709", dst_color_range="MPEG",
        )  # fmt: skip
        frame.pts, frame.time_base = self.count, 1 / self.fps
        frame.duration = 1
        self._container.mux(self._video.encode(frame))
        self.count += 1
        self._write_sound(until=self.count / self.fps)

    def _write_sound(self, *, until: Fraction | None) -> None:
        """Encode sound up to time `until` in seconds (None: to its end), so that both streams lie interleaved."""
        if self._sound is None or self._audio is None:
            return
        end = len(self._audio) if until is None else min(int(until * self._sr), len(self._audio))
        while self._sounded < end:
            if until is not None and end - self._sounded < _AAC_BLOCK:
                return
            block = self._audio[self._sounded : min(self._sounded + _AAC_BLOCK, end)]
            samples = np.ascontiguousarray(block[None])
            frame = av.AudioFrame.from_ndarray(samples, format=self._SAMPLES, layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = self._sr, self._sounded, Fraction(1, self._sr)
            self._container.mux(self._sound.encode(frame))
            self._sounded += len(block)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        with self._stack:
            if error is not None:
                raise error
            if self.count == 0:
                raise MediaError(f"{self.name}: no frame was written")
            self._container.mux(self._video.encode(None))
            if self._sound is not None:
                self._write_sound(until=None)
                self._container.mux(self._sound.encode(None))


class AlphaWriter(VideoWriter):
    """The same as a WebM that shows what lies behind it: VP9 with alpha (yuva420p) and Opus.

    `write` takes RGBA images; `crf` is VP9's, 0 to 63.
    """

    _FORMAT, _AUDIO, _SAMPLES, _BIT_RATE = "webm", "libopus", "flt", 64_000
    _RATES = (48000,)
    _CHANNELS, _PIXELS = 4, "rgba"

    def _add_video(self) -> Any:
        options = {"crf": str(self.crf), "b": "0", "deadline": "realtime", "cpu-used": "7", "row-mt": "1",
                   "auto-alt-ref": "0"}  # fmt: skip
        stream = self._container.add_stream("libvpx-vp9", rate=self.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = self.width, self.height, "yuva420p"
        stream.time_base = stream.codec_context.time_base = 1 / self.fps
        stream.metadata["alpha_mode"] = "1"
        return stream
