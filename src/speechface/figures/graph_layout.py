"""A small layered layout for directed graphs without cycles (Sugiyama's steps), enough for a workflow's rules."""

import re
from collections.abc import Hashable, Mapping

import networkx as nx
import numpy as np
from scipy.optimize import isotonic_regression

__all__ = ["layers_of", "layout", "parse_dot"]

_NODE = re.compile(r'^\s*(\w+)\s*\[[^\]]*label\s*=\s*"((?:[^"\\]|\\.)*)"', re.M)
_EDGE = re.compile(r"^\s*(\w+)\s*->\s*(\w+)", re.M)


def parse_dot(text: str) -> nx.DiGraph:
    """Read Snakemake's graph text: nodes are labels, edges point from what is needed to what needs it."""
    labels = {name: label.replace("\\n", "\n") for name, label in _NODE.findall(text)}
    graph = nx.DiGraph()
    graph.add_nodes_from(labels.values())
    graph.add_edges_from((labels[a], labels[b]) for a, b in _EDGE.findall(text) if a in labels and b in labels)
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    return graph


def layers_of(graph: nx.DiGraph) -> dict[Hashable, int]:
    """Layer of each node: one below the deepest it needs; nodes that need nothing stand just above their first user."""
    layer = {node: depth for depth, row in enumerate(nx.topological_generations(graph)) for node in row}
    for node in [node for node, needs in graph.in_degree() if not needs]:
        layer[node] = max(min((layer[user] for user in graph.successors(node)), default=1) - 1, 0)
    return layer


def _crossings(rows, graph):
    place = {node: k for row in rows for k, node in enumerate(row)}
    total = 0
    for row in rows:
        pairs = [(place[a], place[b]) for a in row for b in graph.successors(a)]
        total += sum((p[0] - q[0]) * (p[1] - q[1]) < 0 for i, p in enumerate(pairs) for q in pairs[:i])
    return total


def _sorted_rows(rows, graph, sweeps):
    """Order each row by the mean place of its neighbours, down and up in turn; keeps the order of least crossings."""
    best, least = [list(row) for row in rows], _crossings(rows, graph)
    for sweep in range(sweeps):
        neighbours = graph.pred if sweep % 2 == 0 else graph.succ
        for row in rows if sweep % 2 == 0 else reversed(rows):
            place = {node: k for other in rows for k, node in enumerate(other)}
            row.sort(key=lambda n: np.mean([place[m] for m in neighbours[n]]) if neighbours[n] else place[n])
        found = _crossings(rows, graph)
        if found < least:
            best, least = [list(row) for row in rows], found
    return best


def _spread(rows, graph, widths, gap, rounds):
    """Horizontal places: pulled towards the neighbours' mean, kept `gap` apart in their order.

    Bends of long edges (width 0) pull eight times as hard, which keeps long edges straight.
    """
    x = {}
    for row in rows:
        ends = np.cumsum([widths[node] + gap for node in row])
        for node, end in zip(row, ends):
            x[node] = end - gap - widths[node] / 2 - (ends[-1] - gap) / 2
    pull = {node: 1.0 if width else 8.0 for node, width in widths.items()}

    def wish(node):
        near = [*graph.predecessors(node), *graph.successors(node)] or [node]
        return np.average([x[m] for m in near], weights=None if widths[node] else [pull[m] for m in near])

    for turn in range(rounds):
        for row in rows if turn % 2 == 0 else reversed(rows):
            apart = [(widths[a] + widths[b]) / 2 + gap for a, b in zip(row, row[1:])]
            offset = np.concatenate([[0], np.cumsum(apart)])
            wanted = np.array([wish(node) for node in row])
            placed = isotonic_regression(wanted - offset, weights=[pull[node] for node in row]).x + offset
            x.update(zip(row, placed))
    return x


def layout(
    graph: nx.DiGraph, widths: Mapping[Hashable, float], *, gap: float
) -> tuple[dict[Hashable, tuple[float, int]], list[list[tuple[float, int]]]]:
    """Place nodes in layers, edges pointing down.

    Parameters
    ----------
    graph : without cycles
    widths : of each node
    gap : float, least distance between neighbours in a layer

    Returns
    -------
    places : dict of node to (x of its centre, layer), 0 at the top
    ways : list of list of (x, layer), one for each edge in the graph's order: its bends from node to node
    """
    layer = layers_of(graph)
    split, ways = nx.DiGraph(), []
    split.add_nodes_from(graph)
    for a, b in graph.edges:  # a long edge gets a bend in every layer between
        bends = [(a, b, depth) for depth in range(layer[a] + 1, layer[b])]
        layer |= {bend: bend[2] for bend in bends}
        ways.append([a, *bends, b])
        nx.add_path(split, ways[-1])
    rows = [[node for node in split if layer[node] == depth] for depth in range(max(layer.values(), default=-1) + 1)]
    sizes = {node: widths.get(node, 0.0) for node in split}
    x = _spread(_sorted_rows(rows, split, sweeps=24), split, sizes, gap, rounds=40)
    return {node: (float(x[node]), layer[node]) for node in graph}, [[(x[n], layer[n]) for n in way] for way in ways]
