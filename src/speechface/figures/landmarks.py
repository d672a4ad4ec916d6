"""Fig. 2: the landmarks of labels against those a model generates from sound, for a few frames of one clip."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.figures.common import NothingToShow, clip_id, evaluated_clips, read_clips, usable_table
from speechface.figures.style import GREY, INK, PAGE, colour_of, new_figure, short
from speechface.geometry.ibug import CONTOURS, LIP_MIDDLE, MOUTH
from speechface.rig.rig import Rig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "collect", "draw", "chosen_frames"]

INPUTS = {"clips": True, "labels": True, "predictions": True, "rig": True}
CAPTION = (
    "Landmarks of the labels (black) and those that the network generated from sound (coloured), on the rig at mean "
    "identity without head motion, from shut to open lips (figure 2 of the report). To see: does the coloured mouth "
    "fill the black one when it is wide open?"
)

_FRAMES = 5
_REAL, _REAL_PALE = INK, "#b8bcc2"


@dataclass
class Data:
    """`real` and `generated` landmarks (m, 68, 3), mm, without head motion; `times` (m,), s; `model` and clip in
    words."""

    real: np.ndarray
    generated: np.ndarray
    times: np.ndarray
    model: str
    title: str


def chosen_frames(gap: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` frames from the most closed lips to the most open: gap (n,) -> (<= count,)."""
    order = np.argsort(gap, kind="stable")
    return order[np.unique(np.linspace(0, len(gap) - 1, min(count, len(gap))).round().astype(int))]


def collect(inputs: Mapping[str, Any]) -> Data:
    """Take the first evaluated clip that has labels and a prediction; frames from closed to open lips."""
    rig = Rig.load(inputs["rig"])
    for name in ("labels", "predictions"):
        inputs[name].require_channels(rig.channels, f"rig {inputs['rig']}")
    clips = evaluated_clips(read_clips(inputs["clips"]))
    if not clips:
        raise NothingToShow("no clip is in the test split, nor is one only predicted")
    for clip in clips:
        labels, prediction = (usable_table(inputs[name], clip) for name in ("labels", "predictions"))
        if labels is None or prediction is None:
            continue
        used = labels["frame"][labels["used"].astype(bool)]
        frames, of_label, of_prediction = np.intersect1d(labels["frame"], prediction["frame"], return_indices=True)
        keep = np.isin(frames, used)
        if not keep.any():
            continue
        real, generated = (
            rig.displacement(table.stack(rig.channels)[rows[keep]], rig.landmarks) + rig.neutral[rig.landmarks]
            for table, rows in ((labels, of_label), (prediction, of_prediction))
        )
        pick = chosen_frames(real[:, LIP_MIDDLE[0], 1] - real[:, LIP_MIDDLE[1], 1], _FRAMES)
        model = prediction.meta.get("model", "the model")
        times = labels["time"][of_label[keep]]
        return Data(real[pick], generated[pick], times[pick], model, clip_id(clip))
    raise NothingToShow(f"none of the {len(clips)} evaluated clips has both labels and a prediction")


def _face(axis, points, colour, width=1.0):
    lines = []
    for first, last, closed in CONTOURS:
        lines += [points[first:last, :2], points[first : first + closed, :2], np.full((1, 2), np.nan)]
    line = np.concatenate(lines)
    axis.plot(line[:, 0], line[:, 1], ".-", color=colour, linewidth=width, markersize=2, solid_capstyle="round")


def draw(data: Data) -> "Figure":
    """Rows: label, prediction, both; columns: frames."""
    count = len(data.times)
    figure = new_figure(min(PAGE, 0.6 + 1.3 * count), 4.4)
    axes = figure.subplots(3, count, squeeze=False, sharex=True, sharey=True)
    error = np.sqrt((np.square(data.real - data.generated).sum(-1))[:, MOUTH].mean(1))
    colour = colour_of(data.model, [data.model])[0]
    for column in range(count):
        real, generated = data.real[column], data.generated[column]
        _face(axes[0, column], real, _REAL)
        _face(axes[1, column], generated, colour)
        _face(axes[2, column], real, _REAL_PALE, 2.2)
        _face(axes[2, column], generated, colour, 0.8)
        axes[0, column].set_title(f"{data.times[column]:.2f} s")
        axes[2, column].set_xlabel(f"mouth RMSE {error[column]:.1f} mm", color=INK)
    for row, (text, shade) in enumerate((("label", _REAL), (short(data.model, 14), colour), ("both", INK))):
        axes[row, 0].set_ylabel(text, color=shade, fontsize=8.5, fontweight="bold")
    for axis in axes.flat:
        axis.set_aspect("equal")
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    _scale_bar(axes[2, 0], data.real[0])
    figure.suptitle(short(data.title, 90), fontsize=8)
    return figure


def _scale_bar(axis, points, length=20):
    left, bottom = points[:, 0].min(), points[:, 1].min() + 8  # beside the chin
    axis.plot([left, left + length], [bottom, bottom], color=GREY, linewidth=1.5)
    axis.text(left + length / 2, bottom - 3, f"{length} mm", ha="center", va="top", color=GREY, fontsize=6.5)
