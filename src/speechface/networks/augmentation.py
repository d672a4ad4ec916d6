"""Random changes of a clip's sound in training, each drawn for a whole sequence from the generator it is given."""

from typing import Any

import numpy as np

__all__ = ["add_background", "add_reverberation", "augment_log_mel", "augment_waveform", "limit_band", "warp_bands"]

#: Random recordings, see `augment_log_mel`: lower and upper edge of a telephone's band, Hz; signal above background,
#: dB; reverberation time, s, and its energy relative to the direct sound's, dB.
TELEPHONE_HZ = ((200, 400), (3000, 4000))
BACKGROUND_DB = (5.0, 35.0)
REVERBERATION_S = (0.2, 0.8)
REVERBERATION_DB = (-12.0, 3.0)


def augment_log_mel(
    rows: np.ndarray,
    *,
    gain_db: float,
    tilt_db: float,
    noise_db: float,
    tract_percent: float,
    recordings: float,
    centres: np.ndarray,
    hop_s: float,
    floor_db: float,
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
    recordings : float in [0, 1]
        How often a sequence is heard in a room, over a background and through a telephone, each drawn by itself.
    centres : ndarray (n_mels,), Hz, ascending centre frequencies of the bands
    hop_s : float, s, from one spectrum of a row to the next
    floor_db : float, dB, lowest value of a row
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
    if recordings:
        out = _recorded(out, recordings, centres, hop_s, floor_db, rng)
    return out


def _recorded(rows, fraction, centres, hop_s, floor_db, rng):
    """Rows as other rooms, backgrounds and lines give them: each in this fraction of the sequences."""
    count = len(rows)
    room, behind, line = rng.random((3, count)) < fraction
    seconds, wet = rng.uniform(*REVERBERATION_S, count), rng.uniform(*REVERBERATION_DB, count)
    above, colour = rng.uniform(*BACKGROUND_DB, count), rng.uniform(-12, 6, count)
    edges = np.stack([rng.uniform(*edge, count) for edge in TELEPHONE_HZ], 1)
    rows[room] = add_reverberation(rows[room], seconds[room], wet[room], hop_s=hop_s)
    # speech is about as loud as the loudest twentieth of the sequence's hops
    loud = np.percentile(rows.mean(-1).reshape(count, -1), 95, axis=1)
    slope = np.linspace(-0.5, 0.5, rows.shape[-1])
    background = (loud - above)[:, None] + colour[:, None] * slope
    rows[behind] = add_background(rows[behind], background[behind], rng)
    rows[line] = limit_band(rows[line], edges[line], centres, floor_db)
    return np.maximum(rows, np.float32(floor_db), out=rows)


def add_reverberation(rows: np.ndarray, seconds: np.ndarray, wet_db: np.ndarray, *, hop_s: float) -> np.ndarray:
    """Return log-mel rows (B, T, n_hops, n_mels) with an even tail of sound: energies of earlier hops, decaying.

    seconds (B,) until the tail has fallen by 60 dB; wet_db (B,) its energy relative to the direct sound's, dB. A row's
    hops follow each other; that its first hop follows half a row behind the row before is an approximation, as rows
    overlap by a number that depends on the frame rate.
    """
    power = 10 ** (rows / 10)
    decay = (10 ** (-6 * hop_s / np.asarray(seconds))).astype(np.float32)[:, None]
    gain = (10 ** (np.asarray(wet_db) / 10)).astype(np.float32)[:, None] * (1 - decay) / decay
    n_hops = rows.shape[2]
    tails = np.zeros_like(power)
    for k in range(rows.shape[1]):
        tail = tails[:, k - 1, n_hops // 2] if k else np.zeros_like(power[:, 0, 0])
        for j in range(n_hops):
            tails[:, k, j] = tail
            tail = decay * (tail + power[:, k, j])
    return (10 * np.log10(power + gain[:, None, None] * tails)).astype(np.float32)


def add_background(rows: np.ndarray, level_db: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return log-mel rows (B, T, n_hops, n_mels) with noise of a level (B, n_mels), dB a band, that flickers as noise
    does in bands of short spectra (about 2 dB)."""
    noise = level_db[:, None, None, :] + 2 * rng.standard_normal(rows.shape, np.float32)
    return np.logaddexp(rows * (np.log(10) / 10), noise * (np.log(10) / 10)).astype(np.float32) * np.float32(
        10 / np.log(10)
    )


def limit_band(rows: np.ndarray, edges: np.ndarray, centres: np.ndarray, floor_db: float) -> np.ndarray:
    """Return log-mel rows (B, T, n_hops, n_mels) through a line that passes edges (B, 2), Hz; outside it falls by 48 dB
    an octave, nothing below `floor_db`."""
    octaves = np.maximum(np.log2(edges[:, :1] / centres), 0) + np.maximum(np.log2(centres / edges[:, 1:]), 0)
    return np.maximum(rows - (48 * octaves).astype(np.float32)[:, None, None, :], np.float32(floor_db))


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
