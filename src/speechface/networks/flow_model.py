"""A network of family `flow` as a `Predictor`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import torch

from speechface.networks.flow import FlowNetwork
from speechface.networks.losses import ROTATION_STD_FLOOR, WEIGHT_STD_FLOOR
from speechface.networks.options import by_part, read_options
from speechface.networks.predictor import TrainedModel, restore_as
from speechface.networks.registry import build_network

__all__ = ["FlowModel", "build_flow", "restore"]

#: Frames that are sampled at once; each of several samples takes as many.
WINDOW = 1000


@dataclass
class FlowModel(TrainedModel):
    """A trained flow with all that its use needs; see `TrainedModel`.

    Parameters
    ----------
    options : dict, of `OPTIONS`
    styles : dict of str -> float, how much of each style, out of those of the spec ("emotion=happy", "speaker=set/a")
    """

    options: dict[str, float] = field(default_factory=dict)
    styles: dict[str, float] = field(default_factory=dict)
    draws = True
    #: The field looks both ways whatever the trunk does.
    bidirectional = True

    def option(self, name: str) -> float:
        """One of `OPTIONS`: of `options`, or as the model was made with."""
        return self.options.get(name, self.facts["model"][name])

    def configured(self, options: Mapping[str, str]) -> Self:
        """The same model with other options: numbers of `OPTIONS`, or ``emotion``, ``speaker`` with a name and an
        amount, as in ``happy:0.7``."""
        numbers, styles = read_options(options, self.spec["flow"]["styles"])
        return replace(self, options={**self.options, **numbers}, styles={**self.styles, **styles})

    def predict(
        self,
        features: np.ndarray,
        *,
        neutral: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
        n_samples: int = 1,
    ) -> np.ndarray:
        """Draw samples of a clip of any length with bounded memory, see `Predictor.predict`.

        Notes
        -----
        The same `rng` gives the same samples, whatever the windows in which they are computed. None: that of the seed.
        """
        features = np.asarray(features)
        if not len(features):
            self._checked(features)
            return np.zeros((n_samples, 0, len(self.columns)), np.float32)
        network: FlowNetwork = self.network
        kept = network.kept.cpu().numpy()
        rng = np.random.default_rng(self.seed) if rng is None else rng
        names = np.array(self.columns)[kept].tolist()
        device = network.centre.device
        noise = rng.standard_normal((n_samples, len(features), len(kept)), np.float32)
        noise *= by_part(names, self.option("mouth_temperature"), self.option("temperature"))
        styles = torch.tensor([self.styles.get(name, 0.0) for name in self.spec["flow"]["styles"]], device=device)
        with torch.inference_mode():
            outputs = network.sample(
                self._forward(features), torch.from_numpy(noise).to(device), steps=int(self.option("steps")),
                guidance=torch.from_numpy(by_part(names, self.option("guidance"), 1)).to(device), styles=styles,
                window=WINDOW,
            )  # fmt: skip
            outputs[..., : len(self.observed)].clamp_(0, 1)
        return self._finished(outputs, neutral)


def build_flow(spec: dict[str, Any], stats: dict[str, Any], *, encoder: Any = None) -> FlowNetwork:
    """Return a fresh `FlowNetwork`, see `speechface.networks.registry.build_network`."""
    trunk, facts = build_network(spec, stats, encoder=encoder), spec["flow"]
    n_rotations = trunk.output.n_out - len(stats["observed"])
    spread = [np.maximum(stats["weight_std"], WEIGHT_STD_FLOOR), np.maximum(stats["rotation_std"], ROTATION_STD_FLOOR)]
    return FlowNetwork(
        trunk,
        kept=[*stats["observed"], *[True] * n_rotations],
        centre=np.concatenate([stats["weight_mean"], stats["rotation_mean"][:n_rotations]]),
        spread=np.concatenate([spread[0], spread[1][:n_rotations]]),
        n_styles=len(facts["styles"]),
        n_channels=facts["n_channels"],
        dropout=spec["dropout"],
    )


def restore(content: dict[str, Any]) -> FlowModel:
    """The `FlowModel` of a file's content."""
    return restore_as(FlowModel, build_flow, content)
