"""Crisp text on images: DejaVu Sans, or a font that has the letters, drawn by Pillow."""

import functools

import numpy as np

from speechface.glyphs import font_for, readable

__all__ = ["draw_text", "text_width", "shortened", "wrapped"]


@functools.cache
def _load(file, size):
    from PIL import ImageFont

    return ImageFont.truetype(file, size)


def _font(text, size, bold):
    """The font of a text, and the text with what it lacks spelt out."""
    file = font_for(text, bold)
    return _load(file, size), readable(text, (file,))


def text_width(text: str, *, size: int, bold: bool = False) -> int:
    """Width of one line, pixels, of font size `size` in pixels."""
    font, text = _font(text, size, bold)
    return round(font.getlength(text))


@functools.lru_cache(maxsize=512)
def _mask(text, size, bold):
    """Coverage (height, width, 1), float32, and the row of its baseline."""
    from PIL import Image, ImageDraw

    font, text = _font(text, size, bold)
    ascent, descent = font.getmetrics()
    image = Image.new("L", (max(1, round(font.getlength(text)) + 2), ascent + descent))
    ImageDraw.Draw(image).text((0, 0), text, font=font, fill=255)
    return np.asarray(image, np.float32)[..., None] / 255, ascent


def draw_text(
    image: np.ndarray,
    text: str,
    position: tuple[float, float],
    *,
    size: int,
    colour: tuple[int, int, int],
    bold: bool = False,
    align: str = "left",
) -> None:
    """Write one line into `image` (H, W, 3), uint8, in place.

    position : (x, y), pixels, of the baseline's left end, middle or right end as `align` says (left, centre, right).
    What would lie outside the image is cut.
    """
    if not text:
        return
    mask, ascent = _mask(text, size, bold)
    height, width = mask.shape[:2]
    left = round(position[0] - {"left": 0, "centre": width / 2, "right": width}[align])
    top = round(position[1]) - ascent
    y0, y1 = max(top, 0), min(top + height, image.shape[0])
    x0, x1 = max(left, 0), min(left + width, image.shape[1])
    if y0 >= y1 or x0 >= x1:
        return
    mask = mask[y0 - top : y1 - top, x0 - left : x1 - left]
    part = image[y0:y1, x0:x1]
    part[:] = np.round(part + mask * (np.asarray(colour, np.float32) - part)).astype(np.uint8)


def shortened(text: str, width: float, *, size: int, bold: bool = False) -> str:
    """`text` cut in its middle so that it is at most `width` pixels wide."""
    if text_width(text, size=size, bold=bold) <= width:
        return text
    for keep in range(len(text) - 1, 0, -1):
        cut = text[: (keep + 1) // 2] + "…" + text[len(text) - keep // 2 :]
        if text_width(cut, size=size, bold=bold) <= width:
            return cut
    return ""


def wrapped(text: str, width: float, *, size: int) -> list[str]:
    """Lines of `text`, each at most `width` pixels wide where words allow."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size=size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
