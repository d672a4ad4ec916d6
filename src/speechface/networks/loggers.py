"""Where the curves of a training go: Lightning's own loggers, imported when they are asked for."""

import importlib.util
import os
from pathlib import Path
from typing import Literal

from pytorch_lightning.loggers import Logger

from speechface.errors import ModelError

__all__ = ["training_logger"]


def training_logger(kind: str, work_dir: str | Path, *, name: str, seed: int) -> Logger | Literal[False]:
    """The logger of one training, False for none.

    Parameters
    ----------
    kind : one of `speechface.sections.TrainingSettings.logger`
    work_dir : folder of what is written to disk
    name, seed : of the model; the run's name is ``name/seed``

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
            f"training.logger is {kind}, whose package is not installed: pip install {kind}, or choose tensorboard, "
            "csv or none"
        )
    run = f"{name}/{seed}"
    if kind == "mlflow":
        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", "speechface")
        return loggers.MLFlowLogger(experiment, run_name=run, save_dir=str(Path(work_dir) / "mlruns"))
    return loggers.WandbLogger(name=run, save_dir=work_dir, project=os.environ.get("WANDB_PROJECT", "speechface"))
