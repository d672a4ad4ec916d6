"""VMC protocol: OSC over UDP, which VSeeFace, Warudo, VNyan and Unity listen to.

Each frame: ``/VMC/Ext/OK``, ``/VMC/Ext/T`` (s), the head as a bone in Unity's coordinates, a ``/VMC/Ext/Blend/Val`` for
every shape, then ``/VMC/Ext/Blend/Apply``; in bundles that fit into one packet of a network each. The shapes are
ARKit's, for avatars with "perfect sync", or the presets that every VRM avatar has.
"""

import numpy as np

from speechface.errors import ConfigError
from speechface.export.animation import ARKIT_NAMES, arkit_weights
from speechface.export.visemes import VRM_PRESETS, vrm_presets
from speechface.geometry.rotation import quaternion_from_euler
from speechface.senders.base import Datagrams, LiveFrame, Target
from speechface.senders.osc import bundles, message

__all__ = ["DESCRIPTION", "PORT", "Vmc", "messages", "open_sender", "unity_quaternion"]

DESCRIPTION = "VMC over UDP, for VSeeFace and Unity (vmc://HOST:39539?names=vrm0&head=no)"

PORT = 39539
#: What fits into a packet of Ethernet beside the headers of IP and UDP.
_MOST_BYTES = 1472
#: VRM 0's spelling of the presets, as its exporters in Unity write them; VRM 1's is that of `VRM_PRESETS`.
_VRM0 = ("A", "I", "U", "E", "O", "Blink", "Blink_L", "Blink_R", "LookUp", "LookDown", "LookLeft", "LookRight")
_ARKIT = {"camel": ARKIT_NAMES, "pascal": tuple(name[0].upper() + name[1:] for name in ARKIT_NAMES)}
_PRESETS = {"vrm0": _VRM0, "vrm1": VRM_PRESETS}


def unity_quaternion(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """Head rotation (3,), radians (x, y, z) -> quaternion x, y, z, w in Unity's left-handed axes (x to the subject's
    right, y up, z forward)."""
    x, y, z, w = quaternion_from_euler(rotation).tolist()
    return x, -y, -z, w  # x mirrored: axes turn the other way about y and z


def messages(frame: LiveFrame, *, names: str, head: bool) -> list[bytes]:
    """The OSC messages of one frame; names camel (jawOpen), pascal (JawOpen), vrm0 (A, Blink) or vrm1 (aa, blink)."""
    weights = arkit_weights(np.asarray(frame.weights)[None], frame.channels)
    shapes = (_PRESETS[names], vrm_presets(weights)[0]) if names in _PRESETS else (_ARKIT[names], weights[0])
    found = [message("/VMC/Ext/OK", 1), message("/VMC/Ext/T", float(frame.time))]
    if head:
        found.append(message("/VMC/Ext/Bone/Pos", "Head", 0.0, 0.0, 0.0, *unity_quaternion(frame.rotation)))
    found += [message("/VMC/Ext/Blend/Val", name, float(weight)) for name, weight in zip(*shapes, strict=True)]
    return [*found, message("/VMC/Ext/Blend/Apply")]


class Vmc:
    """Sends frames; see `speechface.senders.base.Sender`."""

    def __init__(self, target: Target) -> None:
        target.known_options(("names", "head"))
        self._names, head = target.options.get("names", "camel"), target.options.get("head", "yes")
        if self._names not in (*_ARKIT, *_PRESETS) or head not in ("yes", "no"):
            raise ConfigError(f"--to {target.text}: names is camel, pascal, vrm0 or vrm1, head is yes or no")
        self._head = head == "yes"
        self._datagrams = Datagrams(target, port=PORT)

    def send(self, frame: LiveFrame) -> None:
        """Send one frame."""
        for packet in bundles(messages(frame, names=self._names, head=self._head), most_bytes=_MOST_BYTES):
            self._datagrams.send(packet)

    def close(self) -> None:
        """Close the socket."""
        self._datagrams.close()


open_sender = Vmc
