"""What a model predicts over time beside the label: jaw, brows, lids and head; of a model that draws, every sample."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.figures.common import NothingToShow, evaluated_clips, read_clips, usable_table
from speechface.figures.style import GREY, INK, PAGE, line_of, new_figure, short
from speechface.rig.channels import ROTATIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from speechface.tables import Table

__all__ = ["CAPTION", "CURVES", "INPUTS", "Clip", "collect", "curves", "draw", "samples_of"]

INPUTS = {"clips": True, "labels": True, "predictions": True}
CAPTION = (
    "Jaw, brows, lids and head over time: labels beside what the shown model predicts from the sound; of a model that "
    "draws, its samples. To see: jaw and lips can be heard; brows, blinks and the head only roughly, if at all."
)

#: Row of the figure -> (columns whose mean it shows, unit).
CURVES = {
    "jaw open": (("jawOpen",), "weight"),
    "brows up": (("browInnerUp",), "weight"),
    "lids shut": (("eyeBlinkLeft", "eyeBlinkRight"), "weight"),
    "head, pitch": ((ROTATIONS[0],), "degrees"),
}
#: Dashes of samples, all in their model's colour.
_DASHES = ((), (4, 1), (1.2, 0.8))
_MOST_CLIPS, _MOST_SAMPLES = 2, 3


@dataclass
class Clip:
    """Two sets of curves: times (n,) and (m,), s, of labels and prediction, and by row of the figure the curves of the
    label (1, n) and of the samples (k, m), None where there are none."""

    title: str
    times: tuple[np.ndarray, np.ndarray]
    label: dict[str, np.ndarray | None]
    samples: dict[str, np.ndarray | None]
    drawn: bool
    model: str


def samples_of(table: "Table") -> tuple[np.ndarray, list[str]]:
    """All answers in the prediction of a clip, (k, n, n_columns) float32, and the names of their columns."""
    if "samples" not in table.columns:
        names = [name for name in table.columns if name not in ("frame", "time")]
        return table.stack(names)[None], names
    names = list(table.meta["columns"])
    return np.concatenate([table.stack(names)[None], table["samples"].swapaxes(0, 1)]), names


def curves(values: np.ndarray, names: list[str]) -> dict[str, np.ndarray | None]:
    """The rows of the figure of weights and rotations (k, n, n_columns): row -> (k, n), or None."""
    found: dict[str, np.ndarray | None] = {}
    for row, (columns, unit) in CURVES.items():
        known = all(name in names for name in columns)
        curve = values[..., [names.index(name) for name in columns]].mean(-1) if known else None
        found[row] = np.degrees(curve) if curve is not None and unit == "degrees" else curve
    return found


def collect(inputs: Mapping[str, Any]) -> list[Clip]:
    """Take the evaluated clips whose labelled jaw moves most, one an actor."""
    found: dict[str, tuple[float, Clip]] = {}
    for clip in evaluated_clips(read_clips(inputs["clips"])):
        labels, prediction = (usable_table(inputs[name], clip) for name in ("labels", "predictions"))
        if labels is None or prediction is None:
            continue
        used = labels["used"].astype(bool)
        names = [name for columns, _ in CURVES.values() for name in columns if name in labels.columns]
        seen = np.where(used[:, None], labels.stack(names), np.nan)[None]
        values, columns_ = samples_of(prediction)
        title = f"{short(clip['actor'], 20)}, {short(clip.get('emotion') or clip['clip'], 26)}"
        made = Clip(title, (labels["time"], prediction["time"]), curves(seen, names), curves(values, columns_),
                    drawn=len(values) > 1, model=str(prediction.meta.get("model", "prediction")))  # fmt: skip
        moves = float(np.std(labels["jawOpen"][used])) if used.any() else -1.0
        actor = f"{clip['dataset']}/{clip['actor']}"
        if moves > found.get(actor, (-1.0, None))[0]:
            found[actor] = moves, made
    if not found:
        raise NothingToShow("no evaluated clip has both labels and a prediction")
    chosen = sorted(found.values(), key=lambda pair: -pair[0])[:_MOST_CLIPS]
    return [made for _, made in chosen]


def draw(clips: list[Clip]) -> "Figure":
    """One column a clip, one row a curve."""
    figure = new_figure(PAGE, 0.6 + 0.95 * len(CURVES))
    axes = figure.subplots(len(CURVES), len(clips), sharex="col", sharey="row", squeeze=False)
    for column, clip in zip(axes.T, clips):
        column[0].set_title(clip.title)
        for axis, (row, (_, unit)) in zip(column, CURVES.items()):
            label, samples = clip.label[row], clip.samples[row]
            for k, sample in enumerate(() if samples is None else samples[:_MOST_SAMPLES]):
                name = short(clip.model, 20) + (f", sample {k + 1}" if clip.drawn else "")
                look = {"linewidth": 1, **line_of(clip.model, [clip.model])}
                axis.plot(clip.times[1], sample, label=name, **look | ({"dashes": _DASHES[k]} if clip.drawn else {}))
            if label is not None:
                axis.plot(clip.times[0], label[0], color=INK, linewidth=1.3, label="label")
            if samples is None:
                axis.text(0.5, 0.9, "not predicted", color=GREY, ha="center", va="top", transform=axis.transAxes)
            axis.grid(True)
            axis.margins(x=0)
            if axis in axes[:, 0]:
                axis.set_ylabel(f"{row},\n{unit}")
        column[-1].set_xlabel("time, s")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure
