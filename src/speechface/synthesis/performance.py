"""One demo clip before it is drawn: sound, weights and head rotation, from an actor's number and a clip's facts."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from speechface.errors import ConfigError
from speechface.synthesis import articulation, expression
from speechface.synthesis.espeak import Utterance, speak
from speechface.synthesis.visemes import INDEX
from speechface.synthesis.voices import Delivery, actor_voice, delivery

__all__ = ["Performance", "perform", "act", "Traits", "traits_of", "resample"]

#: Silence before the first sound and after the last, s (a little more before, at random).
MARGIN_S = 0.25
#: Room noise, root mean square relative to full scale.
NOISE_RMS = 10 ** (-66 / 20)
STRENGTH = {"normal": 0.7, "strong": 1.0}


@dataclass(frozen=True)
class Performance:
    """`audio` float32 (n,) at `sr`; `times` (T,) s; `weights` (T, 52) float32; `rotations` (T, 3) radians;
    `segments` list of Segment in clip time; `text` and `voice` as given to espeak-ng."""

    audio: np.ndarray
    sr: int
    times: np.ndarray
    weights: np.ndarray
    rotations: np.ndarray
    segments: list[articulation.Segment]
    text: str
    voice: str


@dataclass(frozen=True)
class Traits:
    """Habits of one actor; factors around 1 unless said otherwise. asymmetry: fraction of a weight moved to one side;
    blink_interval in s; wander of the gaze in radians; sideways: lateral habit of mouth and jaw, weight."""

    articulation: float
    expressiveness: float
    asymmetry: float
    blink_interval: float
    head: float
    wander: float
    sideways: float


def traits_of(number: int, *, seed: int) -> Traits:
    """Return the Traits of demo actor `number`."""
    rng = np.random.default_rng([seed, number, 2])
    return Traits(
        articulation=rng.uniform(0.88, 1.15),
        expressiveness=rng.uniform(0.80, 1.10),
        asymmetry=rng.uniform(-0.10, 0.10),
        blink_interval=rng.uniform(1.8, 3.2),
        head=rng.uniform(0.7, 1.3),
        wander=rng.uniform(0.015, 0.04),
        sideways=rng.uniform(0.02, 0.08),
    )


def _clip_rng(seed: int, number: int, clip: str) -> np.random.Generator:
    """Generator of one clip; independent of every other clip, so that adding clips changes none."""
    digits = [int(part) for part in clip.split("-")]
    return np.random.default_rng([seed, number, 3, *digits])


def resample(audio: np.ndarray, *, sr: int, new_sr: int, n_samples: int) -> np.ndarray:
    """Band-limited resampling of (n,) float32 by Fourier transform; returns exactly `n_samples` at `new_sr`.

    Sound is padded with silence (or cut) to cover n_samples / new_sr seconds, which need not be a whole number of
    old samples: the transform's length is rounded up to a whole number of periods of both rates.
    """
    common = math.gcd(sr, new_sr)
    up, down = new_sr // common, sr // common
    periods = -(-max(n_samples, 1) // up) + 1
    padded = np.zeros(periods * down)
    used = min(len(audio), len(padded))
    padded[:used] = audio[:used]
    spectrum = np.fft.rfft(padded)
    bins = periods * up // 2 + 1
    wide = np.zeros(bins, complex)
    kept = min(bins, len(spectrum))
    wide[:kept] = spectrum[:kept]
    return (np.fft.irfft(wide, periods * up) * (up / down))[:n_samples].astype(np.float32)


def _trim(utterance: Utterance) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Return (audio without its silent ends, phonemes in the new time)."""
    audio = utterance.audio
    loud = np.nonzero(np.abs(audio) > 0.01 * np.abs(audio).max())[0]
    first, last = int(loud[0]), int(loud[-1]) + 1
    shift = first / utterance.sr
    return audio[first:last], [(start - shift, ipa) for start, ipa in utterance.phonemes]


def act(
    segments: list[articulation.Segment],
    energy_at: Callable[[Any], Any],
    times: np.ndarray,
    rng: np.random.Generator,
    traits: Traits,
    *,
    emotion: str,
    strength: float,
    how: Delivery,
    frame_s: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return (weights (T, 52) float32, rotations (T, 3) radians) of a speaker with `traits`.

    segments : list of Segment that fill the clip; energy_at : function of times, loudness in [0, 1];
    how : `voices.Delivery`; frame_s : duration of a frame, s.
    """
    speech = articulation.articulate(segments, times, gain=how.articulation * traits.articulation)
    seal = articulation.lip_seal(segments, times, frame_s=frame_s)
    # a generator for each part, so that none depends on how much chance another one used
    mood_rng, stress_rng, head_rng, gaze_rng, blink_rng, brow_rng, side_rng = rng.spawn(7)
    mood = expression.expression(
        emotion, times, mood_rng, strength=strength * traits.expressiveness, asymmetry=traits.asymmetry
    )
    stresses = expression.accents(segments, energy_at, stress_rng)
    rotations = expression.head_motion(
        times, stresses, head_rng, emotion=emotion, amplitude=traits.head * how.liveliness
    )
    mood += expression.gaze(rotations, times, gaze_rng, wander=traits.wander)
    duration = float(times[-1]) + frame_s
    moments = expression.blink_times(duration, blink_rng, mean_interval_s=traits.blink_interval)
    lids = expression.blinks(times, moments, frame_s=frame_s)
    brows = np.zeros(len(times))
    for time, size in stresses:
        if brow_rng.random() < 0.7:
            moved = articulation.bump(times, time - 0.02, rise_s=0.18, fall_s=0.32)
            brows = np.maximum(brows, 0.38 * how.liveliness * size * moved)
    if emotion in expression.FROWNS_ON_STRESS:
        for side in ("Left", "Right"):
            mood[:, INDEX["browDown" + side]] += 0.6 * brows
        brows = np.zeros(len(times))
    # a little sideways life while the mouth moves
    aside = traits.sideways * expression.smooth_noise(times, side_rng, low_hz=0.3, high_hz=1.5) * energy_at(times)
    for stem in ("mouth", "jaw"):
        speech[:, INDEX[stem + "Left"]] += np.maximum(aside, 0)
        speech[:, INDEX[stem + "Right"]] += np.maximum(-aside, 0)
    plosion = np.zeros(len(times))
    for segment in segments:
        if segment.viseme == "bilabial" and "m" not in segment.ipa:
            plosion = np.maximum(plosion, articulation.bump(times, segment.end, rise_s=0.07, fall_s=0.05))
    speech[:, INDEX["cheekPuff"]] += 0.22 * plosion
    return expression.merge(speech, seal, mood, lids, brows), rotations


def perform(
    number: int,
    clip: str,
    *,
    statement: str,
    emotion: str,
    intensity: str,
    seed: int,
    frame_rate: Fraction,
    sr: int,
) -> Performance:
    """Return the Performance of demo actor `number` in a clip.

    Parameters
    ----------
    number : int, 1 to 24
    clip : str, RAVDESS name; seeds the clip's chance together with `seed` and `number`
    statement : str, the sentence
    emotion : str, key of `EXPRESSIONS`
    intensity : {"normal", "strong"}
    seed : int
    frame_rate : Fraction, frames/s
    sr : int, Hz, sampling rate of the sound

    Raises
    ------
    EspeakError
        If espeak-ng is absent.
    ConfigError
        If emotion or intensity is unknown.
    """
    if emotion not in expression.EXPRESSIONS or intensity not in STRENGTH:
        raise ConfigError(f"clip {clip}: no such emotion or intensity: {emotion}, {intensity}")
    strength = STRENGTH[intensity]
    traits, how = traits_of(number, seed=seed), delivery(emotion, strength)
    voice = actor_voice(number, how, seed=seed)
    rng = _clip_rng(seed, number, clip)
    text = statement + ("!" if emotion in ("angry", "surprised", "happy") and intensity == "strong" else ".")
    lead_rng, noise_rng, act_rng = rng.spawn(3)
    utterance = speak(text, voice=voice.name, rate=voice.rate, pitch=voice.pitch, pitch_range=voice.pitch_range)
    said, phonemes = _trim(utterance)
    lead = MARGIN_S + lead_rng.uniform(0, 0.12)
    n_frames = int(np.ceil((lead + len(said) / utterance.sr + MARGIN_S) * float(frame_rate)))
    times = np.arange(n_frames) * frame_rate.denominator / frame_rate.numerator
    frame_s = 1 / float(frame_rate)
    duration = n_frames * frame_s
    silence = np.zeros(round(lead * utterance.sr), np.float32)
    level = 10 ** (how.level_db / 20) / np.abs(said).max()
    whole = resample(
        np.concatenate([silence, said * level]), sr=utterance.sr, new_sr=sr, n_samples=round(duration * sr)
    )
    audio = whole + NOISE_RMS * noise_rng.standard_normal(len(whole)).astype(np.float32)
    segments = articulation.segments_of(
        [(start + len(silence) / utterance.sr, ipa) for start, ipa in phonemes], duration=duration
    )

    def energy_at(moments):
        return articulation.energy_envelope(whole, sr=sr, times=moments, width_s=0.12)

    weights, rotations = act(
        segments, energy_at, times, act_rng, traits, emotion=emotion, strength=strength, how=how, frame_s=frame_s
    )
    return Performance(audio, sr, times, weights, rotations, segments, text, voice.name)
