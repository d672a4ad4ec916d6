"""What the families of networks share: training by Lightning, one file for network and facts."""

from pathlib import Path
from typing import Any

from speechface.errors import ModelError
from speechface.networks.families.base import Predictor, TrainingJob
from speechface.registry import imported_when_called
from speechface.rig.channels import require

__all__ = ["content", "export_onnx", "restore", "train"]


def train(job: TrainingJob, kind: Any = None) -> Predictor | None:
    """Train the network of a job, of a `speechface.networks.training.Kind`; None in processes that do not write."""
    from speechface.networks import processes
    from speechface.networks.schedules import schedule_of
    from speechface.networks.split_table import read_split
    from speechface.networks.training import PLAIN, train

    settings = job.settings
    schedule, source = schedule_of(settings.schedule), _encoder_source(job)
    table = read_split(job.train, settings.feature, without=job.without, most_bytes=job.most_bytes, folder=job.work_dir)
    require(table.channels, job.stats["channels"], where=job.train, of="the statistics")
    with processes.join(job.place, gpu=job.training.gpus > 0):
        model = train(
            table, settings, job.training, job.stats, name=job.name, seed=job.seed, schedule=schedule, source=source,
            landmark_basis=_landmark_basis(job.rig, table.channels, job.train) if job.rig else None,
            work_dir=job.work_dir, log=job.log, place=job.place, kind=kind or PLAIN,
        )  # fmt: skip
    if model is not None:
        model.facts["train_table"] = {key: value for key, value in table.meta.items() if not key.startswith("_")}
        for name in ("last.ckpt", "best.ckpt"):
            # the run is over: a later one of this name must begin anew
            (Path(job.work_dir) / name).unlink(missing_ok=True)
    return model


def _encoder_source(job):
    """The model whose encoder is taken, or None."""
    from speechface.audio.features import FEATURES
    from speechface.networks.loading import load_model
    from speechface.networks.predictor import TrainedModel

    if FEATURES[job.settings.feature].kind != "image" or job.settings.encoder != "pretrained":
        return None
    if not job.encoder_from:
        raise ModelError(f"model '{job.name}' has encoder pretrained; give the trained model by --encoder-from")
    source = load_model(job.encoder_from)
    if not isinstance(source, TrainedModel):
        raise ModelError(f"{job.encoder_from}: a model of family {source.family} has no encoder; take another")
    return source


def _landmark_basis(path, channels, train):
    """Displacement of the 68 landmarks by weight, (C, 204), mm; TableError where the rig has other channels."""
    from speechface.rig.rig import Rig

    rig = Rig.load(path)
    require(channels, rig.channels, where=train, of=f"rig {path}")
    return rig.shapes[:, rig.landmarks].reshape(len(rig.shapes), -1)


#: Of a `TrainedModel`.
content = imported_when_called("speechface.networks.predictor:content")
restore = imported_when_called("speechface.networks.predictor:restore")


def export_onnx(model: Any, path: str, facts: dict[str, Any]) -> float:
    """Write a `TrainedModel` or `Ensemble` as an ONNX graph that carries `facts`; return how far it is from it."""
    from speechface.networks.onnx import export, largest_difference

    export(model, path, facts)
    return largest_difference(model, path)
