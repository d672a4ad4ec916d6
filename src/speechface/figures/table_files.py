"""Tables of scores as .csv (numbers, for programs) and .tex (a LaTeX tabular, for papers)."""

import csv
import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from speechface.files import written_whole

__all__ = ["write_csv", "write_tex"]

#: (key, heading) of every column.
Columns = Sequence[tuple[str, str]]
Rows = Sequence[Mapping[str, Any]]

_LATEX = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$",
    "^": r"\^{}", "~": r"\~{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "[": "{[}", "*": "{*}",  # after the end of a row these would be its options
})  # fmt: skip
#: Units in headings.
_UNITS = {"R2": "$R^2$", "1e-2": "$10^{-2}$", "r": "$r$"}


def _number(value):
    return "" if not math.isfinite(value) else f"{value:.6g}"


def write_csv(path: str | Path, columns: Columns, rows: Rows) -> None:
    """Write one line a row; a score becomes three columns: its value, ``_low`` and ``_high``.

    columns: list of (key, heading); rows: list of dict; a score is a tuple (value, low, high, decimals).
    """
    scores = {key for key, _ in columns if any(isinstance(row.get(key), tuple) for row in rows)}
    header = [name for key, _ in columns for name in ((key, f"{key}_low", f"{key}_high") if key in scores else (key,))]
    with written_whole(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            cells = []
            for key, _ in columns:
                if key in scores:
                    cells += [_number(value) for value in row.get(key, (math.nan,) * 4)[:3]]
                else:
                    cells.append(row.get(key, ""))
            writer.writerow(cells)


def _text(value):
    return str(value).translate(_LATEX)


def _heading(text, side):
    """A heading with its unit, in lines about as long as a score."""
    name, comma, unit = text.rpartition(", ")
    lines = [_text(line) for line in textwrap.wrap(name if comma else text, 15)]
    if comma:
        lines[-1] += f", {_UNITS.get(unit, _text(unit))}"
    return lines[0] if len(lines) == 1 else rf"\shortstack[{side}]{{" + r" \\ ".join(lines) + "}"


def _cell(value, best):
    if not isinstance(value, tuple):
        return _text(value)
    number, low, high, decimals = value
    if not math.isfinite(number):
        return "--"
    shown = _rounded(number, decimals)
    text = f"\\mathbf{{{shown}}}" if shown == best else shown
    if math.isfinite(low) and math.isfinite(high):
        text += rf"\,[{_rounded(low, decimals)}, {_rounded(high, decimals)}]"
    return f"${text}$"


def _rounded(number, decimals):
    return f"{round(number, decimals) + 0.0:.{decimals}f}"  # no minus before a zero


def _best(rows, key, better):
    """The number that is best in a column, as shown; None where there is none."""
    found = [(row[key][0], row[key][3]) for row in rows if key in row and math.isfinite(row[key][0])]
    if better not in ("lower", "higher") or len(found) < 2:
        return None
    return _rounded(*(min if better == "lower" else max)(found))


def write_tex(
    path: str | Path, columns: Columns, rows: Rows, *, block: str = "", better: Mapping[str, str] | None = None
) -> None:
    """Write a ``tabular`` for the package booktabs; scores read ``value [low, high]``.

    Parameters
    ----------
    path, columns, rows : as of `write_csv`
    block : key of the rows that heads those that share it; no column
    better : key of a column -> "lower" or "higher"; of each named block the best value is bold
    """
    plain = {key for key, _ in columns if any(isinstance(row.get(key), str) for row in rows)}
    sides = ["l" if key in plain else "r" for key, _ in columns]
    kinds = r"p{0.95\linewidth}" if columns[0][0] == "note" else "".join(sides)
    lines = [r"% \usepackage{booktabs}"]
    if any(letter > "\u024f" for row in rows for value in row.values() if isinstance(value, str) for letter in value):
        lines.append("% names in other scripts: XeLaTeX or LuaLaTeX, and a font that has them")
    heads = (_heading(heading, side) for (_, heading), side in zip(columns, sides, strict=True))
    lines += [r"\begin{tabular}{" + kinds + "}", r"\toprule", " & ".join(heads) + r" \\"]
    for name in dict.fromkeys(row.get(block, "") for row in rows):
        own = [row for row in rows if row.get(block, "") == name]
        lines.append(r"\midrule")
        if name:
            lines.append(rf"\multicolumn{{{len(columns)}}}{{l}}{{\emph{{{_text(name)}}}}} \\")
        best = {key: _best(own, key, kind) for key, kind in (better or {}).items() if name}
        for row in own:
            lines.append(" & ".join(_cell(row.get(key, "--"), best.get(key)) for key, _ in columns) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    with written_whole(path) as temporary, open(temporary, "w") as file:
        file.write("\n".join(lines) + "\n")
