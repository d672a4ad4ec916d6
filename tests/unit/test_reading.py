"""Tables for others: `speechface.read`, the schema's metadata, and predictions made elsewhere."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from metric_inputs import Corpus, evaluate_words, results_folder
from stored import write_clip_table

import speechface
from speechface.cli import main
from speechface.clip_tables import ClipRows
from speechface.columns import column
from speechface.errors import TableError
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.tables import read_table, streamed_table, to_arrow, write_table

DOCS = Path(__file__).resolve().parents[2] / "docs" / "tables.md"


def points(n, seed):
    rng = np.random.default_rng(seed)
    return ClipRows(
        {
            "frame": np.arange(n, dtype=np.int32),
            "landmarks": rng.normal(size=(n, 68, 2)).astype(np.float32),
            "spectrogram": rng.integers(0, 256, (n, 4, 3)) / np.float32(255),
        },
        {"detector": "dlib"},
        {"spectrogram": 1 / 255},
    )


@pytest.fixture
def tables(tmp_path):
    first, second = points(5, 0), points(3, 1)
    write_clip_table(tmp_path / "a.parquet", "landmarks", {"d/a/x": first, "d/a/y": "no face"}, shared=("detector",))
    write_clip_table(tmp_path / "b.parquet", "landmarks", {"d/b/x": second}, shared=("detector",))
    return tmp_path, first, second


def test_read_gives_arrays_in_their_shape_and_unit_by_clip(tables):
    root, first, second = tables
    found = speechface.read(root / "*.parquet")
    assert (len(found), found.clips, found.unusable) == (8, ["d/a/x", "d/b/x"], {"d/a/y": "no face"})
    assert found.shapes["landmarks"] == (68, 2)
    assert (found.units["landmarks"], found.units["frame"]) == ("px", "")
    for clip_id, rows in (("d/a/x", first), ("d/b/x", second)):
        own = found.clip(clip_id)
        assert np.array_equal(own["landmarks"], rows.columns["landmarks"])
        assert np.allclose(own["spectrogram"], rows.columns["spectrogram"], atol=1e-6)  # whole steps of 1/255
    assert [clip_id for clip_id, _ in found] == found.clips
    with pytest.raises(TableError, match="no face"):
        found.clip("d/a/y")
    assert speechface.read([root / "a.parquet"], ["frame", "landmarks"]).columns == ["frame", "landmarks"]


def test_pandas_and_arrow_hold_the_same(tables):
    root, first, _ = tables
    found = speechface.read(root / "a.parquet")
    frame, arrow = found.pandas(), found.arrow()
    assert frame["clip"].tolist() == ["x"] * 5
    assert np.array_equal(frame.landmarks[2], first.columns["landmarks"][2])
    assert arrow.schema.field("landmarks").type == pa.fixed_shape_tensor(pa.float32(), [68, 2])
    assert np.array_equal(arrow["landmarks"].combine_chunks().to_numpy_ndarray(), first.columns["landmarks"])


def test_the_schema_says_unit_shape_and_scale_without_this_package(tables):
    root, first, _ = tables
    table = pq.read_table(root / "a.parquet")
    facts = table.schema.field("landmarks").metadata
    assert facts[b"unit"] == b"px"
    values = np.array(table["landmarks"].to_pylist()).reshape(-1, *json.loads(facts[b"shape"]))
    assert np.allclose(values, first.columns["landmarks"])
    facts = table.schema.field("spectrogram").metadata
    stored = np.frombuffer(b"".join(table["spectrogram"].to_pylist()), facts[b"dtype"].decode())
    values = stored.reshape(-1, *json.loads(facts[b"shape"])) * float(facts[b"scale"])
    assert np.allclose(values, first.columns["spectrogram"])


def test_every_kind_of_table_is_described(tmp_path):
    write_table(tmp_path / "w.parquet", {"time": np.zeros(2), "mouth_mm": np.zeros(2)}, stage="clips")
    with streamed_table(tmp_path / "s.parquet", to_arrow({"time": np.zeros(2)}, {}).schema, stage="clips") as write:
        write(to_arrow({"time": np.zeros(2)}, {}))
    for name in ("w", "s"):
        assert pq.read_schema(tmp_path / f"{name}.parquet").field("time").metadata[b"unit"] == b"s"
    assert column("reprojection_pct").unit == "pct"
    assert column("jawOpen").description
    assert column("no_such_thing") is None


def test_tables_that_do_not_go_together_are_named(tables):
    root = tables[0]
    write_table(root / "c.parquet", {"other": np.zeros(1)}, stage="clips")
    with pytest.raises(TableError, match=r"c.parquet: its columns are not those of .*a.parquet"):
        speechface.read([root / "a.parquet", root / "c.parquet"])
    with pytest.raises(TableError, match="no such table"):
        speechface.read(root / "nothing.parquet")


# ---- predictions made elsewhere


def outside(corpus, path, *, drop=(), rename=None):
    """The corpus's predictions as one plain file."""
    found = speechface.read(corpus.root / "predictions.parquet").pandas().drop(columns=list(drop))
    found = found.rename(columns=rename or {})
    found.to_csv(path, index=False) if path.suffix == ".csv" else found.to_parquet(path)
    return str(path)


def scores(path):
    table = read_table(path)
    return {name: table[name] for name in ("n_frames", "n_missing", "landmarks_sq", "weights_sq", "rotation_deg")}


@pytest.mark.parametrize("name", ["mine.parquet", "mine.csv"])
def test_plain_files_are_evaluated_like_our_own_tables(tmp_path, name):
    corpus = Corpus(tmp_path)
    words = evaluate_words(tmp_path)
    assert main(words) == 0
    ours = scores(tmp_path / "evaluation.parquet")
    words[words.index("--predictions") + 1] = outside(corpus, tmp_path / name)
    words[words.index("--out") + 1] = str(tmp_path / "theirs.parquet")
    assert main(words) == 0
    for key, value in scores(tmp_path / "theirs.parquet").items():
        np.testing.assert_allclose(value, ours[key], rtol=1e-5, err_msg=key)  # text of floats


def test_missing_channels_are_zero_and_missing_clips_are_not_evaluated(tmp_path, caplog):
    corpus = Corpus(tmp_path)
    path = outside(corpus, tmp_path / "mine.parquet", drop=["jawOpen"])
    frame = pd.read_parquet(path)
    first = frame[["dataset", "actor", "clip"]].iloc[0]
    frame[~(frame[first.index] == first).all(axis=1)].to_parquet(path)
    words = evaluate_words(tmp_path)
    words[words.index("--predictions") + 1] = path
    assert main(words) == 0
    assert "taken for 0: jawOpen" in caplog.text
    table = read_table(tmp_path / "evaluation.parquet")
    assert "prediction: no prediction of this clip" in list(table["reason"])


def test_files_that_say_too_little_are_one_line(tmp_path, capsys):
    corpus = Corpus(tmp_path)
    words = evaluate_words(tmp_path)
    place = words.index("--predictions") + 1
    words[place] = outside(corpus, tmp_path / "a.csv", drop=["frame"])
    assert main(words) == 1
    assert "column 'frame' is missing" in capsys.readouterr().err
    words[place] = outside(corpus, tmp_path / "b.parquet", drop=CHANNELS)
    assert main(words) == 1
    assert "no column is a channel of the rig" in capsys.readouterr().err
    assert main(["evaluate", "--predictions", words[place]]) == 1
    assert "--labels is not given, nor --results" in capsys.readouterr().err


def test_the_training_in_the_docs_runs_and_its_predictions_are_evaluated_beside_the_run_s(tmp_path, capsys):
    corpus = Corpus(tmp_path)
    results_folder(corpus, tmp_path / "results")
    blocks = re.findall(r"```(\w+)\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (training,) = [text for kind, text in blocks if kind == "python" and "torch" in text]
    env = {**os.environ, "PYTHONPATH": str(Path(speechface.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", training], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    (command,) = [text.strip() for kind, text in blocks if kind == "sh"]
    words = command.removeprefix("speechface ").split()
    words = [str(tmp_path / word) if word in ("mine.parquet", "results") else word for word in words]
    assert main([*words, "--splits", "test"]) == 0
    printed = capsys.readouterr().out
    assert "mine, seed 0" in printed
    assert "rmse_mouth_mm (mm)" in printed
    assert read_table(tmp_path / "mine.evaluation.parquet").meta["model"] == "mine"
