"""A model of models: the mean of what its members predict."""

from typing import Literal

from pydantic import Field, model_validator

from speechface.networks.families import network
from speechface.networks.families.base import Family, ModelSettings
from speechface.registry import imported_when_called
from speechface.settings import Distinct

__all__ = ["FAMILY", "EnsembleSettings"]


class EnsembleSettings(ModelSettings):
    """Keys of family ensemble; feature, outputs and leave_one_speaker_out are its members'."""

    members: Distinct[str] = Field(min_length=1)
    """Names of the models whose mean it predicts. They must share feature and outputs."""
    member_seeds: Literal["same", "all"] = "same"
    """same, one ensemble a seed, of the members trained with it; all, one ensemble of the members of all seeds."""

    @model_validator(mode="after")
    def _enough_members(self):
        if len(self.members) < 1 + (self.member_seeds == "same"):
            raise ValueError(f"members is {self.members}; name two models at least, or one with member_seeds: all")
        return self


_PLACE = "speechface.networks.ensemble:"
FAMILY = Family(
    EnsembleSettings, imported_when_called(_PLACE + "content"), imported_when_called(_PLACE + "restore"),
    join=imported_when_called(_PLACE + "join"), configure=imported_when_called(_PLACE + "configured"),
    export_onnx=network.export_onnx,
)  # fmt: skip
