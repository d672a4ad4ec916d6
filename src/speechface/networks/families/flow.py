"""Networks that draw: what sound does not decide is sampled, not averaged."""

from typing import ClassVar, Literal

from pydantic import Field

from speechface.networks.families import network
from speechface.networks.families.base import Family, Predictor, TrainingJob
from speechface.networks.families.sequence import SequenceSettings
from speechface.registry import imported_when_called

__all__ = ["FAMILY", "FlowSettings"]


class FlowSettings(SequenceSettings):
    """Keys of family flow: a network of family sequence, and a field that moves noise to motion, told what it knows."""

    TRAINING: ClassVar = {"frames_per_step": 300, "epochs": 40, "frames_per_epoch": 0, "weight_decay": 0.02}

    outputs: Literal["weights", "weights_rotation"] = "weights_rotation"
    """The rig's weights, or 3 head rotations as well."""
    best_by: Literal["loss", "mouth"] = "loss"
    """Which epoch's network is kept: least validation loss of the field, or least mouth RMSE of the trunk in
    validation."""
    loss_flow: float = Field(1.0, ge=0)
    """Factor of the field's loss: mean squared error of the direction, in deviations of the train table."""
    field_channels: int = Field(128, ge=8)
    """Width of the field."""
    untold: float = Field(0.15, ge=0, lt=1)
    """Fraction of training sequences in which the field is not told the sound; guidance needs it."""
    styles: list[Literal["emotion", "speaker"]] = ["emotion", "speaker"]
    """What has a learnt vector: emotions, where the clip table knows them, and speakers."""
    steps: int = Field(8, ge=1, le=64)
    """Steps from noise to motion. This and the keys below can be changed when the model is used (--option)."""
    guidance: float = Field(1.25, ge=0)
    """How far the field of the mouth that knows the sound is followed beyond the one that does not: 1, no further."""
    temperature: float = Field(1.0, ge=0)
    """Deviation of the noise that all but the mouth begins with; 0 gives one answer."""
    mouth_temperature: float = Field(0.3, ge=0)
    """The same of mouth, jaw and tongue, which sound decides."""


def _train(job: TrainingJob) -> Predictor | None:
    from speechface.networks.flow_training import FLOW

    return network.train(job, FLOW)


FAMILY = Family(
    FlowSettings, network.content, imported_when_called("speechface.networks.flow_model:restore"), train=_train,
    configure=lambda model, options: model.configured(options), export_onnx=network.export_onnx,
)  # fmt: skip
