"""Pieces of HTML: escaped text, tables that sort, figures, the document around them. No framework, nothing fetched."""

import html
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import NamedTuple

__all__ = ["Cell", "Section", "counted", "document", "escape", "link", "listed", "number", "score", "section", "table"]


class Cell(NamedTuple):
    """A cell: `markup` as shown, and the number or text by which its column is sorted."""

    markup: str
    key: float | str | None = None
    title: str = ""


class Section(NamedTuple):
    """A part of the page with an anchor `name`, a `heading` and its `markup`; without markup it is left out."""

    name: str
    heading: str
    markup: str


def escape(text: object) -> str:
    """Text for element content and attributes."""
    return html.escape(str(text), quote=True)


def link(target: str, text: str) -> str:
    """A link to a file beside the page, or to an anchor."""
    return f'<a href="{escape(target)}">{escape(text)}</a>'


def counted(count: int, noun: str) -> str:
    """A number of things, in words."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def number(value: float | None, decimals: int = 2) -> Cell:
    """A number, a dash where there is none; no minus before a zero."""
    if value is None or not math.isfinite(value):
        return Cell("–", math.nan)
    return Cell(f"{round(value, decimals) + 0.0:,.{decimals}f}", float(value))


def score(row: Mapping[str, float] | None, decimals: int) -> Cell:
    """``value``, ``low`` and ``high`` of a table of scores as ``value [low, high]``."""
    if row is None:
        return Cell("–", math.nan)
    value, low, high = (number(row[key], decimals) for key in ("value", "low", "high"))
    between = f' <span class="ci">[{low.markup}, {high.markup}]</span>' if math.isfinite(float(row["low"])) else ""
    return Cell(f"{value.markup}{between}", value.key)


def table(
    head: Sequence[str | Cell], rows: Sequence[Sequence[Cell | str]], *, marks: Sequence[str] = (), note: str = ""
) -> str:
    """A table whose columns sort when their heading is clicked.

    Parameters
    ----------
    head : headings; a `Cell` may bring a `title` that explains it
    rows : cells, plain text (escaped) or `Cell` (its markup as it is)
    marks : CSS classes of the rows, "" for none
    note : markup below the table
    """

    def is_number(value: Cell | str) -> bool:
        return isinstance(value, Cell) and isinstance(value.key, (int, float))

    numeric = [all(is_number(row[k]) for row in rows) for k in range(len(head))]

    def cell(value: Cell | str, k: int) -> str:
        shown = value if isinstance(value, Cell) else Cell(escape(value), value)
        key = "" if shown.key is None or shown.key != shown.key else f' data-key="{escape(shown.key)}"'
        kind = ' class="number"' if numeric[k] else ""
        return f"<td{kind}{key}>{shown.markup}</td>"

    heads = []
    for k, name in enumerate(head):
        shown = name if isinstance(name, Cell) else Cell(escape(name))
        title = f' title="{escape(shown.title)}"' if shown.title else ""
        heads.append(
            f'<th scope="col"{" class=number" if numeric[k] else ""}{title}><button>{shown.markup}</button></th>'
        )
    lines = []
    for place, row in enumerate(rows):
        mark = f' class="{marks[place]}"' if marks and marks[place] else ""
        lines.append(f"<tr{mark}>{''.join(cell(value, k) for k, value in enumerate(row))}</tr>")
    below = f'<p class="note">{note}</p>' if note else ""
    body = "\n".join(lines)
    return (
        f'<div class="scroll"><table class="sorts"><thead><tr>{"".join(heads)}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>{below}"
    )


def section(part: Section) -> str:
    """A section with its heading."""
    return f'<section id="{part.name}"><h2>{escape(part.heading)}</h2>\n{part.markup}\n</section>'


def document(title: str, first: str, parts: Sequence[Section]) -> str:
    """The whole page: `first` is the markup of the first screen, below it the sections that hold something."""
    shown = [part for part in parts if part.markup]
    files = resources.files("speechface.page")
    style, script = ((files / name).read_text() for name in ("page.css", "page.js"))
    menu = " ".join(f'<a href="#{part.name}">{escape(part.heading)}</a>' for part in shown)
    body = "\n".join(map(section, shown))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<main>
{first}
<nav>{menu}</nav>
{body}
</main>
<script>
{script}</script>
</body>
</html>
"""
