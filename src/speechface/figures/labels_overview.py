"""The labels at a look: the worst clip by every criterion of the label report, and two middling ones.

Of each clip the frame is shown that tells most of the criterion, with the detector's landmarks (red), those of the
fitted rig (blue) and the rig. Beside the clip whose sound agrees least with its lips stands how probable each delay is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.audio.synchrony import DELAYS_MS
from speechface.errors import MediaError
from speechface.figures.alignment import SIDE_PX, Pair, draw_faces, fitted_frame, show
from speechface.figures.common import NothingToShow, clip_id, read_clips, usable_table
from speechface.figures.style import INK, PAGE, new_figure, short
from speechface.fitting.report import opening_mm
from speechface.landmarks.detector import Profile
from speechface.landmarks.detectors import DETECTORS
from speechface.rig.rig import Rig
from speechface.tables import Table, read_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "CRITERIA", "INPUTS", "Cell", "Criterion", "collect", "draw", "worst_first"]

INPUTS = {"clips": True, "quality": True, "landmarks": True, "labels": True, "delays": False, "identity": True,
          "rig": True, "videos": True}  # fmt: skip
CAPTION = (
    "The worst clip by each criterion of the label report, and two clips around the median: the video frame that tells "
    "most, the detector's landmarks (red) with those of the fitted rig (blue), and the rig. Where sound and lips agree "
    "least, how probable each delay of the sound is (curve), and the delay that is used (dashed). Misses are in "
    "percent of the distance between the outer eye corners. To see: would you believe these labels? The others are "
    "better."
)

#: Fraction of a cut that is left out at either side.
_EDGE = 0.14
_SEEN, _FITTED = "#e8000b", "#2bc4ff"
_MIDDLING = 2
#: Fewer frames with shut lips tell little.
_FEWEST = 5

#: What a criterion looks at to choose a frame: labels, points (T, p, 2), the detector's profile and the rig.
_Look = Callable[[Table, np.ndarray, Profile, Rig], int]


@dataclass(frozen=True)
class Criterion:
    """`badness` of the clips (n,), NaN where it does not apply, of the quality table; the frame to show; a note of
    the clip's row of that table; what to say where no clip has it."""

    title: str
    badness: Callable[[Mapping[str, np.ndarray]], np.ndarray]
    frame: _Look
    note: Callable[[Mapping[str, Any]], str]
    none: str


def _at_miss(quantile: float) -> _Look:
    def frame(labels: Table, points: np.ndarray, profile: Profile, rig: Rig) -> int:
        miss = np.where(labels["detected"], labels["reprojection_px"], np.nan)
        order = np.argsort(miss)[: int(np.isfinite(miss).sum())]
        return int(order[round(quantile * (len(order) - 1))])

    return frame


def _gap(points: np.ndarray, profile: Profile) -> np.ndarray:
    return profile.lip_gap(points) / profile.interocular(points)


def _open_though_shut(labels: Table, points: np.ndarray, profile: Profile, rig: Rig) -> int:
    """Of the twentieth of the frames with the smallest gap in the image, that with the widest one on the rig."""
    gap = _gap(points, profile)
    opening = opening_mm(rig, labels.stack(rig.channels))
    return int(np.nanargmax(np.where(gap <= np.nanquantile(gap, 0.05), opening, np.nan)))


def _widest(labels: Table, points: np.ndarray, profile: Profile, rig: Rig) -> int:
    return int(np.nanargmax(_gap(points, profile)))


def _looks_away(labels: Table, points: np.ndarray, profile: Profile, rig: Rig) -> int:
    names = [f"eyeLook{turn}{side}" for turn in ("In", "Out", "Up", "Down") for side in ("Left", "Right")]
    looks = labels.stack([name for name in names if name in labels.columns])
    away = np.linalg.norm(looks - np.median(looks, 0), axis=1)
    return int(np.argmax(np.where(labels["detected"], away, -1)))


def _in_longest_gap(labels: Table, points: np.ndarray, profile: Profile, rig: Rig) -> int:
    used = np.concatenate([[True], labels["used"].astype(bool), [True]])
    edges = np.flatnonzero(np.diff(used.astype(int))).reshape(-1, 2)
    first, last = edges[np.argmax(edges[:, 1] - edges[:, 0])]
    return int((first + last - 1) // 2)


CRITERIA = (
    Criterion("misses the landmarks most", lambda q: q["reprojection_pct_iod"], _at_miss(1.0),
              lambda q: f"misses by {q['reprojection_pct_iod']:.2f} % on average, here by the most",
              "no clip has labels"),
    Criterion("shut lips stand open",
              lambda q: np.where((q["shut_fraction"] * q["n_frames"] >= _FEWEST) & (q["shut_open_fraction"] > 0),
                                 q["shut_open_fraction"], np.nan),
              _open_though_shut,
              lambda q: f"shut in {100 * q['shut_fraction']:.0f} % of the frames, open on the rig in "
                        f"{100 * q['shut_open_fraction']:.0f} % of these",
              "none do"),
    Criterion("lips move too little or too far", lambda q: np.abs(np.log(np.maximum(q["lip_gap_amplitude"], 1e-3))),
              _widest, lambda q: f"{q['lip_gap_amplitude']:.2f} times as far as the landmarks', here widest",
              "no lips move"),
    Criterion("sound and lips agree least", lambda q: -q["sound_agreement"], _widest,
              lambda q: f"agree with probability {q['sound_agreement']:.2f}; {q['audio_delay_ms']:.0f} ms of delay used"
                        + (f", its lips say {q['delay_own_ms']:.0f} \N{PLUS-MINUS SIGN} {q['delay_own_sigma_ms']:.0f}"
                           if np.isfinite(q["delay_own_sigma_ms"]) else ""),
              "no clip's sound can be judged"),
    Criterion("gaze wanders most", lambda q: q["gaze_spread"], _looks_away,
              lambda q: f"spread {q['gaze_spread']:.2f}, eyes seen in {100 * q['gaze_seen']:.0f} % of the frames",
              "the detector sees no irises"),
    Criterion("longest gap", lambda q: np.where(q["longest_gap_s"] > 0, q["longest_gap_s"], np.nan), _in_longest_gap,
              lambda q: f"{q['longest_gap_s']:.2f} s, the longest of {q['gaps']:.0f}; here its middle",
              "no clip has frames that are not used"),
)  # fmt: skip
_MEDIAN = Criterion(
    "around the median", lambda q: -np.abs(q["reprojection_pct_iod"] - np.nanmedian(q["reprojection_pct_iod"])),
    _at_miss(0.5), lambda q: f"misses by {q['reprojection_pct_iod']:.2f} % on average, here as usual", "",
)  # fmt: skip


@dataclass
class Cell:
    """A place of the figure: title, the clip's id, and `note`, numbers in words; where a clip can be shown `pair` as in
    the figure alignment and `seen` (p, 2), the detector's landmarks in it; `curve`, the probability of each delay."""

    title: str
    clip: str
    note: str
    pair: Pair | None = None
    seen: np.ndarray | None = None
    curve: np.ndarray | None = None
    delay_ms: float = 0.0


def worst_first(badness: np.ndarray) -> np.ndarray:
    """Places of clips (n,), the worst first; those that are NaN are left out."""
    known = np.flatnonzero(np.isfinite(badness))
    return known[np.argsort(-badness[known], kind="stable")]


def collect(inputs: Mapping[str, Any]) -> list[Cell]:
    """Return a `Cell` for each criterion, and those of middling clips."""
    rig = Rig.load(inputs["rig"])
    inputs["labels"].require_channels(rig.channels, f"rig {inputs['rig']}")
    clips = {clip_id(clip): clip for clip in read_clips(inputs["clips"])}
    quality = read_table(inputs["quality"])
    names = ["/".join(map(str, who)) for who in zip(*(quality[name] for name in ("dataset", "actor", "clip")))]
    numbers = {name: values.astype(float) for name, values in quality.columns.items() if values.dtype.kind in "fi"}
    cells: list[Cell] = []
    faces: list[dict[str, Any]] = []
    shown: set[str] = set()
    for criterion in (*CRITERIA, *[_MEDIAN] * _MIDDLING):
        if criterion is _MEDIAN and cells[-1].title == _MEDIAN.title and len(faces) % 2 == 0:
            break  # rows are full
        for place in worst_first(criterion.badness(numbers)):
            if names[place] not in clips or (criterion is _MEDIAN and names[place] in shown):
                continue
            row = {name: values[place] for name, values in numbers.items()}
            try:
                cell, face = _cell(criterion, clips[names[place]], row, rig, inputs)
            except (NothingToShow, MediaError):
                continue
            shown.add(names[place])
            cells.append(cell)
            faces.append(face)
            break
        else:
            if criterion is not _MEDIAN:
                cells.append(Cell(criterion.title, "", criterion.none))
    if not faces:
        raise NothingToShow("no clip has labels, an identity and a readable video")
    pairs = [cell.pair for cell in cells if cell.pair is not None]
    for pair, image in zip(pairs, draw_faces(rig, faces), strict=True):
        pair.face = image
    return cells


def _cell(criterion, clip, row, rig, inputs):
    """The Cell of one clip, its face not drawn yet, and what `draw_faces` needs for it."""
    labels, landmarks = (usable_table(inputs[name], clip) for name in ("labels", "landmarks"))
    if labels is None or landmarks is None or not labels["detected"].any():
        raise NothingToShow(f"{clip['clip']} has no labels")
    points = landmarks["landmarks"].astype(float)
    profile = DETECTORS[landmarks.meta["detector"]].profile
    frame = criterion.frame(labels, points, profile, rig)
    pair, face = fitted_frame(clip, labels, frame, rig, inputs, "")
    cell = Cell(criterion.title, clip_id(clip), criterion.note(row), pair)
    cell.seen = points[frame] @ pair.matrix[:, :2].T + pair.matrix[:, 2]
    if criterion.title.startswith("sound"):
        delays = usable_table(inputs.get("delays"), clip)
        if delays is not None:
            cell.curve = np.exp(delays["curve"][0] - delays["curve"][0].max())
            cell.delay_ms = row["audio_delay_ms"]
    return cell, face


def draw(cells: list[Cell]) -> "Figure":
    """Two cells a row: the criterion and the clip in words; the frame, its landmarks and the rig, or the delays."""
    across, words = PAGE / 2, 0.45  # inch; words are wider than an image, so that each thing has its place
    side = across / 3 - 0.04
    shown = [cell for cell in cells if cell.pair is not None]
    others = [f"{cell.title}: {cell.note}" for cell in cells if cell.pair is None]
    width, height = PAGE, -(-len(shown) // 2) * (side + words) + 0.12 * len(others)
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    figure.text(0.04 / width, 0.02 / height, "\n".join(others), va="bottom", fontsize=6.5)
    for k, cell in enumerate(shown):
        left, top = (k % 2) * across + 0.04, height - (k // 2) * (side + words)
        figure.text(left / width, (top - 0.04) / height, cell.title, va="top", fontsize=8, fontweight="bold")
        figure.text(left / width, (top - 0.18) / height, f"{short(cell.clip, 66)}\n{cell.note}", va="top", fontsize=6.5)
        assert cell.pair is not None
        assert cell.seen is not None
        axes = [
            figure.add_axes(((left + j * (side + 0.02)) / width, (top - words + 0.04 - side) / height, side / width,
                             side / height))
            for j in range(3)
        ]  # fmt: skip
        for axis, image in zip(axes, (cell.pair.frame, cell.pair.frame, cell.pair.face)):
            if axis is axes[2] and cell.curve is not None:
                _draw_delays(figure, axis, cell.curve, cell.delay_ms)
                continue
            show(axis, image)
            axis.set_xlim(_EDGE * SIDE_PX, (1 - _EDGE) * SIDE_PX)
            axis.set_ylim((1 - 0.4 * _EDGE) * SIDE_PX, 1.6 * _EDGE * SIDE_PX)
        axes[1].plot(*cell.seen.T, ".", color=_SEEN, markersize=3.4, markeredgewidth=0)
        axes[1].plot(*cell.pair.dots.T, ".", color=_FITTED, markersize=1.9, markeredgewidth=0)
    return figure


def _draw_delays(figure: "Figure", axis: "Axes", curve: np.ndarray, delay_ms: float) -> None:
    """How probable each delay is, beside the one that is used."""
    left, bottom, width, height = axis.get_position().bounds
    foot = 0.26 / figure.get_figheight()  # of the numbers below
    axis.set_position((left + 0.04 * width, bottom + foot, 0.92 * width, height - foot))
    axis.fill_between(DELAYS_MS, curve, color=_FITTED, alpha=0.4, linewidth=0)
    axis.plot(DELAYS_MS, curve, color=_FITTED, linewidth=1)
    axis.axvline(delay_ms, color=INK, linewidth=1, linestyle=(0, (3, 1.5)))
    axis.set_xlim(DELAYS_MS[0], DELAYS_MS[-1])
    axis.set_ylim(0, 1.05)
    axis.set_yticks([])
    axis.set_xticks([-300, 0, 300])
    axis.tick_params(pad=1.5, labelsize=6.5)
    axis.set_xlabel("delay of the sound, ms", fontsize=6.5, labelpad=1)
    axis.spines["left"].set_visible(False)
