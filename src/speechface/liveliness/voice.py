"""What motion beside the mouth follows in a voice: whether somebody speaks, pauses, and stressed syllables."""

import math

from speechface.audio.levels import ActiveLevel

__all__ = ["Voice"]

#: Time constants of the loudness that stress is told from, s.
_FAST_S, _SLOW_S = 0.05, 0.6
#: A syllable is stressed where the fast loudness is this far above the slow one; loudness is 0 20 dB below the level of
#: speech and 1 at it.
_STRESS = 0.3
#: A gap is a pause when it has lasted this long, s.
_PAUSE_S = 0.15
#: Time constant of `activity`, s.
_ACTIVITY_S = 0.5


class Voice:
    """Follows a voice frame by frame.

    Attributes
    ----------
    paused_s : float, s since the last speech ended; infinite before the first
    stress : float, how far the present loudness stands out, 0 where it does not; about 1 for a stressed syllable
    activity : float in [0, 1], smoothed part of the time with speech
    """

    def __init__(self, fps: float) -> None:
        self.paused_s, self.stress, self.activity = math.inf, 0.0, 0.0
        self._step = 1 / fps
        self._active = ActiveLevel(hop_s=self._step, start_db=-26.0, memory_s=10.0, prior_s=0.1)
        self._fast = self._slow = 0.0

    def push(self, level_db: float) -> None:
        """Take the level of the sound in the next frame, dB."""
        self._active.push(level_db)
        speaks = self._active.speaks
        self.paused_s = 0.0 if speaks else self.paused_s + self._step
        loudness = min(max((level_db - self._active.level_db + 20) / 20, 0.0), 1.3) if speaks else 0.0
        self._fast += (loudness - self._fast) * (1 - math.exp(-self._step / _FAST_S))
        self._slow += (loudness - self._slow) * (1 - math.exp(-self._step / _SLOW_S))
        self.activity += (speaks - self.activity) * (1 - math.exp(-self._step / _ACTIVITY_S))
        self.stress = max(self._fast - self._slow, 0.0) / _STRESS

    @property
    def pause_begins(self) -> bool:
        """Whether this is the first half second of a pause of speech."""
        return _PAUSE_S <= self.paused_s < _PAUSE_S + 0.5
