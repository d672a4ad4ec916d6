"""A figure from outside the package is drawn by the command."""

import csv
import subprocess
import sys

import pytest
from figure_inputs import clip_row, id_of, label_rows, write_clips
from stored import write_clip_table
from toys import toy_package

TOY = '''
    """How far every clip's mouth opens."""

    from speechface.figures.common import NothingToShow, clip_id, read_clips, usable_table
    from speechface.figures.style import COLUMN, new_figure

    INPUTS = {"clips": True, "labels": True}
    CAPTION = "The widest opening of every clip."


    def collect(inputs):
        found = {}
        for clip in read_clips(inputs["clips"]):
            labels = usable_table(inputs["labels"], clip)
            if labels is not None:
                found[clip_id(clip)] = float(labels["jawOpen"].max())
        if not found:
            raise NothingToShow("no clip has labels")
        return found


    def draw(data):
        figure = new_figure(COLUMN, 2)
        figure.subplots().bar(list(data), list(data.values()))
        return figure


    def rows(data):
        return [("clip", "clip"), ("opening", "widest opening")], [
            {"clip": name, "opening": value} for name, value in data.items()
        ]
'''


@pytest.fixture
def draw(tmp_path):
    env = toy_package(tmp_path / "toys", "figure", "openings", TOY)
    listed = [clip_row("one"), clip_row("two")]
    write_clips(tmp_path / "clips.parquet", listed)
    write_clip_table(
        tmp_path / "labels.parquet", "labels", {id_of(listed[0]): label_rows(), id_of(listed[1]): "no face"}
    )

    def run(*words):
        command = [sys.executable, "-m", "speechface", "figure", "openings", "--clips", "clips.parquet", *words]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)

    return run


def test_a_figure_from_outside_is_drawn_and_written_as_a_table(draw, tmp_path):
    words = ["--labels", "labels.parquet", "--out-stem", "out/openings", "--table-stem", "out/openings"]
    done = draw(*words, "--settings", '{"dpi": 60}')
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "openings.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "out" / "openings.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.reader((tmp_path / "out" / "openings.csv").open()))
    assert [row[0] for row in rows] == ["clip", "demo/Actor_01/one"]
    assert float(rows[1][1]) == pytest.approx(1.0, abs=0.02)  # the jaw opens whole, sampled at 30 frames/s


def test_an_input_that_a_figure_needs_is_asked_for(draw):
    done = draw("--out-stem", "out/openings")
    assert done.returncode == 1
    assert "figure 'openings' needs --labels" in done.stderr
