"""Where the curves of a training go: Lightning's own loggers, imported when they are asked for."""

import importlib.util
import logging
import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning.loggers import Logger

from speechface.errors import ModelError

LOG = logging.getLogger(__name__)

__all__ = ["training_logger"]

#: What pip installs for a logger. The whole of mlflow is not needed to write, and wants older packages than ours.
_PACKAGES = {"mlflow": "mlflow-skinny sqlalchemy alembic", "wandb": "wandb"}


class _Outside(Logger):
    """A logger that writes to a service. Where the service fails the curves end, with a warning; the training goes on.

    Parameters
    ----------
    kind : str
    make : function () -> Lightning's logger
    close : function (logger) that ends the run
    """

    def __init__(self, kind: str, make: Callable[[], Any], close: Callable[[Any], Any]):
        super().__init__()
        self._kind, self._close = kind, close
        self._logger: Any = None
        self._try(lambda: setattr(self, "_logger", make()))

    @property
    def name(self) -> str:
        return self._kind

    @property
    def version(self) -> str:
        return ""

    def _try(self, call):
        try:
            call()
        except Exception as error:  # whatever a foreign package, its server or the network between raises
            LOG.warning("training.logger %s: %s; the training goes on without its curves (metrics.csv has them)",
                        self._kind, " ".join(str(error).split())[:300] or type(error).__name__)  # fmt: skip
            self._logger = None

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        if self._logger:
            self._try(lambda: self._logger.log_hyperparams(params))

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if self._logger:
            self._try(lambda: self._logger.log_metrics(metrics, step))

    def finalize(self, status: str) -> None:
        if self._logger:
            self._try(lambda: (self._logger.finalize(status), self._close(self._logger)))


def training_logger(
    kind: str, work_dir: str | Path, *, name: str, seed: int, parameters: dict[str, Any]
) -> Logger | Literal[False]:
    """The logger of one training, False for none.

    Parameters
    ----------
    kind : one of `speechface.sections.TrainingSettings.logger`
    work_dir : folder of what is written to disk
    name, seed : of the model; the run's name is ``name/seed``
    parameters : dict, what mlflow and wandb list beside the run's name

    Raises
    ------
    ModelError
        If its package is not installed.
    """
    from pytorch_lightning import loggers

    if kind == "none":
        return False
    if kind == "csv":
        return loggers.CSVLogger(work_dir, name="", version="csv")
    if kind == "tensorboard":
        return loggers.TensorBoardLogger(work_dir, name="", version="tensorboard")
    if importlib.util.find_spec(kind) is None:
        raise ModelError(
            f"training.logger is {kind}, whose package is not installed: pip install {_PACKAGES[kind]}, or choose "
            "tensorboard, csv or none"
        )
    run = f"{name}/{seed}"
    if kind == "mlflow":
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # seven, the default, hold a training for minutes
        place = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path(work_dir).absolute()}/mlflow.db"
        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", "speechface")
        logger = _Outside(
            kind, lambda: loggers.MLFlowLogger(experiment, run_name=run, tracking_uri=place), lambda made: None
        )
    else:
        project = os.environ.get("WANDB_PROJECT", "speechface")
        logger = _Outside(
            kind,
            lambda: loggers.WandbLogger(name=run, save_dir=work_dir, project=project),
            lambda made: made.experiment.finish(),
        )
    logger.log_hyperparams(parameters)
    return logger
