"""How much later than the image the sound of a clip stands, from how lips and sound go together.

A small network, the judge, listens: it turns the sound into a few curves that the movement of lips should follow. A second one
turns the gap between the lips into curves of the same number. Where the two go together best, moved against each
other, is the delay. Both see neither loudness nor the size of a mouth. The judge is trained to tell the true delay from
all others and from the sound of other clips, so that its score is a log-likelihood: scores of clips that share
a delay add up, and the width of the peak is the uncertainty. `scripts/make_synchrony_judge.py` makes it.

Convention: a positive delay means that the sound is late: what is seen at time t is heard at t + delay.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechface.audio.filters import mel_filterbank
from speechface.audio.windows import windows

__all__ = [
    "DELAYS_MS", "HOP_S", "Judge", "Synchrony", "agreement", "judge", "lip_curve", "pooled", "sound_bands", "synchrony",
]  # fmt: skip

#: Step of sound and lips, s, and of the delays that are tried, ms.
HOP_S = 0.01
DELAYS_MS = np.arange(-500, 501, 10)
#: Bands of the judge's hearing and their range below the loudest, dB.
N_BANDS, FMIN, FMAX, WINDOW_S, RANGE_DB = 32, 80.0, 7600.0, 0.025, 60.0
#: A mouth that moves less (standard deviation of the gap over the distance of the eyes' outer corners) tells nothing.
STILL = 0.006
#: Share of clips that a pool expects to have another delay than the rest.
STRANGERS = 0.1
_REACH = -int(DELAYS_MS[0]) // round(1000 * HOP_S)


@dataclass(frozen=True)
class Judge:
    """Layers of the two networks: lists of (kernel (size, n_in, n_out), bias (n_out,), dilation); rectified between.

    `scale` turns the product of the curves of a whole clip into a log-likelihood.
    """

    sound: list
    lips: list
    scale: float = 1.0

    @classmethod
    def load(cls, path):
        """Read the file that `scripts/make_synchrony_judge.py` writes."""
        with np.load(path) as file:
            arrays = {name: file[name].astype(np.float32) for name in file.files}
        sides = {
            side: [
                (arrays[f"{side}_{k}_kernel"], arrays[f"{side}_{k}_bias"], int(arrays[f"{side}_{k}_dilation"]))
                for k in range(sum(name.startswith(side) and name.endswith("kernel") for name in arrays))
            ]
            for side in ("sound", "lips")
        }
        return cls(**sides, scale=float(arrays["scale"]))


@functools.cache
def judge():
    """The judge that comes with the package."""
    return Judge.load(Path(__file__).with_name("synchrony_judge.npz"))


@dataclass(frozen=True)
class Synchrony:
    """What was found: `delay_ms` and its standard deviation `sigma_ms` (both NaN where nothing can be told), and how
    clearly sound and lips go together, `agreement` (see `synchrony`)."""

    delay_ms: float
    sigma_ms: float
    agreement: float


def sound_bands(audio, *, sr):
    """Levels of mel bands every `HOP_S`: (n_hops, N_BANDS), float32, from -1 (RANGE_DB below the loudest) to 1.

    Hop i is about time i * HOP_S of `audio` (n_samples,). Silence is -1 throughout.
    """
    size, n_fft = round(WINDOW_S * sr), 1 << (round(WINDOW_S * sr) - 1).bit_length()
    centres = np.rint(np.arange(int(len(audio) / sr / HOP_S) + 1) * HOP_S * sr).astype(np.int64)
    frames = windows(audio, centres + size // 2, size) * np.hanning(size).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, n_fft)) ** 2
    filters = mel_filterbank(sr=sr, n_fft=n_fft, n_mels=N_BANDS, fmin=FMIN, fmax=min(FMAX, sr / 2))
    level = 10 * np.log10(power @ filters.T + 1e-12)
    loudest = np.percentile(level.max(1), 95)
    if loudest < -100:  # nothing at all, 16 bits reach to -96 dB
        return np.full(level.shape, -1, np.float32)
    return (np.clip(level - loudest, -RANGE_DB, 0) * (2 / RANGE_DB) + 1).astype(np.float32)


def lip_curve(gap, times):
    """The gap between the lips (T,) at `times` (T,) s every `HOP_S` from the first frame on, with mean 0 and variance 1.

    Frames that are not finite are bridged. Empty where the mouth is still or was hardly seen.
    """
    gap, times = np.asarray(gap, np.float64), np.asarray(times, np.float64)
    seen = np.isfinite(gap)
    if seen.sum() < max(0.5 * len(gap), 4) or gap[seen].std() < STILL:
        return np.zeros(0, np.float32)
    at = times[0] + np.arange(int((times[-1] - times[0]) / HOP_S) + 1) * HOP_S
    curve = np.interp(at, times[seen], gap[seen])
    return ((curve - curve.mean()) / curve.std()).astype(np.float32)


def _filtered(values, layers):
    """Values (T, n_in) through convolutions that keep the length (edges repeated): (T, n_out)."""
    for k, (kernel, bias, dilation) in enumerate(layers):
        values = np.maximum(values, 0) if k else values
        reach = dilation * (len(kernel) // 2)
        padded = np.pad(values, ((reach, reach), (0, 0)), "edge")
        values = bias + sum(padded[j * dilation : j * dilation + len(values)] @ part for j, part in enumerate(kernel))
    return values


def agreement(gap, times, audio, *, sr, judge=None):
    """How well sound and lips of one clip go together at each of `DELAYS_MS`.

    Parameters
    ----------
    gap : ndarray (T,), opening of the mouth in any frame, as a fraction of the distance of the eyes' outer corners (only
        its size against `STILL` matters); NaN where no face was found
    times : ndarray (T,), s, of the frames; sample 0 of the sound is at time 0
    audio : ndarray (n_samples,), float32 mono
    sr : int, Hz
    judge : Judge, by default the package's

    Returns
    -------
    ndarray (len(DELAYS_MS),), float64
        Log-likelihood of each delay; all zeros where the mouth is still, was hardly seen, or the sound is silent.
    """
    judge = judge or globals()["judge"]()
    curve, bands = lip_curve(gap, times), sound_bands(audio, sr=sr)
    if not len(curve) or bands.max() <= -1:
        return np.zeros(len(DELAYS_MS))
    first = round(float(times[0]) / HOP_S)
    rows = np.arange(first - _REACH, first + len(curve) + _REACH)
    silence = np.full((1, N_BANDS), -1, np.float32)
    bands = np.concatenate([silence, bands, silence])[np.clip(rows + 1, 0, len(bands) + 1)]
    heard = _filtered(bands, judge.sound)
    seen = _filtered(curve[:, None], judge.lips)
    seen = seen - seen.mean(0)
    return judge.scale * np.array(
        [np.vdot(heard[d : d + len(seen)], seen) for d in range(len(DELAYS_MS))], np.float64
    )


def _posterior(curve):
    likelihood = np.exp(curve - curve.max())
    return likelihood / likelihood.sum()


def synchrony(curve):
    """Delay, its uncertainty and the strength of agreement of one curve of `agreement` or `pooled`.

    `delay_ms` is the top of the parabola through the best delay and its neighbours. `sigma_ms` is the standard deviation of the
    posterior (every delay as probable as any other beforehand), about the delay. `agreement` is how far, in
    natural logarithms, the best delay stands above the mean of all.
    """
    if not np.ptp(curve):
        return Synchrony(np.nan, np.nan, 0.0)
    best = int(np.argmax(curve))
    delay = float(DELAYS_MS[best])
    if 0 < best < len(curve) - 1:
        before, here, after = curve[best - 1 : best + 2]
        delay += 1000 * HOP_S * 0.5 * (before - after) / (before - 2 * here + after)
    sigma = np.sqrt(_posterior(curve) @ np.square(DELAYS_MS - delay))
    return Synchrony(delay, float(sigma), float(curve[best] - curve.mean()))


def pooled(curves):
    """One curve of clips that share a delay, (n, len(DELAYS_MS)) -> (len(DELAYS_MS),).

    Log-likelihoods add up. Each clip counts with `STRANGERS` as one that has nothing to do with the rest, so that a few
    with another delay or another sound do not pull the others.
    """
    curves = np.atleast_2d(curves)
    return sum(np.log((1 - STRANGERS) * _posterior(curve) + STRANGERS / len(curve)) for curve in curves)
