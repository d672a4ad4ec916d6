"""Phonemes to mouth movement: dominance functions, lip closures and energy of the voice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from speechface.synthesis.visemes import CHANNEL_GROUP, INDEX, VISEMES, visemes_of

__all__ = ["Segment", "segments_of", "articulate", "close_lips", "lip_seal", "energy_envelope", "bump"]

#: A plosive's event is its burst; its closure starts this much earlier (measured on espeak-ng's sound).
CLOSURE_S = 0.055
#: Reach of a segment's dominance before it and after it, s, for jaw, lip shape and lip aperture. Lip rounding is
#: anticipated most.
REACH_BEFORE_S = (0.055, 0.085, 0.040)
REACH_AFTER_S = (0.050, 0.060, 0.035)
#: Lips need this long to close and to open, s.
SEAL_RAMP_S = (0.065, 0.045)
#: At rest the lips part this long before the first sound and meet this long after the last.
REST_RAMP_S = 0.14
_OPENERS = ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight")


@dataclass(frozen=True)
class Segment:
    """One viseme from `start` to `end` (s). `stress`: 0 none, 1 secondary, 2 primary. `ipa`: its phoneme."""

    start: float
    end: float
    viseme: str
    stress: int
    ipa: str


def _hold(ipa: str, start: float, end: float) -> tuple[float, float]:
    """Return when the articulators of a phoneme that sounds from `start` to `end` arrive and leave."""
    letter = ipa.lstrip("ˈˌ")[:1]
    if letter and letter in "ptk":
        return start - CLOSURE_S, min(start + 0.010, end)
    if letter and letter in "bdgɡ":
        release = max(end - 0.020, start + 0.005)
        return min(start, release - CLOSURE_S), release
    if letter == "m":
        return start, max(end - 0.020, start + 0.02)
    return start, end


def segments_of(phonemes: Sequence[tuple[float, str]], *, duration: float) -> list[Segment]:
    """Turn phonemes (start in s, IPA) into visemes that fill the time from 0 to `duration` without gaps.

    Closures are moved before their bursts; diphthongs are split, with the longer part first.
    """
    starts = [start for start, _ in phonemes] + [duration]
    held: list[list[Any]] = []
    for k, (start, ipa) in enumerate(phonemes):
        end = min(max(starts[k + 1], start), duration)
        if end > start:
            held.append([*_hold(ipa, start, end), ipa])
    pieces: list[list[Any]] = [[0.0, held[0][0] if held else duration, ""]]
    for start, end, ipa in held:
        previous = pieces[-1]
        # what follows a release begins with it; a closure may take at most 60 % of the sound before it
        start = max(min(start, previous[1]), previous[0] + 0.4 * (previous[1] - previous[0]))
        previous[1] = start
        pieces.append([start, max(end, start + 1e-3), ipa])
    pieces[-1][1] = duration
    segments = []
    for start, end, ipa in pieces:
        names = visemes_of(ipa)
        stress = 2 if "ˈ" in ipa else 1 if "ˌ" in ipa else 0
        parts = np.linspace(1.3, 0.7, len(names)) if len(names) > 1 else np.ones(1)
        edges = start + (end - start) * np.r_[0, np.cumsum(parts) / parts.sum()]
        segments += [Segment(a, b, name, stress, ipa) for a, b, name in zip(edges[:-1], edges[1:], names) if b > a]
    return segments


def articulate(segments: Sequence[Segment], times: ArrayLike, *, gain: float) -> np.ndarray:
    """Blend the visemes' targets by dominance.

    Parameters
    ----------
    segments : list of Segment
    times : ndarray (T,), s
    gain : float
        Factor on jaw opening and lip aperture: how clearly the speaker speaks.

    Returns
    -------
    weights : ndarray (T, 52)
        Mouth and jaw channels without lip closure; see `close_lips`.

    Notes
    -----
    Each segment pulls with ``strength * exp(-distance / reach)``, the distance being 0 inside the middle part of
    the segment; a channel's weight is the mean of the targets so weighted (Cohen and Massaro 1993).
    """
    moments = np.asarray(times, float)[:, None]
    start = np.array([s.start for s in segments])
    end = np.array([s.end for s in segments])
    centre, half = (start + end) / 2, (end - start) / 2
    offset = moments - centre
    distance = np.abs(offset) - 0.6 * half
    distance = 0.5 * (distance + np.sqrt(distance**2 + 0.012**2))  # 0 inside, smooth at the edge
    targets = np.zeros((len(segments), len(INDEX)))
    strength = np.array([VISEMES[s.viseme].strength for s in segments])
    for k, segment in enumerate(segments):
        viseme = VISEMES[segment.viseme]
        emphasis = (0.88, 1.0, 1.12)[segment.stress] if viseme.vowel else 1.0
        for name, weight in viseme.targets.items():
            opens = name == "jawOpen" or name in _OPENERS
            targets[k, INDEX[name]] = weight * (gain * emphasis if opens else 1.0)
    weights = np.zeros((len(moments), len(INDEX)))
    for group in range(3):
        reach = np.where(offset < 0, REACH_BEFORE_S[group], REACH_AFTER_S[group])
        pull = strength[:, group] * np.exp(-distance / reach)
        pull /= pull.sum(1, keepdims=True) + 1e-12
        columns = np.array([g == group for g in CHANNEL_GROUP])
        weights[:, columns] = pull @ targets[:, columns]
    return weights


def _ramp(x: ArrayLike) -> np.ndarray:
    """Smooth step: 0 below 0, 1 above 1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def lip_seal(segments: Sequence[Segment], times: ArrayLike, *, frame_s: float) -> np.ndarray:
    """Return how far the lips are closed, (T,) in [0, 1].

    1 during the hold of bilabials and during rest; a hold lasts at least one frame (`frame_s`, s), so that
    an image shows every closure.
    """
    times = np.asarray(times, float)
    seal = np.zeros(len(times))
    for segment in segments:
        level = VISEMES[segment.viseme].seal
        if not level:
            continue
        start, end = segment.start, segment.end
        if segment.viseme == "rest":
            ramp_in = ramp_out = REST_RAMP_S
            start, end = start + (REST_RAMP_S if start > 0 else -1), end - REST_RAMP_S
            if segment is segments[-1]:
                end = np.inf
        else:
            ramp_in, ramp_out = SEAL_RAMP_S
            missing = max(1.02 * frame_s - (end - start), 0)
            start -= missing
        rise, fall = _ramp((times - start) / ramp_in + 1), _ramp(1 - (times - end) / ramp_out)
        seal = np.maximum(seal, level * np.minimum(rise, fall))
    return seal


def close_lips(weights: np.ndarray, seal: np.ndarray) -> np.ndarray:
    """Return `weights` (T, 52) with the lips closed by `seal` (T,): mouthClose takes back the jaw's opening,
    and what lifts or lowers the lips yields."""
    closed = weights.copy()
    open_lips = (1 - seal)[:, None]
    closed[:, [INDEX[n] for n in _OPENERS]] *= open_lips
    closed[:, INDEX["mouthFunnel"]] *= 1 - 0.85 * seal
    closed[:, INDEX["mouthClose"]] = seal * closed[:, INDEX["jawOpen"]]
    return closed


def energy_envelope(audio: np.ndarray, *, sr: int, times: ArrayLike, width_s: float) -> np.ndarray:
    """Loudness of `audio` at `times`: RMS under a Hann window of `width_s`, divided by its largest value, (T,)."""
    window = np.hanning(max(int(width_s * sr), 3))
    n = len(audio) + len(window) - 1
    size = 1 << (n - 1).bit_length()
    spectrum = np.fft.rfft(np.square(audio, dtype=np.float64), size) * np.fft.rfft(window, size)
    power = np.fft.irfft(spectrum, size)[len(window) // 2 :][: len(audio)]
    rms = np.sqrt(np.maximum(power, 0))
    index = np.clip(np.round(np.asarray(times) * sr).astype(int), 0, len(audio) - 1)
    return rms[index] / max(rms.max(), 1e-12)


def bump(times: ArrayLike, centre: float, *, rise_s: float, fall_s: float) -> np.ndarray:
    """Smooth bump of height 1 at `centre` that starts `rise_s` before and ends `fall_s` after, (T,)."""
    offset = np.asarray(times, float) - centre
    return np.where(offset < 0, _ramp(1 + offset / rise_s), _ramp(1 - offset / fall_s))
