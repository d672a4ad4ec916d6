"""How a stored image becomes the one to be seen: turned or mirrored by its display matrix, its pixels made square."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type

__all__ = ["Upright", "square_size", "squared", "upright_of"]

#: Pixels whose width over height is nearer to 1 than this are square (encoders round sizes), and those beyond this
#: ratio are an error of the header.
SQUARE, ABSURD = 0.01, 4


@dataclass(frozen=True)
class Upright:
    """What makes a decoded image upright: mirrored top to bottom or not, then quarter `turns` counter-clockwise."""

    turns: int = 0
    mirrored: bool = False

    def __bool__(self) -> bool:
        return bool(self.turns or self.mirrored)

    def image(self, stored: np.ndarray) -> np.ndarray:
        """The upright image of a stored one (height, width, ...)."""
        if not self:
            return stored
        return np.ascontiguousarray(np.rot90(stored[::-1] if self.mirrored else stored, self.turns))

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the upright image."""
        return (height, width) if self.turns % 2 else (width, height)


def upright_of(frame: Any) -> Upright:
    """What makes a decoded frame upright, by its display matrix (ISO 14496-12, 8.5.2.3); as FFmpeg's players do."""
    matrix = frame.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:  # of images, Exif
        return Upright(round(frame.rotation / 90) % 4)
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    return Upright(round(frame.rotation / 90) % 4, a * d < b * c)


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Width and height of an image whose pixels of width over height `aspect` are made square, none smaller than it."""
    if not aspect or abs(aspect - 1) < SQUARE or not 1 / ABSURD <= aspect <= ABSURD:
        return width, height
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


def squared(frame: Any, aspect: Fraction | None) -> Any:
    """A decoded frame with square pixels."""
    width, height = square_size(frame.width, frame.height, aspect)
    if (width, height) == (frame.width, frame.height):
        return frame
    return frame.reformat(width=width, height=height)
