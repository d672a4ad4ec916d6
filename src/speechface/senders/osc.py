"""Open Sound Control 1.0: messages and bundles as bytes."""

import struct
from collections.abc import Sequence

__all__ = ["bundles", "message"]

_BUNDLE = b"#bundle\0" + struct.pack("!Q", 1)  # time tag 1: at once


def _string(text: str) -> bytes:
    """A string with the zero that ends it, filled up to four bytes."""
    data = text.encode()
    return data + b"\0" * (4 - len(data) % 4)


def message(address: str, *values: str | int | float) -> bytes:
    """Bytes of a message: strings, int32 and float32."""
    tags, data = ",", b""
    for value in values:
        if isinstance(value, str):
            tags, data = tags + "s", data + _string(value)
        elif isinstance(value, int):
            tags, data = tags + "i", data + struct.pack("!i", value)
        else:
            tags, data = tags + "f", data + struct.pack("!f", value)
    return _string(address) + _string(tags) + data


def bundles(messages: Sequence[bytes], *, most_bytes: int) -> list[bytes]:
    """Messages in order, in as few bundles as `most_bytes` each allow."""
    found: list[bytes] = []
    for one in messages:
        part = struct.pack("!i", len(one)) + one
        if not found or len(found[-1]) + len(part) > most_bytes:
            found.append(_BUNDLE)
        found[-1] += part
    return found
