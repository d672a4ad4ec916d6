"""Windows, filter banks and power spectra with numpy and OpenCV.

Importing librosa takes seconds and scipy.fft a third of one, more than all features of a clip; the unit tests prove
every function here equal to librosa's of the same name.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from speechface.audio.windows import even_chunk, windows

__all__ = [
    "hann", "dct_matrix", "mel_centres", "mel_filterbank", "chroma_filterbank", "PowerSpectra", "log_in_place",
    "window_spectra", "POWER_FLOOR",
]  # fmt: skip

#: Power below which librosa's decibels stop: (1e-5)^2 for amplitudes and 1e-10 for powers.
POWER_FLOOR = np.float32(1e-10)


def hann(size: int) -> np.ndarray:
    """Return the periodic Hann window (size,), float64."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)


def dct_matrix(n_out: int, n_in: int) -> np.ndarray:
    """Return the first rows of the orthonormal DCT-II: (n_out, n_in), float32."""
    angle = np.pi / n_in * np.outer(np.arange(n_out), np.arange(n_in) + 0.5)
    matrix = np.cos(angle) * np.sqrt(2 / n_in)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def _mel_from_hz(hz: ArrayLike) -> np.ndarray:
    linear = np.asarray(hz, float) / (200 / 3)
    return np.where(linear < 15, linear, 15 + np.log(np.maximum(hz, 1e-9) / 1000) / (np.log(6.4) / 27))


def _hz_from_mel(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * (200 / 3), 1000 * np.exp((np.log(6.4) / 27) * (mel - 15)))


def mel_centres(*, n_mels: int, fmin: float, fmax: float) -> np.ndarray:
    """Return the frequencies at which the bands of `mel_filterbank` are most sensitive, Hz: (n_mels,)."""
    return _hz_from_mel(np.linspace(_mel_from_hz(fmin), _mel_from_hz(fmax), n_mels + 2))[1:-1]


def mel_filterbank(*, sr: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> np.ndarray:
    """Return triangular mel filters of equal area from `fmin` to `fmax`, Hz: (n_mels, 1 + n_fft // 2), float32.

    Slaney's scale: linear below 1 kHz, logarithmic above. Equal to ``librosa.filters.mel``.
    """
    edges = _hz_from_mel(np.linspace(_mel_from_hz(fmin), _mel_from_hz(fmax), n_mels + 2))
    bins = np.linspace(0, sr / 2, 1 + n_fft // 2)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return (np.maximum(0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


def chroma_filterbank(*, sr: int, n_fft: int, n_chroma: int) -> np.ndarray:
    """Return weights from power spectrum bins to pitch classes, from C up: (n_chroma, 1 + n_fft // 2), float32.

    A = 440 Hz (no tuning is estimated: speech has none, and an estimate jumps from clip to clip). Each bin spreads as
    a Gaussian of its own width in pitch classes; octaves weigh as a Gaussian of two octaves about octave 5. Equal
    to ``librosa.filters.chroma(tuning=0)``.
    """
    n_bins = 1 + n_fft // 2
    octaves_above_a0 = np.log2(np.arange(1, n_bins + 1) * (sr / n_fft) / 27.5)
    pitch = n_chroma * np.concatenate([octaves_above_a0[:1] - 1.5, octaves_above_a0])
    width, pitch = np.maximum(np.diff(pitch), 1), pitch[:-1]
    half = round(n_chroma / 2)
    distance = np.remainder(pitch - np.arange(n_chroma)[:, None] + half + 10 * n_chroma, n_chroma) - half
    weights = np.exp(-0.5 * (2 * distance / width) ** 2)
    weights /= np.linalg.norm(weights, axis=0)
    weights *= np.exp(-0.5 * ((pitch / n_chroma - 5) / 2) ** 2)
    weights = np.roll(weights, -3 * (n_chroma // 12), axis=0)  # from A to C
    return weights.astype(np.float32)


def _opencv() -> Any:
    """OpenCV, or None where it is not installed."""
    try:
        import cv2
    except ImportError:
        return None
    return cv2


def log_in_place(values: np.ndarray) -> np.ndarray:
    """Replace positive float32 values, a contiguous array of any shape, by their natural logarithm; return them.

    OpenCV's logarithm takes a fifth of numpy's time and is as precise (3e-7); numpy's serves where it is not installed.
    """
    cv2, flat = _opencv(), values.reshape(1, -1)
    if cv2 is None:
        np.log(values, out=values)
    elif flat.size:
        cv2.log(flat, flat)
    return values


class PowerSpectra:
    """Squared magnitudes of the Hann-windowed DFT of many frames.

    An instance keeps its work arrays: fresh ones of this size would come from the system page by page, which takes
    longer than the arithmetic.

    Parameters
    ----------
    n_fft : int, samples
        Size of the DFT.
    shape : tuple of int
        Leading shape of the frames of one call.
    window : int, samples, optional
        Size of the Hann window and of the frames, `n_fft` by default; shorter frames are followed by zeros.
    precision : numpy type
        Of the DFT. Single precision errs by 0.005 dB in notches 80 dB below the loudest value of a frame; sums over mel
        bands do not show it.

    Notes
    -----
    OpenCV's DFT works on a whole batch, 14 times as fast as numpy's (6.5 against 90 us for 32 spectra of 256 samples
    in single precision) and loads in a tenth of the time of scipy.fft. Where OpenCV is not installed numpy's serves, to
    the same numbers but for rounding.
    """

    def __init__(
        self, *, n_fft: int, shape: Sequence[int], window: int | None = None, precision: DTypeLike = np.float32
    ):
        self.n_fft, self.shape, self.window = n_fft, tuple(shape), window or n_fft
        rows = int(np.prod(shape))
        self._hann = hann(self.window).astype(precision)
        self._windowed = np.zeros((rows, n_fft), precision)
        self._spectrum = np.empty((rows, n_fft), precision)
        self._squares = np.empty((rows, n_fft), np.float32)
        self._power = np.empty((rows, 1 + n_fft // 2), np.float32)

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Frames (..., window), float32 -> power (..., 1 + n_fft // 2), float32; the next call overwrites it."""
        windowed = self._windowed.reshape(*self.shape, self.n_fft)
        np.multiply(frames, self._hann, out=windowed[..., : self.window])
        cv2 = _opencv()
        if cv2 is None:
            complex_spectrum = np.fft.rfft(self._windowed)
            self._power[:] = complex_spectrum.real**2 + complex_spectrum.imag**2
            return self._power.reshape(*self.shape, -1)
        # each row comes out as Re 0, Re 1, Im 1, Re 2, Im 2, ..., and Re n/2 for even n
        spectrum = cv2.dft(self._windowed, self._spectrum, flags=cv2.DFT_ROWS)
        spectrum = np.square(spectrum, out=self._squares, casting="same_kind")
        pairs = (self.n_fft - 1) // 2
        self._power[:, 0] = spectrum[:, 0]
        np.add(spectrum[:, 1 : 2 * pairs : 2], spectrum[:, 2 : 2 * pairs + 1 : 2], out=self._power[:, 1 : pairs + 1])
        if self.n_fft % 2 == 0:
            self._power[:, -1] = spectrum[:, -1]
        return self._power.reshape(*self.shape, -1)


def window_spectra(
    audio: np.ndarray,
    ends: np.ndarray,
    size: int,
    *,
    n_fft: int,
    hop_length: int,
    n_hops: int,
    pad_mode: str,
    chunk: int,
    precision: DTypeLike = np.float32,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the power spectra of windows (`speechface.audio.windows`), up to `chunk` windows at a time: their rows, and
    power (rows, n_hops, 1 + n_fft // 2), which the next overwrite.

    The first spectrum of a window is centred on its start. In the n_fft / 2 samples before a window stands the sound
    itself (pad_mode clip), zeros (constant) or its mirror image (reflect); after it zeros, or its mirror image.
    ValueError where a window is too short for that.
    """
    n, half = len(ends), n_fft // 2
    if pad_mode == "reflect" and half >= size:
        raise ValueError(f"pad_mode 'reflect' needs windows longer than n_fft / 2 = {half} samples, found {size}")
    chunk = even_chunk(n, chunk)
    padded = np.zeros((chunk, size + 2 * half), np.float32)
    columns = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=1)[:, ::hop_length][:, :n_hops]
    stft = PowerSpectra(n_fft=n_fft, shape=(chunk, n_hops), precision=precision)
    before = half if pad_mode == "clip" else 0
    for start in range(0, n, chunk):
        rows = slice(start, min(start + chunk, n))
        count = rows.stop - rows.start
        windows(audio, ends[rows], size + before, out=padded[:count, half - before : half + size])
        if pad_mode == "reflect":
            padded[:, :half] = padded[:, 2 * half : half : -1]
            padded[:, half + size :] = padded[:, half + size - 2 : size - 2 : -1]
        yield rows, stft(columns)[:count]
