"""The level of speech: told while the sound goes on, and brought to one value in front of the features.

A microphone's gain and a speaker's distance change every number of a spectrum, and nothing about the face. The level
here is that of speech alone, as in ITU-T P.56: pauses and steady noise do not count. Every step depends on differences
of decibels only, so that a copy that is louder or quieter as a whole gets the same curves after its first syllables.
"""

import math
from collections import deque

import numpy as np
from pydantic import Field

from speechface.settings import Settings

__all__ = ["ActiveLevel", "LevelSettings", "HopLevels", "Leveller", "SILENCE_DB", "normalise"]

#: Hop of the tracker, s; its window is two hops.
HOP_S = 0.01
#: The band whose power is the level, Hz: what microphones and telephones share.
BAND_HZ = (150.0, 3500.0)
#: Weight of the newest hop in the smoothed power.
_SMOOTHING = 0.4
#: Floor and peak are those of this many parts of this length, s.
_PARTS, _PART_S = 6, 0.25
#: A hop is speech this far above the floor and not further below the peak, dB.
_ABOVE_FLOOR_DB, _BELOW_PEAK_DB = 10.0, 20.0
#: Runs of speech that count: not shorter (a click) and with a peak this far above the floor (no breath), s and dB.
_SHORTEST_S, _CONTRAST_DB = 0.04, 18.0
#: Nothing below this is speech, dB of full scale.
SILENCE_DB = -85.0


class LevelSettings(Settings):
    """Bringing the level of speech to one value."""

    target_db: float = Field(-26.0, ge=-60, le=-6)
    """Wanted level of speech (its mean power), dB of full scale, in the band from 150 to 3,500 Hz."""
    max_gain_db: float = Field(40.0, ge=0)
    """Most amplification, dB."""
    max_cut_db: float = Field(30.0, ge=0)
    """Most attenuation, dB."""
    memory_s: float = Field(10.0, gt=0)
    """Time constant of the level in s of speech; in the beginning all of it counts alike."""
    prior_s: float = Field(0.02, ge=0)
    """How much speech at the wanted level is supposed to have been heard before the first."""


class ActiveLevel:
    """Follows the level of speech hop by hop.

    Parameters
    ----------
    hop_s : float, s, from level to level
    start_db : float, dB, what is supposed before anything was heard
    memory_s, prior_s : see `LevelSettings`

    Attributes
    ----------
    level_db : float
        Level of the speech so far (its mean power), dB.
    speaks : bool
        Whether the last hop was speech. Steady noise is none: it is its own floor.
    """

    def __init__(self, *, hop_s: float, start_db: float, memory_s: float, prior_s: float) -> None:
        self.level_db, self.speaks = start_db, False
        self._hop_s, self._start_db, self._memory_s, self._prior_s = hop_s, start_db, memory_s, prior_s
        self._part_hops = max(round(_PART_S / hop_s), 1)
        self._parts: deque[tuple[float, float]] = deque(maxlen=_PARTS)
        self._lowest, self._highest, self._hops = math.inf, -math.inf, 0
        self._power = self._heard_s = 0.0
        self._run: list[float] = []

    def push(self, level_db: float) -> None:
        """Take the level of the next hop, dB."""
        if level_db > SILENCE_DB:  # digital silence says nothing about the floor
            self._lowest, self._highest = min(self._lowest, level_db), max(self._highest, level_db)
        floor = min(self._lowest, min((low for low, _ in self._parts), default=math.inf))
        peak = max(self._highest, max((high for _, high in self._parts), default=-math.inf))
        self._hops += 1
        if self._hops == self._part_hops:
            self._parts.append((self._lowest, self._highest))
            self._lowest, self._highest, self._hops = math.inf, -math.inf, 0
        self.speaks = level_db > max(floor + _ABOVE_FLOOR_DB, peak - _BELOW_PEAK_DB, SILENCE_DB)
        if self.speaks:
            self._run.append(level_db)
        elif self._run:
            if len(self._run) * self._hop_s >= _SHORTEST_S and max(self._run) > floor + _CONTRAST_DB:
                self._count(self._run)
            self._run = []

    def _count(self, run: list[float]) -> None:
        """Add a run of speech that has ended to the mean."""
        length = len(run) * self._hop_s
        power = sum(10 ** (level / 10) for level in run) / len(run)
        self._heard_s = min(self._heard_s + length, self._memory_s)
        self._power += (power - self._power) * min(length / self._heard_s, 1.0)
        heard_db = 10 * math.log10(self._power)
        self.level_db = heard_db + (self._start_db - heard_db) * self._prior_s / (self._prior_s + self._heard_s)


class HopLevels:
    """Levels of hops, dB, of sound that comes in blocks: the smoothed power of a Hann window over the last two hops."""

    def __init__(self, sr: int) -> None:
        self.hop = round(HOP_S * sr)
        window = np.hanning(2 * self.hop + 1)[:-1]
        self._window = (window / np.sqrt(np.sum(window**2) * self.hop)).astype(np.float32)  # a sine's mean square
        bins = np.fft.rfftfreq(2 * self.hop, 1 / sr)
        self._bins = slice(*np.searchsorted(bins, BAND_HZ))
        self._past = np.zeros(self.hop, np.float32)  # the hop before, then what has come of the next
        self._power: float | None = None

    def push(self, block: np.ndarray) -> list[float]:
        """Take samples (n,) and return the levels of the hops that they complete."""
        sound = np.concatenate([self._past, block])
        count = (len(sound) - self.hop) // self.hop
        self._past = sound[count * self.hop :]
        levels = []
        for start in range(0, count, 1000):
            stretch = sound[start * self.hop : (min(start + 1000, count) + 1) * self.hop]
            windows = np.lib.stride_tricks.sliding_window_view(stretch, 2 * self.hop)[:: self.hop]
            spectra = np.fft.rfft(windows * self._window)[:, self._bins]
            powers: np.ndarray = 1e-12 + np.add.reduce(spectra.real**2 + spectra.imag**2, 1, dtype=np.float64)
            for power in powers.tolist():
                before = 4 * power if self._power is None else self._power  # the first window is half empty
                self._power = before + _SMOOTHING * (power - before)
                levels.append(10 * math.log10(self._power))
        return levels


class Leveller:
    """Brings the speech in a sound to one level while the sound goes on, without any delay.

    The gain of a hop of 10 ms leads from one level to the next, both told from the sound before the hop.

    Parameters
    ----------
    settings : `LevelSettings`
    sr : int, Hz
    """

    def __init__(self, settings: LevelSettings, *, sr: int) -> None:
        self.settings = settings
        self._levels = HopLevels(sr)
        self._active = ActiveLevel(
            hop_s=HOP_S,
            start_db=settings.target_db,
            memory_s=settings.memory_s,
            prior_s=settings.prior_s,
        )
        self._place = 0  # in the present hop
        self._gains = [self._factor()] * 2  # at its start and end

    @property
    def gain_db(self) -> float:
        """What the sound is amplified by now, dB."""
        wanted = self.settings.target_db - self._active.level_db
        return min(max(wanted, -self.settings.max_cut_db), self.settings.max_gain_db)

    def _factor(self) -> float:
        return 10 ** (self.gain_db / 20)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples (n,), full scale 1.0, and return them at the wanted level, float32."""
        block = np.asarray(block, np.float32)
        if not len(block):
            return block
        hop, gains = self._levels.hop, list(self._gains)
        for level in self._levels.push(block):
            self._active.push(level)
            gains.append(self._factor())
        places = np.arange(self._place, self._place + len(block)) / hop
        self._place = (self._place + len(block)) % hop
        self._gains = gains[-2:]
        return block * np.interp(places, np.arange(len(gains)), gains).astype(np.float32)


def normalise(audio: np.ndarray, *, sr: int, settings: LevelSettings) -> np.ndarray:
    """Bring the speech in a whole sound (n,) to one level: what a `Leveller` gives block by block."""
    return Leveller(settings, sr=sr).push(audio)
