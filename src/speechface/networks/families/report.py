"""The networks of the report: convolutions over frequency, then over time, then a dense or recurrent head."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from speechface.networks.families import network
from speechface.networks.families.base import Family, NetworkSettings

__all__ = ["FAMILY", "ReportSettings"]


class ReportSettings(NetworkSettings):
    """Keys of family report."""

    READS: ClassVar = ("image", "vector")

    encoder: Literal["conv", "conv_pooled", "pretrained"] = "conv"
    """conv and conv_pooled, the report's encoders 1 and 2; pretrained, its third: the trained encoder of another model
    (see encoder_from). Only with images such as spectrogram."""
    encoder_from: str = ""
    """With encoder pretrained, the name of the model whose encoder is taken."""
    encoder_frozen: bool = True
    """With encoder pretrained, keep it as it is (true) or train on from it (false, a clone)."""
    frequency_layers: int = Field(5, ge=5, le=7)
    """Convolutions that halve frequency: 5 leave 4 rows (the report's listing), 7 leave 1 (its text)."""
    head: Literal["cnn", "gru", "lstm", "bigru", "bilstm", "bigru2"] = "cnn"
    """cnn, one dense layer; the others remember. bigru2 has two layers."""

    @model_validator(mode="before")
    @classmethod
    def _encoders_by_name(cls, value):
        names = {1: "conv", 2: "conv_pooled", 3: "pretrained"}
        if isinstance(value, dict) and value.get("encoder") in names:
            raise ValueError(f"encoder is {value['encoder']}; write now: {names[value['encoder']]}")
        return value

    @model_validator(mode="after")
    def _frames_have_no_velocity(self):
        if self.head == "cnn" and self.loss_velocity:
            raise ValueError(
                f"loss_velocity is {self.loss_velocity}; single frames (head cnn) have no velocity; set it to 0"
            )
        return self


FAMILY = Family(ReportSettings, network.content, network.restore, train=network.train, export_onnx=network.export_onnx)
