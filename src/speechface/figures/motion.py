"""How far and how fast lips, brows and head move, clip by clip: labels beside what a model predicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.figures.common import NothingToShow, evaluated_clips, read_clips, usable_table
from speechface.figures.samples import samples_of
from speechface.figures.style import GREY, INK, PAGE, line_of, new_figure, short
from speechface.geometry.ibug import BROWS
from speechface.metrics.amplitude import head_speed
from speechface.metrics.curves import frame_duration
from speechface.metrics.geometry import RigBases
from speechface.rig.channels import ROTATIONS
from speechface.rig.rig import Rig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "Motion", "collect", "draw", "of_clip"]

INPUTS = {"clips": True, "labels": True, "predictions": True, "rig": True}
CAPTION = (
    "How far (standard deviation over a clip) and how fast (mean speed) lips, brows and head move in the evaluated "
    "clips: labels beside what the shown model predicts, as the fraction of clips that move less; dotted: means. To "
    "see: does the model move as far and as fast as people do (curves that lie on each other), or less (to the left)?"
)

#: Columns of the figure: part -> unit of its amplitude.
PARTS = {"lip gap": "mm", "brows": "mm", "head": "°"}


@dataclass
class Motion:
    """Of labels and of predictions, each with an entry a clip or sample: (part, "amplitude" or "speed") -> (n,)."""

    labels: dict[tuple[str, str], np.ndarray]
    predictions: dict[tuple[str, str], np.ndarray]
    model: str


def of_clip(
    weights: np.ndarray, rotation: np.ndarray | None, frames: np.ndarray, times: np.ndarray, bases: RigBases
) -> dict[tuple[str, str], float]:
    """Amplitude and speed of each part: weights (n, n_channels), rotation (n, 3) rad of frames (n,) at times (n,)."""
    frame_s = frame_duration(times, frames)
    if not frame_s:
        return {}
    points = bases.landmark_motion(weights)
    found = {}
    for part, curve in (("lip gap", bases.lip_gap(points)), ("brows", points[:, BROWS, 1].mean(1))):
        step = np.diff(curve)[np.diff(frames) == 1]
        found[part, "amplitude"] = float(np.std(curve))
        found[part, "speed"] = float(np.abs(step).mean() / frame_s) if len(step) else 0.0
    if rotation is not None:
        found["head", "amplitude"] = float(np.degrees(np.sqrt(np.var(rotation, 0).sum())))
        found["head", "speed"] = float(np.nanmean(head_speed(rotation, frames, frame_s)))
    return found


def collect(inputs: Mapping[str, Any]) -> Motion:
    """Measure all evaluated clips."""
    rig, bases, model = Rig.load(inputs["rig"]), None, ""
    found: dict[str, list[dict[tuple[str, str], float]]] = {"labels": [], "predictions": []}
    for clip in evaluated_clips(read_clips(inputs["clips"])):
        labels, prediction = (usable_table(inputs[name], clip) for name in ("labels", "predictions"))
        used = None if labels is None else labels["used"].astype(bool)
        if labels is None or prediction is None or used is None or used.sum() < 2:
            continue
        if bases is None:
            bases = RigBases.from_rig(rig, np.asarray(labels.meta.get("observed", [True] * len(rig.channels)), bool))
            model = prediction.meta.get("model", "prediction")
        facts = labels["frame"][used], labels["time"][used]
        found["labels"].append(of_clip(labels.stack(rig.channels)[used], labels.stack(ROTATIONS)[used], *facts, bases))
        values, names = samples_of(prediction)
        both = np.isin(prediction["frame"], labels["frame"][used])
        for sample in values[:, both]:
            weights = sample[:, [names.index(name) for name in rig.channels]]
            turned = sample[:, [names.index(name) for name in ROTATIONS]] if ROTATIONS[0] in names else None
            facts = prediction["frame"][both], prediction["time"][both]
            found["predictions"].append(of_clip(weights, turned, *facts, bases))
    if not found["labels"]:
        raise NothingToShow("no evaluated clip has both labels and a prediction")
    joined = {
        side: {key: np.array([one[key] for one in rows]) for key in (rows[0] if rows else ())}
        for side, rows in found.items()
    }
    return Motion(joined["labels"], joined["predictions"], model)


def draw(motion: Motion) -> "Figure":
    """One column a part, amplitude above speed; each as the fraction of clips that move less."""
    figure = new_figure(PAGE, 3.4)
    axes = figure.subplots(2, len(PARTS), sharey=True, squeeze=False)
    shown = motion.model
    sides = (("labels", motion.labels, {"color": INK, "dashes": ()}),
             (short(shown, 24), motion.predictions, {**line_of(shown, [shown]), "dashes": (4, 1)}))  # fmt: skip
    for row, what in zip(axes, ("amplitude", "speed")):
        for axis, (part, unit) in zip(row, PARTS.items()):
            for name, values, look in sides:
                if (part, what) not in values:
                    continue
                numbers = np.sort(values[part, what])
                share = np.arange(1, len(numbers) + 1) / len(numbers)
                axis.step([0, *numbers], [0, *share], where="post", label=f"{name} (n = {len(numbers)})", **look)
                axis.axvline(numbers.mean(), color=look["color"], linewidth=0.8, linestyle=":")
            if (part, what) not in motion.predictions:
                axis.text(0.5, 0.5, "not predicted", color=GREY, ha="center", transform=axis.transAxes)
            axis.set_xlabel(f"{part}, {what}, {unit}{'/s' if what == 'speed' else ''}")
            axis.grid(True)
            axis.set_xlim(left=0)
            axis.set_ylim(0, 1.02)
        row[0].set_ylabel("fraction of clips\nthat move less")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure
