"""One frame of the visualiser: face, rig from labels, rig from prediction, and all weights as bars below."""

import re
from collections.abc import Sequence

import numpy as np

from speechface.render.text import draw_text, shortened, text_width, wrapped

__all__ = ["Visualiser", "readable", "message_image"]

INK, GREY, FAINT = (34, 34, 34), (138, 138, 138), (226, 228, 231)
PAPER, EMPTY = (255, 255, 255), (238, 240, 242)
#: Okabe and Ito's blue and vermilion, told apart by all common kinds of colour vision; the error in dark grey.
LABEL, PREDICTION, ERROR = (0, 114, 178), (213, 94, 0), (90, 90, 90)
_UNSEEN = (190, 193, 197)
_ERROR_RANGE = 0.5

_MARGIN, _GAP, _HEAD, _FOOT, _ROW = 12, 8, 62, 34, 15
_NAME, _SPLIT, _ERROR_WIDTH, _LEAST_WIDTH = 132, 30, 90, 924


def readable(channel: str) -> str:
    """``mouthSmileLeft`` -> ``mouth smile L``."""
    words = re.sub(r"([A-Z])", r" \1", channel).lower().split()
    return " ".join({"left": "L", "right": "R"}.get(w, w) if k and k == len(words) - 1 and k > 1 else w
                    for k, w in enumerate(words))  # fmt: skip


def _even(number):
    return int(number) + int(number) % 2


class Visualiser:
    """Composes frames; what does not change is drawn once.

    Parameters
    ----------
    size : int
        Side of each of the three images, pixels.
    title : str
        Shown at the top left, e.g. the clip's name.
    headings : three str
        Titles of the images.
    channels : sequence of C str, names of the weights
    observed : ndarray (C,), bool
        Channels that labels can see; the others are greyed.

    Attributes
    ----------
    width, height : int, even, pixels
    """

    def __init__(
        self,
        size: int,
        *,
        title: str,
        headings: Sequence[str],
        channels: Sequence[str],
        observed: Sequence[bool] | np.ndarray,
    ):
        self.size = size = _even(size)
        self.width = _even(max(3 * size + 2 * _GAP + 2 * _MARGIN, _LEAST_WIDTH))
        self.channels = tuple(channels)
        rows = -(-len(self.channels) // 2)
        self._plot_top = _HEAD + size + _FOOT + 26
        self.height = _even(self._plot_top + rows * _ROW + _MARGIN + 4)
        self.observed = np.asarray(observed, bool)
        left = (self.width - 3 * size - 2 * _GAP) // 2
        self._lefts = [left + k * (size + _GAP) for k in range(3)]
        half = (self.width - 2 * _MARGIN - 2 * _GAP) // 2
        self._bar_left = [_MARGIN + _NAME, _MARGIN + half + 2 * _GAP + _NAME]
        self._bar_width = half - _NAME - _ERROR_WIDTH - _SPLIT
        self._base = self._draw_base(title, headings, rows)

    def _place(self, k):
        """(left end of the bar, top row) of channel k."""
        rows = -(-len(self.channels) // 2)
        return self._bar_left[k // rows], self._plot_top + (k % rows) * _ROW

    def _error_middle(self, left):
        return left + self._bar_width + _SPLIT + _ERROR_WIDTH // 2

    def _draw_base(self, title, headings, rows):
        base = np.empty((self.height, self.width, 3), np.uint8)
        base[:] = PAPER
        title = shortened(title, self.width - 2 * _MARGIN - 170, size=17, bold=True)
        draw_text(base, title, (_MARGIN, 27), size=17, colour=INK, bold=True)
        for left, heading in zip(self._lefts, headings):
            base[_HEAD : _HEAD + self.size, left : left + self.size] = EMPTY
            heading = shortened(heading, self.size, size=13)
            draw_text(base, heading, (left + self.size / 2, _HEAD - 9), size=13, colour=INK, align="centre")
        bottom = self._plot_top + rows * _ROW
        for left in self._bar_left:
            for value in (0, 0.5, 1):
                x = left + round(value * (self._bar_width - 1))
                base[self._plot_top - 3 : bottom, x] = FAINT
                draw_text(base, f"{value:g}", (x, self._plot_top - 7), size=10, colour=GREY, align="centre")
            middle = self._error_middle(left)
            for offset, text in ((-_ERROR_WIDTH // 2, "−0.5"), (0, "0"), (_ERROR_WIDTH // 2 - 1, "0.5")):
                base[self._plot_top - 3 : bottom, middle + offset] = FAINT
                draw_text(base, text, (middle + offset, self._plot_top - 7), size=10, colour=GREY, align="centre")
        for k, channel in enumerate(self.channels):
            left, top = self._place(k)
            colour = INK if self.observed[k] else _UNSEEN
            draw_text(base, readable(channel), (left - 8, top + 11), size=11, colour=colour, align="right")
        x = self.width - _MARGIN
        for text, colour in (
            ("not seen in labels", _UNSEEN), ("error (right)", ERROR), ("prediction", PREDICTION), ("label", LABEL),
        ):  # fmt: skip
            y = _HEAD + self.size + 22
            draw_text(base, text, (x, y), size=12, colour=INK, align="right")
            x -= text_width(text, size=12) + 16
            base[y - 9 : y, x : x + 9] = colour
            x -= 18
        return base

    def frame(
        self,
        images: Sequence[np.ndarray | None],
        label: np.ndarray | None,
        prediction: np.ndarray | None,
        *,
        time: float,
        text: str,
        notes: Sequence[str] = ("", "", ""),
    ) -> np.ndarray:
        """Compose one frame.

        Parameters
        ----------
        images : three ndarray (size, size, 3), uint8, or None where there is nothing to show
        label, prediction : ndarray (C,) or None
        time : float, s
        text : str
            Line below the images, e.g. the error.
        notes : three str
            Short words written on the images, e.g. why one is missing.

        Returns
        -------
        ndarray (height, width, 3), uint8
        """
        out = self._base.copy()
        for left, image, note in zip(self._lefts, images, notes):
            area = out[_HEAD : _HEAD + self.size, left : left + self.size]
            if image is not None:
                area[:] = image
            for k, line in enumerate(wrapped(note, self.size - 16, size=12)):
                draw_text(area, line, (self.size / 2, self.size - 12 + 16 * k), size=12, colour=INK, align="centre")
        draw_text(out, f"{time:.2f} s", (self.width - _MARGIN, 27), size=15, colour=INK, align="right")
        draw_text(out, text, (_MARGIN, _HEAD + self.size + 22), size=14, colour=INK, bold=True)
        for k in range(len(self.channels)):
            self._draw_bars(out, k, label, prediction)
        return out

    def _draw_bars(self, out, k, label, prediction):
        left, top = self._place(k)
        full = self._bar_width
        for values, row, colour in ((label, top + 2, LABEL), (prediction, top + 7, PREDICTION)):
            if values is not None:
                length = round(float(min(max(values[k], 0), 1)) * full)
                out[row : row + 5, left : left + length] = colour if self.observed[k] else _UNSEEN
        if label is not None and prediction is not None:
            part = float(np.clip((prediction[k] - label[k]) / _ERROR_RANGE, -1, 1))
            middle = self._error_middle(left)
            end = middle + round(part * _ERROR_WIDTH / 2)
            span = slice(min(middle, end), max(middle, end))
            out[top + 4 : top + 10, span] = ERROR if self.observed[k] else _UNSEEN


def message_image(width: int, height: int, title: str, text: str) -> np.ndarray:
    """An image (height, width, 3), uint8, that says something in words."""
    out = np.empty((height, width, 3), np.uint8)
    out[:] = PAPER
    title = shortened(title, width - 60, size=20, bold=True)
    draw_text(out, title, (width / 2, height / 2 - 40), size=20, colour=INK, bold=True, align="centre")
    for k, line in enumerate(wrapped(text, width - 80, size=15)):
        draw_text(out, line, (width / 2, height / 2 + 22 * k), size=15, colour=INK, align="centre")
    return out
