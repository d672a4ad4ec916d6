"""Logging of the commands: lines with time, level, module and the clip in work."""

import contextlib
import contextvars
import logging
import sys
from collections.abc import Iterator

__all__ = ["configure", "clip_in_work"]

_CLIP: contextvars.ContextVar[str] = contextvars.ContextVar("clip", default="")


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        clip = _CLIP.get()
        record.place = record.name.removeprefix("speechface.") + (f" {clip}" if clip else "")
        return super().format(record)


def configure() -> None:
    """Log to the standard error stream: ``2026-01-31 12:00:00 INFO commands.fit_labels grid/s1/bbaf2n: 75 frames``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line("%(asctime)s %(levelname)s %(place)s: %(message)s", "%Y-%m-%d %H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


@contextlib.contextmanager
def clip_in_work(clip_id: str) -> Iterator[None]:
    """Name the clip in every line that is logged in the block."""
    token = _CLIP.set(clip_id)
    try:
        yield
    finally:
        _CLIP.reset(token)
