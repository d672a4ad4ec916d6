"""A small layered layout for directed graphs without cycles (Sugiyama's steps), enough for a workflow's rules."""

import re

import numpy as np

__all__ = ["parse_dot", "merged", "transitive_reduction", "layers_of", "layout"]

_NODE = re.compile(r'^\s*(\w+)\s*\[[^\]]*label\s*=\s*"((?:[^"\\]|\\.)*)"', re.M)
_EDGE = re.compile(r"^\s*(\w+)\s*->\s*(\w+)", re.M)


def parse_dot(text):
    """Read the nodes and edges of Snakemake's graph text.

    Returns
    -------
    labels : list of str
    edges : list of (int, int), from what is needed to what needs it; indices into `labels`
    """
    nodes = dict(_NODE.findall(text))
    index = {name: place for place, name in enumerate(nodes)}
    edges = {(index[a], index[b]) for a, b in _EDGE.findall(text) if a in index and b in index and a != b}
    return [label.replace("\\n", "\n") for label in nodes.values()], sorted(edges)


def merged(labels, edges):
    """Make one node of all nodes with the same label; edges inside such a node vanish.

    Returns
    -------
    labels : list of str, each once, in the order of their first places
    edges : list of (int, int), sorted, each once
    """
    unique = list(dict.fromkeys(labels))
    place = {label: index for index, label in enumerate(unique)}
    found = {(place[labels[a]], place[labels[b]]) for a, b in edges}
    return unique, sorted((a, b) for a, b in found if a != b)


def _ordered(count, edges):
    """Node indices so that every edge points forward; ValueError where the graph has a cycle."""
    waiting = np.zeros(count, int)
    for _, target in edges:
        waiting[target] += 1
    ready = [node for node in range(count) if not waiting[node]]
    done = []
    while ready:
        node = ready.pop(0)
        done.append(node)
        for source, target in edges:
            if source == node:
                waiting[target] -= 1
                if not waiting[target]:
                    ready.append(target)
    if len(done) < count:
        raise ValueError("the graph has a cycle")
    return done


def transitive_reduction(count, edges):
    """Leave out the edges that a longer way replaces."""
    reach = np.zeros((count, count), bool)
    following = {node: [b for a, b in edges if a == node] for node in range(count)}
    for node in reversed(_ordered(count, edges)):
        for target in following[node]:
            reach[node] |= reach[target]
            reach[node, target] = True
    return [(a, b) for a, b in edges if not any(reach[c, b] for c in following[a] if c != b)]


def layers_of(count, edges):
    """Layer of each node: one below the deepest it needs; nodes that need nothing stand just above their first user."""
    layer = np.zeros(count, int)
    order = _ordered(count, edges)
    for node in order:
        for source, target in edges:
            if source == node:
                layer[target] = max(layer[target], layer[node] + 1)
    needing = {target for _, target in edges}
    for node in set(order) - needing:
        layer[node] = max(min((layer[b] for a, b in edges if a == node), default=1) - 1, 0)
    return layer


def _with_dummies(layer, edges):
    """Split edges over several layers: (layer of all nodes, short edges, way of nodes of each edge)."""
    layer, short, ways = list(layer), [], []
    for a, b in edges:
        way = [a]
        for between in range(layer[a] + 1, layer[b]):
            layer.append(between)
            way.append(len(layer) - 1)
        way.append(b)
        short += zip(way[:-1], way[1:])
        ways.append(way)
    return np.array(layer), short, ways


def _crossings(rows, short):
    place = {node: k for row in rows for k, node in enumerate(row)}
    level = {node: k for k, row in enumerate(rows) for node in row}
    total = 0
    for depth in range(len(rows) - 1):
        pairs = [(place[a], place[b]) for a, b in short if level[a] == depth]
        total += sum((p[0] - q[0]) * (p[1] - q[1]) < 0 for i, p in enumerate(pairs) for q in pairs[:i])
    return total


def _sorted_rows(rows, short, sweeps):
    """Order each row by the mean place of its neighbours, down and up in turn; keeps the order of least crossings."""
    above, below = {}, {}
    for a, b in short:
        above.setdefault(b, []).append(a)
        below.setdefault(a, []).append(b)
    best, least = [list(row) for row in rows], _crossings(rows, short)
    for sweep in range(sweeps):
        neighbours = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            place = {node: k for other in rows for k, node in enumerate(other)}
            mean = {n: np.mean([place[m] for m in neighbours[n]]) if n in neighbours else place[n] for n in row}
            row.sort(key=mean.get)
        found = _crossings(rows, short)
        if found < least:
            best, least = [list(row) for row in rows], found
    return best


def _spread(rows, short, widths, gap, rounds):
    """Horizontal places: pulled towards the neighbours' mean, kept `gap` apart in their order.

    Bends of long edges (width 0) pull eight times as hard, which keeps long edges straight.
    """
    x, neighbours = {}, {}
    for row in rows:
        ends = np.cumsum([widths[node] + gap for node in row])
        for node, end in zip(row, ends):
            x[node] = end - gap - widths[node] / 2 - (ends[-1] - gap) / 2
    for a, b in short:
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    pull = np.array([1.0 if width else 8.0 for width in widths])

    def wish(node):
        near = neighbours.get(node, [node])
        return np.average([x[m] for m in near], weights=pull[near] if not widths[node] else None)

    for turn in range(rounds):
        for row in rows if turn % 2 == 0 else reversed(rows):
            apart = [(widths[a] + widths[b]) / 2 + gap for a, b in zip(row, row[1:])]
            offset = np.concatenate([[0], np.cumsum(apart)])
            wanted = np.array([wish(node) for node in row])
            for node, place in zip(row, _isotonic(wanted - offset, pull[row]) + offset):
                x[node] = place
    return x


def _isotonic(values, weights):
    """The nondecreasing sequence nearest to `values` (pool adjacent violators)."""
    blocks = []
    for value, weight in zip(values, weights):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            b, a = blocks.pop(), blocks.pop()
            weight = a[1] + b[1]
            blocks.append([(a[0] * a[1] + b[0] * b[1]) / weight, weight, a[2] + b[2]])
    return np.concatenate([np.full(count, mean) for mean, _, count in blocks]) if blocks else np.zeros(0)


def layout(widths, edges, *, gap):
    """Place nodes in layers, edges pointing down.

    Parameters
    ----------
    widths : sequence of float, width of each node
    edges : list of (int, int) without cycles
    gap : float, least distance between neighbours in a layer

    Returns
    -------
    x : ndarray (n,), centres
    layer : ndarray (n,), int, 0 at the top
    ways : list of list of (x, layer), one for each edge: its bends from node to node
    """
    count = len(widths)
    layer = layers_of(count, edges)
    full, short, ways = _with_dummies(layer, edges)
    rows = [[node for node in range(len(full)) if full[node] == depth] for depth in range(full.max(initial=-1) + 1)]
    sizes = list(widths) + [0.0] * (len(full) - count)
    rows = _sorted_rows(rows, short, sweeps=24)
    x = _spread(rows, short, sizes, gap, rounds=40)
    return np.array([x[n] for n in range(count)]), layer, [[(x[n], int(full[n])) for n in way] for way in ways]
