"""The workflow: its rules and what each needs, from the graph that Snakemake prints."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx

from speechface.audio.features import FEATURES
from speechface.errors import TableError
from speechface.figures.common import NothingToShow
from speechface.figures.graph_layout import layout, parse_dot
from speechface.figures.style import INK, PAGE, new_figure, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "collect", "draw"]

INPUTS = {"graph": True}
CAPTION = (
    "The rules of the workflow and what they hand on, from top to bottom; those that draw a figure each are one box."
)

#: Rules that gather files and make none; they would tie everything together.
_LEFT_OUT = ("all",)
#: First word that fits tells the colour: preparing media, labels and features, learning, evaluating, showing.
_KINDS = (
    ("#dbe9f6", "data", ("list", "make_demo", "fetch", "extract", "crop", "detect", "estimate", "pool_delays")),
    ("#dff0e1", "labels", ("build_rig", "fit_identity", "fit_labels", "label_report", "label_truth")),
    (
        "#fdf0d5",
        "features and splits",
        (*FEATURES, "split", "build_split", "build_pool", "label_stats", "pool_stats", "stats"),
    ),
    ("#f9dfd3", "models", ("train", "join_models", "fit_baseline", "fit", "predict")),
    ("#ecdff0", "results", ("",)),
)
#: Size of the type, points; height of a layer and of the legend, inch.
_SIZE, _ROW, _FOOT = 6.5, 0.43, 0.4


def collect(inputs: Mapping[str, Any]) -> nx.DiGraph:
    """Read the graph, edges that others imply left out."""
    path = Path(inputs["graph"])
    if not path.exists():
        raise TableError(f"{path}: no such file; write it with 'snakemake --rulegraph dot > {path}'")
    graph = parse_dot(path.read_text())
    graph.remove_nodes_from(_LEFT_OUT)
    graph = nx.relabel_nodes(graph, {name: "draw figures" for name in graph if name.startswith("draw_")})
    if not graph:
        raise NothingToShow(f"{path} holds no graph of rules")
    try:
        return nx.transitive_reduction(graph)
    except nx.NetworkXError:
        raise NothingToShow(f"{path}: the graph has a cycle") from None


def _kind(label):
    for place, (_, _, starts) in enumerate(_KINDS):
        if label.startswith(starts):
            return place
    return len(_KINDS) - 1


def draw(graph: nx.DiGraph) -> "Figure":
    """Boxes in layers from what is read to what is shown; an arrow says "is needed by"."""
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path as Line

    widths = {name: 0.056 * max(map(len, titled(name).split("\n"))) + 0.22 for name in graph}
    places, ways = layout(graph, widths, gap=0.14)
    left = min(x - widths[name] / 2 for name, (x, _) in places.items())
    right = max(x + widths[name] / 2 for name, (x, _) in places.items())
    bends = [x for way in ways for x, _ in way]
    left, right = min([left, *bends]) - 0.06, max([right, *bends]) + 0.06
    depth = max(row for _, row in places.values()) + 1
    width = min(PAGE, max(right - left, PAGE / 2))
    shrink = min(1.0, width / (right - left))
    figure = new_figure(width, depth * _ROW * shrink + _FOOT)
    figure.set_layout_engine("none")
    axis = figure.add_axes((0, _FOOT / figure.get_figheight(), 1, 1 - _FOOT / figure.get_figheight()))
    axis.axis("off")
    middle = (left + right) / 2
    axis.set_xlim(middle - width / shrink / 2, middle + width / shrink / 2)
    axis.set_ylim(-(depth - 0.5) * _ROW, 0.5 * _ROW)
    half = 0.12
    for way in ways:
        points = [(px, -row * _ROW) for px, row in way]
        line, codes = [(points[0][0], points[0][1] - half)], [Line.MOVETO]
        for (ax, _), (bx, by) in zip(points[:-1], points[1:]):
            last = (bx, by) == points[-1]
            end = by + half + (0.03 if last else 0)
            start = line[-1][1]
            bend = 0.5 * (start - end)
            line += [(ax, start - bend), (bx, end + bend), (bx, end)]
            codes += [Line.CURVE4] * 3
            if not last:  # straight past the boxes of a row
                line.append((bx, by - half))
                codes.append(Line.LINETO)
        axis.add_patch(PathPatch(Line(line, codes), fill=False, edgecolor="#9a9a9a", linewidth=0.8 * shrink, zorder=1))
        tip = line[-1]
        axis.plot(
            [tip[0]], [tip[1] + 0.012], marker="v", color="#777777", markersize=3 * shrink, zorder=2, markeredgewidth=0
        )
    for name, (x, row) in places.items():
        axis.add_patch(FancyBboxPatch(
            (x - widths[name] / 2, -row * _ROW - half), widths[name], 2 * half,
            boxstyle="round,pad=0,rounding_size=0.06", facecolor=_KINDS[_kind(name)][0], edgecolor="#666666",
            linewidth=0.6, zorder=3,
        ))  # fmt: skip
        axis.text(x, -row * _ROW, titled(name), ha="center", va="center", fontsize=_SIZE * shrink, color=INK, zorder=4)
    _legend(figure, {_kind(name) for name in graph})
    return figure


def _legend(figure, kinds):
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=colour, edgecolor="#666666", linewidth=0.6, label=name)
        for place, (colour, name, _) in enumerate(_KINDS)
        if place in kinds
    ]
    across = min(len(handles), int(figure.get_figwidth() / 1.05))
    figure.legend(handles=handles, loc="lower center", ncols=across, handlelength=1.2, columnspacing=1.2)
