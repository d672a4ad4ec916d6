"""Whether a figure can be read as printed: what is wrong with its letters."""

import itertools

from matplotlib.text import Text

__all__ = ["bad_letters"]

#: Points; smaller ones are not read on paper.
LEAST = 6.0


def bad_letters(figure):
    """Letters that are too small, stand outside of the figure or on each other, in words; [] if all is well."""
    figure.draw_without_rendering()
    hidden = {text for axes in _all_axes(figure) for axis in (axes.xaxis, axes.yaxis) for text in _unseen(axes, axis)}
    seen = [text for text in figure.findobj(Text) if text not in hidden and text.get_text().strip()]
    boxes = [(text, text.get_window_extent()) for text in seen if text.get_visible()]
    width, height = figure.bbox.size
    found = [f"small: {text.get_text()!r}" for text, _ in boxes if text.get_fontsize() < LEAST]
    for text, box in boxes:
        if box.width and (min(box.x0, box.y0) < -1 or box.x1 > width + 1 or box.y1 > height + 1):
            found.append(f"outside: {text.get_text()!r}")
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if min(across, up) > 1:
            found.append(f"on each other: {one.get_text()!r}, {other.get_text()!r}")
    return found


def _all_axes(figure):
    return [*figure.axes, *(axes for part in figure.subfigs for axes in part.axes)]


def _unseen(axes, axis):
    """The labels of an axis that are not drawn: of ticks out of range or switched off."""
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    shown = axis._update_ticks() if axes.axison else []
    for tick in ticks:
        for label in (tick.label1, tick.label2):
            if tick not in shown or not label.get_visible():
                yield label
    if not axes.axison:
        yield axis.label
