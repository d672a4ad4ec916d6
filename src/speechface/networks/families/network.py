"""What the families of networks share: training by Lightning, one file for network and facts."""

from typing import Any

from speechface.networks.families.base import Predictor, TrainingJob

__all__ = ["content", "export_onnx", "restore", "train"]


def train(job: TrainingJob) -> Predictor | None:
    """Train the network of a job."""
    from speechface.networks.training import train_job

    return train_job(job)


def content(model: Any) -> dict[str, Any]:
    """What the file of a `TrainedModel` holds."""
    from speechface.networks.predictor import content as of

    return of(model)


def restore(content: dict[str, Any]) -> Predictor:
    """The `TrainedModel` of a file's content."""
    from speechface.networks.predictor import restore as of

    return of(content)


def export_onnx(model: Any, path: str) -> dict[str, Any]:
    """Write a `TrainedModel` or `Ensemble` as an ONNX graph; return its inputs and how far it is from the model."""
    from speechface.networks.onnx import export, largest_difference

    return {"inputs": export(model, path), "largest_difference": largest_difference(model, path)}
