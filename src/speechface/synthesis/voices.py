"""Who speaks and how: voices of the demo actors, and what an emotion does to a delivery."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Voice", "Delivery", "actor_voice", "delivery", "DELIVERIES"]

MALE_VARIANTS = tuple(f"m{k}" for k in range(1, 9))
FEMALE_VARIANTS = tuple(f"f{k}" for k in range(1, 6))


@dataclass(frozen=True)
class Voice:
    """An espeak-ng voice: `name` with variant, `rate` in words a minute, `pitch` and `pitch_range` in [0, 100]."""

    name: str
    rate: int
    pitch: int
    pitch_range: int


@dataclass(frozen=True)
class Delivery:
    """What an emotion changes: factor on the rate, shift of the pitch, factor on its range, level in dB of full
    scale, factor on mouth opening, and how much the head and brows move."""

    rate: float
    pitch: float
    pitch_range: float
    level_db: float
    articulation: float
    liveliness: float


#: Directions follow acoustic studies of emotional speech (Juslin and Laukka 2003, doi:10.1037/0033-2909.129.5.770).
DELIVERIES = {
    "neutral": Delivery(1.00, 0, 1.0, -7, 1.00, 0.8),
    "calm": Delivery(0.93, -2, 0.8, -9, 0.92, 0.6),
    "happy": Delivery(1.08, 8, 1.4, -5, 1.12, 1.4),
    "sad": Delivery(0.84, -5, 0.6, -12, 0.80, 0.5),
    "angry": Delivery(1.06, 5, 1.3, -1, 1.25, 1.5),
    "fearful": Delivery(1.12, 12, 1.2, -6, 0.95, 1.1),
    "disgust": Delivery(0.92, -4, 1.0, -7, 0.98, 0.9),
    "surprised": Delivery(1.04, 14, 1.6, -4, 1.18, 1.4),
}
_NEUTRAL = DELIVERIES["neutral"]


def delivery(emotion: str, strength: float) -> Delivery:
    """Return the Delivery of `emotion`, its distance from neutral scaled by `strength` (1: as in the table)."""
    full = DELIVERIES[emotion]
    mixed = {
        name: getattr(_NEUTRAL, name) + strength * (getattr(full, name) - getattr(_NEUTRAL, name))
        for name in Delivery.__dataclass_fields__
    }
    return Delivery(**mixed)


def actor_voice(number: int, how: Delivery, *, seed: int) -> Voice:
    """Return the Voice of demo actor `number` (odd male, even female) under Delivery `how`."""
    rng = np.random.default_rng([seed, number, 1])
    male = number % 2 == 1
    variants = MALE_VARIANTS if male else FEMALE_VARIANTS
    variant = variants[((number - 1) // 2) % len(variants)]
    rate = rng.uniform(130, 165)
    pitch = rng.uniform(28, 52) if male else rng.uniform(48, 72)
    pitch_range = rng.uniform(35, 65)
    return Voice(
        name=f"en-us+{variant}",
        rate=round(rate * how.rate),
        pitch=round(min(max(pitch + how.pitch, 0), 99)),
        pitch_range=round(min(max(pitch_range * how.pitch_range, 0), 99)),
    )
