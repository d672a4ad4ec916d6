"""Tables of scores as .csv (numbers, for programs) and .tex (a LaTeX tabular, for papers)."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from speechface.files import written_whole

__all__ = ["write_csv", "write_tex"]

#: (key, heading) of every column.
Columns = Sequence[tuple[str, str]]
Rows = Sequence[Mapping[str, Any]]

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "_": r"\_",
        "%": r"\%",
        "&": r"\&",
        "#": r"\#",
        "$": r"\$",
        "^": r"\^{}",
        "~": r"\~{}",
    }
)


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


def _cell(value):
    if not isinstance(value, tuple):
        return str(value).translate(_LATEX)
    number, low, high, decimals = value
    if not math.isfinite(number):
        return "--"
    text = f"{number:.{decimals}f}"
    if math.isfinite(low) and math.isfinite(high):
        text += f" [{low:.{decimals}f}, {high:.{decimals}f}]"
    return f"${text}$"


def write_tex(path: str | Path, columns: Columns, rows: Rows) -> None:
    """Write a ``tabular`` for the package booktabs; scores read ``value [low, high]``."""
    scores = {key for key, _ in columns if any(isinstance(row.get(key), tuple) for row in rows)}
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{tabular}{" + "".join("r" if key in scores | {"seed", "n_clips"} else "l" for key, _ in columns) + "}",
        r"\toprule",
        " & ".join(heading.translate(_LATEX) for _, heading in columns) + r" \\",
        r"\midrule",
        *(" & ".join(_cell(row.get(key, "--")) for key, _ in columns) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    with written_whole(path) as temporary, open(temporary, "w") as file:
        file.write("\n".join(lines) + "\n")
