"""What a sender is, what it is given, and datagrams that never stop a stream."""

import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

import numpy as np

from speechface.errors import ConfigError

__all__ = ["Datagrams", "LiveFrame", "Sender", "Target", "parse_target"]

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LiveFrame:
    """One frame of a stream.

    Parameters
    ----------
    number : int, from 0
    time : float, s, when it shows; 0 is the first sample of the sound
    fps : frames a second
    channels : names of the weights
    weights : ndarray (n_channels,), float32 in [0, 1]
    rotation : ndarray (3,), float32, radians (x, y, z), see `speechface.geometry.rotation`
    """

    number: int
    time: float
    fps: Fraction
    channels: Sequence[str]
    weights: np.ndarray
    rotation: np.ndarray


class Sender(Protocol):
    """Takes frames one by one. A receiver that is not there, or is slow, is no error."""

    def send(self, frame: LiveFrame) -> None:
        """Send a frame at once; never waits. BrokenPipeError where nobody will ever read what follows."""

    def close(self) -> None:
        """Let go of what is open."""


@dataclass(frozen=True)
class Target:
    """A sender's name, host and port ("" and None where not given) and options, as ``kind://host:port?key=value``."""

    text: str
    kind: str
    host: str = ""
    port: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def known_options(self, known: Sequence[str]) -> None:
        """Refuse options that are none of `known` (ConfigError)."""
        for key in self.options:
            if key not in known:
                raise ConfigError(f"--to {self.text}: unknown option '{key}'; known are {', '.join(known) or 'none'}")


def parse_target(text: str) -> Target:
    """Read ``kind``, ``kind://host:port`` or ``kind://host:port?key=value``.

    Raises
    ------
    ConfigError
        If the port is no number from 1 to 65535.
    """
    if "://" not in text:
        return Target(text, text)
    parts = urlsplit(text)
    try:
        host, port = parts.hostname or "", parts.port
        if port == 0:
            raise ValueError
    except ValueError:
        raise ConfigError(f"--to {text}: expected {parts.scheme}://HOST:PORT with a port from 1 to 65535") from None
    return Target(text, parts.scheme, host, port, dict(parse_qsl(parts.query, keep_blank_values=True)))


class Datagrams:
    """UDP to one receiver. What cannot be sent is dropped; the log tells once when that begins and when it ends.

    Raises
    ------
    ConfigError
        If the host has no address.
    """

    def __init__(self, target: Target, *, port: int) -> None:
        self.name, self.dropped, self._failing = target.text, 0, False
        host, port = target.host or "127.0.0.1", target.port or port
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise ConfigError(f"--to {target.text}: no address of host '{host}' ({error}); check its name") from None
        family, kind, protocol, _, self._address = found[0]
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)
        if family == socket.AF_INET:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def send(self, packet: bytes) -> None:
        """Send one datagram, or drop it."""
        try:
            self._socket.sendto(packet, self._address)
        except OSError as error:  # no route, no network, full buffer, the answer of a closed port
            self.dropped += 1
            if not self._failing:
                LOG.warning("%s: cannot send (%s); frames are dropped until it can", self.name, error)
            self._failing = True
            return
        if self._failing:
            LOG.info("%s: sending again", self.name)
        self._failing = False

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
