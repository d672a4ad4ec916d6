"""Random changes of log-mel rows and labels in training.

Each is drawn for a whole sequence from the generator it is given.
"""

import numpy as np

from speechface.rig.channels import MIRROR

__all__ = ["augment_log_mel", "augment_waveform", "warp_bands", "mirror_labels"]

#: Angles about y and z (turn and tilt) change their sign in a mirror, the nod about x does not.
_MIRRORED_ANGLES = np.array([1, -1, -1], np.float32)


def augment_log_mel(rows, hop_times, fill, *, gain_db, tilt_db, noise_db, time_mask_ms, mask_bands,
                    tract_percent, centres, rng):  # fmt: skip
    """Return changed copies of sequences of log-mel rows.

    Parameters
    ----------
    rows : ndarray (B, T, n_hops, n_mels), dB
    hop_times : ndarray (B, T, n_hops), s
        When each spectrum was measured; rows of neighbouring frames share spectra, and a mask hides them in all.
    fill : ndarray (n_hops, n_mels), dB, what masked values become (the training mean)
    gain_db : float, dB, deviation of the gain of a sequence
    tilt_db : float, dB, deviation of a gain that rises evenly from minus to plus its value over the bands
    noise_db : float, dB, deviation of noise of every number
    time_mask_ms : float, ms, a stretch of up to this length becomes `fill`
    mask_bands : int, up to this many neighbouring bands become `fill`
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
    # all numbers are drawn whatever the sizes are: switching one change off leaves the others as they were
    gain, tilt = rng.standard_normal((2, count, 1), np.float32)
    change = gain_db * gain + tilt_db * tilt * slope
    out += change[:, None, None, :]
    if noise_db:
        out += np.float32(noise_db) * rng.standard_normal(out.shape, np.float32)
    length, place = rng.random((2, count))
    start = hop_times.min((1, 2)) + place * np.ptp(hop_times, axis=(1, 2))
    since = hop_times - start[:, None, None]
    masked = (since >= 0) & (since < (length * time_mask_ms / 1000)[:, None, None])
    width = rng.integers(0, mask_bands + 1, count)
    first = rng.integers(0, n_mels, count)
    bands = np.arange(n_mels)
    if tract_percent:
        # drawn last: the numbers above stay as they are without it. The masks cover what is warped
        out = warp_bands(out, 1 + tract_percent / 100 * rng.uniform(-1, 1, count), centres)
    out = np.where(masked[..., None], fill, out)
    hidden = (bands >= first[:, None]) & (bands < (first + width)[:, None])
    return np.where(hidden[:, None, None, :], fill, out)


def warp_bands(rows, factors, centres):
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
        share = (place - low).astype(np.float32)
        out[k] = rows[k][..., low] * (1 - share) + rows[k][..., low + 1] * share
    return out


def augment_waveform(rows, times, *, gain_db, noise_db, time_mask_ms, rng):
    """Return changed copies of sequences of rows of samples.

    Parameters
    ----------
    rows : ndarray (B, T, n), 16-bit samples
    times : ndarray (B, T, n), s, of every sample
    gain_db : float, dB, deviation of the gain of a sequence
    noise_db : float
        White noise is added whose deviation, relative to the sequence's own, is even in 0 and 10^(this / 20) - 1: where
        it is small, it changes the level by up to about this.
    time_mask_ms : float, ms, a stretch of up to this length becomes silence

    Returns
    -------
    ndarray like `rows`, float32
    """
    count = len(rows)
    out = rows.astype(np.float32)
    gain = 10 ** (gain_db * rng.standard_normal(count) / 20)
    share, length, place = rng.random((3, count))
    level = out.reshape(count, -1).std(1) * share * (10 ** (noise_db / 20) - 1)
    if noise_db:
        out += level[:, None, None].astype(np.float32) * rng.standard_normal(out.shape, np.float32)
    out *= gain[:, None, None].astype(np.float32)
    start = times.min((1, 2)) + place * np.ptp(times, axis=(1, 2))
    since = times - start[:, None, None]
    out[(since >= 0) & (since < (length * time_mask_ms / 1000)[:, None, None])] = 0
    return out


def mirror_labels(labels):
    """Return labels as the mirrored face has them; the sound does not tell left from right.

    Parameters
    ----------
    labels : ndarray (..., 46) or (..., 49)
        Weights, or weights and rotations (rotation_x, rotation_y, rotation_z), radians.
    """
    n = len(MIRROR)
    if labels.shape[-1] == n:
        return labels[..., MIRROR]
    return np.concatenate([labels[..., MIRROR], labels[..., n:] * _MIRRORED_ANGLES], -1)
