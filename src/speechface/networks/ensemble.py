"""A model of models: the mean of what its members predict, or samples of one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from speechface.errors import ModelError
from speechface.networks.families import FAMILIES
from speechface.networks.families.base import Predictor, Rest

__all__ = ["Ensemble", "configured", "content", "join", "restore"]


@dataclass
class Ensemble:
    """Models that are used as one; made by `join`.

    Parameters
    ----------
    members : list of `Predictor`, alike in what they take and give
    name, seed : str, int
    facts : dict, ``provenance``
    """

    members: list[Predictor]
    name: str
    seed: int
    facts: dict[str, Any] = field(default_factory=dict)
    family: str = "ensemble"

    @property
    def feature(self) -> str:
        return self.members[0].feature

    @property
    def feature_settings(self) -> dict[str, Any]:
        return self.members[0].feature_settings

    @property
    def columns(self) -> tuple[str, ...]:
        return self.members[0].columns

    @property
    def observed(self) -> np.ndarray:
        return self.members[0].observed

    @property
    def draws(self) -> bool:
        return self.members[0].draws

    @property
    def rest(self) -> Rest:
        """given if some member was made to be told, estimated if some member can be."""
        uses = {member.rest for member in self.members}
        return next((use for use in ("given", "estimated") if use in uses), "none")

    @property
    def rest_frames(self) -> int:
        return max(member.rest_frames for member in self.members)

    @property
    def bidirectional(self) -> bool:
        return any(member.bidirectional for member in self.members)

    def to(self, device: str) -> Self:
        """The same models, computing on `device`."""
        self.members = [member.to(device) for member in self.members]
        return self

    def predict(
        self,
        features: np.ndarray,
        *,
        neutral: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
        n_samples: int = 1,
    ) -> np.ndarray:
        """Mean of the members' predictions, see `Predictor.predict`; of members that draw, a sample each in turn.

        A mean of what is drawn would hardly move. Weights stay in [0, 1] and mouthClose at most jawOpen, as those of
        every member do.
        """
        if self.draws:
            first = 0 if rng is None or n_samples > 1 else int(rng.integers(len(self.members)))
            each = [self.members[(first + k) % len(self.members)].predict(features, neutral=neutral, rng=rng)
                    for k in range(n_samples)]  # fmt: skip
            return np.concatenate(each)
        return _mean(
            [member.predict(features, neutral=neutral, rng=rng, n_samples=n_samples) for member in self.members]
        )

    def predict_chunk(
        self, features: np.ndarray, state: Any = None, neutral: np.ndarray | None = None
    ) -> tuple[np.ndarray, Any]:
        """Predict the next frames of a stream, see `Predictor.predict_chunk`."""
        states = [None] * len(self.members) if state is None else state
        pairs = [member.predict_chunk(features, own, neutral) for member, own in zip(self.members, states)]
        return _mean([outputs for outputs, _ in pairs]), [own for _, own in pairs]


def _mean(outputs: Sequence[np.ndarray]) -> np.ndarray:
    total: Any = 0.0
    for part in outputs:
        total = total + part.astype(np.float64)
    return (total / len(outputs)).astype(np.float32)


def join(members: Sequence[Predictor], name: str, seed: int) -> Ensemble:
    """Return the `Ensemble` of trained models.

    Raises
    ------
    ModelError
        If they differ in what they take or give, there is none, or one is an ensemble.
    """
    if not members:
        raise ModelError(f"ensemble '{name}' has no member")
    first = members[0]
    for other in members:
        if isinstance(other, Ensemble):
            raise ModelError(f"ensemble '{name}': '{other.name}' is an ensemble itself; give its members")
        for what in ("feature", "feature_settings", "columns"):
            if getattr(other, what) != getattr(first, what):
                raise ModelError(
                    f"ensemble '{name}': {what} of '{other.name}' is {getattr(other, what)}, of '{first.name}' "
                    f"{getattr(first, what)}; members must take and give the same"
                )
        if other.draws != first.draws:
            raise ModelError(f"ensemble '{name}': of '{other.name}' and '{first.name}' only one draws samples")
        if not np.array_equal(other.observed, first.observed):
            raise ModelError(f"ensemble '{name}': '{other.name}' and '{first.name}' observe different channels")
    return Ensemble(list(members), name, seed)


def configured(model: Ensemble, options: Mapping[str, str]) -> Ensemble:
    """The same models with other options, see `Family.configure`."""
    members = []
    for member in model.members:
        configure = FAMILIES[member.family].configure
        if configure is None:
            raise ModelError(f"ensemble '{model.name}': models of family {member.family} have no options")
        members.append(configure(member, options))
    return replace(model, members=members)


def content(model: Ensemble) -> dict[str, Any]:
    """What the file of an ensemble holds: all members."""
    members = [{"family": member.family, **FAMILIES[member.family].content(member)} for member in model.members]
    return {"name": model.name, "seed": model.seed, "facts": model.facts, "members": members}


def restore(content: dict[str, Any]) -> Ensemble:
    """Inverse of `content`."""
    members = [FAMILIES[member["family"]].restore(member) for member in content["members"]]
    return Ensemble(members, content["name"], content["seed"], content["facts"])
