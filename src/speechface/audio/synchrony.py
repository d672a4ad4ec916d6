"""How much later than the image the sound of a clip stands, from how lips and sound go together.

A small network, the judge, hears the sound and turns it into a few curves that lips should follow; another turns the
gap between the lips into as many. The delay at which the two go together best is the answer. Neither sees loudness
or the size of a mouth. The judge is trained to tell the true delay from all others, and from the sound of other
clips, so that its score is a log-likelihood: scores of clips that share a delay add up, and the width of the peak
is the uncertainty. ``scripts/make_synchrony_judge.py`` makes it; docs/synchrony.md tells how well it does.

Convention: a positive delay means that the sound is late: what is seen at time t is heard at t + delay.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechface.audio.filters import mel_filterbank
from speechface.audio.windows import windows

__all__ = [
    "DELAYS_MS", "HOP_S", "Judge", "Synchrony", "agreement", "follows", "judges", "lip_curve", "pooled", "sound_bands",
    "synchrony", "write_judges",
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
#: How far from the delay of its fellows a clip may stand, ms.
NEAR_MS = 60
_REACH = -int(DELAYS_MS[0]) // round(1000 * HOP_S)


#: Kernel (size, n_in, n_out), bias (n_out,) and dilation of one convolution.
Layer = tuple[np.ndarray, np.ndarray, int]


@dataclass(frozen=True)
class Judge:
    """Layers that hear and layers that see, rectified between; both end in as many curves.

    `scale` turns the product of the curves of a whole clip into a log-likelihood.
    """

    sound: Sequence[Layer]
    lips: Sequence[Layer]
    scale: float = 1.0


def write_judges(path: Path, judges: Sequence[Judge]) -> None:
    """Write judges in half precision, which moves no delay by a tenth of a millisecond."""
    arrays: dict[str, Any] = {}
    for number, judge in enumerate(judges):
        arrays[f"{number}_scale"] = np.float32(judge.scale)
        for side in ("sound", "lips"):
            for k, (kernel, bias, dilation) in enumerate(getattr(judge, side)):
                arrays[f"{number}_{side}_{k}_kernel"] = kernel.astype(np.float16)
                arrays[f"{number}_{side}_{k}_bias"] = bias.astype(np.float16)
                arrays[f"{number}_{side}_{k}_dilation"] = np.int32(dilation)
    np.savez_compressed(path, **arrays)


@functools.cache
def judges(path: Path | None = None) -> tuple[Judge, ...]:
    """The judges of a file of `write_judges`, by default those that come with the package."""
    with np.load(path or Path(__file__).with_name("synchrony_judge.npz")) as file:
        arrays = {name: file[name] for name in file.files}

    def side(number: int, name: str) -> list[Layer]:
        found: list[Layer] = []
        while f"{number}_{name}_{len(found)}_kernel" in arrays:
            kernel, bias, dilation = (
                arrays[f"{number}_{name}_{len(found)}_{part}"] for part in ("kernel", "bias", "dilation")
            )
            found.append((kernel.astype(np.float32), bias.astype(np.float32), int(dilation)))
        return found

    count = sum(name.endswith("scale") for name in arrays)
    return tuple(Judge(side(k, "sound"), side(k, "lips"), float(arrays[f"{k}_scale"])) for k in range(count))


@dataclass(frozen=True)
class Synchrony:
    """What was found: `delay_ms` and its standard deviation `sigma_ms` (both NaN where nothing can be told), and how
    clearly sound and lips go together there, `agreement` (see `synchrony`)."""

    delay_ms: float
    sigma_ms: float
    agreement: float


def sound_bands(audio: np.ndarray, *, sr: int) -> np.ndarray:
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


def lip_curve(gap: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The gap between the lips (T,) at `times` (T,) s every `HOP_S` from the first frame on, mean 0, variance 1.

    Frames that are not finite are bridged. Empty where the mouth is still or was hardly seen.
    """
    gap, times = np.asarray(gap, np.float64), np.asarray(times, np.float64)
    seen = np.isfinite(gap)
    if seen.sum() < max(0.5 * len(gap), 4) or gap[seen].std() < STILL:
        return np.zeros(0, np.float32)
    at = times[0] + np.arange(int((times[-1] - times[0]) / HOP_S) + 1) * HOP_S
    curve = np.interp(at, times[seen], gap[seen])
    return ((curve - curve.mean()) / curve.std()).astype(np.float32)


def _filtered(values: np.ndarray, layers: Sequence[Layer]) -> np.ndarray:
    """Values (T, n_in) through convolutions that keep the length (edges repeated): (T, n_out)."""
    for k, (kernel, bias, dilation) in enumerate(layers):
        values = np.maximum(values, 0) if k else values
        reach = dilation * (len(kernel) // 2)
        padded = np.pad(values, ((reach, reach), (0, 0)), "edge")
        values = bias + sum(padded[j * dilation : j * dilation + len(values)] @ part for j, part in enumerate(kernel))
    return values


def agreement(
    gap: np.ndarray, times: np.ndarray, audio: np.ndarray, *, sr: int, panel: Sequence[Judge] | None = None
) -> np.ndarray:
    """How well sound and lips of one clip go together at each of `DELAYS_MS`.

    Parameters
    ----------
    gap : ndarray (T,), opening of the mouth as a fraction of the distance of the eyes' outer corners (only its size
        against `STILL` matters); NaN where no face was found
    times : ndarray (T,), s, of the frames; sample 0 of the sound is at time 0
    audio : ndarray (n_samples,), float32 mono; silence before and after
    sr : int, Hz
    panel : judges whose answers are averaged, by default the package's

    Returns
    -------
    ndarray (len(DELAYS_MS),), float64
        Log-likelihood of each delay; all zeros where the mouth is still, was hardly seen, or the sound is silent.
    """
    panel = judges() if panel is None else panel
    curve, bands = lip_curve(gap, times), sound_bands(audio, sr=sr)
    if not len(curve) or bands.max() <= -1:
        return np.zeros(len(DELAYS_MS))
    first = round(float(times[0]) / HOP_S)
    rows = np.arange(first - _REACH, first + len(curve) + _REACH)
    silence = np.full((1, bands.shape[1]), -1, np.float32)
    bands = np.concatenate([silence, bands, silence])[np.clip(rows + 1, 0, len(bands) + 1)]
    total = np.zeros(len(DELAYS_MS))
    for judge in panel:
        heard, seen = _filtered(bands, judge.sound), _filtered(curve[:, None], judge.lips)
        seen = seen - seen.mean(0)
        total += [judge.scale * np.vdot(heard[d : d + len(seen)], seen) for d in range(len(DELAYS_MS))]
    return total / len(panel)


def _posterior(curve: np.ndarray) -> np.ndarray:
    likelihood = np.exp(curve - curve.max())
    return likelihood / likelihood.sum()


def synchrony(curve: np.ndarray) -> Synchrony:
    """Delay, its uncertainty and the strength of agreement of one curve of `agreement` or `pooled`.

    `delay_ms` is the top of the parabola through the best delay and its neighbours. `sigma_ms` is the standard
    deviation of the posterior (every delay as probable as any other beforehand) about it. `agreement` is how far,
    in natural logarithms, the best delay stands above the mean of all.
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


def pooled(curves: Sequence[np.ndarray]) -> np.ndarray:
    """One curve of clips that share a delay, n of (len(DELAYS_MS),) -> (len(DELAYS_MS),).

    Log-likelihoods add up. Each clip counts with probability `STRANGERS` as one that has nothing to do with the rest,
    so that a few with another delay or another sound do not pull the others.
    """
    if len(curves) == 1:
        return curves[0]
    return np.sum([np.log((1 - STRANGERS) * _posterior(curve) + STRANGERS / len(curve)) for curve in curves], 0)


def follows(curve: np.ndarray, delay_ms: float) -> float:
    """Probability of a clip's own delay to lie within `NEAR_MS` of `delay_ms`, that of the clips it belongs to.

    A clip that goes together with its sound has most of it there. One with another sound has its best delay anywhere.
    NaN where nothing can be told.
    """
    if not np.ptp(curve):
        return np.nan
    return float(_posterior(curve)[np.abs(DELAYS_MS - delay_ms) <= NEAR_MS].sum())
