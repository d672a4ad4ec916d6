"""Random changes of a clip's sound in training, each drawn for a whole sequence from the generator it is given."""

from typing import Any

import numpy as np

__all__ = ["augment_log_mel", "augment_waveform", "warp_bands"]


def augment_log_mel(
    rows: np.ndarray,
    *,
    gain_db: float,
    tilt_db: float,
    noise_db: float,
    tract_percent: float,
    centres: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return changed copies of sequences of log-mel rows.

    Parameters
    ----------
    rows : ndarray (B, T, n_hops, n_mels), dB
    gain_db : float, dB, deviation of the gain of a sequence
    tilt_db : float, dB, deviation of a gain that rises evenly from minus to plus its value over the bands
    noise_db : float, dB, deviation of noise of every number
    tract_percent : float
        A voice as from a vocal tract up to this much longer or shorter: frequencies are stretched by a factor that
        is even in 1 +- this.
    centres : ndarray (n_mels,), Hz, ascending centre frequencies of the bands
    rng : numpy.random.Generator

    Returns
    -------
    ndarray like `rows`, float32
    """
    count, _, _, n_mels = rows.shape
    out = rows.astype(np.float32)
    slope = np.linspace(-1, 1, n_mels, dtype=np.float32)
    # gain and tilt are drawn whatever their sizes are: switching one change off leaves the others as they were
    gain, tilt = rng.standard_normal((2, count, 1), np.float32)
    change = gain_db * gain + tilt_db * tilt * slope
    out += change[:, None, None, :]
    if noise_db:
        out += np.float32(noise_db) * rng.standard_normal(out.shape, np.float32)
    if tract_percent:
        out = warp_bands(out, 1 + tract_percent / 100 * rng.uniform(-1, 1, count), centres)
    return out


def warp_bands(rows: np.ndarray, factors: Any, centres: np.ndarray) -> np.ndarray:
    """Return log-mel rows as a voice gives them whose formants lie `factors` times as high.

    Parameters
    ----------
    rows : ndarray (B, T, n_hops, n_mels), dB
    factors : array (B,); 1 changes nothing
    centres : ndarray (n_mels,), Hz, ascending

    Returns
    -------
    ndarray like `rows`, float32
        The band at f Hz is what stood at f / factor, between bands by linear interpolation; the outermost bands
        stand for what lies beyond them.

    Source: Jaitly and Hinton, Vocal Tract Length Perturbation (2013), on bands instead of spectra.
    """
    n_mels = rows.shape[-1]
    out = np.empty(rows.shape, np.float32)
    for k, factor in enumerate(factors):
        place = np.interp(centres / factor, centres, np.arange(n_mels))
        low = np.minimum(place.astype(int), n_mels - 2)
        part = (place - low).astype(np.float32)
        out[k] = rows[k][..., low] * (1 - part) + rows[k][..., low + 1] * part
    return out


def augment_waveform(rows: np.ndarray, *, gain_db: float, noise_db: float, rng: np.random.Generator) -> np.ndarray:
    """Return changed copies of sequences of rows of samples.

    Parameters
    ----------
    rows : ndarray (B, T, n), 16-bit samples
    gain_db : float, dB, deviation of the gain of a sequence
    noise_db : float
        White noise is added whose deviation, relative to the sequence's own, is even in 0 and 10^(this / 20) - 1: where
        it is small, it changes the level by up to about this.

    Returns
    -------
    ndarray like `rows`, float32
    """
    count = len(rows)
    out = rows.astype(np.float32)
    gain = 10 ** (gain_db * rng.standard_normal(count) / 20)
    level = out.reshape(count, -1).std(1) * rng.random(count) * (10 ** (noise_db / 20) - 1)
    if noise_db:
        out += level[:, None, None].astype(np.float32) * rng.standard_normal(out.shape, np.float32)
    out *= gain[:, None, None].astype(np.float32)
    return out
