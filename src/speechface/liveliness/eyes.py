"""Blinks and gaze, frame by frame."""

import math

from speechface.liveliness.draws import draw, log_normal
from speechface.liveliness.settings import LifeSettings
from speechface.liveliness.voice import Voice

__all__ = ["Blinks", "Gaze", "blink_shape"]

#: Kinds of random numbers.
_BLINK, _GAZE = 1, 2
#: Shortest time from blink to blink, s.
_SHORTEST_S = 1.2
#: Fixations, s; their spread is that of their natural logarithm.
_FIXATION_S, _FIXATION_SPREAD = (0.3, 3.0), 0.6
#: Duration of a saccade, s and s a degree (the main sequence of human saccades).
_SACCADE_S, _SACCADE_S_PER_DEGREE = 0.021, 0.0022
#: Glances at the viewer go to the eyes and the mouth: they differ by this, degrees.
_VIEWER_DEGREES = 0.7
#: Glances go sideways rather than up and down.
_UPRIGHT = 0.55


def blink_shape(time: float, *, close_s: float, hold_s: float, open_s: float) -> float:
    """How far lids are shut `time` s after a blink began: they shut fast, and open ever more slowly, 0 to 1."""
    if not 0 < time < close_s + hold_s + open_s:
        return 0.0
    if time < close_s:
        return math.sin(0.5 * math.pi * time / close_s) ** 2
    if time <= close_s + hold_s:
        return 1.0
    rest = 1 - (time - close_s - hold_s) / open_s
    return rest * rest * (1.6 - 0.6 * rest)


class Blinks:
    """When lids shut: after log-normal intervals, told by a clock that runs faster where a pause begins."""

    def __init__(self, settings: LifeSettings, *, fps: float, seed: int) -> None:
        self.settings, self._step, self._seed = settings, 1 / fps, seed
        self._number = 0
        self._waited = 0.0
        self._began: float | None = None
        self._depth = self._slowness = 1.0
        self._plan()
        self._wait *= 0.5  # a recording begins somewhere between two blinks

    def _plan(self) -> None:
        first, second, depth, slowness = draw(self._seed, _BLINK, self._number, 4)
        settings = self.settings
        wait = log_normal((first, second), median=settings.blink_every_s, spread=settings.blink_spread)
        self._wait = max(wait, _SHORTEST_S)
        self._next_depth, self._next_slowness = 1 - 0.12 * depth, 0.9 + 0.25 * slowness
        self._number += 1

    def push(self, time: float, voice: Voice, wanted: float) -> float:
        """Weight of eyeBlink at `time`, s; a blink that begins now has its depth times `wanted`."""
        settings = self.settings
        self._waited += self._step * (settings.blink_at_pauses if voice.pause_begins else 1.0)
        if self._waited >= self._wait:
            # the lids began to move in the time since the last frame
            self._began = time - 0.5 * self._step
            self._depth, self._slowness = self._next_depth * settings.blink_depth * wanted, self._next_slowness
            self._waited = 0.0
            self._plan()
        if self._began is None:
            return 0.0
        return self._depth * blink_shape(
            time - self._began,
            close_s=settings.blink_close_ms / 1000 * self._slowness,
            # the shut lid is seen in one frame at least
            hold_s=max(settings.blink_hold_ms / 1000 * self._slowness, self._step),
            open_s=settings.blink_open_ms / 1000 * self._slowness,
        )


class Gaze:
    """Where the eyes look: fixations, mostly on the viewer, and the saccades between them."""

    def __init__(self, settings: LifeSettings, *, fps: float, seed: int) -> None:
        self.settings, self._seed = settings, seed
        self._number = 0
        self._from, self._to = (0.0, 0.0), (0.0, 0.0)
        self._left_at, self._stays_until = 0.0, 0.0
        self._half_frame = 0.5 / fps

    def _glance(self, time: float) -> None:
        stays, spread, viewer, angle, size, side = draw(self._seed, _GAZE, self._number, 6)
        settings = self.settings
        direction = 2 * math.pi * angle
        if viewer < settings.gaze_at_viewer or self._number == 0:
            reach = min(_VIEWER_DEGREES, settings.gaze_degrees) * size
        else:
            nearest = min(1.0, settings.gaze_degrees)
            reach = nearest + (settings.gaze_degrees - nearest) * size * size  # far ones are rare
        self._from = self._to
        self._to = (reach * math.cos(direction), _UPRIGHT * reach * math.sin(direction))
        median = settings.gaze_fixation_s * (1.3 if reach <= _VIEWER_DEGREES else 0.7)
        lasts = log_normal((stays, spread), median=median, spread=_FIXATION_SPREAD)
        self._left_at = time
        self._stays_until = time + min(max(lasts, _FIXATION_S[0]), _FIXATION_S[1])
        self._number += 1

    def push(self, time: float) -> tuple[float, float]:
        """Where the eyes look at `time` in the room, degrees to the subject's left and down from the viewer."""
        if time >= self._stays_until:
            self._glance(time)
        distance = math.dist(self._from, self._to)
        moved = (time - self._left_at + self._half_frame) / (_SACCADE_S + _SACCADE_S_PER_DEGREE * distance)
        part = math.sin(0.5 * math.pi * min(max(moved, 0.0), 1.0)) ** 2
        return tuple(a + part * (b - a) for a, b in zip(self._from, self._to))  # type: ignore[return-value]
