"""The image of the rules: fewer edges, no overlap."""

import networkx as nx
import numpy as np
import pytest
from figure_inputs import GRAPH, texts
from matplotlib.patches import FancyBboxPatch

from speechface.figures import graph_layout, workflow
from speechface.figures.common import NothingToShow


def random_graph(seed, n=14):
    rng = np.random.default_rng(seed)
    return [(int(a), int(b)) for a in range(n) for b in range(a + 1, n) if rng.random() < 0.25]


@pytest.mark.parametrize("seed", range(5))
def test_layout_points_down_without_overlap(seed):
    rng = np.random.default_rng(seed)
    graph = nx.transitive_reduction(nx.DiGraph(random_graph(seed)))
    widths = {node: rng.uniform(0.5, 2) for node in graph}
    places, ways = graph_layout.layout(graph, widths, gap=0.2)
    for (a, b), way in zip(graph.edges, ways):
        assert places[a][1] < places[b][1]
        assert [row for _, row in way] == list(range(places[a][1], places[b][1] + 1))
        assert (way[0][0], way[-1][0]) == (places[a][0], places[b][0])
    for depth in {row for _, row in places.values()}:
        inside = sorted((x, widths[node]) for node, (x, row) in places.items() if row == depth)
        for (left, a), (right, b) in zip(inside, inside[1:]):
            assert right - left >= (a + b) / 2 + 0.2 - 1e-9


def test_a_rule_stands_below_all_it_needs_and_a_source_just_above_its_first_user():
    graph = nx.DiGraph([("a", "b"), ("b", "c"), ("a", "c"), ("late", "c")])
    assert graph_layout.layers_of(graph) == {"a": 0, "b": 1, "c": 2, "late": 1}


def test_workflow_leaves_out_what_other_edges_say(tmp_path):
    (tmp_path / "g.dot").write_text(GRAPH)
    graph = workflow.collect({"graph": str(tmp_path / "g.dot")})
    assert list(graph) == ["list_clips", "extract_audio", "train_model"]
    assert list(graph.edges) == [("list_clips", "extract_audio"), ("extract_audio", "train_model")]
    assert "train model" in texts(workflow.draw(graph))


@pytest.mark.parametrize("seed", range(3))
def test_no_arrow_passes_behind_a_box(seed):
    graph = nx.transitive_reduction(nx.DiGraph([(f"rule_{a}", f"rule_{b}") for a, b in random_graph(seed)]))
    (axis,) = workflow.draw(graph).axes
    boxes = [patch.get_path().get_extents() for patch in axis.patches if isinstance(patch, FancyBboxPatch)]
    arrows = [patch.get_path() for patch in axis.patches if not isinstance(patch, FancyBboxPatch)]
    assert (len(boxes), len(arrows)) == (len(graph), graph.number_of_edges())
    for arrow in arrows:
        points = arrow.interpolated(1).to_polygons(closed_only=False)[0]
        for one, other in zip(points, points[1:]):
            along = one + np.linspace(0, 1, 20)[:, None] * (other - one)
            for box in boxes:
                inside = np.all((along > box.min + 0.02) & (along < box.max - 0.02), axis=1)
                assert not inside.any()


def test_rules_that_draw_are_one_box(tmp_path):
    text = GRAPH.replace("train_model", "draw_a").replace("extract_audio", "draw_b")
    (tmp_path / "g.dot").write_text(text.replace("2 -> 3", "1 -> 3"))
    graph = workflow.collect({"graph": str(tmp_path / "g.dot")})
    assert list(graph.edges) == [("list_clips", "draw figures")]


def test_a_cycle_is_said_in_words(tmp_path):
    (tmp_path / "g.dot").write_text(GRAPH.replace("3 -> 0", "3 -> 1"))
    with pytest.raises(NothingToShow, match="cycle"):
        workflow.collect({"graph": str(tmp_path / "g.dot")})
