"""The workflow: its rules and what each needs, from the graph that Snakemake prints."""

from pathlib import Path

from speechface.errors import TableError
from speechface.figures.common import NothingToShow
from speechface.figures.graph_layout import layout, merged, parse_dot, transitive_reduction
from speechface.figures.style import INK, PAGE, new_figure, titled

__all__ = ["INPUTS", "collect", "draw"]

INPUTS = {"graph": True}

#: Rules that gather files and make none; they would tie everything together.
_LEFT_OUT = ("all",)
#: What stands behind this in a rule's name is the batch of clips it works on.
_BATCH = "__"
#: First word that fits tells the colour: preparing media, labels and features, learning, judging, showing.
_KINDS = (
    ("#dbe9f6", "data", ("list", "make", "build_cast", "fetch", "extract", "crop", "detect")),
    ("#dff0e1", "labels", ("build_rig", "fit_identity", "fit_labels", "label_report")),
    (
        "#fdf0d5",
        "features and splits",
        ("spectrogram", "acoustic", "log_mel", "waveform", "split", "build_split", "label_stats", "build_table"),
    ),
    ("#f9dfd3", "models", ("train", "join_models", "fit_baseline", "fit", "predict")),
    ("#ecdff0", "results", ("",)),
)
#: Size of the type, points; height of a layer and of the legend, inch.
_SIZE, _ROW, _FOOT = 6.5, 0.5, 0.42


def collect(inputs):
    """Read the graph: (labels, edges), edges that others imply left out."""
    path = Path(inputs["graph"])
    if not path.exists():
        raise TableError(f"{path}: no such file; write it with 'snakemake --rulegraph dot > {path}'")
    labels, edges = parse_dot(path.read_text())
    labels, edges = merged([label.split(_BATCH)[0] for label in labels], edges)
    keep = [place for place, label in enumerate(labels) if label not in _LEFT_OUT]
    if not keep:
        raise NothingToShow(f"{path} holds no graph of rules")
    new = {old: place for place, old in enumerate(keep)}
    edges = [(new[a], new[b]) for a, b in edges if a in new and b in new]
    try:
        return [labels[old] for old in keep], transitive_reduction(len(keep), edges)
    except ValueError as error:
        raise NothingToShow(f"{path}: {error}") from None


def _kind(label):
    for place, (_, _, starts) in enumerate(_KINDS):
        if label.startswith(starts):
            return place
    return len(_KINDS) - 1


def draw(data):
    """Boxes in layers from what is read to what is shown; an arrow says "is needed by"."""
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path as Line

    labels, edges = data
    words = [titled(label) for label in labels]
    widths = [0.056 * max(map(len, word.split("\n"))) + 0.22 for word in words]
    x, layer, ways = layout(widths, edges, gap=0.14)
    left = min(place - width / 2 for place, width in zip(x, widths))
    right = max(place + width / 2 for place, width in zip(x, widths))
    bends = [place for way in ways for place, _ in way]
    left, right = min([left, *bends]) - 0.06, max([right, *bends]) + 0.06
    depth = layer.max() + 1
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
            end = by + (half + 0.03 if last else 0)
            start = line[-1][1]
            bend = 0.5 * (start - end)
            line += [(ax, start - bend), (bx, end + bend), (bx, end)]
            codes += [Line.CURVE4] * 3
        axis.add_patch(PathPatch(Line(line, codes), fill=False, edgecolor="#9a9a9a", linewidth=0.8 * shrink, zorder=1))
        tip = line[-1]
        axis.plot(
            [tip[0]], [tip[1] + 0.012], marker="v", color="#777777", markersize=3 * shrink, zorder=2, markeredgewidth=0
        )
    for word, label, place, row, size in zip(words, labels, x, layer, widths):
        axis.add_patch(FancyBboxPatch(
            (place - size / 2, -row * _ROW - half), size, 2 * half, boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=_KINDS[_kind(label)][0], edgecolor="#666666", linewidth=0.6, zorder=3,
        ))  # fmt: skip
        axis.text(place, -row * _ROW, word, ha="center", va="center", fontsize=_SIZE * shrink, color=INK, zorder=4)
    _legend(figure, {_kind(label) for label in labels})
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
