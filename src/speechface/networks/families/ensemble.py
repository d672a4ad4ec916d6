"""A model of models: the mean of what its members predict."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from speechface.networks.families import network
from speechface.networks.families.base import Family, ModelSettings, Predictor
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


def _content(model: Any) -> dict[str, Any]:
    from speechface.networks.ensemble import content

    return content(model)


def _restore(content: dict[str, Any]) -> Any:
    from speechface.networks.ensemble import restore

    return restore(content)


def _join(members: Sequence[Predictor], name: str, seed: int) -> Any:
    from speechface.networks.ensemble import join

    return join(members, name=name, seed=seed)


def _configure(model: Any, options: Mapping[str, str]) -> Any:
    from speechface.networks.ensemble import configured

    return configured(model, options)


FAMILY = Family(EnsembleSettings, _content, _restore, join=_join, configure=_configure, export_onnx=network.export_onnx)
