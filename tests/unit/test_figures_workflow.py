"""The image of the rules: fewer edges, no overlap, one box a rule."""

import re

import numpy as np
import pytest
from figure_inputs import GRAPH, texts

from speechface.figures import graph_layout, workflow
from speechface.figures.common import NothingToShow


def random_graph(seed, n=14):
    rng = np.random.default_rng(seed)
    return [(int(a), int(b)) for a in range(n) for b in range(a + 1, n) if rng.random() < 0.25]


def reachable(n, edges):
    reach = np.eye(n, dtype=bool)
    for _ in range(n):
        for a, b in edges:
            reach[a] |= reach[b]
    return reach


@pytest.mark.parametrize("seed", range(5))
def test_reduction_keeps_reachability_with_the_fewest_edges(seed):
    edges = random_graph(seed)
    kept = graph_layout.transitive_reduction(14, edges)
    assert np.array_equal(reachable(14, edges), reachable(14, kept))
    for edge in kept:  # none can be left out
        assert not np.array_equal(reachable(14, kept), reachable(14, [other for other in kept if other != edge]))


@pytest.mark.parametrize("seed", range(5))
def test_layout_points_down_without_overlap(seed):
    rng = np.random.default_rng(seed)
    edges = graph_layout.transitive_reduction(14, random_graph(seed))
    widths = rng.uniform(0.5, 2, 14)
    x, layer, ways = graph_layout.layout(widths, edges, gap=0.2)
    for (a, b), way in zip(edges, ways):
        assert layer[a] < layer[b]
        assert [row for _, row in way] == list(range(layer[a], layer[b] + 1))
        assert (way[0][0], way[-1][0]) == (x[a], x[b])
    for row in range(layer.max() + 1):
        inside = sorted((x[k], widths[k]) for k in np.flatnonzero(layer == row))
        for (left, a), (right, b) in zip(inside, inside[1:]):
            assert right - left >= (a + b) / 2 + 0.2 - 1e-9


def test_workflow_leaves_out_what_other_edges_say(tmp_path):
    (tmp_path / "g.dot").write_text(GRAPH)
    labels, edges = workflow.collect({"graph": str(tmp_path / "g.dot")})
    assert labels == ["list_clips", "extract_wav", "train_model"]
    assert edges == [(0, 1), (1, 2)]
    words = texts(workflow.draw((labels, edges)))
    assert re.search(r"train model", words)


def test_rules_of_several_batches_are_one_box(tmp_path):
    lines = GRAPH.splitlines()
    more = '\t4[label = "extract_wav__demo_Actor_02", color = "0.31 0.6 0.85", style="rounded"];\n\t1 -> 4\n\t4 -> 3'
    text = "\n".join(lines[:-1] + [more, lines[-1]]).replace('"extract_wav"', '"extract_wav__demo_Actor_01"')
    (tmp_path / "g.dot").write_text(text)
    assert workflow.collect({"graph": str(tmp_path / "g.dot")}) == (
        ["list_clips", "extract_wav", "train_model"],
        [(0, 1), (1, 2)],
    )


def test_a_cycle_is_said_in_words(tmp_path):
    (tmp_path / "g.dot").write_text(GRAPH.replace("3 -> 0", "3 -> 1"))
    with pytest.raises(NothingToShow, match="cycle"):
        workflow.collect({"graph": str(tmp_path / "g.dot")})
