"""Random changes of log-mel rows in training. Each is drawn for a whole sequence from the generator it is given."""

import numpy as np

__all__ = ["augment"]


def augment(rows, hop_times, fill, *, gain_db, tilt_db, noise_db, time_mask_ms, mask_bands, rng):
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
    hidden = (since >= 0) & (since < (length * time_mask_ms / 1000)[:, None, None])
    out = np.where(hidden[..., None], fill, out)
    width = rng.integers(0, mask_bands + 1, count)
    first = rng.integers(0, n_mels, count)
    bands = np.arange(n_mels)
    hidden = (bands >= first[:, None]) & (bands < (first + width)[:, None])
    return np.where(hidden[:, None, None, :], fill, out)
