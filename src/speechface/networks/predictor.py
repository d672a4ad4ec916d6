"""A trained network as a `Predictor`, and what its file holds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np
import torch

from speechface.errors import ModelError
from speechface.networks.families.base import Rest, check_rows
from speechface.networks.registry import build_network
from speechface.rig.channels import limit_mouth_close

__all__ = ["TrainedModel", "content", "restore", "restore_as"]

#: Frames a forward pass takes at once; more costs memory and gains no time.
CHUNK_FRAMES = 256
#: The same for convolutions over images on a CPU, whose caches hold what comes out of no more: 1.5 times as fast as
#: `CHUNK_FRAMES`.
CPU_IMAGES = 32
#: Networks that look both ways see this many frames before and behind a chunk of `BIDIRECTIONAL_CHUNK` frames.
CONTEXT_FRAMES = 100
BIDIRECTIONAL_CHUNK = 2000


@dataclass
class TrainedModel:
    """A network with all that its use needs; see `speechface.networks.families.base.Predictor`.

    Parameters
    ----------
    network : `speechface.networks.network.SpeechNetwork`, or one like it, in eval mode
    name, seed, feature, feature_settings, columns, facts : of the `Predictor`
    observed : bool ndarray (C,)
        Channels that were learnt. The others predict 0, the neutral face.
    spec : dict, from `registry.network_spec`
    stats : dict, of the train table
    neutral : ndarray (C,) or None
        Mean weights at rest of the train speakers, where the model learnt departures from them (`rest`).
    facts : dict
        ``model`` and ``training`` settings, ``provenance``, ``history`` (best epoch, losses), ``train_table``.
    """

    network: Any
    name: str
    seed: int
    feature: str
    feature_settings: dict[str, Any]
    columns: tuple[str, ...]
    observed: np.ndarray
    spec: dict[str, Any]
    stats: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    neutral: np.ndarray | None = None
    draws = False

    @property
    def family(self) -> str:
        return self.facts["model"]["family"]

    @property
    def rest(self) -> Rest:
        return self.facts["model"]["rest"]

    @property
    def rest_frames(self) -> int:
        return self.facts["model"]["rest_frames"]

    @property
    def recurrent(self) -> bool:
        return self.network.head.recurrent

    @property
    def bidirectional(self) -> bool:
        return self.network.head.bidirectional

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.spec["input_shape"])

    def _checked(self, features):
        features = np.asarray(features)
        check_rows(self, features, self.input_shape)
        return torch.from_numpy(np.ascontiguousarray(features, np.float32)).to(next(self.network.parameters()).device)

    def to(self, device: str) -> Self:
        """The same model, computing on `device` ("cpu", "cuda"); results come back to the CPU."""
        self.network.to(device)
        return self

    @property
    def _chunk_frames(self):
        on_cpu = next(self.network.parameters()).device.type == "cpu"
        return CPU_IMAGES if on_cpu and self.spec["encoder"].startswith("conv") else CHUNK_FRAMES

    def predict_chunk(
        self, features: np.ndarray, state: Any = None, neutral: np.ndarray | None = None
    ) -> tuple[np.ndarray, Any]:
        """Predict the next frames of a stream, see `Predictor.predict_chunk`."""
        if self.bidirectional:
            raise ModelError(f"model '{self.name}' looks both ways; it cannot follow a stream")
        with torch.inference_mode():
            outputs, state = self.network(self._checked(features)[None], state)
        return self._finished(outputs[0], neutral), state

    def _finished(self, outputs, neutral):
        outputs = outputs.cpu().numpy().copy()
        weights = outputs[..., : len(self.observed)]
        if neutral is not None and self.neutral is not None:
            weights += np.asarray(neutral, np.float32) - self.neutral
            np.clip(weights, 0, 1, out=weights)
        weights[..., ~self.observed] = 0
        limit_mouth_close(weights, self.columns[: len(self.observed)])
        return outputs

    def predict(
        self,
        features: np.ndarray,
        *,
        neutral: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
        n_samples: int = 1,
    ) -> np.ndarray:
        """Predict a clip of any length with bounded memory, see `Predictor.predict`: one answer, `rng` is not used.

        Notes
        -----
        Without memory or with memory of the past alone, chunks give what one pass would give: the state is carried
        over. Networks that look both ways run over up to `BIDIRECTIONAL_CHUNK` frames at once, and see
        `CONTEXT_FRAMES` more on either side where a clip is longer.
        """
        outputs = self._finished(self._forward(np.asarray(features)), neutral)
        return np.broadcast_to(outputs, (n_samples, *outputs.shape))

    def _forward(self, features):
        """What the network gives for a clip of any length: tensor (T, ...)."""
        if not len(features):
            self._checked(features)
            return torch.zeros((0, len(self.columns)))
        if self.network.head.bidirectional:
            return self._forward_both_ways(features)
        parts, state, size = [], None, self._chunk_frames
        with torch.inference_mode():
            for start in range(0, len(features), size):
                part, state = self.network(self._checked(features[start : start + size])[None], state)
                parts.append(part[0])
        return torch.cat(parts)

    def _forward_both_ways(self, features):
        parts, size = [], self._chunk_frames
        for start in range(0, len(features), BIDIRECTIONAL_CHUNK):
            first = max(0, start - CONTEXT_FRAMES)
            stop = start + BIDIRECTIONAL_CHUNK
            window = features[first : stop + CONTEXT_FRAMES]
            with torch.inference_mode():
                encoded = [
                    self.network.encode(self._checked(window[k : k + size])[None]) for k in range(0, len(window), size)
                ]
                hidden, _ = self.network.head(torch.cat(encoded, 1))
                parts.append(self.network.output(hidden)[0, start - first : stop - first])
        return torch.cat(parts)


Model = TypeVar("Model", bound=TrainedModel)


def content(model: TrainedModel) -> dict[str, Any]:
    """What the file of a model holds."""
    return {
        "state": model.network.state_dict(), "name": model.name, "seed": model.seed,
        "feature": model.feature, "feature_settings": model.feature_settings, "columns": list(model.columns),
        "observed": [bool(v) for v in model.observed], "spec": model.spec,
        "stats": {key: np.asarray(value).tolist() for key, value in model.stats.items()}, "facts": model.facts,
        "neutral": None if model.neutral is None else model.neutral.tolist(),
    }  # fmt: skip


def restore(content: dict[str, Any]) -> TrainedModel:
    """Inverse of `content`; ModelError where the parameters do not fit their description."""
    return restore_as(TrainedModel, build_network, content)


def restore_as(kind: type[Model], build: Callable[..., Any], content: dict[str, Any]) -> Model:
    """The same for a class of models with a network of its own: `build` as `build_network`."""
    network = build(content["spec"], content["stats"])
    try:
        network.load_state_dict(content["state"])
    except RuntimeError as error:
        raise ModelError(f"parameters do not fit their description ({str(error).splitlines()[-1]})") from None
    fields = ("name", "seed", "feature", "feature_settings", "spec", "stats", "facts")
    return kind(network=network.eval(), columns=tuple(content["columns"]),
                observed=np.array(content["observed"], bool),
                neutral=None if content["neutral"] is None else np.array(content["neutral"], np.float32),
                **{key: content[key] for key in fields})  # fmt: skip
