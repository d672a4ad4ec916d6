"""Live Link Face over UDP, which Unreal Engine listens to: one datagram a frame.

Layout: version (int32, little-endian), an identifier of 37 bytes that begins with $, length of the subject's name
(int32) and the name, frame number (int32) and part of a frame (float32) at a rate given by numerator and denominator
(int32 each), number of values (uint8), the values (float32); all big-endian but the version. The frame number is the
time of day in sixtieths of a second, as the telephone sends it.
"""

import struct
import uuid
from datetime import datetime

import numpy as np

from speechface.export.animation import ARKIT_NAMES, arkit_weights
from speechface.senders.base import Datagrams, LiveFrame, Target

__all__ = ["DESCRIPTION", "PORT", "VALUES", "LiveLink", "open_sender", "packet"]

DESCRIPTION = "Live Link Face over UDP, for Unreal Engine (livelink://HOST:11111?subject=NAME)"

PORT = 11111
_VERSION, _RATE = 6, 60
_DAY_S = 24 * 60 * 60


def _swapped(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names with jawLeft and mouthLeft before jawRight and mouthRight: over UDP, unlike in the CSV file."""
    order = list(names)
    for stem in ("jaw", "mouth"):
        left, right = order.index(stem + "Left"), order.index(stem + "Right")
        order[left], order[right] = order[right], order[left]
    return tuple(order)


_SHAPES = _swapped(ARKIT_NAMES)
_PLACES = [ARKIT_NAMES.index(name) for name in _SHAPES]
_ANGLES = (
    "headYaw", "headPitch", "headRoll", "leftEyeYaw", "leftEyePitch", "leftEyeRoll", "rightEyeYaw", "rightEyePitch",
    "rightEyeRoll",
)  # fmt: skip
#: What the 61 values are.
VALUES = (*_SHAPES, *_ANGLES)
#: Turn of an eye at weight 1 of a gaze channel, radians: sideways, and up or down; slopes of recordings by Live Link
#: Face.
_EYE_RADIANS = (0.52, 0.586)


def _eye(weights: dict[str, float], side: str) -> tuple[float, float, float]:
    """Yaw to the subject's right, pitch down and roll of one eye, radians."""
    outward = weights["eyeLookOut" + side] - weights["eyeLookIn" + side]
    down = weights["eyeLookDown" + side] - weights["eyeLookUp" + side]
    return (outward * _EYE_RADIANS[0] * (-1 if side == "Left" else 1), down * _EYE_RADIANS[1], 0.0)


def packet(frame: LiveFrame, *, subject: str, identifier: str, started_s: float) -> bytes:
    """The datagram of one frame.

    Parameters
    ----------
    frame : `LiveFrame`
    subject : str, name under which the face shows in Unreal
    identifier : str, 36 characters, the same all along
    started_s : float, s since midnight at the frame of time 0
    """
    shapes = arkit_weights(np.asarray(frame.weights)[None], frame.channels)[0]
    weights = dict(zip(ARKIT_NAMES, shapes.tolist()))
    x, y, z = np.asarray(frame.rotation, float).tolist()
    values = [*shapes[_PLACES].tolist(), -y, x, -z, *_eye(weights, "Left"), *_eye(weights, "Right")]
    number, part = divmod(((started_s + frame.time) % _DAY_S) * _RATE, 1.0)
    name = subject.encode()
    return b"".join([
        struct.pack("<i", _VERSION), b"$" + identifier.encode(), struct.pack("!i", len(name)), name,
        struct.pack("!ifii", int(number), part, _RATE, 1),
        struct.pack(f"!B{len(values)}f", len(values), *values),
    ])  # fmt: skip


class LiveLink:
    """Sends `packet`s; see `speechface.senders.base.Sender`."""

    def __init__(self, target: Target) -> None:
        target.known_options(("subject",))
        self._subject = target.options.get("subject") or "speechface"
        self._identifier = str(uuid.uuid4()).upper()
        self._datagrams = Datagrams(target, port=PORT)
        now = datetime.now()
        self._started_s = (now - now.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()

    def send(self, frame: LiveFrame) -> None:
        """Send one frame."""
        self._datagrams.send(
            packet(frame, subject=self._subject, identifier=self._identifier, started_s=self._started_s)
        )

    def close(self) -> None:
        """Close the socket."""
        self._datagrams.close()


open_sender = LiveLink
