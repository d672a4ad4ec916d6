"""Small motion of head and brows, frame by frame."""

import math

from speechface.liveliness.draws import draw, smooth_noise
from speechface.liveliness.settings import LifeSettings
from speechface.liveliness.voice import Voice

__all__ = ["Head"]

#: Kinds of random numbers; each axis of the head, and the brows, have kinds of their own from `_DRIFT` on.
_NOD, _DRIFT = 3, 10
#: Slow motion: periods, s, and the part that each has in the standard deviation.
_PERIODS = ((3.1, 0.75), (1.4, 0.6), (0.8, 0.28))
#: Slow motion about the axes x (up and down), y (left and right), z (to a shoulder), as parts of the settings' value:
#: the proportions that fitted heads of speakers show.
_AXES = (1.0, 0.7, 0.45)
#: Slow motion of somebody who does not speak, as a part of that of a speaker.
_SILENT = 0.6
#: A nod: time down and time back, s. Brows rise a little before and stay longer.
_NOD_S, _BROW_S = (0.2, 0.38), (0.13, 0.5)
#: Standard deviation of `smooth_noise`.
_NOISE_STD = 0.4


def _bump(time: float, rise: float, fall: float) -> float:
    """0 to 1 within `rise` s and back within `fall` s, smooth."""
    if not 0 < time < rise + fall:
        return 0.0
    part = time / rise if time < rise else 1 + (time - rise) / fall
    return math.sin(0.5 * math.pi * part) ** 2


class Head:
    """Slow motion all the time, nods and raised brows on stressed syllables.

    Attributes
    ----------
    degrees : tuple of 3 float, rotations about x, y, z, see `speechface.geometry.rotation`
    brows : float, how far the brows are raised, weight
    """

    def __init__(self, settings: LifeSettings, *, fps: float, seed: int) -> None:
        self.degrees, self.brows = (0.0, 0.0, 0.0), 0.0
        self.settings, self._seed = settings, seed
        self._number, self._nods = 0, [(-math.inf, 0.0, 0.0, 0.0)]  # when, down and aside in degrees, brows

    def _nod(self, time: float, stress: float) -> None:
        size, aside, brows = draw(self._seed, _NOD, self._number, 3)
        force = min(stress, 1.3)
        down = self.settings.nod_degrees * (0.4 + 0.8 * size) * force
        raised = self.settings.brow_raise * brows * force if brows > 0.3 else 0.0
        self._nods = [nod for nod in self._nods if time - nod[0] < 2] + [(time, down, (aside - 0.5) * down, raised)]
        self._number += 1

    def push(self, time: float, voice: Voice) -> None:
        """Go on to the frame that shows at `time`, s."""
        settings = self.settings
        since = time - self._nods[-1][0] if self._nods else math.inf
        if voice.stress >= 1 and since >= settings.nod_every_s:
            self._nod(time, voice.stress)
        amount = settings.drift_degrees * (_SILENT + (1 - _SILENT) * voice.activity)
        angles = [amount * part * self._noise(axis, time) for axis, part in enumerate(_AXES)]
        for when, down, aside, _ in self._nods:
            angles[0] += down * _bump(time - when, *_NOD_S)
            angles[1] += aside * _bump(time - when, *_NOD_S)
        limit = settings.head_limit_degrees
        x, y, z = (limit * math.tanh(angle / limit) for angle in angles)
        self.degrees = (x, y, z)
        wander = 0.25 * settings.brow_raise * max(self._noise(len(_AXES), time), 0.0)
        self.brows = wander + sum(raised * _bump(time - when, *_BROW_S) for when, _, _, raised in self._nods)

    def _noise(self, axis: int, time: float) -> float:
        """Slow motion of standard deviation about 1."""
        kind = _DRIFT + 10 * axis
        return sum(
            part * smooth_noise(self._seed, kind + k, time, period=period) / _NOISE_STD
            for k, (period, part) in enumerate(_PERIODS)
        )
