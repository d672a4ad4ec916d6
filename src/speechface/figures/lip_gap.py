"""The opening of the lips over time: labels and predictions above the sound that the predictions were made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.clip_tables import ClipTables
from speechface.figures.common import NothingToShow, read_clips, sound_of
from speechface.figures.common import clip_id as row_id
from speechface.figures.predicted import by_model, compared, ranked
from speechface.figures.style import BASELINES, COLUMN, GREY, INK, line_of, new_figure, short
from speechface.geometry.ibug import LIP_MIDDLE
from speechface.metrics.correlation import correlation
from speechface.rig.rig import Rig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "Data", "collect", "draw", "lip_gap"]

INPUTS = {"clips": True, "rig": True, "labels": True, "all_predictions": True, "evaluations": True, "audio": True,
          "truth": False}  # fmt: skip
CAPTION = (
    "Distance of the lips' middles over time in the median test clip of the best model, above the sound that it heard "
    "(of a long clip the part in which the label's lips move most). To see: do lips shut when the label's do (a curve "
    "at its bottom), and do they open as far?"
)

#: Curves of models, at most.
_MOST = 4
#: What is shown of a clip, s, at most.
_LONGEST = 5.0


@dataclass
class Data:
    """`title`, the clip; the number of clips that it is the median of; `label` lip gap (n,), mm, at `times`, s (NaN
    where the label is not used); `models` name -> (times, gap, r); `sound` (m,), its rate `sr`, Hz; `phonemes`
    (start s, end s, IPA)."""

    title: str
    n_clips: int
    times: np.ndarray
    label: np.ndarray
    models: dict[str, tuple[np.ndarray, np.ndarray, float]]
    sound: np.ndarray
    sr: int
    phonemes: list = field(default_factory=list)


def lip_gap(rig: Rig, weights: np.ndarray) -> np.ndarray:
    """Weights (n, channels) -> distance of the inner lips' middles on the rig (n,), mm."""
    lips = rig.landmarks[list(LIP_MIDDLE)]
    upper, lower = (rig.displacement(weights, lips) + rig.neutral[lips]).transpose(1, 0, 2)
    return np.linalg.norm(upper - lower, axis=-1)


def collect(inputs: Mapping[str, Any]) -> Data:
    """Take the median clip of the best model, and of it all trained models (of references ridge alone, if no other)."""
    rig, order = Rig.load(inputs["rig"]), ranked(inputs["evaluations"])
    rows = {row_id(row): row for row in read_clips(inputs["clips"])}
    clips = order.clips[order.models[0]]
    clip_id = clips[len(clips) // 2]["clip"]
    predictions = by_model(inputs["all_predictions"])
    chosen = [name for name in order.models if name in predictions and name not in BASELINES]
    chosen = chosen[:_MOST] or [name for name in order.models if name in predictions][:1]
    models, times, label = {}, np.zeros(0), np.zeros(0)
    for name in chosen:
        both = compared(clip_id, inputs["labels"], predictions[name], rig.channels)
        if both is None:
            continue
        times, label = both.times, np.where(both.used, lip_gap(rig, both.label), np.nan)
        gap = lip_gap(rig, both.predicted)
        models[name] = (times, gap, correlation(gap[both.used], label[both.used]))
    if not models:
        raise NothingToShow(f"{clip_id} has no labels or no prediction")
    sound, sr = sound_of(inputs["audio"], rows[clip_id]) or (np.zeros(2, np.float32), 1)
    return Data(clip_id, len(clips), times, label, models, sound, sr, _phonemes(inputs["truth"], clip_id))


def _phonemes(truth: ClipTables | None, clip_id: str) -> list[tuple[float, float, str]]:
    if truth is None or clip_id not in truth:
        return []
    return [(float(start), float(end), str(ipa)) for start, end, ipa, _ in truth.clip_meta(clip_id).get("phonemes", [])]


def _span(times: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Start and end, s, of what is shown: all, or of a long clip where the label's lips move most."""
    first, last = float(times[0]), float(times[-1])
    if last - first <= _LONGEST:
        return first, last
    width = int(np.searchsorted(times, first + _LONGEST))
    moved = np.concatenate([[0.0], np.nan_to_num(np.abs(np.diff(label))).cumsum()])
    start = int(np.argmax(moved[width - 1 :] - moved[: len(moved) - width + 1]))
    return float(times[start]), float(times[start + width - 1])


def draw(data: Data) -> "Figure":
    """Sound and phonemes on top, lip gaps below."""
    figure = new_figure(COLUMN, 2.6)
    top, axis = figure.subplots(2, 1, sharex=True, height_ratios=[1.5 if data.phonemes else 0.9, 3.2])
    first, last = _span(data.times, data.label)
    step = max(1, len(data.sound) // 4000)
    blocks = data.sound[: len(data.sound) // step * step].reshape(-1, step)
    at = (np.arange(len(blocks)) + 0.5) * step / data.sr
    top.fill_between(at, blocks.min(1), blocks.max(1), color=GREY, linewidth=0)
    top.axis("off")
    peak = float(np.abs(data.sound).max()) or 1.0
    top.set_ylim(-peak, (2.4 if data.phonemes else 1.05) * peak)
    for k, (start, end, ipa) in enumerate(data.phonemes):
        if ipa and first <= start and end <= last:
            top.text(
                (start + end) / 2, (1.35, 1.95)[k % 2] * peak, ipa.strip("ˈˌ"), ha="center", va="center", fontsize=6
            )
            for one in (top, axis):
                one.axvline(start, color="#e4e4e4", linewidth=0.5, zorder=0)
    axis.plot(data.times, data.label, color=INK, linewidth=2.2, label="label")
    for name, (times, gap, r) in data.models.items():
        text = short(name, 14) + (f" (r {r:.2f})" if np.isfinite(r) else "")
        axis.plot(times, gap, label=text, **line_of(name, data.models))
    axis.set_xlim(first, last)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("time, s")
    axis.set_ylabel("lip gap, mm")
    axis.grid(True, axis="y")
    figure.legend(loc="outside lower center", ncols=2, handlelength=2.4, columnspacing=1.2)
    which = f"median of {data.n_clips}: " if data.n_clips > 1 else ""
    top.set_title(f"{which}{short(data.title, 52 - len(which))}", fontsize=6.5, color=GREY)
    return figure
