"""One look for all figures: sizes, type, colours safe for the colour-blind, and how a figure reaches its files."""

import contextlib
import contextvars
import logging
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechface.files import written_whole
from speechface.glyphs import DEFAULT, fallback_fonts, readable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "COLUMN",
    "PAGE",
    "BASELINES",
    "GREY",
    "INK",
    "LABELS",
    "colour_of",
    "is_wide",
    "message",
    "new_figure",
    "note_of",
    "line_of",
    "save",
    "short",
    "styled",
    "titled",
]

#: Widths of a column and a page of a two-column paper, inch.
COLUMN, PAGE = 3.4, 7.1
#: Text and lines; things of second rank.
INK, GREY = "#222222", "#8a8a8a"
#: Models that learn nothing or next to nothing are drawn in grey.
BASELINES = ("neutral", "mean", "ridge", "knn")
#: The row of tables of scores that evaluates the labels themselves.
LABELS = "labels"
#: Okabe and Ito's colours, told apart by all common kinds of colour vision; yellow is left out (faint on white).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#332288", "#882255")
_MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<")
#: The same for lines, which have no markers and may be printed in grey: on, off, ..., points.
_DASHES: tuple[tuple[float, ...], ...] = (
    (), (4, 1), (1.2, 0.8), (4, 1, 1.2, 1), (7, 1.2), (2.4, 1), (7, 1, 1.2, 1), (4, 1, 1.2, 1, 1.2, 1),
)  # fmt: skip

_RC: dict[Any, Any] = {
    "font.size": 7.5, "axes.titlesize": 8,
    "axes.labelsize": 7.5, "xtick.labelsize": 7, "ytick.labelsize": 7, "legend.fontsize": 7, "axes.linewidth": 0.6,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
    "xtick.minor.size": 0, "ytick.minor.size": 0, "lines.linewidth": 1.2, "lines.markersize": 4,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": INK, "axes.labelcolor": INK,
    "text.color": INK, "xtick.color": INK, "ytick.color": INK, "legend.frameon": False, "grid.color": "#dddddd",
    "grid.linewidth": 0.5, "axes.axisbelow": True, "image.interpolation": "nearest", "pdf.fonttype": 42,
    "figure.constrained_layout.use": True, "savefig.facecolor": "white",
}  # fmt: skip


#: Models in the order of the config, while `styled` says so.
_MODELS: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("models", default=())


@contextlib.contextmanager
def styled(models: Iterable[str] = ()) -> Iterator[None]:
    """Within this context matplotlib draws in the project's style, and `models` have a colour each, in every figure."""
    import matplotlib

    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every glyph that a pdf embeds
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # fonts of other scripts may lack a bold face
    families = [DEFAULT, *fallback_fonts()]
    token = _MODELS.set(tuple(models))
    try:
        with matplotlib.rc_context({**_RC, "font.family": families, "text.parse_math": False}):
            yield
    finally:
        _MODELS.reset(token)


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty matplotlib Figure of `width` x `height` inches, without pyplot's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def message(text: str, *, width: float = COLUMN) -> "Figure":
    """Return a figure that says in words why there is nothing to draw."""
    lines = textwrap.wrap(text, 58)
    figure = new_figure(width, 0.5 + 0.14 * len(lines))
    figure.text(0.5, 0.5, "\n".join(lines), ha="center", va="center", color=GREY)
    return figure


def colour_of(name: str, names: Iterable[str]) -> tuple[str, str]:
    """Return (colour, marker) of model `name`: its own in all figures of a run (`styled`), else by its place in
    `names`.

    Labels are black, trivial references grey.
    """
    if name == LABELS:
        return INK, "*"
    if name in BASELINES:
        return GREY, _MARKERS[BASELINES.index(name)]
    known = _MODELS.get()
    order = known if name in known else tuple(sorted({*names, name} - {*BASELINES, LABELS}))
    place = order.index(name)
    return _COLOURS[place % len(_COLOURS)], _MARKERS[place % len(_MARKERS)]


def line_of(name: str, names: Iterable[str]) -> dict[str, Any]:
    """How the line of model `name` looks: its colour (`colour_of`), and dashes that tell it in grey, too."""
    colour, marker = colour_of(name, names)
    plain = name == LABELS or name in BASELINES
    return {"color": colour, "dashes": () if plain else _DASHES[_MARKERS.index(marker)]}


def short(name: object, most: int) -> str:
    """A name in words for a place of `most` letters: of a longer one both ends, which tell it from others."""
    text = readable(titled(name))
    wide = [1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text]
    if sum(wide) <= most:
        return text
    first, last = 0, len(text)
    while sum(wide[:first]) + wide[first] <= most // 2:
        first += 1
    while sum(wide[last:]) + wide[last - 1] <= most - 1 - most // 2:
        last -= 1
    return f"{text[:first].rstrip()}…{text[last:].lstrip()}"


def titled(text: object) -> str:
    """Turn an identifier such as ``no_face`` into words."""
    return str(text).replace("_", " ")


def save(figure: "Figure", stem: str | Path, dpi: int, *, note: str = "") -> None:
    """Write ``stem.pdf`` and ``stem.png``, each whole or not at all; the same figure gives the same bytes.

    A `note`, why there is nothing to show, stands in the metadata of the png, too (`note_of`).
    """
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_text(readable(text.get_text()))
    figure.draw_without_rendering()  # lays out once; below it is kept
    figure.set_layout_engine("none")
    facts: dict[str, dict[str, str | None]] = {
        "pdf": {"CreationDate": None, "Creator": "speechface"},
        "png": {"Software": "speechface", **({"Description": note} if note else {})},
    }
    for kind, metadata in facts.items():
        with written_whole(f"{stem}.{kind}") as temporary:
            figure.savefig(temporary, format=kind, dpi=dpi, metadata=metadata)


def is_wide(png: str | Path) -> bool:
    """Whether a figure is wider than a column."""
    from PIL import Image

    with Image.open(png) as image:
        return image.width > 1.1 * COLUMN * image.info["dpi"][0]


def note_of(png: str | Path) -> str:
    """Why a figure shows nothing, "" where it shows something."""
    from PIL import Image

    with Image.open(png) as image:
        return str(image.info.get("Description", ""))
