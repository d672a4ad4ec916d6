"""What a face does beside speaking: emotion, blinks, brows, gaze and head movement.

Everything is a smooth function of continuous time, evaluated at the frame times, so that the same performance can
be sampled at any frame rate.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from speechface.rig.channels import ARKIT52, limit_mouth_close
from speechface.synthesis.articulation import Segment, bump, close_lips
from speechface.synthesis.visemes import INDEX, both

__all__ = [
    "EXPRESSIONS", "HEAD_POSES", "FROWNS_ON_STRESS", "smooth_noise", "expression", "blink_times", "blinks", "accents",
    "head_motion", "gaze", "merge",
]  # fmt: skip

#: Channel weights of each emotion at full strength, after the action units of the Facial Action Coding System.
EXPRESSIONS: dict[str, dict[str, float]] = {
    "neutral": {},
    "calm": {**both("mouthSmile", 0.14), "browInnerUp": 0.10, **both("eyeSquint", 0.06), **both("cheekSquint", 0.08)},
    "happy": {**both("mouthSmile", 0.62), **both("eyeSquint", 0.38), **both("mouthDimple", 0.16),
              **both("browOuterUp", 0.14), **both("mouthUpperUp", 0.14), **both("cheekSquint", 0.42)},
    "sad": {**both("mouthFrown", 0.58), "browInnerUp": 0.62, **both("browDown", 0.10), **both("eyeSquint", 0.12),
            "mouthShrugLower": 0.24, **both("eyeBlink", 0.14)},
    "angry": {**both("browDown", 0.82), **both("noseSneer", 0.28), **both("eyeSquint", 0.32),
              **both("mouthFrown", 0.24), **both("mouthUpperUp", 0.12), "jawForward": 0.25, "mouthShrugUpper": 0.08},
    "fearful": {"browInnerUp": 0.78, **both("browOuterUp", 0.30), **both("eyeWide", 0.62), **both("mouthStretch", 0.40),
                **both("browDown", 0.14), **both("mouthFrown", 0.12)},
    "disgust": {**both("noseSneer", 0.72), **both("mouthUpperUp", 0.30), **both("browDown", 0.40),
                **both("eyeSquint", 0.34), **both("mouthFrown", 0.24), "mouthShrugUpper": 0.16},
    "surprised": {"browInnerUp": 0.78, **both("browOuterUp", 0.82), **both("eyeWide", 0.72)},
}  # fmt: skip
#: Mean head pitch of each emotion, degrees, positive = face down.
HEAD_POSES = {"sad": 4.0, "angry": 2.0, "fearful": -1.5, "surprised": -2.5, "disgust": -1.5, "happy": -1.0}
#: Emotions that lower the brows on a stress; the others raise them.
FROWNS_ON_STRESS = ("angry", "disgust")

#: Eye rotation at weight 1 of a gaze channel, radians.
GAZE_RADIANS = 0.45
_BLINK_CLOSE_S, _BLINK_OPEN_S = 0.085, 0.170


def smooth_noise(
    times: ArrayLike, rng: np.random.Generator, *, low_hz: float, high_hz: float, n_waves: int = 7
) -> np.ndarray:
    """Sum of sines between two frequencies with random phases: zero mean, standard deviation 1 over all time, (T,)."""
    frequency = rng.uniform(low_hz, high_hz, n_waves)
    phase = rng.uniform(0, 2 * np.pi, n_waves)
    size = rng.uniform(0.5, 1.0, n_waves)
    waves = size * np.sin(2 * np.pi * frequency * np.asarray(times, float)[:, None] + phase)
    return waves.sum(1) / np.sqrt((size**2).sum() / 2)


def expression(
    emotion: str, times: ArrayLike, rng: np.random.Generator, *, strength: float, asymmetry: float
) -> np.ndarray:
    """Weights (T, 52) of an emotion that swells in, wavers slowly and is a little stronger on one side.

    strength scales the table; asymmetry in [-1, 1] moves that fraction of the weight between left and right.
    """
    times = np.asarray(times, float)
    swell = 0.55 + 0.45 * bump(times, 0.6, rise_s=0.6, fall_s=np.inf)
    envelope = strength * swell * (1 + 0.09 * smooth_noise(times, rng, low_hz=0.15, high_hz=0.6))
    weights = np.zeros((len(times), len(ARKIT52)))
    for name, weight in EXPRESSIONS[emotion].items():
        side = 1 + asymmetry if name.endswith("Left") else 1 - asymmetry if name.endswith("Right") else 1.0
        weights[:, INDEX[name]] = weight * side * envelope
    return weights


def blink_times(duration: float, rng: np.random.Generator, *, mean_interval_s: float) -> np.ndarray:
    """Times of blinks, s: intervals of 0.5 s plus a gamma variable (shape 3); the first comes early, so that most
    clips have one (2.5 s between blinks is common in conversation, Bentivoglio 1997, doi:10.1002/mds.870120629)."""
    found, time = [], rng.uniform(0.2, 1.4)
    while time < duration - 0.1:
        found.append(time)
        time += 0.5 + rng.gamma(3.0, max(mean_interval_s - 0.5, 0.3) / 3.0)
    return np.array(found)


def blinks(times: ArrayLike, moments: Iterable[float], *, frame_s: float) -> np.ndarray:
    """Lid closure (T,) in [0, 1] of blinks at `moments`; each is fully closed for at least one frame (`frame_s`, s)."""
    times = np.asarray(times, float)
    closed = np.zeros(len(times))
    hold = 0.51 * frame_s
    for moment in moments:
        offset = np.sign(times - moment) * np.maximum(np.abs(times - moment) - hold, 0)
        closed = np.maximum(closed, bump(offset, 0.0, rise_s=_BLINK_CLOSE_S, fall_s=_BLINK_OPEN_S))
    return closed


def accents(
    segments: Sequence[Segment], energy_at: Callable[[Any], Any], rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Return [(time, size in [0, 1])] of the stressed vowels; `energy_at` maps a time to loudness in [0, 1]."""
    found = []
    for k, segment in enumerate(segments):
        first = k == 0 or segments[k - 1].ipa is not segment.ipa or segments[k - 1].end < segment.start - 1e-9
        if segment.stress == 2 and first:
            centre = (segment.start + segment.end) / 2
            found.append((centre, float(energy_at(centre)) * rng.uniform(0.5, 1.0)))
    return found


def head_motion(
    times: ArrayLike,
    stresses: Iterable[tuple[float, float]],
    rng: np.random.Generator,
    *,
    emotion: str,
    amplitude: float,
) -> np.ndarray:
    """Head rotation (T, 3), radians, (x, y, z): a resting pose, slow sway and a nod on every stress.

    Positive x is face down, y to the subject's left, z tilts the crown to the subject's right.
    """
    times = np.asarray(times, float)
    pose = rng.normal(size=3) * [1.8, 3.2, 1.4] + [HEAD_POSES.get(emotion, 0.0), 0.0, 0.0]
    sway = np.stack([smooth_noise(times, rng, low_hz=0.15, high_hz=0.9) for _ in range(3)], 1)
    degrees = pose + amplitude * sway * [1.2, 1.9, 1.0]
    for time, size in stresses:
        degrees[:, 0] += amplitude * 3.2 * size * bump(times, time + 0.05, rise_s=0.20, fall_s=0.30)
        degrees[:, 2] += amplitude * rng.normal() * 0.8 * size * bump(times, time + 0.05, rise_s=0.25, fall_s=0.40)
    return np.deg2rad(degrees)


def gaze(rotations: np.ndarray, times: ArrayLike, rng: np.random.Generator, *, wander: float) -> np.ndarray:
    """Gaze weights (T, 52): the eyes stay on the camera while the head turns, with small fixations around it.

    rotations (T, 3) in radians; `wander` in radians. The fixations change every 0.4 to 1.5 s within 40 ms.
    """
    times = np.asarray(times, float)
    target = np.zeros((len(times), 2))
    start = 0.0
    position = rng.normal(size=2) * wander
    target[:] = position
    while True:
        start += rng.uniform(0.4, 1.5)
        if start >= times[-1]:
            break
        step = bump(times, start + 0.04, rise_s=0.04, fall_s=np.inf)[:, None]
        following = rng.normal(size=2) * wander
        target += step * (following - position)
        position = following
    down = (target[:, 1] - 0.9 * rotations[:, 0]) / GAZE_RADIANS
    left = (target[:, 0] - 0.9 * rotations[:, 1]) / GAZE_RADIANS
    weights = np.zeros((len(times), len(ARKIT52)))
    for side, turn_in in (("Left", -left), ("Right", left)):
        weights[:, INDEX["eyeLookDown" + side]] = np.maximum(down, 0)
        weights[:, INDEX["eyeLookUp" + side]] = np.maximum(-down, 0)
        weights[:, INDEX["eyeLookIn" + side]] = np.maximum(turn_in, 0)
        weights[:, INDEX["eyeLookOut" + side]] = np.maximum(-turn_in, 0)
    return weights


def merge(speech: np.ndarray, seal: np.ndarray, mood: np.ndarray, lids: np.ndarray, brows: np.ndarray) -> np.ndarray:
    """Combine the parts into weights (T, 52) in [0, 1].

    Parameters
    ----------
    speech : ndarray (T, 52), from `articulation.articulate`, lips not yet closed
    seal : ndarray (T,), lip closure
    mood : ndarray (T, 52), from `expression`, plus gaze
    lids : ndarray (T,), blinks
    brows : ndarray (T,), brow raise of the accents

    Returns
    -------
    weights : ndarray (T, 52), float32
        With mouthClose <= jawOpen, and equal to it where the lips are sealed.
    """
    mood = mood.copy()
    mouth = [k for name, k in INDEX.items() if name.startswith(("mouthSmile", "mouthStretch", "mouthDimple"))]
    rounding = speech[:, INDEX["mouthPucker"]] + speech[:, INDEX["mouthFunnel"]]
    mood[:, mouth] *= (1 - 0.75 * np.clip(rounding, 0, 1))[:, None]
    weights = close_lips(speech + mood, seal)
    # a sneer lifts the upper lip: where the lips close, the lower one follows
    sneer = weights[:, [INDEX["noseSneerLeft"], INDEX["noseSneerRight"]]].mean(1)
    weights[:, INDEX["mouthShrugLower"]] += 0.5 * seal * sneer
    open_eyes = 1 - lids
    for side in ("Left", "Right"):
        blink = INDEX["eyeBlink" + side]
        weights[:, blink] = np.maximum(lids, weights[:, blink] * open_eyes)
        for stem in ("eyeWide", "eyeSquint", "eyeLookUp", "eyeLookDown"):
            weights[:, INDEX[stem + side]] *= open_eyes
        weights[:, INDEX["browOuterUp" + side]] += 0.7 * brows
    weights[:, INDEX["browInnerUp"]] += brows
    return limit_mouth_close(np.clip(weights, 0, 1).astype(np.float32), ARKIT52)
