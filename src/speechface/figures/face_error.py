"""Where on the face predictions miss the labels: mean and 95th percentile over frames, a model a column."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.clip_tables import ClipTables
from speechface.figures.common import NothingToShow
from speechface.figures.predicted import by_model, compared, ranked
from speechface.figures.style import BASELINES, COLUMN, GREY, PAGE, colour_of, new_figure, short
from speechface.geometry.mesh import vertex_normals
from speechface.rig.rig import Rig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "Data", "collect", "draw", "vertex_errors"]

INPUTS = {"rig": True, "labels": True, "all_predictions": True, "evaluations": True}
CAPTION = (
    "Distance of predicted from labelled vertices on test clips, at mean identity without head motion: the mean over "
    "frames, and the value that one frame in twenty exceeds (colours end before the face that never moves). To see: "
    "where a network gains over the training mean, and what sound does not tell (brows, lids). Grey: what no channel "
    "moves."
)

#: Models and frames of each, at most.
_MODELS, _FRAMES = 6, 300
#: Width of a face, pixels; what is shown around the landmarks, as a part of their extent.
_PIXELS, _AROUND = 320, 0.12
_COLOURS, _STILL = "YlOrRd", 0.72


@dataclass
class Data:
    """`errors`: model -> (2, V) mean and 95th percentile, mm, NaN where nothing moves; `n_frames`, `n_clips` of
    each."""

    rig: Rig
    errors: dict[str, np.ndarray]
    n_frames: int
    n_clips: int


def vertex_errors(rig: Rig, difference: np.ndarray) -> np.ndarray:
    """Weights' differences (n, channels) -> mean and 95th percentile over frames of every vertex's distance, mm (2, V);
    NaN where no channel moves a vertex."""
    out = np.full((2, len(rig.neutral)), np.nan)
    moving = np.flatnonzero(np.any(rig.shapes != 0, (0, 2)))
    for part in np.array_split(moving, max(1, len(moving) // 2000)):
        miss = np.linalg.norm(rig.displacement(difference, part), axis=-1)
        out[:, part] = miss.mean(0), np.percentile(miss, 95, axis=0)
    return out


def collect(inputs: Mapping[str, Any]) -> Data:
    """Take frames spread evenly over all evaluated clips, the same for every model."""
    rig, order = Rig.load(inputs["rig"]), ranked(inputs["evaluations"])
    predictions = by_model(inputs["all_predictions"])
    names = _chosen([name for name in order.models if name in predictions])
    errors, n_frames = {}, 0
    clips = sorted(clip["clip"] for clip in order.clips[order.models[0]])
    for name in names:
        found = _differences(clips, inputs["labels"], predictions[name], rig)
        if len(found):
            n_frames = min(len(found), _FRAMES)
            errors[name] = vertex_errors(rig, found[np.linspace(0, len(found) - 1, n_frames).round().astype(int)])
    if not errors:
        raise NothingToShow("no evaluated clip has both labels and a prediction")
    return Data(rig, errors, n_frames, len(clips))


def _chosen(names: list[str]) -> list[str]:
    """Of models from the best on those that are shown: the best networks, beside them the training mean, the best other
    reference, and the face that never moves."""
    trained = [name for name in names if name not in BASELINES]
    references = [name for name in names if name in BASELINES and name not in ("mean", "neutral")]
    first = [*trained[:1], "mean", *references[:1], *trained[1:3], "neutral", *trained[3:]]
    return sorted([name for name in first if name in names][:_MODELS], key=names.index)


def _differences(clips: list[str], labels: ClipTables, predictions: ClipTables, rig: Rig) -> np.ndarray:
    found = (compared(clip, labels, predictions, rig.channels) for clip in clips)
    parts = [both.predicted[both.used] - both.label[both.used] for both in found if both is not None]
    return np.concatenate(parts) if parts else np.zeros((0, len(rig.channels)))


def draw(data: Data) -> "Figure":
    """Columns: models; rows: mean and 95th percentile, each with its own scale of colours."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    names = list(data.errors)
    width = COLUMN if len(names) <= 3 else PAGE
    front = _Front(data.rig)
    side = min((width - 0.75) / len(names), 1.3)
    figure = new_figure(width, 2 * max(side * front.shape[0] / front.shape[1], 1.0) + 0.5)  # words need an inch
    figure.set_layout_engine("compressed")  # pictures keep their shape
    axes = figure.subplots(2, len(names), squeeze=False)
    scaled = [errors for name, errors in data.errors.items() if name != "neutral"] or list(data.errors.values())
    for row, heading in enumerate(("mean over frames", "95th percentile")):
        top = float(np.nanpercentile(np.concatenate([errors[row] for errors in scaled]), 99.8)) or 1.0
        scale = Normalize(0, top, clip=True)
        for axis, name in zip(axes[row], names):
            axis.imshow(front.painted(data.errors[name][row], scale))
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
            if row == 0:
                axis.set_title(short(name, 12), fontweight="bold", color=colour_of(name, names)[0])
        axes[row, 0].set_ylabel(heading)
        beyond = "max" if len(scaled) < len(names) else "neither"
        bar = figure.colorbar(ScalarMappable(scale, _COLOURS), ax=list(axes[row]), aspect=14, pad=0.02, shrink=0.85,
                              extend=beyond)  # fmt: skip
        bar.set_label("mm")
        bar.outline.set_visible(False)
    figure.supxlabel(f"{data.n_frames} frames of {data.n_clips} clip{'s' * (data.n_clips > 1)}", fontsize=7, color=GREY)
    return figure


class _Front:
    """The rig from the front as pixels: of each the triangle seen and where in it, found once for all panels."""

    def __init__(self, rig: Rig):
        import cv2

        points = rig.neutral[rig.landmarks, :2]
        low, high = points.min(0), points.max(0)
        low, high = low - _AROUND * (high - low), high + (_AROUND, 2 * _AROUND) * (high - low)
        scale = _PIXELS / (high - low)[0]
        self.shape = (round((high - low)[1] * scale), _PIXELS)
        flat = (rig.neutral[:, :2] - low) * scale
        flat[:, 1] = self.shape[0] - flat[:, 1]
        normals = vertex_normals(rig.neutral, rig.triangles)
        corners = rig.triangles[normals[rig.triangles].mean(1)[:, 2] > 0]
        corners = corners[np.argsort(rig.neutral[corners, 2].mean(1), kind="stable")]  # the nearest last
        seen = np.full(self.shape, -1, np.int32)
        fixed = np.round(flat[corners] * 16).astype(np.int32)  # cv2 counts sixteenths of a pixel
        for k, triangle in enumerate(fixed):
            cv2.fillConvexPoly(seen, triangle, k, lineType=cv2.LINE_8, shift=4)
        self._rows, self._columns = np.nonzero(seen >= 0)
        self._corners = corners[seen[self._rows, self._columns]]
        self._parts = _barycentric(np.stack([self._columns, self._rows], 1), flat[self._corners])
        light = np.einsum("nk,nk->n", self._parts, normals[self._corners, 2])
        self._light = np.clip(0.72 + 0.28 * light, 0, 1)  # little: colours are numbers

    def painted(self, values: np.ndarray, scale: Any) -> np.ndarray:
        """Values of vertices (V,) as an image (h, w, 3) in [0, 1]; NaN grey."""
        from matplotlib import colormaps

        value = np.einsum("nk,nk->n", self._parts, np.nan_to_num(values)[self._corners])
        colours = colormaps[_COLOURS](scale(value))[:, :3]
        colours[np.isnan(values)[self._corners].all(1)] = _STILL
        image = np.ones((*self.shape, 3))
        image[self._rows, self._columns] = colours * self._light[:, None]
        return image


def _barycentric(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Points (n, 2) in triangles (n, 3, 2) -> weights of the corners (n, 3), within [0, 1]."""
    a, b, c = np.moveaxis(corners, 1, 0)
    u, v, w = b - a, c - a, points - a
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    second = (w[:, 0] * v[:, 1] - w[:, 1] * v[:, 0]) / area
    third = (u[:, 0] * w[:, 1] - u[:, 1] * w[:, 0]) / area
    parts = np.clip(np.stack([1 - second - third, second, third], 1), 0, 1)
    return parts / parts.sum(1, keepdims=True)
