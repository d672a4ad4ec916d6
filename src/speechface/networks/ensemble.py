"""A model of models: the mean of what its members predict."""

from dataclasses import dataclass

import numpy as np

from speechface.errors import ModelError

__all__ = ["Ensemble", "join"]


@dataclass
class Ensemble:
    """Trained models that are used as one; made by `join`.

    Parameters
    ----------
    members : list of `speechface.networks.checkpoint.TrainedModel`
    name, seed : str, int
    facts : dict, ``provenance``
    """

    members: list
    name: str
    seed: int
    facts: dict

    @property
    def feature(self):
        return self.members[0].feature

    @property
    def feature_settings(self):
        return self.members[0].feature_settings

    @property
    def columns(self):
        return self.members[0].columns

    @property
    def observed(self):
        return self.members[0].observed

    @property
    def wants_neutral(self):
        """Was some member made to be told the speaker's neutral weights?"""
        return any(member.wants_neutral for member in self.members)

    @property
    def learnt_departures(self):
        """Does some member use the speaker's neutral weights?"""
        return any(member.learnt_departures for member in self.members)

    @property
    def neutral_frames(self):
        """Frames at the start of a clip that count as neutral."""
        return max(member.neutral_frames for member in self.members)

    def to(self, device):
        """The same models, computing on `device` ("cpu", "cuda")."""
        for member in self.members:
            member.to(device)
        return self

    def predict(self, features, neutral=None):
        """Mean of the members' predictions (T, n_out); arguments as `TrainedModel.predict` takes them.

        Weights stay in [0, 1] and mouthClose at most jawOpen, as those of every member do.
        """
        total = sum(member.predict(features, neutral).astype(np.float64) for member in self.members)
        return (total / len(self.members)).astype(np.float32)


def join(members, *, name, seed):
    """Return the `Ensemble` of trained models.

    Raises
    ------
    ModelError
        If they differ in what they take or give, or there is none.
    """
    if not members:
        raise ModelError(f"ensemble '{name}' has no member")
    first = members[0]
    for other in members[1:]:
        for what in ("feature", "feature_settings", "columns"):
            if getattr(other, what) != getattr(first, what):
                raise ModelError(
                    f"ensemble '{name}': {what} of '{other.name}' is {getattr(other, what)}, of '{first.name}' "
                    f"{getattr(first, what)}; members must take and give the same"
                )
        if not np.array_equal(other.observed, first.observed):
            raise ModelError(f"ensemble '{name}': '{other.name}' and '{first.name}' observe different channels")
    return Ensemble(list(members), name, seed, {})
