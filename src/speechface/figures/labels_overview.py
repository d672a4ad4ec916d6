"""The labels at a look: the worst clips beside middling ones, each as the frame, its landmarks and the fitted rig.

Of a worst clip the frame with the largest miss is shown, of a middling one the frame with the median miss. Red dots are
the detector's landmarks, blue ones the fitted rig's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.errors import MediaError
from speechface.figures.alignment import SIDE_PX, Pair, draw_faces, fitted_frame, show
from speechface.figures.common import NothingToShow, read_clips, usable_table
from speechface.figures.style import PAGE, new_figure, titled
from speechface.landmarks.detectors import DETECTORS
from speechface.rig.rig import Rig
from speechface.tables import read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "Row", "collect", "draw", "ranked"]

INPUTS = {"clips": True, "quality": True, "landmarks": True, "labels": True, "identity": True, "rig": True,
          "videos": True}  # fmt: skip
CAPTION = (
    "The clips whose labels miss the landmarks most, beside clips around the median: the video frame, the "
    "detector's landmarks (red) with those of the fitted rig (blue), and the rig. Misses are in percent of the "
    "distance between the outer eye corners."
)

_EACH = 3
#: Fraction of a cut that is left out at either side.
_EDGE = 0.14
_SEEN, _FITTED = "#e8000b", "#2bc4ff"


@dataclass
class Row:
    """`pair` as in the figure alignment; `seen` (68, 2), the detector's landmarks in it; `note`, numbers in words."""

    pair: Pair
    seen: np.ndarray
    note: str


def ranked(misses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of clips by how much their labels miss (n,), the worst first, and by how close they are to the median."""
    known = np.flatnonzero(np.isfinite(misses))
    worst = known[np.argsort(-misses[known], kind="stable")]
    if not len(known):
        return worst, worst
    return worst, known[np.argsort(np.abs(misses[known] - np.median(misses[known])), kind="stable")]


def collect(inputs: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """Return (worst, middling): lists of up to three `Row`."""
    rig = Rig.load(inputs["rig"])
    inputs["labels"].require_channels(rig.channels, f"rig {inputs['rig']}")
    clips = {(c["dataset"], c["actor"], c["clip"]): c for c in read_clips(inputs["clips"])}
    quality = read_table(inputs["quality"])
    known = zip(*(quality[name] for name in ("dataset", "actor", "clip")))
    names = [tuple(str(part) for part in who) for who in known]
    misses = np.asarray(quality["reprojection_pct_iod"], float)
    taken: set[int] = set()
    groups, faces = [], []
    for order, extreme in zip(ranked(misses), (True, False)):
        rows: list[Row] = []
        for place in order:
            if len(rows) == _EACH or len(taken) == len(names):
                break
            if place in taken or names[place] not in clips:
                continue
            try:
                row, face = _row(clips[names[place]], misses[place], rig, inputs, extreme=extreme)
            except (NothingToShow, MediaError):
                continue
            taken.add(place)
            rows.append(row)
            faces.append(face)
        groups.append(rows)
    if not faces:
        raise NothingToShow("no clip has labels, an identity and a readable video")
    for row, image in zip([*groups[0], *groups[1]], draw_faces(rig, faces)):
        row.pair.face = image
    return groups[0], groups[1]


def _row(clip, miss_pct, rig, inputs, *, extreme):
    """The Row of one clip, its face not drawn yet, and what `draw_faces` needs for it."""
    labels, landmarks = (usable_table(inputs[name], clip) for name in ("labels", "landmarks"))
    if labels is None or landmarks is None or not labels["detected"].any():
        raise NothingToShow(f"{clip['clip']} has no labels")
    miss = np.where(labels["detected"], labels["reprojection_px"], np.nan)
    order = np.argsort(miss)[: int(np.isfinite(miss).sum())]
    row = int(order[-1] if extreme else order[len(order) // 2])
    title = f"{titled(clip['dataset'])} {titled(clip['actor'])}, {titled(clip.get('emotion') or clip['clip'])}"
    pair, face = fitted_frame(clip, labels, row, rig, inputs, title)
    seen = landmarks["landmarks"][row].astype(float) @ pair.matrix[:, :2].T + pair.matrix[:, 2]
    words = "largest" if extreme else "median"
    eyes = DETECTORS[landmarks.meta["detector"]].profile.interocular(landmarks["landmarks"][row])
    note = f"clip {miss_pct:.2f} %, this frame {100 * miss[row] / eyes:.2f} % ({words})"
    return Row(pair, seen, note), face


def draw(groups: tuple[list[Row], list[Row]]) -> "Figure":
    """The worst clips on the left, middling ones on the right; a row is the frame, its landmarks and the rig."""
    shown = [(name, rows) for name, rows in zip(("worst clips", "clips around the median"), groups) if rows]
    count = max(len(rows) for _, rows in shown)
    side = PAGE / 6
    figure = new_figure(3 * len(shown) * side, count * (side + 0.26) + 0.2)
    halves = figure.subfigures(1, len(shown), squeeze=False, wspace=0.03)
    for (name, rows), half in zip(shown, halves.flat):
        half.suptitle(name, fontsize=8, fontweight="bold")
        for row, axes in zip(rows, half.subplots(count, 3, squeeze=False)):
            show(axes[0], row.pair.frame)
            axes[0].set_title(f"{row.pair.title}\n{row.note}", loc="left", fontsize=6.5, pad=2)
            show(axes[1], row.pair.frame)
            axes[1].plot(*row.seen.T, ".", color=_SEEN, markersize=2.6, markeredgewidth=0)
            axes[1].plot(*row.pair.dots.T, ".", color=_FITTED, markersize=1.8, markeredgewidth=0)
            show(axes[2], row.pair.face)
            for axis in axes:
                axis.set_xlim(_EDGE * SIDE_PX, (1 - _EDGE) * SIDE_PX)
                axis.set_ylim((1 - 0.4 * _EDGE) * SIDE_PX, 1.6 * _EDGE * SIDE_PX)
        for axes in half.axes[3 * len(rows) :]:
            axes.axis("off")
    return figure
