"""Frames at even steps, however unevenly their sound comes."""

import math
from collections import deque
from fractions import Fraction

from speechface.senders.base import LiveFrame

__all__ = ["Pacer"]

#: No more frames wait than show in this time, s; what comes faster is sent at once.
_HELD_S = 0.3
#: How much sooner frames may come again after a late one, s a second: what a microphone's clock never drifts.
_SOONER = 0.002


class Pacer:
    """Tells when frames are to be sent.

    A microphone hands its sound over in blocks, of 20 to 200 ms, so that several frames come at once. The first of them
    goes on at once and the others follow at their own distance: an avatar would jump from block to block otherwise. No
    frame comes later than the last of its block would have to wait.
    """

    def __init__(self, fps: Fraction) -> None:
        self._most = max(math.ceil(_HELD_S * fps), 1)
        self._waiting: deque[LiveFrame] = deque()
        self._lag: float | None = None  # from a frame's time to when it is sent
        self._last = 0.0

    def push(self, frame: LiveFrame, now: float) -> None:
        """Take the next frame, computed at `now`, s on any clock."""
        late = now - frame.time
        if self._lag is None:
            self._lag = late
        self._lag = max(self._lag - _SOONER * (now - self._last), late) if self._last else late
        self._last = now
        self._waiting.append(frame)

    def due(self, now: float) -> list[LiveFrame]:
        """Frames to be sent at `now`."""
        found = []
        while self._waiting and (len(self._waiting) > self._most or self.wait(now) <= 0):
            found.append(self._waiting.popleft())
        return found

    def wait(self, now: float) -> float:
        """Time until the next frame is to be sent, s; infinite where none waits."""
        if not self._waiting or self._lag is None:
            return math.inf
        return self._waiting[0].time + self._lag - now

    def rest(self) -> list[LiveFrame]:
        """All that still wait."""
        found = list(self._waiting)
        self._waiting.clear()
        return found
