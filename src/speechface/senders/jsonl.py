"""One line of JSON a frame, to standard output."""

import json
import sys

from speechface.errors import ConfigError
from speechface.senders.base import LiveFrame, Target

__all__ = ["DESCRIPTION", "JsonLines", "line", "open_sender"]

DESCRIPTION = "a line of JSON a frame on standard output (jsonl)"


def line(frame: LiveFrame) -> str:
    """``frame``, ``time`` (s), ``weights`` by name and ``rotation`` (x, y, z), radians."""
    weights = {name: round(weight, 5) for name, weight in zip(frame.channels, frame.weights.tolist())}
    rotation = [round(angle, 6) for angle in frame.rotation.tolist()]
    return json.dumps({"frame": frame.number, "time": round(frame.time, 6), "weights": weights, "rotation": rotation})


class JsonLines:
    """Writes lines; see `speechface.senders.base.Sender`."""

    def __init__(self, target: Target) -> None:
        target.known_options(())
        if target.host or target.port:
            raise ConfigError(f"--to {target.text}: jsonl goes to standard output; write --to jsonl")

    def send(self, frame: LiveFrame) -> None:
        """Write one frame and let it out at once."""
        sys.stdout.write(line(frame) + "\n")
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing is open."""


open_sender = JsonLines
