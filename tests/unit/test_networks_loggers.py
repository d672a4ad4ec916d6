"""What a training tells while it runs: lines of progress, and curves to Lightning's loggers."""

import csv
import math
import re

import numpy as np
import pytest
from training_tables import fit, make_clips, split_table

from speechface.errors import ModelError
from speechface.networks.callbacks import Progress, RunLog


@pytest.fixture(scope="module")
def clips():
    return make_clips(0, n_clips=4, n_frames=24)


@pytest.fixture(scope="module")
def table(clips, tmp_path_factory):
    return split_table(tmp_path_factory.mktemp("split"), clips)


@pytest.mark.parametrize(("logger", "written"), [("csv", {"csv"}), ("none", set())])
def test_another_logger_of_lightning_takes_the_curves(table, clips, tmp_path, logger, written):
    fit(table, clips, tmp_path, epochs=2, logger=logger)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == written
    if written:
        rows = list(csv.DictReader((tmp_path / "csv" / "metrics.csv").open()))
        assert sum(bool(row["val_loss"]) for row in rows) == 2


@pytest.mark.parametrize("logger", ["mlflow", "wandb"])
def test_a_logger_without_its_package_is_named(table, clips, tmp_path, monkeypatch, logger):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=f"training.logger is {logger}.*pip install {logger}"):
        fit(table, clips, tmp_path, epochs=1, logger=logger)


@pytest.mark.parametrize("fails", ["__init__", "log_hyperparams", "log_metrics", "finalize"])
def test_a_training_is_whole_without_the_service_of_its_logger(table, clips, tmp_path, monkeypatch, caplog, fails):
    def no_server(*arguments, **options):
        raise ConnectionError("no server at all")

    calls = []
    methods = {
        name: lambda self, *given, _name=name, **options: calls.append((_name, given))
        for name in ("__init__", "log_hyperparams", "log_metrics", "finalize")
    }
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr("pytorch_lightning.loggers.MLFlowLogger", type("Fails", (), {**methods, fails: no_server}))
    fit(table, clips, tmp_path, epochs=2, logger="mlflow")
    assert len(list(csv.DictReader((tmp_path / "metrics.csv").open()))) == 2
    assert caplog.text.count("training.logger mlflow: no server at all") == 1
    assert [name for name, _ in calls] == {  # nothing is asked of it after its failure
        "__init__": [], "log_hyperparams": ["__init__"], "log_metrics": ["__init__", "log_hyperparams"],
        "finalize": ["__init__", "log_hyperparams", "log_metrics", "log_metrics"],
    }[fails]  # fmt: skip


def test_mlflow_has_parameters_and_a_point_an_epoch(table, clips, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    pytest.importorskip("alembic", reason="alembic, for its database, is not installed")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    fit(table, clips, tmp_path, epochs=2, logger="mlflow", seed=4)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("speechface").experiment_id])
    assert (run.info.run_name, run.info.status) == ("net/4", "FINISHED")
    assert (run.data.params["seed"], run.data.params["training/epochs"]) == ("4", "2")
    rows = list(csv.DictReader((tmp_path / "metrics.csv").open()))
    logged = [point.value for point in client.get_metric_history(run.info.run_id, "val_loss")]
    np.testing.assert_allclose(logged, [float(row["val_loss"]) for row in rows], rtol=1e-5)


def test_wandb_has_parameters_and_a_point_an_epoch(table, clips, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    for seed in (4, 5):  # in one process, still a run each
        fit(table, clips, tmp_path / str(seed), epochs=2, logger="wandb", seed=seed)
        (file,) = (tmp_path / str(seed)).glob("wandb/offline-run-*/*.wandb")
        kept = file.read_bytes()
        assert f"net/{seed}".encode() in kept
        assert b"frames_per_epoch" in kept
        logged = list(
            map(float, dict.fromkeys(re.findall(rb"(?s)val_loss\x82\x01.([\d.]+)", kept)))
        )  # and as last values
        rows = csv.DictReader((tmp_path / str(seed) / "metrics.csv").open())
        np.testing.assert_allclose(logged, [float(row["val_loss"]) for row in rows], rtol=1e-5)


def test_a_line_now_and_then_tells_how_far_it_is(table, clips, tmp_path, monkeypatch, capfd, caplog):
    caplog.set_level("INFO")
    now = iter(range(0, 10**6, 9))
    monkeypatch.setattr("speechface.networks.callbacks.time.monotonic", lambda: next(now))
    fit(table, clips, tmp_path, epochs=40)
    told = [line for line in caplog.messages if " left" in line]
    assert capfd.readouterr().out.splitlines() == told  # the log is elsewhere
    assert re.fullmatch(r"net seed 0: epoch \d of 40, \d%, loss [\d.]+, \d+ min left", told[0])
    assert re.search(r"epoch (\d+) of 40, \d+%, loss [\d.]+, validation [\d.]+, .*left$", told[-1])
    done = [int(re.search(r"(\d+)%", line)[1]) for line in told]
    assert done == sorted(done)
    assert 10 < len(told) < 60  # of 120 steps, each some half minute by this clock


def test_time_that_is_left_is_told_of_the_shorter_limit():
    run = RunLog("log.csv", fingerprint="", precision="32", epochs=10, best_by="loss", patience=2, max_minutes=0)
    progress = Progress("net", run)
    assert progress.line(2.5, 0.1234567, 600) == "net: epoch 3 of 10, 25%, loss 0.1235, 30 min left at most"
    run.max_minutes = 20
    run.load_state_dict({"rows": [[0, 3, 1e-3, 0.2, 0.25, math.nan, 10, 600]], "seconds": 600})
    assert progress.line(2.5, 0.1, 600).endswith("validation 0.25, 10 min left at most")
